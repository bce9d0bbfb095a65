# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Runs of a command that is killed at its changes to the disk.

strace(1) tells which of these system calls it makes, then kills it when it enters the first of them, the second, and so on
to the last; a program with sanitizers, which takes longer to start, at every third. $COMPOSEFS_TEST_KILLS: how often each
command is killed at least (0: at these steps); what the steps do not yield comes at random moments.
"""
import os
import random
import re
import shutil
import subprocess
import tempfile
import time

from faults import is_sanitized
from repo import COMPOSEFS, expect, good, loaded

CALLS = "linkat,renameat,renameat2,symlinkat,mkdirat,mkdir,unlinkat,syncfs,fsync,fchmod,write,pwrite64,ftruncate"
KILLED = -9
KILLS = int(os.environ.get("COMPOSEFS_TEST_KILLS", "0"))
MOMENTS = random.Random(7)


def traced(args, calls, log=os.devnull, inject=()):
    """Whether the command was killed, or failed because its helper was."""
    # LeakSanitizer does not work under ptrace.
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "signal=none",
                           "-e", f"trace={calls}", *inject, COMPOSEFS, *args],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode in (KILLED, 128 + 9):
        return True
    if done.returncode == 1 and inject and b"composefs-registry" in done.stderr:
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


def kills(reset, *args, calls=CALLS, least=5, most=None):
    """Kills the command, each time on what reset leaves; numbers the kills. In the end it was not killed. most: at so many steps,
    chosen at random, unless $COMPOSEFS_TEST_KILLS is set."""
    n = 0
    reset()
    steps = steps_of(args, calls)
    if is_sanitized(COMPOSEFS):
        steps, least, most = steps[::3], 1, most and most // 3
    if most and most < len(steps) and "COMPOSEFS_TEST_KILLS" not in os.environ:
        chosen = set(random.Random(7).sample(range(len(steps)), most))
        steps = [step for i, step in enumerate(steps) if i in chosen]
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


def sound(repo="r"):
    report = loaded("fsck", f"--repo={repo}", "--json")
    expect((report["ok"], report["errors"]), (True, []))


def can_kill():
    return shutil.which("strace") and not subprocess.run(
        ["strace", "-o", os.devnull, "-e", "inject=write:signal=KILL:when=99", "true"], stderr=subprocess.DEVNULL, check=False).returncode
