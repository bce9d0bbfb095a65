#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs diff and explain on two trees that differ a little: "name value unit" lines.

    diff.py BUILD [ENTRIES [CHANGED]]          default 1M entries, of which each 100th is changed

Two images and their dumps; each 100th entry has another mtime, another owner, or is gone. Wall and CPU time, and the most memory.
"""
import os
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
ENTRIES = sys.argv[2] if len(sys.argv) > 2 else "1M"
CHANGED = int(sys.argv[3]) if len(sys.argv) > 3 else 100
COMPOSEFS, MKCOMPOSEFS = (os.path.join(BUILD, "tools", name) for name in ("composefs", "mkcomposefs"))
GENERATOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen_dump.py")


def change(line, number):
    """Nothing is taken away that others need."""
    fields = line.split(b" ")
    if number % (3 * CHANGED) == 0 and not fields[2].startswith(b"40"):
        return b""
    if number % (2 * CHANGED) == 0:
        fields[4] = b"1000"
    elif number % CHANGED == 0:
        fields[7] = b"1.5"
    return b" ".join(fields)


def make():
    with open("a.dump", "wb") as out:
        subprocess.run([sys.executable, GENERATOR, "files", ENTRIES], check=True, stdout=out)
    with open("a.dump", "rb") as old, open("b.dump", "wb") as new:
        new.writelines(change(line, number) for number, line in enumerate(old))
    for name in "ab":
        subprocess.run([MKCOMPOSEFS, "--from-file", name + ".dump", name + ".cfs"], check=True)


def measure(name, *args):
    begun = time.monotonic()
    with open("out", "wb") as out, subprocess.Popen([COMPOSEFS, *args], stdout=out) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - begun
    if child.returncode > 1:
        raise SystemExit(f"{name}: status {child.returncode}")
    print(f"{name}_wall {took:.3f} s\n{name}_cpu {used.ru_utime + used.ru_stime:.3f} s\n"
          f"{name}_peak {used.ru_maxrss // 1024} MiB", flush=True)
    with open("out", "rb") as out:
        print("#", out.read().splitlines()[-1].decode(), flush=True)


def main():
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as tmp:
        os.chdir(tmp)
        make()
        measure("diff_images", "diff", "a.cfs", "b.cfs")
        measure("diff_images_stat", "diff", "--stat", "a.cfs", "b.cfs")
        measure("diff_dumps", "diff", "a.dump", "b.dump")
        measure("diff_same_image", "diff", "a.cfs", "a.cfs")
        measure("explain_images", "explain", "a.cfs", "b.cfs")
        os.chdir("/")


if __name__ == "__main__":
    main()
