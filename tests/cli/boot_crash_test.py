#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Changes of deployments that end in the middle, and that run at the same time.

    boot_crash_test.py COMPOSEFS
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile

from deployments import AT, CHANGE, bootc, deployments, ids, install, make, sound, status, versions
from kills import can_kill, kills
from repo import COMPOSEFS, OK, Skip, ensure, expect, good, has, main, refused, run


def kept(name):
    shutil.rmtree(name, ignore_errors=True)
    os.mkdir(name)
    for top in ("b", "d"):
        shutil.copytree(top, f"{name}/{top}", symlinks=True)


def restore(name):
    for top in ("b", "d"):
        shutil.rmtree(top)
        shutil.copytree(f"{name}/{top}", top, symlinks=True)


def survives(*args, before, after):
    """Killed at each change to the disk, the command leaves one of these lists of versions, and it can be run again."""
    kept("kept")
    for n in kills(lambda: restore("kept"), "boot", *args, least=3, most=14):
        sound()
        ensure(versions() in (before, after, after + before[:1]), f"{versions()}")
        if n % 3 == 0:
            rc, _, err = run("boot", *args)
            ensure(rc == OK or "is installed as" in err or "deployment" in err or "already" in err, err)
            expect(sorted(set(versions())), sorted(set(after)))
            sound()


def install_can_be_killed_anywhere():
    make()
    install("1")
    survives("install", *CHANGE, "os/3", before=["1"], after=["3", "1"])


def rm_can_be_killed_anywhere():
    make()
    install("1")
    install("3")
    state = f"sha256:{ids()['3']}"
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "rm", *AT, ids()["3"], least=3, most=14):
        sound()
        left = [d for d in status()["deployments"] if d["id"] == state]
        if left:
            good("boot", "rm", *AT, ids()["3"])
        expect(deployments("version"), [("1",)])
        good("boot", "install", *CHANGE, "os/3")
        sound()


def rollback_can_be_killed_anywhere():
    make()
    install("1")
    install("2")
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "rollback", *AT, "composefs-1.0-" + ids()["1"][:12], least=3, most=8):
        sound()
        ensure(versions() in (["1", "2"], ["2", "1"]), str(versions()))


def karg_can_be_killed_anywhere():
    make()
    install("1")
    install("2", "--karg=quiet")
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "karg", *AT, "rm", "quiet", least=3, most=8):
        sound()
        expect(versions(), ["2", "1"])


def steps_of(*args):
    """Names that appear, and what is written to disk, in their order; a directory is synced with its filesystem."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as log:
        subprocess.run(["strace", "-f", "-y", "-qq", "-o", log.name, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e",
                        "trace=syncfs,linkat,renameat,renameat2,symlinkat,unlinkat", COMPOSEFS, "boot", *args], check=True, capture_output=True)
        for line in log.read().splitlines():
            if not line.rstrip().endswith("= 0"):
                continue
            if synced := re.search(r"syncfs\(\d+<([^>]*)>", line):
                yield "sync " + os.path.relpath(synced[1], os.getcwd())
            elif name := re.search(r'unlinkat\(\d+<[^>]*>, "([^"]*)"', line):
                yield "unlink " + name[1]
            elif name := re.search(r'(?:linkat|renameat2?)\(.*"([^"]*)"[^"]*$', line):
                yield "name " + re.sub(r"[0-9a-f]{64}", "HEX", name[1])


def in_order(steps, *expected):
    """The steps contain these in this order; "sync X" is a sync of a directory of the partition or disk X."""
    left = iter(steps)
    for step in expected:
        ensure(any(re.fullmatch(step, s) for s in left), f"expected {step} in its place, got {steps}")


def each_part_is_on_disk_before_the_next_begins():
    """State disk and boot partition are two filesystems: a sync of one says nothing about the other."""
    if not can_kill():
        raise Skip("strace is not installed, or may not trace")
    make()
    install("1")
    in_order(list(steps_of("install", *CHANGE, "--tries=2", "os/3")),
             "sync d/state/deploy", "name HEX", "sync d/state/deploy", "name HEX", "name linux|name .linux.*", "name initrd|name .initrd.*",
             "sync b/composefs/[0-9a-f]*", r"name \.?composefs-2.0-.*", "sync b/loader/entries")
    in_order(list(steps_of("rm", *AT, ids()["3"])),
             "unlink composefs-2.0-.*", "sync b/loader/entries", "unlink linux|unlink initrd", "name .old", "sync d/state/deploy")


def concurrent_runs_wait_for_each_other():
    make()
    runs = [subprocess.Popen([COMPOSEFS, "boot", "install", *CHANGE, f"os/{v}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # pylint: disable=consider-using-with
            for v in "123"]
    for one in runs:
        err = one.communicate()[1].decode()
        expect((one.returncode, err), (OK, ""))
    expect(sorted(versions()), ["1", "2", "3"])
    names = sorted(n.split("-")[1] for n in os.listdir("b/loader/entries") if n.startswith("composefs-"))
    expect(names, ["1.0", "2.0", "3.0"])
    sound()


def lock_that_is_held_is_reported():
    make()
    os.makedirs("d/state/deploy")
    for path, flags in (("d/state/deploy/.lock", os.O_CREAT | os.O_RDWR), ("b", os.O_RDONLY)):
        fd = os.open(path, flags)
        fcntl.flock(fd, fcntl.LOCK_EX)
        has(refused("boot", "install", *CHANGE, "--lock-timeout=0", "os/1"), f"process {os.getpid()}")
        os.close(fd)


def rollback_of_bootc_can_be_killed_anywhere():
    make()
    bootc("9", 1, "c")
    bootc("10", 0, "d")
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "rollback", *AT, "d" * 8, least=3, most=12):
        ensure(versions() in (["9", "10"], ["10", "9"]), str(versions()))
        expect(len(os.listdir("b/loader/entries")), 3, "entries")
        good("boot", "rollback", *AT)
        expect(os.listdir("b/loader"), ["entries"])


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values()) if getattr(v, "__module__", "") == "__main__" and "_" in v.__name__ and
                   v.__code__.co_argcount == 0 and not v.__code__.co_flags & 4 and (can_kill() or not v.__name__.endswith("_anywhere"))]))
