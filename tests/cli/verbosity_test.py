#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""-q and -v, warnings that are held back, colours.

    verbosity_test.py TOOLS
"""
import os
import pty
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


def needs_repositories():
    if run("composefs", "init", "--help")[0]:
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
    for name in ("mkcomposefs", "composefs-info", "composefs-dump", "composefs-fsck", "mount.composefs", "composefs-fetch", "composefs-pkcs7"):
        if os.path.exists(f"{TOOLS}/{name}"):
            for option in ("-q", "-v", "--quiet", "--verbose"):
                status, out, err = run(name, option, "--version")
                expect((status, out.split()[0], err), (0, name, ""), f"{name} {option}")


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
