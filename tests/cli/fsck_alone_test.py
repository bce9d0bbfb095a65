#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-fsck works where there is nothing else: no library, no /proc, no /dev, as early in an initrd.

    fsck_alone_test.py COMPOSEFS_FSCK MKCOMPOSEFS
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

FSCK, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
SOUND, DAMAGED, MISSING = 0, 3, 4


def make_root(root):
    os.mkdir("tree")
    with open("tree/file", "w", encoding="ascii") as f:
        f.write("content" * 100)
    subprocess.run([MKCOMPOSEFS, f"--digest-store={root}/objects", "tree", f"{root}/image"], check=True,
                   stderr=subprocess.DEVNULL)
    shutil.copy(FSCK, f"{root}/fsck")
    os.chmod(root, 0o755)


def alone(root, *args):
    done = subprocess.run(["unshare", "--map-root-user", f"--root={root}", "/fsck", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def all_checks_run_in_isolation(root):
    rc, out, err = alone(root, "--isolated", "--canonical", "--objects=/objects", "--json", "/image")
    found = json.loads(out)
    return (rc, err, found["status"], found["objects"]) == (SOUND, "", "sound", 1) and \
        found["isolation"].startswith("seccomp")


def a_missing_object_is_reported(root):
    shutil.rmtree(f"{root}/objects")
    os.mkdir(f"{root}/objects")
    return alone(root, "--isolated", "--objects=/objects", "/image")[0] == MISSING


def damage_is_reported(root):
    with open(f"{root}/image", "r+b") as f:
        f.seek(1200)
        f.write(b"\xff\xff")
    rc, _, err = alone(root, "--isolated", "/image")
    return rc == DAMAGED and "inode" in err


TESTS = (all_checks_run_in_isolation, a_missing_object_is_reported, damage_is_reported)


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as tmp, tempfile.TemporaryDirectory() as root:
        os.chdir(tmp)
        make_root(root)
        if "unshare failed" in alone(root, "--help")[2]:
            print("1..0 # SKIP no user namespaces")
            return 0
        for number, test in enumerate(TESTS, 1):
            good = test(root)
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {test.__name__}")
        os.chdir("/")
    print(f"1..{len(TESTS)}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
