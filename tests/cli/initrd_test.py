#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""When the script of initramfs-tools runs composefs-prepare-root, and what it does when that fails.

    initrd_test.py ROOT
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from facts import expect, fact, run_facts  # pylint: disable=wrong-import-position

SCRIPT = os.path.join(sys.argv[1], "initrd", "initramfs-tools", "script.in")
HEX = "0123456789abcdef" * 4


def run_script(place, cmdline, status=0, required=False):
    """What the script does with this kernel command line: a list of words. The program ends with status."""
    with open(SCRIPT, encoding="utf-8") as f:
        text = f.read()
    for name in ("/proc/cmdline", "/scripts/functions", "/etc/composefs/prepare-root.required",
                 "@helpers@/composefs-prepare-root"):
        expect(text.count(name) > 0, True, name)
        text = text.replace(name, place + "/" + os.path.basename(name))
    files = {"script": text, "cmdline": cmdline, "functions": "modprobe() { :; }\npanic() { echo panic; exit 9; }\n",
             "composefs-prepare-root": f"#!/bin/sh\necho run \"$@\"\nexit {status}\n"}
    if required:
        files["prepare-root.required"] = ""
    for name, data in files.items():
        with open(f"{place}/{name}", "w", encoding="utf-8") as f:
            f.write(data)
        os.chmod(f"{place}/{name}", 0o755)
    done = subprocess.run(["sh", f"{place}/script"], env={"rootmnt": "/root", "PATH": os.environ["PATH"]}, text=True,
                          capture_output=True, check=False)
    if required:
        os.unlink(f"{place}/prepare-root.required")
    return done.stdout.split()


RUN = ["run", "--sysroot=/root"]


@fact
def an_argument_runs_the_program(place):
    for cmdline in (f"composefs={HEX}", f"ro composefs.digest=v1-sha256-12:{HEX} quiet\n", f"a \"composefs={HEX}\"\n",
                    f"composefs=?{HEX}", "composefs="):
        expect(run_script(place, cmdline), RUN, cmdline)


@fact
def other_arguments_do_not(place):
    for cmdline in ("ro quiet\n", "xcomposefs=1", "composefs.state=x", "root=composefs", "composefsdigest=1"):
        expect(run_script(place, cmdline), [], cmdline)


@fact
def the_file_runs_it_always(place):
    expect(run_script(place, "quiet\n", required=True), RUN)


@fact
def a_failure_never_continues_the_boot(place):
    expect(run_script(place, f"composefs={HEX}", status=5), RUN + ["panic"])
    expect(run_script(place, ""), ["panic"])


def main():
    with tempfile.TemporaryDirectory(prefix="initrd-test-") as place:
        return run_facts(place)


if __name__ == "__main__":
    sys.exit(main())
