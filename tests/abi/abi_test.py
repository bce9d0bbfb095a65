#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The face of libcomposefs.so.1: what it exports, its name, what it needs.

    abi_test.py LIBRARY SYMBOLS MAP HEADER...

SYMBOLS is the checked-in list, MAP the version script of the linker.
"""
import re
import subprocess
import sys

LIBRARY, SYMBOLS, MAP, HEADERS = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def listed():
    return {line for line in read(SYMBOLS).splitlines() if line and not line.startswith("#")}


def exported():
    """{name: type letter} of the dynamic symbols."""
    rows = [line.split() for line in run("nm", "-D", "--defined-only", LIBRARY).splitlines()]
    return {row[-1]: row[-2] for row in rows}


def declared():
    text = re.sub(r"/\*.*?\*/", "", "".join(read(h) for h in HEADERS), flags=re.S)
    return set(re.findall(r"LCFS_EXTERN[^;(]*?(?:\(\(\w+\)\))?[^;(]*?\b(lcfs_\w+)\s*\(", text))


def dynamic(tag):
    return re.findall(rf"\({tag}\).*?\[(.*?)\]", run("readelf", "-d", LIBRARY))


def differ(expected, got):
    return [f"missing: {n}" for n in sorted(expected - got)] + [f"too many: {n}" for n in sorted(got - expected)]


def exports_are_the_checked_in_list():
    return differ(listed(), set(exported()))


def the_list_is_complete():
    return [] if len(listed()) == 62 else [f"expected 62 names, got {len(listed())}"]


def exports_are_functions():
    return [f"{name}: type {kind}" for name, kind in exported().items() if kind != "T"]


def exports_have_no_versions():
    """A version would be asked for by programs that are linked to us, and no other library has it."""
    return ["there are version definitions"] if "Version definition" in run("readelf", "-V", LIBRARY) else []


def the_map_names_each_of_them():
    return differ(listed(), set(re.findall(r"\b(lcfs_\w+);", read(MAP))))


def the_headers_declare_each_of_them():
    return differ(listed(), declared())


def each_of_them_has_a_comment():
    """Above the function itself, or above the group without an empty line that it is in."""
    groups = [group for h in HEADERS for group in read(h).split("\n\n") if "LCFS_EXTERN " in group.replace("define", "")]
    count = sum(len(re.findall(r"^LCFS_EXTERN ", group, re.M)) for group in groups)
    return [f"no comment: {g.strip().splitlines()[0]}" for g in groups
            if re.search("^LCFS_EXTERN ", g, re.M) and not g.strip().startswith("/*")] + (
                [] if count == 62 else [f"expected 62 declarations, got {count}"])


def the_name_is_the_one_that_programs_ask_for():
    return differ({"libcomposefs.so.1"}, set(dynamic("SONAME")))


def libc_alone_is_needed():
    if "__asan_init" in run("nm", "-D", LIBRARY):
        return None  # the sanitizers bring libraries of their own
    return differ({"libc.so.6"}, set(dynamic("NEEDED")))


def main():
    checks = [exports_are_the_checked_in_list, the_list_is_complete, exports_are_functions,
              exports_have_no_versions, the_map_names_each_of_them, the_headers_declare_each_of_them,
              each_of_them_has_a_comment,
              the_name_is_the_one_that_programs_ask_for, libc_alone_is_needed]
    print(f"1..{len(checks)}")
    for number, check in enumerate(checks, 1):
        found = check()
        print(f"{'not ' if found else ''}ok {number} - {check.__name__}"
              f"{' # SKIP built with sanitizers' if found is None else ''}")
        for line in found or []:
            print(f"# {line}")


main()
