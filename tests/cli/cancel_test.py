#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Each loop of the commands that work through a repository looks whether it is cancelled.

    cancel_test.py COMPOSEFS

cancelling.py says how. cancel_work_test.py has the commands that work on one tree or container.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from cancelling import cancel_each
from faults import can_inject
from repo import COMPOSEFS, expect, good, main, place_in_memory
from facts import skip_program  # pylint: disable=wrong-import-order

N = 150  # images, references, leftovers: each loop has so many rounds


def fill():
    """A repository with many images, of which few have a reference, and with leftovers of processes that were killed."""
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", FULL)
    dump = "/ 0 40755 2 0 0 0 0.0 - - -\n/number 8 120777 1 0 0 0 0.0 {:08} - -\n"
    good("create-image", f"--repo={FULL}", empty_tree(), "kept")
    for number in range(N):
        place = image_place(dump.format(number))
        with open(place, "rb") as f:
            good("import-image", f"--repo={FULL}", f"name/{number}", stdin=f.read())
        if number % 2:
            os.unlink(f"{FULL}/images/refs/name/{number}")
        os.symlink("x", f"{FULL}/.symlink-{number}")
        os.utime(f"{FULL}/.symlink-{number}", (1, 1), follow_symlinks=False)


def empty_tree():
    os.makedirs("tree", exist_ok=True)
    return "tree"


def image_place(dump):
    mkcomposefs = os.path.join(os.path.dirname(COMPOSEFS), "mkcomposefs")
    subprocess.run([mkcomposefs, "--from-file", "-", "image"], input=dump.encode(), check=True)
    return "image"


def fresh():
    if not os.path.exists(FULL):
        fill()
    shutil.rmtree("r", ignore_errors=True)
    shutil.copytree(FULL, "r", symlinks=True)


def collection_is_cancelled_within_each_loop():
    expect("unlinkat" in cancel_each(fresh, "gc", "--repo=r"), True)
    cancel_each(fresh, "gc", "--repo=r", "--dry-run")
    good("gc", "--repo=r", "--quiet")
    good("fsck", "--repo=r", "--quiet")


def check_is_cancelled_within_each_loop():
    expect(bool(cancel_each(fresh, "fsck", "--repo=r")), True)
    cancel_each(fresh, "fsck", "--repo=r", "--metadata-only")
    cancel_each(fresh, "repair", "--repo=r")


def listings_are_cancelled_within_each_loop():
    cancel_each(fresh, "images", "--repo=r")
    cancel_each(fresh, "du", "--repo=r")
    cancel_each(fresh, "inspect", "--repo=r", "kept")


if __name__ == "__main__":
    if not can_inject():
        sys.exit(skip_program("strace cannot inject signals here"))
    with tempfile.TemporaryDirectory(dir=place_in_memory()) as FULL:
        FULL += "/full"
        sys.exit(main([
            collection_is_cancelled_within_each_loop,
            check_is_cancelled_within_each_loop,
            listings_are_cancelled_within_each_loop,
        ]))
