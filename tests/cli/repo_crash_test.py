#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Every command is killed at every one of its changes to the disk: the repository stays sound, what was there
before is still there, and the command succeeds when it is given again.

    repo_crash_test.py COMPOSEFS

strace(1) kills the process when it enters the n-th of these system calls, for n = 1, 2, ... until it lives to
the end.
"""
import os
import shutil
import subprocess
import sys

from repo import COMPOSEFS, good, loaded, main, make, make_tree, want, write

CALLS = "linkat,renameat,renameat2,symlinkat,mkdirat,mkdir,unlinkat,syncfs,fsync,fchmod,write,pwrite64,ftruncate"
KILLED = -9
STEPS_MAX = 400


def killed_at(step, *args):
    """Whether the command was killed at that step."""
    # LeakSanitizer does not work under ptrace.
    done = subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0",
                           "-e", "signal=none", "-e", f"trace={CALLS}", "-e",
                           f"inject={CALLS}:signal=KILL:when={step}", COMPOSEFS, *args],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode in (KILLED, 128 + 9):
        return True
    if done.returncode:
        raise AssertionError(f"step {step}: status {done.returncode}: {done.stderr.decode()}")
    return False


def names():
    return {i["name"]: i["digest"] for i in loaded("images", "--repo=r", "--json")["images"] if i["name"]}


def sound():
    report = loaded("fsck", "--repo=r", "--json")
    want((report["ok"], report["errors"]), (True, []))


def tormented(prepare, *args, stays=(), may_change=()):
    """Kills args at each step, each time on what prepare leaves. How many steps there are."""
    shutil.rmtree("r")
    prepare()
    shutil.copytree("r", "before", symlinks=True)
    for step in range(1, STEPS_MAX):
        before = names()
        if not killed_at(step, *args):
            break
        sound()
        now = names()
        want({k: v for k, v in now.items() if k not in may_change}, {k: v for k, v in before.items() if k not in may_change})
        for name in stays:
            good("cat", "--repo=r", name, "/a")
        if step % 2:  # go on from here, or from the start
            good(*args)
            sound()
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)
    else:
        raise AssertionError("it is never done")
    sound()
    if step < 5:
        raise AssertionError(f"killed {step - 1} times only")
    shutil.rmtree("before")


def prepare():
    good("init", "--insecure", "--algorithm=sha256", "r")
    good("create-image", "--repo=r", "tree", "os/1")
    good("create-image", "--repo=r", "tree2", "os/2")


def create_image_can_be_killed_anywhere():
    make()
    make_tree("tree2", "2")
    make_tree("tree3", "3")
    tormented(prepare, "create-image", "--repo=r", "--threads=1", "tree3", "new/name", stays=("os/1", "os/2"),
              may_change=("new/name",))


def tag_can_be_killed_anywhere():
    make()
    make_tree("tree2", "2")
    tormented(prepare, "tag", "--repo=r", "os/1", "a/b/c", stays=("os/1", "os/2"), may_change=("a/b/c",))


def a_moved_name_is_the_old_or_the_new_one():
    first = make()
    make_tree("tree2", "2")
    want(first in ("", None), False)
    shutil.rmtree("r")
    prepare()
    either = set(names().values())
    for step in range(1, STEPS_MAX):
        good("tag", "--repo=r", "os/1", "latest")
        if not killed_at(step, "tag", "--repo=r", "os/2", "latest"):
            break
        want(names()["latest"] in either, True)
        sound()
    want(names()["latest"], names()["os/2"])


def gc_can_be_killed_anywhere():
    make()
    make_tree("tree2", "2")

    def garbage():
        prepare()
        good("untag", "--repo=r", "os/2")

    tormented(garbage, "gc", "--repo=r", stays=("os/1",))


def repair_can_be_killed_anywhere():
    make()
    make_tree("tree2", "2")
    shutil.copytree("r", "backup", symlinks=True)
    damaged = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").split()[1]
    for step in range(1, STEPS_MAX):
        write(f"r/objects/{damaged}", "damaged")
        if not killed_at(step, "repair", "--repo=r", "--from=backup"):
            break
        good("repair", "--repo=r", "--from=backup")
        sound()
    sound()
    want(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)


def init_can_be_killed_anywhere():
    for step in range(1, STEPS_MAX):
        if not killed_at(step, "init", "--insecure", "p/r"):
            break
        good("init", "--insecure", "p/r")
        want(loaded("fsck", "--repo=p/r", "--json")["ok"], True)
        shutil.rmtree("p")
    want(step > 3, True)


if __name__ == "__main__":
    if not shutil.which("strace") or subprocess.run(["strace", "-o", os.devnull, "-e", "inject=write:signal=KILL:when=99",
                                                     "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    sys.exit(main([v for k, v in list(globals().items()) if k.endswith(("_anywhere", "_one"))]))
