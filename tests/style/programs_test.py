#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""How the programs are linked: what they need at run time, and what protects them.

    programs_test.py [--optimised] [--static PROGRAM]... PROGRAM...

What is static holds libc itself, and runs where there is no other file.
"""
import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile


HELP = {"mount.composefs": "-h"}


def readelf(*args):
    return subprocess.run(["readelf", "--wide", *args], stdout=subprocess.PIPE, text=True, check=True).stdout


def needs_libc_alone(program):
    """mount.composefs runs in the initrd, the others wherever images are built. The main tool has repositories."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", program))
    more = r"|libjansson\.so|libzstd\.so|libz\.so|libisal\.so|libpcre2-8\.so" if os.path.basename(program) == "composefs" else ""
    return [n for n in needed if not re.match(r"libc\.so|ld-linux" + more, n)]


def is_position_independent(program):
    return [] if re.search(r"Type:\s+DYN", readelf("--file-header", program)) else ["no PIE"]


def binds_all_symbols_at_start(program):
    """Together with RELRO, the tables of function addresses are read-only from then on."""
    wrong = [] if "NOW" in readelf("--dynamic", program) else ["no BIND_NOW"]
    return wrong + ([] if "GNU_RELRO" in readelf("--segments", program) else ["no RELRO"])


def has_no_executable_stack(program):
    stack = re.search(r"GNU_STACK.*", readelf("--segments", program))
    return [] if stack and "RWE" not in stack.group() else ["executable stack"]


def guards_its_stack(program):
    names = subprocess.run(["nm", "--format=just-symbols", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    names += subprocess.run(["nm", "--dynamic", "--format=just-symbols", program], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return [] if "__stack_chk_fail" in names else ["no stack protector"]


def marks_where_calls_may_land(program):
    """CET: each function that is called by its address begins with endbr64. The notes of the file do not tell, for
    Debian's start-up code has none."""
    if platform.machine() != "x86_64":
        return []
    code = subprocess.run(["objdump", "--disassemble=main", "--no-show-raw-insn", program], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return [] if re.search(r"<main>:\n\s+\w+:\s+endbr64", code) else ["main does not begin with endbr64"]


def calls_fortified_functions(program):
    """Of a static program this cannot be told: libc's own calls look the same."""
    imported = readelf("--dyn-syms", program)
    if not re.search(r"\(NEEDED\)", readelf("--dynamic", program)):
        return []
    return [] if re.search(r"UND __(?!stack)\w+_chk\b", imported) else ["no fortified function"]


def needs_no_file(program):
    """Neither a library nor a loader."""
    found = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", program))
    return found + re.findall(r"INTERP", readelf("--segments", program))


def runs_in_an_empty_directory(program):
    """None, not a list, where this user may not change the root."""
    with tempfile.TemporaryDirectory() as root:
        alone = ["unshare", "--map-root-user", "--root=" + root, "/program", HELP.get(os.path.basename(program), "--help")]
        os.chmod(root, 0o755)
        shutil.copy(sys.executable, os.path.join(root, "program"))
        foreign = subprocess.run(alone, capture_output=True, text=True, check=False)
        if "unshare failed" in foreign.stderr:
            return None
        shutil.copy(program, os.path.join(root, "program"))
        ran = subprocess.run(alone, capture_output=True, text=True, check=False)
    wrong = [] if ran.returncode == 0 and "sage: " in ran.stderr + ran.stdout else ["status %d: %s" % (ran.returncode, ran.stderr)]
    return wrong + ([] if foreign.returncode else ["there is a loader in that directory"])


STATIC_CHECKS = (needs_no_file, runs_in_an_empty_directory)
CHECKS = (needs_libc_alone, is_position_independent, binds_all_symbols_at_start, has_no_executable_stack,
          guards_its_stack, marks_where_calls_may_land)
# _FORTIFY_SOURCE is for optimised builds.
OPTIMISED_CHECKS = (calls_fortified_functions,)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--static", action="append", default=[], metavar="PROGRAM")
    parser.add_argument("--optimised", action="store_true")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    number = failed = 0
    everywhere = CHECKS + (OPTIMISED_CHECKS if args.optimised else ())
    todo = [(program, everywhere) for program in args.programs] + [(program, STATIC_CHECKS) for program in args.static]
    for program, checks in todo:
        for check in checks:
            number += 1
            wrong = check(program)
            failed += bool(wrong)
            skip = " # SKIP no user namespaces" if wrong is None else ""
            print(f"{'not ok' if wrong else 'ok'} {number} - {os.path.basename(program)} {check.__name__}{skip}")
            if wrong:
                print(f"# {', '.join(wrong)}")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
