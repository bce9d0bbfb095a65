#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The units of systemd call commands that exist, with options that they have; the example of a mount unit; the file of tmpfiles.d(5).

    units_test.py COMPOSEFS MOUNT.COMPOSEFS TMPFILES UNIT...
"""
import os
import re
import shutil
import subprocess
import sys

from repo import expect, good, has, main, remark, run


def read_unit(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


MOUNT, TMPFILES, *PATHS = map(os.path.abspath, sys.argv[2:])
UNITS = {os.path.basename(path): read_unit(path) for path in PATHS}


def commands_and_options_exist():
    for name, text in UNITS.items():
        lines = re.findall(r"^ExecStart=(.*)$", text, re.M)
        expect((name, len(lines)), (name, 0 if name.endswith((".timer", ".mount")) else 1))
        for line in lines:
            words = line.split()
            expect((name, os.path.basename(words[0])), (name, "composefs"))
            text_of_help = good(words[1], "--help")
            for word in words[2:]:
                has(text_of_help, f"  {word.split('=')[0]}")


def each_unit_names_its_manual_page_and_where_it_is_wanted():
    for text in UNITS.values():
        has(text, "Documentation=man:composefs-")
        if "[Install]" in text:
            has(text, "WantedBy=")


def timers_start_a_service():
    for name in UNITS:
        if name.endswith(".timer"):
            expect((name, name.replace(".timer", ".service") in UNITS), (name, True))


def mount_units_have_options_of_mount_composefs():
    """Their name is that of the mount point, as systemd demands."""
    for name, text in UNITS.items():
        if name.endswith(".mount"):
            values = dict(re.findall(r"^(What|Where|Type|Options)=(.*)$", text, re.M))
            expect((values["Type"], values["Where"].strip("/").replace("/", "-") + ".mount"), ("composefs", name))
            expect(run("-f", "-o", values["Options"], values["What"], values["Where"], program=MOUNT), (0, "", ""))


def temporary_files_are_made_as_said():
    if not shutil.which("systemd-tmpfiles") or os.geteuid():
        remark("systemd-tmpfiles is not installed, or not root")
        return
    status, _, err = run(f"--root={os.getcwd()}", "--create", TMPFILES, program="systemd-tmpfiles")
    expect((status, err), (0, ""))
    expect(oct(os.stat("run/composefs").st_mode), "0o40755")


def systemd_accepts_the_units():
    if not shutil.which("systemd-analyze"):
        remark("systemd-analyze is not installed")
        return
    for path in PATHS:
        status, _, err = run("verify", "--man=no", "--recursive-errors=no", path, program="systemd-analyze")
        lines = [l for l in err.splitlines() if os.path.basename(path) in l and "is not executable" not in l]
        expect((os.path.basename(path), status if lines else 0, lines), (os.path.basename(path), 0, []))


if __name__ == "__main__":
    sys.exit(main([commands_and_options_exist, each_unit_names_its_manual_page_and_where_it_is_wanted, timers_start_a_service,
                   mount_units_have_options_of_mount_composefs, temporary_files_are_made_as_said, systemd_accepts_the_units]))
