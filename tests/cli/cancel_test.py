#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Each loop of the commands that work through a repository looks whether it is cancelled.

    cancel_test.py COMPOSEFS

strace counts how often a command makes each system call, and sends SIGINT at the 20th of those that it makes often. Then it
may make a few more, but not the rest.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

from faults import can_inject
from repo import COMPOSEFS, expect, good, main, place_in_memory
from facts import skip_program  # pylint: disable=wrong-import-order

N = 150  # images, references, leftovers: each loop has so many rounds
AT = 20
MORE = 40  # calls that may follow: those of other threads, and of the end
# Calls that every step makes, or that come before the work.
OTHERS = {"mmap", "munmap", "mprotect", "brk", "futex", "rt_sigaction", "rt_sigprocmask", "sched_yield", "madvise", "exit"}


def traced(log, args, *options):
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-E", "ASAN_OPTIONS=detect_leaks=0", *options, COMPOSEFS, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, check=False)
    with open(log, encoding="utf-8", errors="replace") as f:
        calls = re.findall(r"^\d+ +(\w+)\(", f.read(), re.M)
    return done, calls


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


def cancel_each(*args):
    """Cancels the command within each loop that one kind of system call shows. Returns these kinds."""
    fresh()
    start = collections.Counter(traced("log", ("version",))[1])  # a sanitizer makes many, before there is a handler
    done, calls = traced("log", args)
    expect((args, done.returncode in (0, 3)), (args, True))
    often = sorted(name for name, n in collections.Counter(calls).items()
                   if n - start[name] >= 100 and name not in OTHERS and not name.startswith("syscall_"))  # strace knows no name
    for name in often:
        fresh()
        done, calls = traced("log", args, f"--inject={name}:signal=INT:when={start[name] + AT}")
        expect((args, name, done.returncode), (args, name, 130))
        n = collections.Counter(calls)[name] - start[name]
        if n > AT + MORE:
            raise AssertionError(f"{' '.join(args)}: {name}: expected at most {AT + MORE} calls, got {n}")
    return often


def collection_is_cancelled_within_each_loop():
    expect("unlinkat" in cancel_each("gc", "--repo=r"), True)
    cancel_each("gc", "--repo=r", "--dry-run")
    good("gc", "--repo=r", "--quiet")
    good("fsck", "--repo=r", "--quiet")


def check_is_cancelled_within_each_loop():
    expect(bool(cancel_each("fsck", "--repo=r")), True)
    cancel_each("fsck", "--repo=r", "--metadata-only")
    cancel_each("repair", "--repo=r")


def listings_are_cancelled_within_each_loop():
    cancel_each("images", "--repo=r")
    cancel_each("du", "--repo=r")
    cancel_each("inspect", "--repo=r", "kept")


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
