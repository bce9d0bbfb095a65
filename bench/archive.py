#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""An image of a tar archive, directly and through a directory: "name value unit" lines.

    archive.py COMPOSEFS DIR [RUNS]      default 5; in a directory on the disk that is asked about

Packs DIR (about 200 MB) with GNU tar, plain and by gzip -6. Then, in turns and each time into a new repository: create-image of the
archive, and tar -x with create-image of the result. Both have to give the same image. Medians of wall time and of CPU time.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

COMPOSEFS, DIR = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
RUNS = int(sys.argv[3]) if len(sys.argv) > 3 else 5


def run(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def create(source):
    return run(COMPOSEFS, "create-image", "--repo=r", source)


def by_directory(archive):
    os.mkdir("x")
    run("tar", "-C", "x", "--xattrs", "--xattrs-include=*", "-xpf", archive)
    return create("x")


def measure(work, archive):
    """Wall time, CPU time of all processes, and the image ID."""
    run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "r")
    os.sync()
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    image = work(archive)
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree("r")
    shutil.rmtree("x", ignore_errors=True)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, image


def main():
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as tmp:
        os.chdir(tmp)
        run("tar", "-C", DIR, "--format=posix", "--xattrs", "--xattrs-include=*", "-cf", "a.tar", ".")
        run("gzip", "-6", "-k", "a.tar")
        for archive in ("a.tar", "a.tar.gz"):
            print(f"{archive} {os.path.getsize(archive)} bytes")
            found = {work: [measure(work, archive) for _ in range(RUNS)] for work in (create, by_directory)}
            if len({image for runs in found.values() for _, _, image in runs}) != 1:
                raise SystemExit("the images differ")
            for work, runs in found.items():
                for name, at in (("wall", 0), ("cpu", 1)):
                    print(f"{archive}_{work.__name__}_{name} {statistics.median(r[at] for r in runs):.2f} s", flush=True)


if __name__ == "__main__":
    main()
