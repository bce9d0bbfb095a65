#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Changes of deployments that end in the middle, and that run at the same time.

    boot_crash_test.py COMPOSEFS
"""
import fcntl
import os
import shutil
import subprocess
import sys

from deployments import AT, CHANGE, bootc, deployments, ids, install, make, sound, status, versions
from kills import can_kill, kills
from repo import COMPOSEFS, OK, ensure, expect, good, has, main, refused, run


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
                   v.__code__.co_argcount == 0 and (can_kill() or not v.__name__.endswith("_anywhere"))]))
