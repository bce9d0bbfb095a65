# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Tests as facts: functions whose names say what holds, told as TAP lines."""
import os
import random
import shutil
import tempfile
import time
import traceback

FACTS = []


class Skip(Exception):
    pass


def skip_program(reason):
    """What a program prints that skips all its tests; the status to end with. Meson takes any other status
    than 0 beside a TAP plan as an error."""
    print(f"1..0 # SKIP {reason}")
    return 0


def fact(function):
    """The name of the function says what holds; it raises when it does not."""
    FACTS.append(function)
    return function


def want(condition, text="not so"):
    if not condition:
        raise AssertionError(text)


def same(got, expected, what="value"):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, want {expected!r}")


def remark(text):
    """Of one line or more, for people."""
    print("# " + text.replace("\n", "\n# "), flush=True)


class Moments:
    """Waits at random before what is to be killed is killed. The longest follows what came of the kills so far: a
    machine is busy in one moment and idle in the next."""

    def __init__(self, longest, seed=0):
        self.longest = longest
        self.random = random.Random(seed)

    def wait(self):
        time.sleep(self.random.random() * self.longest)

    def came(self, late):
        self.longest *= 0.8 if late else 1.2


def run_facts(*arguments, after=lambda: None):
    """All facts in order; after() cleans up behind each."""
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
            frames = traceback.extract_tb(failure.__traceback__)
            where = next((f for f in frames if f.name == function.__name__), frames[-1])
            text = str(failure) or type(failure).__name__
            remark(f"line {where.lineno}: {text}")
        after()
    print(f"1..{len(FACTS)}")
    return 1 if failed else 0


def run_facts_each_in(make_place):
    """All facts, each in a place of its own, which is closed behind it."""
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
    """A directory for temporary files of scenes in which the disk is not the subject: on tmpfs where there is one with
    room, else None, which is the default of tempfile."""
    shm = "/dev/shm"
    if not os.path.isdir(shm) or not os.access(shm, os.W_OK):
        return None
    room = os.statvfs(shm)
    return shm if room.f_bavail * room.f_frsize >= needed else None


def empty(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


def run_facts_afresh(make_place, *programs):
    """All facts, each in an empty folder with what make_place() makes there, and gets it. The status.
    Skips all when one of the programs is not installed."""
    for program in programs:
        if not shutil.which(program):
            return skip_program(f"{program} is not installed")
    with tempfile.TemporaryDirectory(prefix="facts-") as folder:
        os.chdir(folder)
        place = make_place()

        def again():
            empty(folder)
            place.__init__()

        status = run_facts(place, after=again)
        os.chdir("/")
        return status
