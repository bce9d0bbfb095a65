#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What a tool's --help names, its manual page and the three completions name too, and nothing
else. Of the main tool this holds for each of its commands.

    options_test.py ROOT TOOL...
"""
import os
import re
import subprocess
import sys

LONG = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
MOUNT_TOOL = "mount.composefs"  # its options stand behind -o, without dashes
MAIN_PAGES = ("composefs-diff.1.scd", "composefs-du.1.scd", "composefs-repair.1.scd", "composefs-sign.1.scd", "composefs.1.scd")
MAIN_TOOL = "composefs"  # has commands, each with a --help of its own


def usage(tool, *args):
    return subprocess.run([tool, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False).stdout


def helped(tool):
    if os.path.basename(tool) == MOUNT_TOOL:
        listed = usage(tool, "-h").split("Supported options:")[1]
        return set(re.findall(r"^  ([a-z-]+)", listed, re.M))
    return set(LONG.findall(usage(tool, "--help")))


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def manual(root, name):
    """Options that have an entry of their own; a line may have several."""
    if name == MOUNT_TOOL:
        entries = read(root, "doc", "man", name + ".8.scd").split("# MOUNT OPTIONS")[1]
        entries = entries.split("\n*nosuid*")[0]  # from there on they are those of mount(8)
        return {o for l in re.findall(r"^\*[a-z-]+=?\*.*$", entries, re.M) for o in re.findall(r"\*([a-z-]+)=?\*", l)}
    lines = [l for l in read(root, "doc", "man", name + ".1.scd").splitlines() if l.startswith("*--")]
    return {o for l in lines for o in LONG.findall(l)}


def bash(root, name):
    """All options between the lines that open and close the tool's function."""
    function = "_" + re.sub(r"[-.]", "_", name)
    body = re.search(rf"^{function}\(\)\n{{\n(.*?)^}}\n", read(root, "completions", "composefs.bash"), re.S | re.M)
    if name == MOUNT_TOOL:
        return words(re.search(r"-o\)\n\s*_composefs_options \"(.*?)\"", body.group(1)).group(1))
    return set(LONG.findall(body.group(1)))


def words(text):
    return {w.rstrip("=") for w in text.split()}


def zsh(root, name):
    body = re.search(rf"^{re.escape(name)}\)\n(.*?)^\t;;\n", read(root, "completions", "composefs.zsh"), re.S | re.M)
    if name == MOUNT_TOOL:
        return set(re.findall(r'"([a-z-]+)\[', body.group(1)))
    return set(LONG.findall(body.group(1)))


def fish(root, name):
    text = read(root, "completions", "composefs.fish")
    if name == MOUNT_TOOL:
        return words(re.search(rf"^complete -c {re.escape(name)} -s o .*?'(.*?)'", text, re.M).group(1))
    return set(re.findall(rf"^complete -c {re.escape(name)} .*?-l ([a-z-]+)", text, re.M))


# --- the commands of the main tool ----------------------------------------------------------


def commands(tool):
    """Names as --help lists them; other names of a command stand in its manual page's heading."""
    return re.findall(r"^  ([a-z][a-z-]+)  ", usage(tool, "--help"), re.M)


def manual_command(root, command):
    """The options below the heading of the command, and those of all repositories if it refers to them."""
    text = "".join(read(root, "doc", "man", page) for page in MAIN_PAGES)
    section = re.search(rf"^## (?:[^\n]*, )?{command}(?:, [^\n]*)?\n(.*?)(?=^##? )", text, re.S | re.M).group(1)
    if "REPOSITORY OPTIONS" in section:
        section += re.search(r"^# REPOSITORY OPTIONS\n(.*?)(?=^# )", text, re.S | re.M).group(1)
    entries = [l for l in section.splitlines() if re.match(r"\*-", l)]
    return {o for l in entries for o in LONG.findall(l)} | {"help"}


def bash_command(root, command):
    text = re.search(r"^_composefs\(\)\n{\n(.*?)^}\n", read(root, "completions", "composefs.bash"), re.S | re.M).group(1)
    found = re.search(rf'^\t(?:[a-z-]+ \| )*{command}(?: \| [a-z-]+)*\)\n\t\toptions="(.*?)"', text, re.S | re.M).group(1)
    return set(LONG.findall(found.replace("$repository", re.search(r'repository="(.*?)"', text).group(1))))


def zsh_command(root, command):
    text = re.search(r"^composefs\|cfsctl\)\n(.*?)^\t;;\n", read(root, "completions", "composefs.zsh"), re.S | re.M).group(1)
    found = re.search(rf"^\t(?:[a-z-]+\|)*{command}(?:\|[a-z-]+)*\)\n(.*?)^\t\t;;\n", text, re.S | re.M).group(1)
    return set(LONG.findall(found.replace("$repository", re.search(r"repository=\((.*?)^\t\)", text, re.S | re.M).group(1))))


def fish_command(root, command):
    text = read(root, "completions", "composefs.fish")
    shared = re.search(r"^set -l with_repository (.*)$", text, re.M).group(1)
    options = {"help"}
    for condition, option in re.findall(r'^complete -c composefs -n "__fish_seen_subcommand_from ([^"]*)".*? -l ([a-z-]+)', text, re.M):
        if command in condition.replace("$with_repository", shared).split():
            options.add(option)
    return options


def fish_verbs(root):
    return set(re.search(r"^set -l verbs (.*)$", read(root, "completions", "composefs.fish"), re.M).group(1).split())


# --------------------------------------------------------------------------------------------


def facts(root, tool):
    """(what is compared, what the --help has, what the place has)"""
    name = os.path.basename(tool)
    if name != MAIN_TOOL:
        want = helped(tool)
        for place in (manual, bash, zsh, fish):
            yield f"{name}: the options of --help are those of {place.__name__}", want, place(root, name)
        return
    for command in commands(tool):
        want = listed(tool, command)
        for place in (manual_command, bash_command, zsh_command, fish_command):
            yield f"{name} {command}: the options of --help are those of {place.__name__}", want, place(root, command)
        yield f"{name} {command}: fish knows it", {command}, {command} & fish_verbs(root)


def listed(tool, command):
    """Options that have a line of their own; the text may name others."""
    return set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", usage(tool, command, "--help"), re.M))


def main():
    root, tools = sys.argv[1], sys.argv[2:]
    number = failed = 0
    for tool in tools:
        for what, want, got in facts(root, tool):
            number += 1
            good = got == want
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {what}")
            if not good:
                print(f"# only in --help: {sorted(want - got)}, only there: {sorted(got - want)}")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
