#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Commands on a repository of many images that share objects: "name value unit" lines.

    repo.py COMPOSEFS MKCOMPOSEFS [IMAGES [OBJECTS [FILES]]]      default 1000 100000 1000

IMAGES images of FILES files each, drawn at random (always the same) from OBJECTS objects. Wall and CPU time. Making them syncs for each image: on a tmpfs (run it in /dev/shm) that costs nothing.
"""
import os
import random
import subprocess
import sys
import tempfile
import time

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
IMAGES, OBJECTS, FILES = (int(sys.argv[i]) if len(sys.argv) > i else default
                          for i, default in ((3, 1000), (4, 100000), (5, 1000)))


def composefs(*args, **kw):
    return subprocess.run([COMPOSEFS, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **kw).stdout


def make(objects):
    """The repository r, with images i/0, i/1, ... and one without a name."""
    for i in range(objects):
        if i % 1000 == 0:
            os.makedirs(f"tree/{i // 1000}")
        with open(f"tree/{i // 1000}/{i}", "w", encoding="ascii") as f:
            f.write(f"object {i}\n" * 10)
    composefs("init", "--insecure", "--algorithm=sha256", "r")
    composefs("create-image", "--repo=r", "tree", "all")
    lines = [l for l in composefs("dump-files", "--repo=r", "all").splitlines() if l.split()[1] != b"0" and b" 100644 " in l]
    pick = random.Random(1)
    for i in range(IMAGES):
        chosen = sorted((b"/" + l.split(b"/", 2)[2] for l in pick.sample(lines, FILES)))
        dump = b"/ 0 40755 2 0 0 0 0.0 - - -\n" + b"\n".join(chosen) + b"\n"
        image = subprocess.run([MKCOMPOSEFS, "--from-file", "-", "-"], input=dump, check=True, stdout=subprocess.PIPE).stdout
        composefs("import-image", "--repo=r", f"i/{i}", input=image)
    composefs("untag", "--repo=r", "all")


def measure(name, *args):
    begun = time.monotonic()
    with open("out", "wb") as out, subprocess.Popen([COMPOSEFS, *args], stdout=out, stderr=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - begun
    if child.returncode:
        raise SystemExit(f"{name}: status {child.returncode}")
    print(f"{name}_wall {took:.3f} s\n{name}_cpu {used.ru_utime + used.ru_stime:.3f} s", flush=True)
    with open("out", encoding="utf-8") as f:
        return f.read()


def main():
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as tmp:
        os.chdir(tmp)
        make(OBJECTS)
        measure("images", "images", "--repo=r", "--json")
        measure("gc_dry_run", "gc", "--repo=r", "--dry-run")
        measure("du", "du", "--repo=r", "--json")
        measure("du_pairs", "du", "--repo=r", "--json", "--pairs", "--no-cached")
        measure("fsck_metadata_only", "fsck", "--repo=r", "--metadata-only")
        measure("fsck", "fsck", "--repo=r")
        print("#", measure("gc", "gc", "--repo=r", "--json").strip())
        os.chdir("/")


if __name__ == "__main__":
    main()
