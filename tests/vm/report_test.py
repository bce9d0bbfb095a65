#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What a machine that fails is reported as, without a machine."""
import contextlib
import glob
import io
import os
import re
import subprocess
import sys
import tempfile

import machine
import vm_test
from facts import ensure, expect, fact, run_facts

GOOD = "\x1b[2J\x1b[01;01H\x1b[=3h# up\r\nok - ext4: one\r\nnot a result\r\nok - ext4: two # SKIP why\r\n" + machine.END + "\r\n"


def came_of(said, log="", late=False):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("said", said), ("console", log)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        return machine.Run(folder, late)


def told(run):
    """Status and lines."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = vm_test.tell(run, "6.12")
    return status, out.getvalue().splitlines()


@fact
def results_are_numbered_and_skips_stay_skips():
    status, lines = told(came_of(GOOD))
    expect(status, 0)
    expect(lines, ["# up", "ok 1 - 6.12 ext4: one", "# not a result", "ok 2 - 6.12 ext4: two # SKIP why",
                   "ok 3 - 6.12 the machine came to its end", "1..3"])


@fact
def a_failed_case_fails_and_shows_the_log_of_the_kernel():
    run = came_of(GOOD.replace("ok - ext4: one", "not ok - ext4: one"), "[ 1.0] something\n")
    status, lines = told(run)
    expect(status, 1)
    ensure("not ok 1 - 6.12 ext4: one" in lines and "# [ 1.0] something" in lines, lines)
    ensure(not run.crashed, "no reason to start again")


@fact
def a_machine_that_hangs_fails_and_is_not_started_again():
    run = came_of("ok - ext4: one\n", "[ 1.0] the last words\n", late=True)
    status, lines = told(run)
    expect(status, 1)
    ensure("not ok 2 - 6.12 the machine hung" in lines and "# [ 1.0] the last words" in lines, lines)
    ensure(not run.crashed, "no reason to start again")


@fact
def a_machine_that_dies_fails_and_is_started_again():
    for run in (came_of("ok - ext4: one\n"), came_of("", "Kernel panic - not syncing", late=True)):
        status, lines = told(run)
        expect(status, 1)
        ensure(run.crashed, "a reason to start again")
        ensure(any(line.startswith("not ok") for line in lines), lines)


class Process:
    """Ends when it was waited for so many times, and says something every so many times."""

    def __init__(self, folder, lasts, speaks):
        self.folder, self.lasts, self.speaks, self.times, self.killed = folder, lasts, speaks, 0, False

    def wait(self, _=None):
        self.times += 1
        if self.killed or self.times > self.lasts:
            return 0
        with open(self.folder + "/said", "a", encoding="utf-8") as f:
            f.write("x" if self.times % self.speaks == 0 else "")
        raise subprocess.TimeoutExpired("qemu", 1)

    def kill(self):
        self.killed = True


@fact
def a_machine_that_is_slow_but_speaks_has_time_and_one_that_is_silent_does_not():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("console", "said"):
            with open(f"{folder}/{name}", "wb"):
                pass
        slow, silent = Process(folder, 100, 9), Process(folder, 100, 11)
        expect((machine.wait(slow, folder, 10), slow.killed), (0, False))
        expect((machine.wait(silent, folder, 10), silent.killed), (None, True))


@fact
def an_archive_of_the_first_root_has_its_members_at_multiples_of_four():
    archive = machine.Archive()
    for length in range(5):
        archive.file("x" * (length + 1), b"y" * length)
        expect(len(archive.data) % 4, 0)
    expect(archive.data[:6], b"070701")


@fact
def the_cases_that_the_documentation_names_are_the_cases_that_there_are():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "doc", "security.md"), encoding="utf-8") as f:
        named = set(re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+){3,}\b", f.read()))
    there = set()
    for name in ("verity.sh", "unverified.sh", "sign.sh", "ipe.sh"):
        with open(os.path.join(here, "guest", name), encoding="utf-8") as f:
            there |= set(re.findall(r"^fact_(\w+)\(\) {$", f.read(), re.M))
    good = {"objects_of_a_store_are_sealed_with_the_digest_that_names_them",
            "the_printed_digest_is_the_one_that_the_kernel_measures_of_the_image",
            "with_the_digest_all_is_there_and_overlayfs_requires_verity",
            "the_mount_table_shows_the_image",
            "status_knows_the_objects_and_that_none_is_damaged",
            "status_counts_the_error_of_a_changed_object",
            "without_proc_an_image_is_mounted_or_the_reason_is_reported",
            "df_shows_no_size_of_an_image_with_0_blocks"}
    expect(there - named - good, set(), "not in the documentation")
    for name in glob.glob(os.path.join(here, "..", "root", "*_test.py")):
        with open(name, encoding="utf-8") as f:
            there |= set(re.findall(r"^@fact\ndef (\w+)\(", f.read(), re.M))
    for name in glob.glob(os.path.join(here, "..", "cli", "*_test.py")) + glob.glob(os.path.join(here, "..", "unit", "*", "*_test.c")):
        with open(name, encoding="utf-8") as f:
            there |= set(re.findall(r"^(?:def |T\()(\w+)[()]", f.read(), re.M))
    expect(named - there, set(), "not there")


sys.exit(run_facts())
