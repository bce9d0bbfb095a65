#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Every command that writes is killed at every one of its changes to the disk: the repository stays sound, what was there
before is still there, and the command succeeds when it is given again.

    repo_crash_test.py COMPOSEFS

strace(1) tells which of these system calls it makes, then kills it when it enters the first of them, the second, and so on
to the last; a program with sanitizers, which takes longer to start, at every third. $COMPOSEFS_TEST_KILLS: how often each
command is killed at least (0: at these steps); what the steps do not yield comes at random moments.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from faults import is_sanitized
from repo import COMPOSEFS, expect, good, has, loaded, main, make, make_tree, run, write

CALLS = "linkat,renameat,renameat2,symlinkat,mkdirat,mkdir,unlinkat,syncfs,fsync,fchmod,write,pwrite64,ftruncate"
KILLED = -9
KILLS = int(os.environ.get("COMPOSEFS_TEST_KILLS", "0"))
MOMENTS = random.Random(7)


def traced(args, calls, log=os.devnull, inject=()):
    """Whether the command was killed."""
    # LeakSanitizer does not work under ptrace.
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "signal=none",
                           "-e", f"trace={calls}", *inject, COMPOSEFS, *args],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode in (KILLED, 128 + 9):
        return True
    if done.returncode:
        raise AssertionError(f"{inject}: expected status 0, got {done.returncode}: {done.stderr.decode()}")
    return False


def steps_of(args, calls):
    """(system call, which of its kind in its thread) in their order, without what is printed."""
    seen, steps = {}, {}
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as f:
        traced(args, calls, log=f.name)
        for thread, call, first in re.findall(r"^(\d+) +(\w+)\(([^,)]*)", f.read(), re.M):
            nth = seen[thread, call] = seen.get((thread, call), 0) + 1
            if call in calls.split(",") and (call != "write" or first not in "12"):
                steps[call, nth] = None
    return list(steps)


def killed_at(step, args, calls):
    """Whether the command was killed at that step."""
    return traced(args, calls, inject=("-e", f"inject={step[0]}:signal=KILL:when={step[1]}"))


def killed_within(seconds, *args):
    """Whether the command was killed, at a moment of that time."""
    with subprocess.Popen([COMPOSEFS, *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as command:
        time.sleep(MOMENTS.random() * seconds)
        command.kill()
        said = command.communicate()[1]
    if command.returncode not in (0, KILLED):
        raise AssertionError(f"expected status 0, got {command.returncode}: {said.decode()}")
    return command.returncode == KILLED


def kills(reset, *args, calls=CALLS, least=5):
    """Kills the command, each time on what reset leaves; numbers the kills. In the end it was not killed."""
    n = 0
    reset()
    steps = steps_of(args, calls)
    if is_sanitized(COMPOSEFS):
        steps, least = steps[::3], 1
    for step in steps:
        reset()
        if killed_at(step, args, calls):
            n += 1
            yield n
    if n < least:
        raise AssertionError(f"expected more kills, got {n}")
    reset()
    begun = time.monotonic()
    good(*args)
    seconds = time.monotonic() - begun
    while n < KILLS:
        reset()
        if killed_within(seconds, *args):
            n += 1
            yield n
    print(f"# {args[0]}: {n} kills")
    reset()
    good(*args)


def names():
    return {name: i["id"] for i in loaded("images", "--repo=r", "--json")["images"] for name in i["names"]}


def sound(repo="r"):
    report = loaded("fsck", f"--repo={repo}", "--json")
    expect((report["ok"], report["errors"]), (True, []))


def tormented(prepare, *args, stays=(), changes=None, least=5):
    """Kills args each time on what prepare leaves: the names but that which changes are as before, and the images in stays can
    be read."""
    shutil.rmtree("r")
    prepare()
    shutil.copytree("r", "before", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    def others():
        return {k: v for k, v in names().items() if k != changes}

    before = others()
    for n in kills(reset, *args, least=least):
        sound()
        expect(others(), before)
        for name in stays:
            good("cat", "--repo=r", name, "/a")
        if n % 2 and not (args[0] == "untag" and changes not in names()):
            good(*args)
            sound()
    sound()
    shutil.rmtree("before")


def prepare():
    good("init", "--insecure", "--algorithm=sha256", "r")
    good("create-image", "--repo=r", "tree", "os/1")
    good("create-image", "--repo=r", "tree2", "os/2")


def make_trees():
    make()
    make_tree("tree2", "2")
    make_tree("tree3", "3")


def create_image_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "create-image", "--repo=r", "--threads=1", "tree3", "new/name", stays=("os/1", "os/2"), changes="new/name")


def import_image_can_be_killed_anywhere():
    make_trees()
    good("create-image", "--repo=r", "tree3", "os/3")
    shutil.copy("r/images/refs/os/3", "image")
    objects = good("image-objects", "--repo=r", "os/3")

    def with_objects():
        prepare()
        good("create-image", "--repo=r", "--use-epoch", "tree3", "same/contents")

    tormented(with_objects, "import-image", "--repo=r", "new/name", "image", stays=("os/1", "os/2"), changes="new/name")
    expect(good("image-objects", "--repo=r", "new/name"), objects)


def tag_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "tag", "--repo=r", "os/1", "a/b/c", stays=("os/1", "os/2"), changes="a/b/c")


def untag_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "untag", "--repo=r", "os/2", stays=("os/1",), changes="os/2", least=2)
    expect(sorted(names()), ["os/1"])


