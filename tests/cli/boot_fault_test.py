#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Whatever system call fails: what could be booted before still can, and status 0 means that the work is done.

    boot_fault_test.py COMPOSEFS

$COMPOSEFS_TEST_FAULTS: all, or how many runs per command (faults.py).
"""
import os
import shutil
import sys

from deployments import AT, CHANGE, ids, install, make, sound, versions
from faults import can_inject, faults
from repo import COMPOSEFS, ensure, expect, good, main, write

RUNS = 40


def saved():
    for top in ("b", "d"):
        shutil.copytree(top, f"saved/{top}", symlinks=True)


def restored():
    for top in ("b", "d"):
        shutil.rmtree(top)
        shutil.copytree(f"saved/{top}", top, symlinks=True)


def survives(*args, after, holds=lambda: None):
    """after: the versions that the command leaves, in the order of the boot loader."""
    saved()
    before = versions()
    count = 0
    for fault, code, _, err in faults([COMPOSEFS, "boot", *args], '"d"', RUNS, restored):
        try:
            sound()
            holds()
            if code == 0:
                expect(versions(), after)
            else:
                ensure(versions() in (before, after), f"{versions()}")
                ensure(0 < code < 128 and (err or fault.startswith("write ")), f"status {code}, {err!r}")
        except AssertionError as failure:
            raise AssertionError(f"boot {args[0]}: {fault}: {failure}; {err!r}") from failure
        count += 1
    print(f"# boot {args[0]}: {count} runs")


def a_failed_install_leaves_the_systems_before():
    make()
    install("1")
    survives("install", *CHANGE, "os/3", after=["3", "1"])


def a_failed_upgrade_leaves_etc_of_the_system():
    make()
    install("1")
    etc = f"d/state/deploy/{ids()['1']}/etc/upper"
    for name in ("mine", "dir/mine"):
        write(f"{etc}/{name}", "mine")

    def holds():
        expect(sorted(os.listdir(etc)), ["dir", "mine"])
        if versions()[0] == "2":
            new = f"d/state/deploy/{ids()['2']}/etc/upper"
            expect((sorted(os.listdir(new)), os.listdir(f"{new}/dir")), (["dir", "mine"], ["mine"]))

    survives("upgrade", *CHANGE, "os/2", after=["2", "1"], holds=holds)


def a_failed_rm_leaves_the_other_systems():
    make()
    install("1")
    install("3")
    survives("rm", *AT, ids()["3"], after=["1"])


def a_failed_rollback_leaves_both_systems():
    make()
    install("1")
    install("2")
    survives("rollback", *AT, after=["1", "2"])


def a_failed_change_of_arguments_leaves_the_system():
    make()
    install("1")
    survives("karg", *AT, "add", "quiet", after=["1"])


def a_failed_status_says_so():
    make()
    install("1")
    good("boot", "pin", *AT, "next")
    saved()
    expected = None
    for fault, code, out, err in faults([COMPOSEFS, "boot", "status", *AT, "--json"], '"d"', RUNS, lambda: None):
        if expected is None:
            expect(code, 0)
            expected = out
        elif code == 0:
            expect(out, expected, fault)
        else:
            ensure(0 < code < 128 and (err or fault.startswith("write ")), f"{fault}: status {code}, {err!r}")


if __name__ == "__main__":
    if not can_inject():
        print("1..0 # SKIP strace is not installed, or may not inject faults")
        sys.exit(0)
    sys.exit(main([v for k, v in list(globals().items()) if k.startswith("a_failed")]))
