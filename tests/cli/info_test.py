#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-info: what it prints of images made here.

    info_test.py COMPOSEFS-INFO MKCOMPOSEFS
"""
import os
import random
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, fact, run_facts  # noqa: E402  pylint: disable=wrong-import-position
from faults import can_inject, faults  # noqa: E402  pylint: disable=wrong-import-position

INFO, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])


def objects_of(payloads, command="objects", basedir="/"):
    """What is listed of an image whose files have these backing paths."""
    lines = ["/ 4096 40755 2 0 0 0 0.0 - - -"]
    for number, payload in enumerate(payloads):
        escaped = "".join("\\x%02x" % byte for byte in payload)
        lines.append("/%07d 1 100644 1 0 0 0 0.0 %s - -" % (number, escaped))
    image = subprocess.run([MKCOMPOSEFS, "--from-file", "-", "-"], input="\n".join(lines).encode() + b"\n",
                           stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run([INFO, f"--basedir={basedir}", command, "/dev/stdin"], input=image, stdout=subprocess.PIPE,
                          check=True).stdout.splitlines()


@fact
def objects_come_in_byte_order_each_once():
    rng = random.Random("objects")
    letters = [b"0", b"f", b"/", b"\x01", b"\x7f", b"\x80", b"\xff"]
    paths = [b"".join(rng.choice(letters) for _ in range(rng.randrange(1, 5))) for _ in range(500)]
    paths += [b"the-same" + rng.choice([b"", b"0", b"1" * 70, b"\xff"]) for _ in range(50)]
    paths += [b"%02x/%062x" % (n % 256, rng.getrandbits(248)) for n in range(300)]
    paths = [p.lstrip(b"/") or b"-0" for p in paths]
    expect(objects_of(paths), sorted(set(paths)), "objects")


@fact
def objects_of_files_that_share_the_beginning_of_their_paths():
    paths = [b"aa/%061d" % n for n in reversed(range(300))]
    expect(objects_of(paths), paths[::-1], "objects")


@fact
def an_object_that_cannot_be_looked_at_is_not_called_missing():
    with tempfile.TemporaryDirectory() as top:
        os.mkdir(f"{top}/dir")
        with open(f"{top}/dump", "w", encoding="ascii") as f:
            f.write("/ 4096 40755 2 0 0 0 0.0 - - -\n/a 1 100644 1 0 0 0 0.0 dir/a - -\n")
        subprocess.run([MKCOMPOSEFS, "--from-file", f"{top}/dump", f"{top}/image"], check=True)
        missing = [INFO, f"--basedir={top}", "missing-objects", f"{top}/image"]
        expect(subprocess.run(missing, capture_output=True, check=True).stdout, b"dir/a\n")
        open(f"{top}/dir/a", "w", encoding="ascii").close()
        expect(subprocess.run(missing, capture_output=True, check=True).stdout, b"")
        if not can_inject():
            return
        for fault, status, out, _ in faults(missing, f'"{top}"', 60):
            ensure(status or not out, f"{fault}: {out}")


@fact
def objects_that_are_not_below_the_directory_are_missing():
    """Nor does overlayfs look above it."""
    with tempfile.TemporaryDirectory() as top:
        os.makedirs(f"{top}/objects/aa")
        for name in ("objects/aa/there", "above"):
            with open(f"{top}/{name}", "wb"):
                pass
        paths = [b"aa/there", b"//aa/there", b"aa/not", b"../above", b"aa/../../above", b"b" * 4095]
        expect(objects_of(paths, "missing-objects", f"{top}/objects"),
               [b"../above", b"aa/../../above", b"aa/not", b"b" * 4095], "missing")


if __name__ == "__main__":
    sys.exit(run_facts())
