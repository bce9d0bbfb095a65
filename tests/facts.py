# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Tests as facts: functions named by the behaviour that they check, reported as TAP lines."""
import linecache
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

FACTS = []

# Shells start background commands with these ignored, and programs inherit that. Tests send them.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


class Skip(Exception):
    pass


def skip_program(reason):
    """Print the plan of a program that skips all its tests, and return its exit status: beside a TAP plan, meson
    takes any status but 0 for an error."""
    print(f"1..0 # SKIP {reason}")
    return 0


def fact(function):
    """Register a test. Its name states the behaviour; it raises when the behaviour is another one."""
    FACTS.append(function)
    return function


def expect(got, expected, what=None):
    """Fail unless got equals expected. what: the name of the value, for the message."""
    if got != expected:
        raise AssertionError(f"{what + ': ' if what else ''}expected {expected!r:.2000}, got {got!r:.2000}")


def has(text, part):
    """Fail unless text contains part."""
    if part not in text:
        raise AssertionError(f"expected text with {part!r:.2000}, got {text!r:.2000}")


def ensure(condition, got=None):
    """Fail unless condition holds, where two values to compare are not at hand. The message shows the source text of
    the call, and got: a value, or a sentence that says what went wrong."""
    if not condition:
        frame = sys._getframe(1)  # pylint: disable=protected-access
        raise AssertionError(f"expected {source_of_call(frame)}, got {condition if got is None else got!s:.4000}")


def source_of_call(frame):
    """The first argument of ensure() as it is written in the line that runs, without what cannot be found."""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    text = line.partition("ensure(")[2]
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and not depth):
            return text[:at]
    return text or "another value"


def describe(failure, function):
    """One line about an exception of a test: its place in the test, its type unless it is a failed check, its text."""
    frames = traceback.extract_tb(failure.__traceback__)
    place = next((f for f in frames if f.name == function.__name__), frames[-1])
    kind = "" if isinstance(failure, AssertionError) and str(failure) else f"{type(failure).__name__}: "
    return f"line {place.lineno}: {kind}{failure}"


def remark(text):
    """Print lines for the person who reads the log."""
    print("# " + text.replace("\n", "\n# "), flush=True)


class Moments:
    """Random waits before a process is killed. The longest wait adapts to the kills so far, because the machine may be
    busy in one moment and idle in the next: few kills in a row can come too late."""

    def __init__(self, longest, seed=0):
        self.longest = longest
        self.random = random.Random(seed)

    def wait(self):
        time.sleep(self.random.random() * self.longest)

    def came(self, late):
        self.longest *= 0.5 if late else 1.2


def run_facts(*arguments, after=lambda: None):
    """Run all tests in order, and after() behind each. The exit status."""
    failed = 0
    for number, function in enumerate(FACTS, 1):
        try:
            function(*arguments)
            print(f"ok {number} - {function.__name__}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {function.__name__} # SKIP {reason}", flush=True)
        except Exception as failure:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {function.__name__}")
            remark(describe(failure, function))
        after()
    print(f"1..{len(FACTS)}")
    return 1 if failed else 0


def run_facts_each_in(make_place):
    """Run each test with a new place from make_place(), and close the place afterwards."""
    def in_a_place(function):
        def inner():
            place = make_place()
            try:
                function(place)
            finally:
                place.close()
        inner.__name__ = function.__name__
        return inner

    FACTS[:] = [in_a_place(function) for function in FACTS]
    return run_facts()


def place_in_memory(needed=512 << 20):
    """A directory on tmpfs with enough free space, for tests that are not about the disk; else None, the default of
    tempfile."""
    shm = "/dev/shm"
    if not os.path.isdir(shm) or not os.access(shm, os.W_OK):
        return None
    room = os.statvfs(shm)
    return shm if room.f_bavail * room.f_frsize >= needed else None


def wait_until(condition, what, seconds=120):
    """Wait until condition() holds, much longer than needed on an idle machine."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: expected within {seconds} s, got nothing")
        time.sleep(0.01)


def empty(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


def run_facts_afresh(make_place, *programs):
    """Run each test in a copy of the folder that make_place() fills. The exit status. Skips all tests when one of the
    programs is not installed."""
    for program in programs:
        if not shutil.which(program):
            return skip_program(f"{program} is not installed")
    with tempfile.TemporaryDirectory(prefix="facts-", dir=place_in_memory()) as top:
        folder, kept = f"{top}/place", f"{top}/kept"
        os.mkdir(folder)
        os.chdir(folder)
        place = make_place()
        subprocess.run(["cp", "-a", folder, kept], check=True)

        def restore():
            empty(folder)
            subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)

        status = run_facts(place, after=restore)
        os.chdir("/")
        return status
