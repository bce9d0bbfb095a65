#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""-q and -v, warnings that are held back, colours.

    verbosity_test.py TOOLS
"""
import os
import pty
import re
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, has, run_facts_afresh  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = os.path.abspath(sys.argv[1])
WARNED = "/ 0 40755 2 0 0 0 0.0 - - -\n/fifo 5 10644 1 0 0 0 0.0 - - -\n"


class Place:
    """A dump with one warning, and a tree."""

    def __init__(self):
        with open("dump", "w", encoding="ascii") as f:
            f.write(WARNED)
        with open("bad", "w", encoding="ascii") as f:
            f.write(WARNED + "/x nonsense\n")
        os.makedirs("tree")
        with open("tree/file", "w", encoding="ascii") as f:
            f.write("x" * 1000)


def run(program, *args, env=None):
    done = subprocess.run([f"{TOOLS}/{program}", *args], capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def repositories_are_built():
    return run("composefs", "init", "--help")[0] == 0


def needs_repositories():
    if not repositories_are_built():
        raise Skip("built without repositories")


def on_terminal(program, *args, env=None):
    """What a program prints on a terminal, both streams."""
    master, slave = pty.openpty()
    with subprocess.Popen([f"{TOOLS}/{program}", *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                          env={"TERM": "xterm", **(env or {})}) as child:
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 4096):
                text += piece
        except OSError:
            pass  # the terminal has no writer any more
        child.wait()
    os.close(master)
    return text.decode()


@fact
def a_warning_follows_the_error(_):
    status, _, err = run("mkcomposefs", "--from-file", "bad", "image")
    lines = err.splitlines()
    expect((status, len(lines)), (1, 2), err)
    ensure("warning: " not in lines[0] and lines[1].startswith("mkcomposefs: warning: "), err)


@fact
def quiet_drops_warnings_and_keeps_errors_and_output(_):
    for option in ("-q", "--quiet"):
        status, out, err = run("mkcomposefs", option, "--print-digest", "--from-file", "dump", "image")
        expect((status, len(out.strip()), err), (0, 64, ""))
        status, out, err = run("mkcomposefs", option, "--from-file", "bad", "image")
        expect((status, out, err.count("\n")), (1, "", 1), err)
    has(run("mkcomposefs", "--from-file", "dump", "image")[2], "warning: ")


@fact
def quiet_is_accepted_by_every_program(_):
    for name in ("mkcomposefs", "composefs-info", "composefs-dump", "composefs-fsck", "mount.composefs", "composefs-fuse", "composefs-prepare-root",
                 "composefs-fetch", "composefs-pkcs7", "composefs-registry"):
        if os.path.exists(f"{TOOLS}/{name}"):
            for option in ("-q", "-v", "--quiet", "--verbose"):
                status, out, err = run(name, option, "--version")
                expect((status, out.split()[0], err), (0, name, ""), f"{name} {option}")


def verbs():
    """Every command, and every verb of oci and boot."""
    found = []
    for prefix in ((), ("oci",), ("boot",)):
        _, text, _ = run("composefs", *prefix, "--help")
        found += [(*prefix, verb) for verb in re.findall(r"^  ([a-z][a-z-]+)  ", text.partition("\nExample:")[0], re.M)]
    return [v for v in found if v not in (("oci",), ("boot",), ("version",))]


@fact
def every_verb_takes_quiet_and_verbose(_):
    """Together with an option that does not exist, so that nothing is done: the message is about that one alone."""
    ensure(len(verbs()) > (35 if repositories_are_built() else 3), verbs())
    for verb in verbs():
        for option in ("-q", "-v", "--quiet", "--verbose"):
            status, out, err = run("composefs", *verb, option, "--no-such-option")
            expect((status, out, "--no-such-option: unknown option" in err), (2, "", True), f"{verb} {option}: {err}")
            expect(run("composefs", *verb, option, "--help")[::2], (0, ""), f"{verb} {option}")


@fact
def messages_of_every_verb_begin_with_its_name_and_obey_no_color(_):
    for verb in verbs():
        name = " ".join(("composefs", *verb))
        expect(run("composefs", *verb, "--no-such-option")[2],
             f"{name}: --no-such-option: unknown option\nsee \"{name} --help\"\n")
        colour = on_terminal("composefs", *verb, "--no-such-option")
        ensure(colour.startswith(f"\x1b[1;31m{name}:\x1b[0m "), repr(colour))
        ensure("\x1b" not in (text := on_terminal("composefs", *verb, "--no-such-option", env={"NO_COLOR": "1"})), repr(text))
        ensure("\x1b" not in (text := on_terminal("composefs", *verb, "--help", env={"NO_COLOR": "1"})), repr(text))


@fact
def one_thing_is_not_counted_in_the_plural(_):
    """What commands print about one image of one file, and about nothing."""
    needs_repositories()
    run("composefs", "init", "--insecure", "r")
    run("composefs", "create-image", "--repo=r", "tree", "t")
    wrong = re.compile(r"\b1 (objects|images|files|references|streams|entries|layers|names|errors|warnings|findings)\b")
    run("composefs", "init", "--insecure", "other")
    os.mkdir("empty")
    run("composefs", "create-image", "--repo=other", "empty", "e")
    run("composefs", "import-image", "--repo=other", "again", "other/images/refs/e")
    for command in ("copy --from=other e", "log e", "rm e", "images", "du", "gc --dry-run", "fsck", "diff tree repo:t", "inspect t", "rm t", "gc", "du", "images", "fsck"):
        verb, *rest = command.split()
        _, out, err = run("composefs", verb, "--repo=r", *rest)
        ensure(not wrong.search(out + err), f"{command}: {out}{err}")


@fact
def quiet_drops_confirmations(_):
    """The exit status alone reports success; what was asked for is printed."""
    needs_repositories()
    for repo in ("r", "other"):
        run("composefs", "init", "--insecure", repo)
    run("composefs", "create-image", "--repo=r", "tree", "t")
    run("composefs", "tag", "--repo=r", "t", "u")
    for line in ("init --insecure new", "copy --repo=other --from=r t", "fsck --repo=r", "fsck --repo=r t", "scrub --repo=r", "repair --repo=r", "rm --repo=r u", "gc --repo=r"):
        verb, *rest = line.split()
        expect(run("composefs", verb, "-q", *rest), (0, "", ""), line)
    ensure(run("composefs", "images", "-q", "--repo=r")[1], "the IDs are what -q asks for")


@fact
def an_acknowledged_repository_without_fs_verity_is_not_warned_of_again(_):
    needs_repositories()
    expect(run("composefs", "init", "--insecure", "r"), (0, "r: created\n", ""))
    for options in ((), ("-q",), ("--json",)):
        status, _, err = run("composefs", "create-image", *options, "--repo=r", "tree", "t")
        expect((status, err), (0, ""))
    expect(run("composefs", "-q", "init", "--insecure", "s"), (0, "", ""))


@fact
def verbose_tells_which_repository_is_used_and_why(_):
    needs_repositories()
    run("composefs", "init", "--insecure", "r")
    expect(run("composefs", "images", "-v", "--repo=r")[2], "composefs images: repository r (--repo)\n")
    expect(run("composefs", "--verbose", "images", env={"COMPOSEFS_REPO": "r"})[2], "composefs images: repository r ($COMPOSEFS_REPO)\n")


@fact
def a_terminal_gets_colours_unless_no_color_is_set(_):
    red, yellow, bold = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1m"
    ensure(f"{red}composefs-info:\x1b[0m " in (text := on_terminal("composefs-info", "ls", "none")), text)
    ensure(f"mkcomposefs: {yellow}warning:\x1b[0m " in (text := on_terminal("mkcomposefs", "--from-file", "dump", "image")), text)
    ensure(f"{bold}Example:\x1b[0m" in (text := on_terminal("mkcomposefs", "--help")), text)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        for args in (("composefs-info", "ls", "none"), ("mkcomposefs", "--from-file", "dump", "image"), ("mkcomposefs", "--help")):
            ensure("\x1b" not in (text := on_terminal(*args, env=env)), text)
    ensure("\x1b" not in run("mkcomposefs", "--help", env={"TERM": "xterm"})[1])


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place))
