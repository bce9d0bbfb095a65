# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Commands that are cancelled within each of their loops. strace counts how often a command makes each system call, and
sends SIGINT at the 20th, in one thread, of those that it makes often. Then it may make a few more, but not the rest."""
import collections
import os
import re
import subprocess

from repo import COMPOSEFS, expect

AT = 20
MORE = 40  # calls that may follow: those of other threads, and of the end
# So few threads that one of them makes AT calls, on any machine.
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))
# Calls that every step makes, that come before the work, or that release what the work had open.
OTHERS = {"mmap", "munmap", "mprotect", "brk", "futex", "rt_sigaction", "rt_sigprocmask", "sched_yield", "madvise", "exit", "close"}


def traced(log, args, *options):
    done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-E", "ASAN_OPTIONS=detect_leaks=0", *options, COMPOSEFS, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, check=False)
    with open(log, encoding="utf-8", errors="replace") as f:
        before, _, after = f.read().partition("--- SIGINT {")
    return done, *([re.match(r"\d+ +(\w+)\(", line)[1] for line in text.splitlines() if re.match(r"\d+ +\w+\(", line)]
                   for text in (before, after))


def cancel_each(prepare, *args, after=lambda: None):
    """Cancels the command within each loop that one kind of system call shows, prepare() before each run and after()
    behind each that was cancelled. Returns these kinds."""
    prepare()
    start = collections.Counter(traced("log", ("version",))[1])  # a sanitizer makes many, before there is a handler
    done, calls, _ = traced("log", args)
    expect((args, done.returncode in (0, 1, 3)), (args, True), done.stderr)
    often = sorted(name for name, n in collections.Counter(calls).items()
                   if n - start[name] >= 100 and name not in OTHERS and not name.startswith("syscall_"))  # strace knows no name
    for name in often:
        prepare()
        done, _, calls = traced("log", args, f"--inject={name}:signal=INT:when={start[name] + AT}")
        expect((args, name, done.returncode), (args, name, 130), done.stderr)
        n = calls.count(name)
        if n > MORE:
            raise AssertionError(f"{' '.join(args)}: {name}: expected at most {MORE} calls after SIGINT, got {n}")
        after()
    return often
