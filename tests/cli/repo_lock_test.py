#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Who holds the lock of a repository, for how long, and who must wait for it.

    repo_lock_test.py COMPOSEFS
"""
import contextlib
import fcntl
import os
import signal
import subprocess
import sys

from repo import COMPOSEFS, expect, good, has, main, make, refused, run, snapshot, wait_until


# --- transaction ------------------------------------------------------------------------------


def start_transaction(script, before=":"):
    """transaction, with a shell command that has told its PID in the file started."""
    script = f"{before}; echo $$ > started.new; mv started.new started; {script}"
    done = subprocess.Popen([COMPOSEFS, "transaction", "--repo=r", "--", "sh", "-c", script])
    wait_until(lambda: os.path.exists("started"), "start of the command")
    with open("started", encoding="ascii") as f:
        return done, int(f.read())


def is_held():
    return run("gc", "--repo=r", "--no-wait")[0] == 1


def a_command_keeps_the_lock_when_transaction_is_killed():
    make()
    os.mkfifo("go")
    done, command = start_transaction("read line < go")
    done.kill()
    done.wait(timeout=60)
    try:
        expect(is_held(), True)
    finally:
        with open("go", "w", encoding="ascii") as f:
            f.write("\n")
    wait_until(lambda: not is_held(), "release of the lock")


def transaction_passes_signals_on_and_ends_as_its_command():
    make()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        done, _ = start_transaction("while :; do sleep 0.01; done", f"trap 'exit 40' {number.value}")
        done.send_signal(number)
        expect(done.wait(timeout=60), 40)
        os.unlink("started")
    for number in (signal.SIGTERM, signal.SIGHUP):
        done, _ = start_transaction("ulimit -c 0; exec sleep 1000")
        done.send_signal(number)
        expect(done.wait(timeout=60), 128 + number)
        os.unlink("started")
    expect(is_held(), False)


def transaction_reports_failed_commands_as_a_shell_does():
    make()
    rc, _, err = run("transaction", "--repo=r", "--", "./none")
    expect(rc, 127)
    has(err, "./none: cannot execute: No such file")
    with open("plain", "w", encoding="ascii") as f:
        f.write("text")
    expect(run("transaction", "--repo=r", "--", "./plain")[0], 126)
    expect(run("transaction", "--repo=r", "--", "sh", "-c", "kill -9 $$")[0], 137)


# --- who locks, and who need not ----------------------------------------------------------------


@contextlib.contextmanager
def locked(path, how=fcntl.LOCK_EX):
    """As flock(1) of somebody else does it."""
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, how)
    try:
        yield
    finally:
        os.close(fd)


LOOKING = [("images",), ("ls", "os/1"), ("cat", "os/1", "/a"), ("dump-files", "os/1"), ("image-objects", "os/1"), ("compute-id", "tree"),
           ("diff", "os/1", "os/1"), ("doctor",)]
LOCKING = [("create-image", "tree", "os/2"), ("import-image", "os/2", "r/images/refs/os/1"), ("tag", "os/1", "os/2"), ("untag", "os/1"), ("gc",),
           ("repair",), ("transaction", "--", "true"), ("du",), ("fsck",), ("fsck", "os/1"), ("mount", "os/1", "tree"),
           ("init", "--insecure", "--reset-metadata", "--algorithm=sha256")]


def commands_that_only_read_do_not_wait_for_the_lock():
    make()
    with locked("r"):
        for command, *args in LOOKING:
            rc, _, err = run(command, "--repo=r", "--lock-timeout=0", *args)
            expect((command, rc in (0, 3, 4, 5), "lock" in err), (command, True, False))


def the_lock_timeout_is_kept_and_the_holder_is_named():
    make()
    before = snapshot("r")
    with locked("r"):
        for command, *args in LOCKING:
            err = refused(command, "--repo=r", "--lock-timeout=0", *args)
            has(err, f"process {os.getpid()} (")
            has(err, f" of user {os.getuid()}")
    expect(snapshot("r"), before)
    with locked("r"):
        refused("tag", "--repo=r", "--lock-timeout=1", "os/1", "os/2")
        has(refused("gc", "--repo=r", "--lock-timeout=1"), f"process {os.getpid()} (")
        has(refused("tag", "--repo=r", "--lock-timeout=x", "os/1", "os/2", status=2),
            "--lock-timeout: expected a time such as 90s or 30d, got \"x\"")
    good("tag", "--repo=r", "--lock-timeout=0", "os/1", "os/2")


def a_waiting_command_names_the_process_it_waits_for():
    make()
    for command in (("tag", "--repo=r", "os/1", "os/2"), ("gc", "--repo=r"), ("create-image", "--repo=r", "tree")):
        with locked("r"):
            waits = subprocess.Popen([COMPOSEFS, *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            has(waits.stderr.readline(), f"composefs {command[0]}: repository r: waiting for process {os.getpid()} (")
        expect((waits.wait(timeout=60), "waiting" in waits.stderr.read()), (0, False))
        waits.stderr.close()


def a_held_lock_gc_delays_commands_only_briefly():
    make()
    run("gc", "--repo=r")  # makes it
    with locked("r/.lock-gc"):
        good("tag", "--repo=r", "--lock-timeout=0", "os/1", "os/2")
        good("tag", "--repo=r", "os/1", "os/3")
        good("ls", "--repo=r", "os/1")
    with locked("r/.lock-gc", fcntl.LOCK_SH), locked("r", fcntl.LOCK_SH):
        has(refused("gc", "--repo=r", "--no-wait"), "others use the repository: process")
        done = subprocess.Popen([COMPOSEFS, "gc", "--repo=r", "--lock-timeout=30"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        expect(done.stderr.readline(), "composefs gc: repository r: waiting for other processes that use the repository\n")
        has(done.stderr.readline(), "waiting for process ")
    expect(done.wait(timeout=60), 0)
    done.stderr.close()
    with locked("r/.lock-gc", fcntl.LOCK_SH):
        good("gc", "--repo=r", "--no-wait")


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("wait_for", "start_transaction", "is_held", "locked")]))