def a_moved_name_is_either_the_old_or_the_new_one():
    make_trees()
    shutil.rmtree("r")
    prepare()
    either = set(names().values())
    for _ in kills(lambda: good("tag", "--repo=r", "os/1", "latest"), "tag", "--repo=r", "os/2", "latest", least=3):
        expect(names()["latest"] in either, True)
        sound()
    expect(names()["latest"], names()["os/2"])


def gc_can_be_killed_anywhere():
    make_trees()

    def garbage():
        prepare()
        good("untag", "--repo=r", "os/2")

    tormented(garbage, "gc", "--repo=r", stays=("os/1",))


def repair_can_be_killed_anywhere():
    make_trees()
    shutil.copytree("r", "backup", symlinks=True)
    damaged = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").split()[1]
    for _ in kills(lambda: write(f"r/objects/{damaged}", "damaged"), "repair", "--repo=r", "--from=backup"):
        good("repair", "--repo=r", "--from=backup")
        sound()
    sound()
    expect(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)


def init_can_be_killed_anywhere():
    for _ in kills(lambda: shutil.rmtree("p", ignore_errors=True), "init", "--insecure", "p/r", least=4):
        good("init", "--insecure", "p/r")
        sound("p/r")


def reset_metadata_can_be_killed_anywhere():
    make_trees()
    shutil.copytree("r", "before", symlinks=True)
    objects = sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    args = ("init", "--insecure", "--reset-metadata", "--algorithm=sha256", "r")
    for _ in kills(reset, *args):
        good(*args)
        sound()
        expect(sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs), objects)


def sign_can_be_killed_anywhere():
    if "\n  sign " not in good("--help"):
        return
    make()
    shutil.copy("r/images/refs/os/1", "image")
    expect(subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], capture_output=True, check=False).returncode, 0)
    os.mkdir("keys.d")
    with open("keys.d/key.pub", "wb") as f:
        f.write(subprocess.run(["openssl", "pkey", "-in", "key.pem", "-pubout"], capture_output=True, check=True).stdout)
    verify = ("verify", "--trusted=keys.d", "--signatures=r/signatures", "image")
    sign = ("sign", "--key=key.pem", "--signatures=r/signatures", "image")
    for n in kills(lambda: shutil.rmtree("r/signatures", ignore_errors=True), *sign, least=3):
        sound()
        expect(run(*verify)[0] in (0, 10), True)  # whole, or not there
        if n % 2:
            good(*sign)
            has(good(*verify), "image")


if __name__ == "__main__":
    if not shutil.which("strace") or subprocess.run(["strace", "-o", os.devnull, "-e", "inject=write:signal=KILL:when=99",
                                                     "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    sys.exit(main([v for k, v in list(globals().items()) if k.endswith(("_anywhere", "_one"))]))
