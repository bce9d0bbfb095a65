#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Output that others share: one write(2) for each message, descriptors in non-blocking mode, terminals.

    message_test.py TOOLS
"""
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, run_facts_afresh  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = os.path.abspath(sys.argv[1])
with open(f"{TOOLS}/composefs", "rb") as program:
    SANITIZED = b"__asan_init" in program.read()
EVIL = "a\x1b[2J\u202eb\u2066c\u009bd"


def tool(name):
    return f"{TOOLS}/{name}"


def has_command(name):
    return subprocess.run([tool("composefs"), name, "--help"], capture_output=True, check=False).returncode == 0


class Place:
    """A tree of many names, and its image."""

    def __init__(self):
        os.mkdir("tree")
        for number in range(3000):
            with open(f"tree/{number:0100}", "wb"):
                pass
        subprocess.run([tool("mkcomposefs"), "tree", "image"], check=True)


def writes_to_stderr(*args):
    """What each write(2) to standard error has. SIGCHLD and the like do not count."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    subprocess.run(["strace", "-f", "-E", "ASAN_OPTIONS=detect_leaks=0", "-o", "trace", "-s", "20000", "-e",
                    "trace=write,writev", *args], stdin=subprocess.DEVNULL,
                   capture_output=True, check=False)
    with open("trace", encoding="utf-8", errors="replace") as f:
        return re.findall(r'write(?:v)?\(2, \[?(?:\{iov_base=)?"((?:[^"\\]|\\.)*)"', f.read())


def programs():
    names = ("mkcomposefs", "composefs-info", "composefs-dump", "composefs-fsck", "mount.composefs", "composefs", "composefs-fuse",
             "composefs-prepare-root", "composefs-registry", "composefs-fetch", "composefs-pkcs7")
    return [n for n in names if os.path.exists(tool(n))]


