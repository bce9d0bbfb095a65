# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Runs of a command in which one system call fails, for each of its system calls in turn.

strace(1) lists the system calls of a run without faults. Then the command runs again, and the first of these calls fails with
EIO, in the next run with EACCES, and so on. $COMPOSEFS_TEST_FAULTS: "all" runs all of them; otherwise a number (default: what
the test says, and a third of that for a program with sanitizers, which takes longer to start) of runs per command, spread
over all calls.
"""
import os
import re
import shutil
import subprocess
import tempfile

ERRORS = ("EIO", "EACCES", "ESTALE", "ENOMEM", "ENFILE")
# Calls that the kernel cannot fail that way, or whose failure ends the process before it does anything, and close(2), whose
# injected failure leaves the file open, with its lock.
NEVER = set("""execve exit exit_group close munmap mprotect futex rt_sigreturn rt_sigaction rt_sigprocmask set_robust_list
    set_tid_address rseq arch_prctl brk sched_yield clock_gettime clock_nanosleep nanosleep getpid gettid geteuid getuid getegid
    getgid restart_syscall sched_getaffinity madvise wait4 rt_sigtimedwait prlimit64 umask""".split())
STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "signal=none"]


def can_inject():
    return shutil.which("strace") and subprocess.run(
        [*STRACE, "-o", os.devnull, "-e", "trace=write", "-e", "inject=write:error=EIO:when=99", "true"],
        stderr=subprocess.DEVNULL, check=False).returncode == 0


def run_traced(args, log, *options):
    """Status, what was printed, what was said."""
    done = subprocess.run([*STRACE, "-o", log, *options, *args], capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def shape_of(line):
    """A call without the names and numbers that differ between calls of one loop."""
    return re.sub(r'"(?:\\.|[^"\\])*"|0x[0-9a-f]+|\d+', "", line)


def is_of_sanitizer(call, rest):
    """The address sanitizer maps its memory at addresses of its choice, the programs where the kernel likes. When it gets
    none, it prints the whole memory map, for a second, and the run shows nothing."""
    return call == "mmap" and not rest.startswith("NULL")


def calls_of(log, begin):
    """(call, which of its kind in its thread) from the first call that mentions begin, and whether the call before it in the
    thread had the same shape."""
    seen, last, found, before, begun = {}, {}, {}, {}, False
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            match = re.match(r"(\d+) +(\w+)\((.*)", line)
            if not match:
                continue
            thread, call, rest = match.groups()
            nth = seen[thread, call] = seen.get((thread, call), 0) + 1
            begun = begun or begin in rest
            if not begun:
                before[call] = nth
            # In another thread it may be the first, when that of the main thread would end the program too early.
            if not begun or call in NEVER or nth <= before.get(call, 0) or is_of_sanitizer(call, rest):
                continue
            shape = call + shape_of(rest)
            found.setdefault((call, nth), last.get(thread) == shape)
            last[thread] = shape
    return found


def is_sanitized(program):
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


def chosen(found, limit):
    """(call, nth, error) of the runs to make."""
    every = [(call, nth, error) for (call, nth) in found for error in ERRORS]
    if os.environ.get("COMPOSEFS_TEST_FAULTS") == "all":
        return every
    limit = int(os.environ.get("COMPOSEFS_TEST_FAULTS") or limit)
    # The calls of a loop are alike: those that differ from the one before come first.
    points = [p for p, again in found.items() if not again]
    points += [p for p, again in found.items() if again][::7]
    if limit < len(points):
        points = [points[i * len(points) // limit] for i in range(limit)]
    runs = [(*point, ERRORS[(i + k) % len(ERRORS)]) for k in range(len(ERRORS)) for i, point in enumerate(points)]
    return runs[:limit]


def faults(args, begin, limit, reset=lambda: None):
    """For each run: a text that names the fault, status, output, messages. Before the first of them, and before each run, reset is
    called. The first run has no fault."""
    with tempfile.NamedTemporaryFile() as log:
        reset()
        yield ("no fault", *run_traced(args, log.name))
        found = calls_of(log.name, begin)
    for call, nth, error in chosen(found, limit // 3 if is_sanitized(args[0]) else limit):
        reset()
        run = run_traced(args, os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}")
        # The address sanitizer maps memory of its own, and ends the program when it cannot.
        if not re.search("AddressSanitizer(: allocator is out of memory| failed to allocate)", run[2]):
            yield (f"{call} #{nth}: {error}", *run)
