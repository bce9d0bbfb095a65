#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The exit status of each verb: wrong usage, something absent, damage, and a signal. Each must be one that --help lists.

    exit_status_test.py COMPOSEFS
"""
import glob
import os
import re
import signal
import subprocess
import sys

from repo import COMPOSEFS, DAMAGED, FAILED, MISSING, OK, USAGE, Skip, expect, good, has, main, make, once, run, wait_until, write

MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "man")
TROUBLE = 2  # diff and explain, as diff(1)
HAS_VERBS = ("oci", "boot")

# What is typed where something named does not exist.
ABSENT = [
    ("images none", FAILED), ("inspect none", FAILED), ("tag none new", FAILED), ("untag none", FAILED), ("rm none", FAILED),
    ("log none", FAILED), ("cat none /a", FAILED), ("cat os/1 /none", FAILED), ("export none out.tar", FAILED),
    ("extract none out", FAILED), ("dump-files none", FAILED), ("image-objects none", FAILED), ("du none", FAILED),
    ("ls none", FAILED), ("ls os/1 /none", FAILED), ("fsck none", FAILED), ("diff none os/1", TROUBLE), ("explain none os/1", TROUBLE),
    ("create-image none", FAILED), ("import-image new none", FAILED), ("copy --from=none os/1", FAILED), ("repair --from=none", FAILED),
    ("mount none tree", FAILED), ("mount os/1 none", FAILED), ("compute-id none", FAILED), ("create-dumpfile none", FAILED),
    ("transaction none", 127), ("doctor", OK), ("scrub", OK), ("gc", OK),
]
# The file of the image os/1 is damaged.
DAMAGE = [
    ("fsck", DAMAGED), ("fsck os/1", DAMAGED), ("scrub", DAMAGED), ("repair", DAMAGED), ("export os/1 out.tar", FAILED), ("image-objects os/1", FAILED),
    ("ls os/1", FAILED), ("extract os/1 out", FAILED), ("diff os/1 tree", TROUBLE), ("mount os/1 none", FAILED), ("images", OK),
]
# An object of it is missing.
LOSS = [("fsck", DAMAGED), ("fsck os/1", MISSING), ("repair", DAMAGED), ("export os/1 out.tar", FAILED), ("extract os/1 out", FAILED), ("ls os/1", OK)]


@once
def make_place():
    make()


def verbs(*family):
    return re.findall(r"^  ([a-z][a-z-]+)  ", good(*family, "--help").partition("\nExample:")[0], re.M)


def all_verbs():
    known = verbs()
    return [(v,) for v in known if v not in HAS_VERBS] + [(f, v) for f in HAS_VERBS if f in known for v in verbs(f)]


def listed(*verb):
    """The statuses in the help of a verb."""
    return {int(n) for text in re.findall(r"(?s)Exit status: (.*?)\n\n", good(*verb, "--help")) for n in re.findall(r"\b\d+\b", text)}


def page_statuses():
    """Of each manual page that describes commands: its commands, and the statuses of its section EXIT STATUS."""
    for path in sorted(glob.glob(os.path.join(MAN, "composefs-*.scd"))):
        text = re.sub(r"^; include (\S+)\n", lambda m: read(os.path.join(MAN, m.group(1))), read(path), flags=re.M)
        names = text.partition("# NAME")[2].partition(" - ")[0].replace("\n", " ").split(",")
        found = re.search(r"^# EXIT STATUS\n(.*?)(?=^# )", text, re.S | re.M)
        commands = [n.strip()[len("composefs-"):] for n in names if n.strip().startswith("composefs-")]
        if found and any(is_built(c) for c in commands):
            yield os.path.basename(path), [c for c in commands if is_built(c)], numbers(found.group(1))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def numbers(text):
    """Statuses, without those of signals and of the shell, and without the sections of pages."""
    return {int(n) for n in re.findall(r"(?<![\w(.])\d+(?![\w).])|\b\d+(?=\.$|\.\s)", text)} - set(range(126, 256))


def manual_pages_list_the_statuses_of_their_commands():
    pages = list(page_statuses())
    expect(len(pages) > 15, is_built("init"))
    for page, commands, found in pages:
        all_of_them = {n for c in commands for verb in ([(c, v) for v in verbs(c)] if c in HAS_VERBS else [(c,)]) for n in listed(*verb)}
        expect((page, sorted(found)), (page, sorted(all_of_them - set(range(126, 256)))))


def is_built(verb):
    return verb in verbs()


def table(rows):
    for line, status in rows:
        verb, *rest = line.split()
        if not is_built(verb):
            continue
        where = [] if verb in ("compute-id", "create-dumpfile") else ["--repo=r"]
        got = run(verb, *where, *rest)
        if got[0] != status:
            raise AssertionError(f"{line}: expected status {status}, got {got[0]}: {got[2]}")
        if status not in listed(verb):
            raise AssertionError(f"{line}: expected a status that --help lists, got {status}")


def wrong_usage_is_2_in_each_verb():
    for verb in all_verbs():
        expect(run(*verb, "--no-such-option")[0], USAGE, " ".join(verb))
        expect(USAGE in listed(*verb), True, f"{' '.join(verb)} --help lists 2")
        expect(run(*verb, "--help")[0], OK, " ".join(verb))
        expect(run(*verb, "-h"), run(*verb, "--help"), " ".join(verb))
    for family in HAS_VERBS:
        if is_built(family):
            expect([run(family, "help", v) for v in verbs(family)], [run(family, v, "--help") for v in verbs(family)])
            expect(run(family, "help", "no-such-verb")[0], USAGE)
            expect([run(family)[0], run(family, "no-such-verb")[0]], [USAGE, USAGE], family)
    expect([run()[0], run("no-such-verb")[0]], [USAGE, USAGE])


def what_is_absent():
    make_place()
    table(ABSENT)


def what_is_damaged():
    make_place()
    image = os.path.realpath("r/images/refs/os/1")
    os.chmod(image, 0o600)
    with open(image, "r+b") as f:
        f.seek(5000)
        f.write(b"damage")
    table(DAMAGE)


def what_is_missing():
    make_place()
    content = good("image-objects", "--repo=r", "os/1").split()[0].split(":")[-1]
    os.unlink(f"r/objects/{content[:2]}/{content[2:]}")
    table(LOSS)


def what_cannot_be_an_image_is_no_damage():
    os.mkfifo("fifo")
    os.mkdir("dir")
    write("text", "no image\n" * 1000)
    for name, status in (("fifo", FAILED), ("dir", FAILED), ("/dev/null", FAILED), ("none", FAILED), ("text", DAMAGED)):
        expect(run("fsck", name)[0], status, name)


def what_is_refused():
    make_place()
    expect(run("init", "--insecure", "tree")[0], FAILED)
    expect(run("gc", "--repo=tree")[0], FAILED)
    if not is_built("verify"):
        raise Skip("no signatures in this build")
    good("export", "--repo=r", "os/1", "os.tar")
    os.mkdir("keys")
    expect(run("verify", "--repo=r", "--trusted=keys", "os/1")[0] in listed("verify") - {OK, FAILED, USAGE}, True)


def a_signal_ends_with_128_and_its_number():
    make_place()
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([COMPOSEFS, "transaction", "--repo=r", "--", "sh", "-c", "echo > held; read line"], stdin=subprocess.PIPE) as holder:
            wait_until(lambda: os.path.exists("held"), "lock")
            with subprocess.Popen([COMPOSEFS, "gc", "--repo=r"], stderr=subprocess.PIPE) as gc:
                has(os.read(gc.stderr.fileno(), 4096).decode(), "waiting for other processes that use the repository")
                gc.send_signal(number)
                expect(gc.wait(), 128 + number)
            holder.communicate(b"\n")
        os.unlink("held")


if __name__ == "__main__":
    sys.exit(main([wrong_usage_is_2_in_each_verb, manual_pages_list_the_statuses_of_their_commands, what_is_absent, what_is_damaged, what_is_missing, what_cannot_be_an_image_is_no_damage,
                   what_is_refused, a_signal_ends_with_128_and_its_number]))
