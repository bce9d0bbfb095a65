#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The options of a tool are the same in its --help, in its manual page and for the tab key. For the main
tool this is checked for each command, whose page is found by `man composefs-COMMAND`.

    options_test.py ROOT TOOL...
"""
import glob
import importlib.util
import os
import re
import subprocess
import sys

LONG = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
MOUNT_TOOLS = {"mount.composefs": "8", "composefs-fuse": "1"}  # options follow -o, without dashes
DUMP_TOOL = "composefs-dump"
COMMON = {"help", "quiet", "verbose"}  # of each command, described in composefs(1)
MAIN_TOOL = "composefs"  # has commands, each with its own --help
HELP_COLUMNS = 100
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]


def usage(tool, *args):
    return subprocess.run([tool, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False).stdout


def long_lines(tool, *words):
    return [l for l in usage(tool, *words, "--help").splitlines() if len(l) > HELP_COLUMNS]


def helped(tool):
    if os.path.basename(tool) in MOUNT_TOOLS:
        listed = usage(tool, "-h").split("Supported options:")[1]
        return set(re.findall(r"^  ([a-z_-]+)", listed, re.M))
    return set(LONG.findall(usage(tool, "--help")))


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def manual(root, name):
    """Options with an entry; a line may have several."""
    if name in MOUNT_TOOLS:
        entries = read(root, "doc", "man", f"{name}.{MOUNT_TOOLS[name]}.scd").split("# MOUNT OPTIONS")[1]
        entries = entries.split("\n*nosuid*")[0]  # the options after it are those of mount(8)
        return {o for l in re.findall(r"^\*[a-z_-]+=?\*.*$", entries, re.M) for o in re.findall(r"\*([a-z_-]+)=?\*", l)}
    lines = [l for l in read(root, "doc", "man", name + ".1.scd").splitlines() if l.startswith("*-")]
    return {o for l in lines for o in LONG.findall(l)}


def offered(tool, *words):
    """What the tab key offers: see tools/cli/complete.h."""
    return {o for l in usage(tool, "--complete", *words, "--").splitlines() for o in LONG.findall(l.split("\t")[0])}


# --- the commands of the main tool ----------------------------------------------------------


def commands(tool):
    return re.findall(r"^  ([a-z][a-z-]+)  ", usage(tool, "--help"), re.M)


def source(path):
    """The source of a manual page with the sections that it shares with others."""
    spec = importlib.util.spec_from_file_location("expand", os.path.join(os.path.dirname(path), "expand.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.expand(path)


def pages(root, command):
    """The pages, as NAME.SECTION, whose NAME names the command."""
    name = "composefs" if command == "version" else f"composefs-{command}"
    found = []
    for path in sorted(glob.glob(os.path.join(root, "doc", "man", "*.scd"))):
        names = section(source(path), "NAME").split(" - ")[0].replace("\n", " ").split(", ")
        if name in [n.strip() for n in names]:
            found.append(os.path.basename(path)[:-len(".scd")])
    return found


def section(text, title):
    """The text below a heading, with what is below its subheadings."""
    found = re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.S | re.M)
    return found.group(1) if found else ""


def manual_command(root, command):
    """The entries of the page of the command: below its subheading where the page describes several commands. The
    options of all repositories are the same entries in each page, so they count where the command has the first."""
    text = source(os.path.join(root, "doc", "man", pages(root, command)[0] + ".scd"))
    shared = options_in(read(root, "doc", "man", "repository-options.scdi"))
    own = re.search(rf"^## (?:[a-z, -]+, )?{command}(?:, [a-z, -]+)?\n(.*?)(?=^##? |\Z)", text, re.S | re.M)
    if not own:
        found = options_in(section(text, "OPTIONS")) | COMMON
        for other in re.findall(r"^The options of \*composefs ([a-z-]+)\*, see ", section(text, "OPTIONS"), re.M):
            found |= manual_command(root, other)
        return found
    for_it = re.search(rf"^## Repository options(?: of {command})?$", text, re.M)
    return options_in(own.group(1)) | COMMON | (shared if for_it else set())


def options_in(text):
    entries = [l for l in text.splitlines() if re.match(r"\*-", l)]
    return {o for l in entries for o in LONG.findall(l)}


def installed(root):
    """The pages that meson installs, with the links to them."""
    text = read(root, "doc", "man", "meson.build")
    return set(re.findall(r"^  '([a-z.-]+\.[0-9])'", text, re.M))


# --------------------------------------------------------------------------------------------


def facts(root, tool):
    """Triples of a title, what is expected and what was found. The --help decides which options exist."""
    name = os.path.basename(tool)
    yield f"{name}: --help has no line of more than {HELP_COLUMNS} columns", [], long_lines(tool)
    if name != MAIN_TOOL:
        expected = helped(tool)
        yield f"{name}: the options of --help are those of the manual page", expected, manual(root, name)
        if name not in MOUNT_TOOLS and name != DUMP_TOOL:  # the shells read --help
            yield f"{name}: the options of --help are those of the tab key", expected, offered(tool)
        return
    for command in commands(tool):
        expected = listed(tool, command)
        found = pages(root, command)
        yield f"{name} {command}: one manual page describes it", 1, len(found)
        yield f"{name} help {command}: names the page", set(found), set(named_pages(tool, command, found))
        if not found:
            continue
        if command != "version":
            page = f"composefs-{command}.{found[0][-1]}"
            yield f"{name} {command}: the page is found by its name", {page}, {page} & installed(root)
            text = source(os.path.join(root, "doc", "man", found[0] + ".scd"))
            yield f"{name} {command}: the page has all sections", SECTIONS, [t for t in SECTIONS if section(text, t)]
        yield f"{name} {command}: the options of --help are those of the manual page", expected, manual_command(root, command)
        yield from key_facts(name, tool, command)


def key_facts(name, tool, command):
    for words in [(command,)] + [(command, verb) for verb in verbs_of(tool, command)]:
        yield f"{name} {' '.join(words)}: --help has no line of more than {HELP_COLUMNS} columns", [], long_lines(tool, *words)
        yield f"{name} {' '.join(words)}: the options of --help are those of the tab key", own_options(tool, *words), offered(tool, *words)


def verbs_of(tool, command):
    """Those of a command that has verbs of its own."""
    listed_verbs = usage(tool, command, "--help").partition("\nVerbs:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  ([a-z][a-z-]+)  ", listed_verbs, re.M)


def named_pages(tool, command, found):
    """Those of the pages that `composefs help COMMAND` names."""
    text = usage(tool, "help", command)
    return [page for page in found if f"{page[:-2]}({page[-1]})" in text]


def own_options(tool, *words):
    """Options with a line in the --help; its text may name others."""
    return set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", usage(tool, *words, "--help"), re.M))


def listed(tool, command):
    """Those of a command and its verbs, which share a manual page."""
    found = own_options(tool, command)
    for verb in verbs_of(tool, command):
        found |= own_options(tool, command, verb)
    return found


def main():
    root, tools = sys.argv[1], sys.argv[2:]
    number = failed = 0
    for tool in tools:
        for what, expected, got in facts(root, tool):
            number += 1
            good = got == expected
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {what}")
            if not good:
                print(f"# expected {expected}, got {got}")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
