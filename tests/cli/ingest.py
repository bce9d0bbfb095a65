# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What the tests of directory -> image and objects share: trees to pack, and a second opinion on what a
store has to hold."""
import hashlib
import os
import random
import re
import struct
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Moments, Skip, ensure, expect, fact, has, place_in_memory, run_facts, wait_until  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}")


def verity(data):
    """The fs-verity digest of some bytes, by the kernel's documentation: SHA-256, blocks of 4096."""
    level = data
    root = bytes(32)
    while level:
        hashes = [hashlib.sha256(level[i:i + 4096].ljust(4096, b"\0")).digest()
                  for i in range(0, len(level), 4096)]
        if len(hashes) == 1:
            root = hashes[0]
            break
        level = b"".join(hashes)
    descriptor = struct.pack("<BBBBIQ", 1, 1, 12, 0, 0, len(data)) + root.ljust(256 - 16, b"\0")
    return hashlib.sha256(descriptor).hexdigest()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def make_source(top, count, sizes, seed=1):
    """Regular files of random content, some of it twice, in a few directories."""
    rng = random.Random(seed)
    twin = b""
    for number in range(count):
        folder = f"{top}/d{number % 7}"
        os.makedirs(folder, exist_ok=True)
        data = twin if number % 10 == 9 else rng.randbytes(rng.choice(sizes))
        write(f"{folder}/f{number}", data)
        twin = data
    return top


def expected_objects(top, inline_max=64):
    found = set()
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) > inline_max:
                digest = verity(read(path))
                found.add(f"{digest[:2]}/{digest[2:]}")
    return found


def files_below(top):
    return {os.path.relpath(os.path.join(folder, name), top)
            for folder, _, names in os.walk(top) for name in names}


def check_whole(store):
    """Each file below the store is an object that holds what its name says. Returns their names."""
    found = files_below(store)
    for name in found:
        ensure(OBJECT.fullmatch(name), f"left behind: {name}")
        data = read(f"{store}/{name}")
        expect(verity(data), name.replace("/", ""), f"digest of the object {name}, {len(data)} bytes")
        expect(os.stat(f"{store}/{name}").st_mode & 0o7777, 0o644, f"mode of {name}")
    return found


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, **options)
    if done.returncode:
        raise AssertionError(f"{command}: expected status 0, got {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def fails(*command, **options):
    """The message of a command that must fail, with status 1."""
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, **options)
    expect(done.returncode, 1, f"status of {command}, which said {done.stderr!r}")
    return done.stderr.decode(errors="surrogateescape")
