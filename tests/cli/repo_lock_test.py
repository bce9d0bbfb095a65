#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Who holds the lock of a repository, for how long, and who must wait for it.

    repo_lock_test.py COMPOSEFS
"""
import os
import signal
import subprocess
import sys
import time

from repo import COMPOSEFS, good, has, main, make, run, want


def wait_for(what, true):
    """The machine may be busy: what must become true does within a minute."""
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within a minute")


# --- transaction ------------------------------------------------------------------------------


def start_transaction(script):
    """transaction, with a shell command that has told its PID in the file started."""
    done = subprocess.Popen([COMPOSEFS, "transaction", "--repo=r", "--", "sh", "-c", f"echo $$ > started.new; mv started.new started; {script}"])
    wait_for("the command started", lambda: os.path.exists("started"))
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
        want(is_held(), True)
    finally:
        with open("go", "w", encoding="ascii") as f:
            f.write("\n")
    wait_for("the lock is given back", lambda: not is_held())


def transaction_passes_signals_on_and_ends_as_its_command():
    make()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        done, _ = start_transaction(f"trap 'exit 40' {number.value}; while :; do sleep 0.01; done")
        done.send_signal(number)
        want(done.wait(timeout=60), 40)
        os.unlink("started")
    for number in (signal.SIGTERM, signal.SIGHUP):
        done, _ = start_transaction("ulimit -c 0; exec sleep 1000")
        done.send_signal(number)
        want(done.wait(timeout=60), 128 + number)
        os.unlink("started")
    want(is_held(), False)


def transaction_says_why_a_command_cannot_be_run_as_a_shell_does():
    make()
    rc, _, err = run("transaction", "--repo=r", "--", "./none")
    want(rc, 127)
    has(err, "./none: cannot be run: No such file")
    with open("plain", "w", encoding="ascii") as f:
        f.write("text")
    want(run("transaction", "--repo=r", "--", "./plain")[0], 126)
    want(run("transaction", "--repo=r", "--", "sh", "-c", "kill -9 $$")[0], 137)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("wait_for", "start_transaction", "is_held")]))
