#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""How the programs are linked: what they need at run time, and what protects them.

    programs_test.py PROGRAM...
"""
import os
import re
import subprocess
import sys


def readelf(*args):
    return subprocess.run(["readelf", "--wide", *args], stdout=subprocess.PIPE, text=True, check=True).stdout


def needs_libc_alone(program):
    """mount.composefs runs in the initrd, the others wherever images are built."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", program))
    return [n for n in needed if not re.match(r"libc\.so|ld-linux", n)]


def is_position_independent(program):
    return [] if re.search(r"Type:\s+DYN", readelf("--file-header", program)) else ["no PIE"]


def binds_all_symbols_at_start(program):
    """Together with RELRO, the tables of function addresses are read-only from then on."""
    wrong = [] if "NOW" in readelf("--dynamic", program) else ["no BIND_NOW"]
    return wrong + ([] if "GNU_RELRO" in readelf("--segments", program) else ["no RELRO"])


def has_no_executable_stack(program):
    stack = re.search(r"GNU_STACK.*", readelf("--segments", program))
    return [] if stack and "RWE" not in stack.group() else ["executable stack"]


CHECKS = (needs_libc_alone, is_position_independent, binds_all_symbols_at_start, has_no_executable_stack)


def main():
    number = failed = 0
    for program in sys.argv[1:]:
        for check in CHECKS:
            number += 1
            wrong = check(program)
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {os.path.basename(program)} {check.__name__}")
            if wrong:
                print(f"# {', '.join(wrong)}")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
