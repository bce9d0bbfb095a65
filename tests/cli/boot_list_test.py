#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Boot entries on a boot partition: what they boot, and partitions of somebody else.

    boot_list_test.py COMPOSEFS
"""
import json
import os
import sys

from repo import FAILED, expect, good, has, loaded, main, run
from pe_file import pe  # pylint: disable=wrong-import-order

A, B = "a" * 64, "b" * 128


def put(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def type1(name, *lines):
    put(f"p/loader/entries/{name}", "".join(line + "\n" for line in lines).encode())


def uki(name, *sections, **lies):
    put(f"p/EFI/Linux/{name}", pe(*sections, **lies))


def entries(place="p"):
    return loaded("boot", "list", f"--boot={place}", "--json")["entries"]


def fields(*names):
    return [tuple(e[name] for name in names) for e in entries()]


def type1_entries_are_listed_with_their_images():
    type1("os+2-1.conf", "title My OS", "version 6.12", "linux /vmlinuz", "options root=LABEL=x", f"options composefs.digest=v1-sha256-12:{A}")
    type1("bootc_x.conf", "# as bootc writes it", f"options rw composefs=?{B}")
    type1("other.conf", "title Other", "options quiet")
    type1("notes.txt", "title No entry")
    expect(fields("name", "type", "title", "version", "id", "insecure", "tries_left", "tries_done", "reason"), [
        ("bootc_x", "type1", None, None, f"sha512:{B}", True, None, None, None),
        ("os", "type1", "My OS", "6.12", f"sha256:{A}", False, 2, 1, None),
        ("other", "type1", "Other", None, None, False, None, None, None)])
    out = good("boot", "list", "--boot=p").splitlines()
    expect([line.split()[-1] for line in out], ["IMAGE", "b" * 12, "a" * 12, "-"])
    has(out[2], "2 left, 1 failed")
    has(good("boot", "list", "--boot=p", "--no-trunc"), f"sha256:{A}")


def ukis_are_listed_with_their_images():
    release, args = b'NAME=x\nPRETTY_NAME="My OS 13"\nVERSION_ID=13\n', f"quiet composefs.digest=v1-sha256-12:{A}\0".encode()
    uki("os+3.efi", (b".osrel", release), (b".cmdline", args), (b".linux", b"MZ"))
    uki("bootc/bootc_composefs-x.efi", (b".cmdline", f"composefs={B}\n".encode()))
    uki("no-arguments.efi", (b".osrel", release))
    type1("bootc.conf", "title By an entry", "uki /EFI/Linux/bootc/bootc_composefs-x.efi")
    expect(fields("file", "type", "title", "version", "id", "tries_left"), [
        ("loader/entries/bootc.conf", "type1", "By an entry", None, f"sha512:{B}", None),
        ("EFI/Linux/no-arguments.efi", "uki", "My OS 13", "13", None, None),
        ("EFI/Linux/os+3.efi", "uki", "My OS 13", "13", f"sha256:{A}", 3),
        ("EFI/Linux/bootc/bootc_composefs-x.efi", "uki", None, None, f"sha512:{B}", None)])


def failing(part):
    """Entries of which one has a problem, which is reported."""
    rc, out, err = run("boot", "list", "--boot=p", "--json")
    expect(rc, FAILED)
    has(err, part)
    found = json.loads(out)["entries"]
    has(" ".join(e["reason"] or "" for e in found), part)
    return found


def entry_that_cannot_be_read_is_reported_and_the_others_are_listed():
    type1("good.conf", f"options composefs={A}")
    for name, make, part in (
            ("bad-digest.conf", lambda p: put(p, b"options composefs=abc\n"), "composefs"),
            ("large.conf", lambda p: put(p, b"#" * 65537), "65536"),
            ("fifo.conf", os.mkfifo, "FIFO"),
            ("link.conf", lambda p: os.symlink("/etc/passwd", p), "got a symlink"),
            ("gone.conf", lambda p: put(p, b"uki /EFI/Linux/gone.efi\n"), "gone.efi"),
            ("out.conf", lambda p: put(p, b"uki /../secret/x.efi\n"), "path leaves its directory")):
        put("secret/x.efi", pe((b".cmdline", f"composefs={B}".encode())))
        make(f"p/loader/entries/{name}")
        found = failing(part)
        expect([e["id"] for e in found if not e["reason"]], [f"sha256:{A}"])
        expect(len(found), 2)
        os.unlink(f"p/loader/entries/{name}")


def uki_that_lies_is_reported():
    args = (b".cmdline", f"composefs={A}".encode())
    for content, part in ((pe(args, off=2000), "not inside"), (pe(args, args), "expected one section .cmdline"),
                          (pe(args, n=300), "at most 256 sections"), (b"no PE", "expected a PE file"), (b"", "expected a PE file")):
        put("p/EFI/Linux/x.efi", content)
        expect([e["id"] for e in failing(part)], [None])


def links_of_directories_stay_inside_the_partition():
    type1("a.conf", f"options composefs={A}")
    os.rename("p/loader", "p/loader.1")
    os.symlink("loader.1", "p/loader")  # as ostree has it
    expect(fields("id"), [(f"sha256:{A}",)])
    put("other/entries/a.conf", f"options composefs={A}\n".encode())
    os.unlink("p/loader")
    os.symlink("../other", "p/loader")
    expect(entries(), [])


def partition_that_is_absent_is_an_error():
    rc, _, err = run("boot", "list", "--boot=absent")
    expect(rc, FAILED)
    has(err, "absent: No such file or directory")
    os.mkdir("empty")
    expect(entries("empty"), [])


def directory_given_twice_is_read_once():
    type1("a.conf", f"options composefs={A}")
    os.symlink("p", "q")
    expect(len(loaded("boot", "list", "--boot=p", "--boot=q", "--json")["entries"]), 1)


if __name__ == "__main__":
    sys.exit(main([
        type1_entries_are_listed_with_their_images,
        ukis_are_listed_with_their_images,
        entry_that_cannot_be_read_is_reported_and_the_others_are_listed,
        uki_that_lies_is_reported,
        links_of_directories_stay_inside_the_partition,
        partition_that_is_absent_is_an_error,
        directory_given_twice_is_read_once,
    ]))