@fact
def every_program_has_help_and_version(_):
    for name in programs():
        for option, begin in (("--version", f"{name} "), ("--help", "usage: ")):
            done = subprocess.run([tool(name), option], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            expect((done.returncode, done.stderr), (0, ""), f"{name} {option}")
            ensure(done.stdout.lower().startswith(begin), f"{name} {option}: {done.stdout}")


@fact
def wrong_usage_begins_with_the_name_of_the_program(_):
    """Also where 1.0.8 printed its usage; getopt(3) says it in its own words."""
    for name in programs():
        for args in ((), ("--no-such-option",), ("a", "b", "c", "d", "e", "f")):
            done = subprocess.run([tool(name), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if not args and name in ("composefs", "composefs-registry"):
                continue  # prints the list of its commands; reads its work from standard input
            ensure(done.returncode != 0 and not done.stdout, f"{name} {args}: {done.returncode} {done.stdout}")
            ensure(done.stderr.startswith(f"{name}: "), f"{name} {args}: {done.stderr}")


@fact
def failing_to_print_the_version_is_an_error(_):
    for name in programs():
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([tool(name), "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        expect((done.returncode, done.stderr.startswith(f"{name}: ")), (1, True), f"{name}: {done.stderr}")


@fact
def an_unknown_command_is_named(_):
    done = subprocess.run([tool("composefs-info"), "dmp", "image"], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stdout, done.stderr), (1, "", "composefs-info: Unknown command 'dmp'\n"))


@fact
def a_message_is_one_write(_):
    for args in (["composefs", "no-such-command"], ["composefs", "fsck", "no-such-image"], ["composefs", "ls", "no\x1b\x1bsuch"],
                 ["composefs-info", "ls", "none"], ["composefs-dump", "none", "out"], ["mkcomposefs", "none", "out"],
                 ["mount.composefs", "-o", "basedir=.", "none", "none"], ["composefs-fsck", "none"]):
        got = writes_to_stderr(tool(args[0]), *args[1:])
        expect(len(got), 1, f"writes of {args}: {got}")
        ensure(got[0].endswith("\\n"), got)


@fact
def a_usage_is_one_write(_):
    for args in (["composefs"], ["composefs-dump"], ["composefs-fetch"], ["composefs-pkcs7"]):
        if os.path.exists(tool(args[0])):
            got = writes_to_stderr(tool(args[0]), *args[1:])
            expect(len(got), 1, f"writes of {args}: {got}")
    for args in (["mkcomposefs"], ["composefs-info"], ["composefs", "ls"], ["composefs", "ls", "--none"]):
        got = writes_to_stderr(tool(args[0]), *args[1:])
        expect(len(got), 1, f"writes of {args}: {got}")


def read_slowly(args, stdin=None):
    """All that a command prints into a pipe that is in non-blocking mode, and its status."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    fcntl.fcntl(write_end, fcntl.F_SETFL, fcntl.fcntl(write_end, fcntl.F_GETFL) | os.O_NONBLOCK)
    with subprocess.Popen(args, stdin=stdin, stdout=write_end, stderr=subprocess.PIPE) as child:
        os.close(write_end)
        time.sleep(0.05)  # the pipe is full then, most likely; it does not matter if not
        text = b""
        while piece := os.read(read_end, 3000):
            text += piece
        os.close(read_end)
        return child.wait(), text, child.stderr.read()


@fact
def output_in_non_blocking_mode_is_written_completely(_):
    for args in (["composefs-info", "ls", "image"], ["composefs-info", "dump", "image"], ["composefs", "ls", "image", "/"],
                 ["composefs", "diff", "image", "dump:empty"], ["composefs", "diff", "--json", "image", "dump:empty"],
                 ["mkcomposefs", "tree", "-"], ["composefs", "--help"]):
        with open("empty", "wb") as f:
            f.write(b"/ 4096 40755 2 0 0 0 0.0 - - -\n")
        args = [tool(args[0]), *args[1:]]
        expected = subprocess.run(args, stdout=subprocess.PIPE, check=False)
        status, text, err = read_slowly(args)
        expect((status, err), (expected.returncode, b""), args)
        ensure(text == expected.stdout, f"{args}: {len(text)} bytes, not {len(expected.stdout)}")


@fact
def input_in_non_blocking_mode_is_read_completely(_):
    dump = subprocess.run([tool("composefs-info"), "dump", "image"], stdout=subprocess.PIPE, check=True).stdout
    with open("image", "rb") as f:
        image = f.read()
    for data, args in ((dump, ["mkcomposefs", "--from-file", "-", "out"]), (dump, ["composefs", "diff", "-", "image"]),
                       (image, ["composefs", "diff", "-", "image"]), (image, ["composefs-info", "ls", "/dev/stdin"])):
        read_end, write_end = os.pipe()
        fcntl.fcntl(read_end, fcntl.F_SETFL, fcntl.fcntl(read_end, fcntl.F_GETFL) | os.O_NONBLOCK)
        with subprocess.Popen([tool(args[0]), *args[1:]], stdin=read_end, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as child:
            os.close(read_end)
            with open(write_end, "wb", buffering=0) as pipe:
                for at in range(0, len(data), 50000):
                    time.sleep(0.005)
                    try:
                        pipe.write(data[at:at + 50000])
                    except BrokenPipeError:
                        break
            err = child.stderr.read()
            expect((child.wait(), err), (0, b""), args)


def no_control(text, what):
    for bad in ("\x1b", "\u202e", "\u2066", "\u009b"):
        ensure(bad not in text.decode("utf-8", "surrogateescape"), f"{what}: {text[:300]!r}")
    ensure(b"\x9b" not in text.replace(b"\xc2\x9b", b""), f"{what}: {text[:300]!r}")


@fact
def control_characters_of_input_do_not_reach_the_terminal(_):
    """Names with an escape sequence, marks of direction, and a raw byte 0x9b."""
    raw = os.fsencode(EVIL) + b"\x9b2J"
    os.mkdir("evil")
    with open(b"evil/" + raw, "wb") as f:
        f.write(b"x" * 100)
    shutil.copy("image", raw)
    calls = [["mkcomposefs", "evil", "evil.cfs"], ["composefs-info", "ls", "evil.cfs"], ["composefs", "ls", "evil.cfs", "/"],
             ["composefs", "diff", "evil.cfs", "image"], ["composefs", "explain", raw, "evil.cfs"], ["composefs", "fsck", raw],
             ["composefs", "fsck", b"none" + raw], ["composefs", "ls", b"none" + raw], ["composefs", "diff", raw, b"none" + raw],
             ["composefs-dump", b"none" + raw, "x"], ["mkcomposefs", b"none" + raw, "x"],
             ["mount.composefs", "-o", b"basedir=" + raw, b"none" + raw, raw]]
    if has_command("init"):
        calls += [["composefs", "init", "--insecure", b"repo" + raw], ["composefs", "init", "--insecure", "--json", b"repo" + raw],
                  ["composefs", "create-image", b"--repo=repo" + raw, "evil", "a, b"], ["composefs", "du", b"--repo=repo" + raw],
                  ["composefs", "images", b"--repo=none" + raw], ["composefs", "gc", b"--repo=repo" + raw, "--dry-run"]]
    if has_command("sign") and shutil.which("openssl"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], check=True)
        os.mkdir("keys")
        subprocess.run(["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", b"keys/" + raw], check=True)
        calls += [["composefs", "sign", "--key=key.pem", raw], ["composefs", "verify", "--trusted=keys", raw],
                  ["composefs", "verify", "--trusted=keys", "--json", raw]]
    for name, *args in calls:
        done = subprocess.run([tool(name), *args], capture_output=True, check=False)
        no_control(done.stdout, args)
        no_control(done.stderr, args)


@fact
def a_comma_in_a_name_is_not_a_separator(_):
    if not has_command("init"):
        raise Skip("built without repositories")
    for args in (["init", "--insecure", "repo"], ["create-image", "--repo=repo", "tree", "a, b"]):
        subprocess.run([tool("composefs"), *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    table = subprocess.run([tool("composefs"), "du", "--repo=repo"], stdout=subprocess.PIPE, check=True).stdout
    ensure(b"a\\x2c b" in table, table)
    expect(json.loads(subprocess.run([tool("composefs"), "du", "--repo=repo", "--json"], stdout=subprocess.PIPE,
                                     check=True).stdout)["images"][0]["names"], ["a, b"])


@fact
def a_stack_of_64_kib_is_enough(_):
    """As some services and threads have it."""
    calls = [["mkcomposefs", "--digest-store=store", "tree", "a.cfs"], ["composefs", "fsck", "--isolated", "a.cfs"], ["composefs", "ls", "a.cfs"],
             ["composefs", "diff", "a.cfs", "tree"], ["composefs", "explain", "a.cfs", "tree"], ["composefs-info", "dump", "a.cfs"]]
    if has_command("init"):
        calls += [["composefs", "init", "--insecure", "repo"], ["composefs", "create-image", "--repo=repo", "tree", "x"],
                  ["composefs", "fsck", "--repo=repo"], ["composefs", "gc", "--repo=repo"], ["composefs", "du", "--repo=repo"],
                  ["composefs", "repair", "--repo=repo"], ["composefs", "import-image", "--repo=repo", "y", "a.cfs"]]
    if has_command("sign") and shutil.which("openssl"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], check=True)
        os.mkdir("keys")
        subprocess.run(["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "keys/key"], check=True)
        calls += [["composefs", "sign", "--key=key.pem", "a.cfs"],
                  ["composefs", "sign", "--key=key.pem", "--statement=s", "--name=os", "--version=1", "a.cfs"],
                  ["composefs", "verify", "--trusted=keys", "--statement=s", "--name=os", "a.cfs"]]
    if SANITIZED:
        raise Skip("sanitizers need more")
    for name, *args in calls:
        done = subprocess.run(["sh", "-c", 'ulimit -s 64; exec "$0" "$@"', tool(name), *args], capture_output=True, check=False)
        expect((done.returncode, args), (0, args), done.stderr)


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place))
