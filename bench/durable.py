#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What it costs that objects are on disk before they have names: "name value unit" lines.

    durable.py COMPOSEFS [FILES]      default 2000; in a directory on the disk that is asked about

The same small files as objects, once by create-image, with its syncfs for all of them, once with an fsync and a rename for each, once
with neither. Wall time and the number of calls that sync.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

COMPOSEFS = os.path.abspath(sys.argv[1])
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 2000


def content(n):
    return f"file {n}\n".encode() * 100


def one_by_one(sync):
    """The files as objects are written without batches; how often it synced."""
    for n in range(FILES):
        folder = f"{n % 256:02x}"
        os.makedirs(folder, exist_ok=True)
        with open("tmp", "wb") as f:
            f.write(content(n))
            if sync:
                os.fsync(f.fileno())
        os.rename("tmp", f"{folder}/{n}")
    return FILES * sync


def create_image(tree):
    subprocess.run([COMPOSEFS, "init", "--insecure", "r"], check=True, capture_output=True)
    subprocess.run(["strace", "-fqq", "-c", "-e", "trace=syncfs,fsync,fdatasync", "-o", "calls", COMPOSEFS, "create-image", "--repo=r", tree, "x"],
                   check=True, capture_output=True)
    with open("calls", encoding="ascii") as f:
        return sum(int(n) for n in re.findall(r"(\d+) +(?:syncfs|fsync|fdatasync)$", f.read(), re.M))


def measure(name, work, *args):
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        here = os.getcwd()
        os.chdir(folder)
        subprocess.run(["sync", "-f", "."], check=True)
        begun = time.monotonic()
        n = work(*args)
        print(f"{name}_wall {time.monotonic() - begun:.3f} s\n{name}_syncs {n} calls", flush=True)
        os.chdir(here)


def main():
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as tree:
        for n in range(FILES):
            with open(f"{tree}/{n}", "wb") as f:
                f.write(content(n))
        measure("no_sync", one_by_one, False)
        measure("create_image", create_image, tree)
        measure("fsync_each", one_by_one, True)


if __name__ == "__main__":
    main()
