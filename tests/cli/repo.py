# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Shared by the tests of repositories: the program, a tree, a repository, the checks and the TAP report."""
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, describe, ensure, expect, has, place_in_memory, remark, wait_until  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

COMPOSEFS = os.path.abspath(sys.argv[1])
OK, FAILED, USAGE, DAMAGED, MISSING = range(5)


def run(*args, stdin=None, program=COMPOSEFS):
    done = subprocess.run([program, *args], input=stdin, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def good(*args, stdin=None):
    """Run a command that must succeed, and return its output."""
    rc, out, err = run(*args, stdin=stdin)
    if rc != OK:
        raise AssertionError(f"{' '.join(args)}: expected status {OK}, got {rc}: {err}")
    return out


def loaded(*args):
    return json.loads(good(*args))


def refused(*args, status=FAILED):
    """Run a command that must fail, and return its message of one line."""
    rc, out, err = run(*args)
    expect(rc, status)
    if status == FAILED and (out or err.count("\n") != 1):
        raise AssertionError(f"expected one line on standard error, got {err!r:.2000}, and {out!r:.2000} on standard output")
    return err


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


# Test programs run at the same time. An image that one of them mounts is in use for the others as well if they have the
# same, so the trees of the programs that mount have a content of their own, of the same size.
PROGRAM = os.path.basename(sys.argv[0])
MOUNTING = ("id_test.py", "json_schema_test.py", "mistakes_test.py", "repo_images_test.py")
SHARED = hashlib.sha256(PROGRAM.encode()).hexdigest()[:15] if PROGRAM in MOUNTING else "the same in all"


def make_tree(name="tree", seed=""):
    for path in ("a", "dir/b"):
        write(f"{name}/{path}", (path + seed) * 1000)
    write(f"{name}/dir/small", "x")
    write(f"{name}/shared", SHARED * 1000)
    os.symlink("a", f"{name}/link")
    set_times(name)


def set_times(top, when=1700000000):
    """Give every file below top the same times, so that each run has the same image IDs."""
    for folder, _, names in os.walk(top, topdown=False):
        for path in [os.path.join(folder, n) for n in names] + [folder]:
            os.utime(path, (when, when), follow_symlinks=False)


def make(algorithm="fsverity-sha256-12"):
    """Make tree, and a repository r with its image, tagged os/1. Returns the image ID."""
    make_tree()
    good("init", "--insecure", f"--algorithm={algorithm}", "r")
    return good("create-image", "--repo=r", "tree", "os/1").strip()


KEPT = tempfile.TemporaryDirectory(dir=place_in_memory())  # removed when the program ends


def once(build):
    """Call build in an empty directory once, and copy the result, symbolic links included, in each test that asks."""
    def again():
        place = os.path.join(KEPT.name, build.__name__)
        if not os.path.exists(place):
            here = os.getcwd()
            os.mkdir(place)
            os.chdir(place)
            build()
            os.chdir(here)
        shutil.copytree(place, ".", symlinks=True, dirs_exist_ok=True)
    return again


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def snapshot(top):
    """Every path below top, with its mode, size and symbolic link target."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_size, os.readlink(path) if os.path.islink(path) else None)
    return found


def main(tests, in_memory=True):
    """Run each test in a new directory, on tmpfs unless the test is about the disk. The exit status."""
    place = place_in_memory() if in_memory else None
    failed = 0
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(dir=place) as tmp:
            os.chdir(tmp)
            try:
                test()
                print(f"ok {number} - {test.__name__}")
            except Skip as reason:
                print(f"ok {number} - {test.__name__} # SKIP {reason}")
            except Exception as reason:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {test.__name__}")
                remark(describe(reason, test))
            os.chdir("/")
    print(f"1..{len(tests)}")
    return failed != 0
