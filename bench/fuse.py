#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Mounts without root beside the mount of root: reading, opening and walking, in turns.

    bench/fuse.py BUILD [--files 2400] [--entries 160k] [--pairs 7] [--work DIR] [--peer PROGRAM]

Needs root, to have something to compare with. The mounts: "kernel" by root; "overlay-fuse" and "fuse" in a user namespace;
"peer" by a FUSE program that takes "-f -o source=IMAGE,basedir=OBJECTS MOUNTPOINT". Printed are medians in milliseconds and the
median of the ratios to "kernel" in the same round, smallest and largest in brackets; below 1 is faster than root's mount. "first"
is the first time on a new mount, "again" the second time on it. Everything is in the page cache of the object files before.

Traps that this avoids: each round has new mounts of all, in an order that turns; the program that reads lives in the namespace
of the mount, and measures itself, so that neither entering a namespace nor starting Python counts.
"""
import argparse
import collections
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
USER = ("unshare", "--user", "--map-root-user", "--mount")
ROOT = ("unshare", "--mount", "--propagation", "private")


# --- the reader, a process in the namespace of the mount ------------------------------------


def files_below(top):
    return [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]


def read_all(files):
    buffer = bytearray(1 << 20)
    for path in files:
        fd = os.open(path, os.O_RDONLY)
        while os.readv(fd, [buffer]):
            pass
        os.close(fd)


def open_all(files):
    for path in files:
        os.close(os.open(path, os.O_RDONLY))


def walk(top):
    with open(os.devnull, "wb") as null:
        subprocess.run(["find", top, "-ls"], stdout=null, check=True)


def timed(function, *args):
    start = time.monotonic()
    function(*args)
    return time.monotonic() - start


def reader(top, source, what, command):
    """Mounts, measures, prints "first again", unmounts."""
    server = None
    if command[0] == "--peer":
        server = subprocess.Popen(command[1:])  # pylint: disable=consider-using-with
        while not os.path.ismount(top):
            time.sleep(0.01)
    else:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if what == "walk":
        found = [timed(walk, top) for _ in range(2)]
    else:
        files = [top + path.removeprefix(source) for path in files_below(source)]
        found = [timed(read_all if what == "read" else open_all, files) for _ in range(2)]
    print(*found, flush=True)
    subprocess.run(["umount", top], check=True)
    if server:
        server.wait()


# --- the rounds ------------------------------------------------------------------------------


class Bench:
    def __init__(self, o):
        self.o, self.work = o, os.path.abspath(o.work)
        self.tool = {name: os.path.join(os.path.abspath(o.build), "tools", name) for name in ("composefs", "mkcomposefs")}
        self.tree, self.repo, self.mnt = (os.path.join(self.work, name) for name in ("fuse-tree", "fuse-repo", "fuse-mnt"))
        os.makedirs(self.mnt, exist_ok=True)

    def composefs(self, *args, **kw):
        return subprocess.run([self.tool["composefs"], *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **kw).stdout

    def prepare(self):
        if not os.path.isdir(self.tree):
            subprocess.run([sys.executable, f"{HERE}/gen_tree.py", self.tree, "mixed", str(self.o.files)], check=True)
        if os.path.isdir(self.repo):
            return
        self.composefs("init", "--insecure", "--algorithm=sha256", self.repo)
        self.composefs("create-image", f"--repo={self.repo}", self.tree, "files")
        dump = subprocess.run([sys.executable, f"{HERE}/gen_dump.py", "files", self.o.entries], check=True, stdout=subprocess.PIPE).stdout
        image = subprocess.run([self.tool["mkcomposefs"], "--from-file", "-", "-"], check=True, input=dump, stdout=subprocess.PIPE).stdout
        self.composefs("import-image", f"--repo={self.repo}", "--missing-ok", "walk", input=image)

    def command(self, way, image):
        if way == "peer":
            link = os.path.realpath(os.path.join(self.repo, "images", "refs", image))
            return ["--peer", self.o.peer, "-f", "-o", f"source={link},basedir={self.repo}/objects", self.mnt]
        return [self.tool["composefs"], "mount", f"--repo={self.repo}", f"--method={way}", image, self.mnt]

    def measure(self, way, what):
        image = "walk" if what == "walk" else "files"
        done = subprocess.run([*(ROOT if way in ("kernel", "peer") else USER), sys.executable, os.path.abspath(__file__), "--reader", self.mnt,
                               self.tree, what, *self.command(way, image)], check=True, stdout=subprocess.PIPE, text=True)
        return [float(word) for word in done.stdout.split()]

    def compare(self, what):
        ways = ["kernel", "overlay-fuse", "fuse"] + (["peer"] if self.o.peer else [])
        found = collections.defaultdict(list)
        for way in ways:
            self.measure(way, what)
        for i in range(self.o.pairs):
            for way in ways[i % len(ways):] + ways[:i % len(ways)]:
                found[way].append(self.measure(way, what))
        for way in ways:
            for which, when in enumerate(("first", "again")):
                ratios = sorted(run[which] / base[which] for run, base in zip(found[way], found["kernel"]))
                print(f"{what:>5} {when} {way:>12}: {1000 * statistics.median(run[which] for run in found[way]):8.1f} ms  "
                      f"{statistics.median(ratios):5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--files", type=int, default=2400)
    parser.add_argument("--entries", default="160k")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--work", default="bench-work")
    parser.add_argument("--peer")
    bench = Bench(parser.parse_args())
    bench.prepare()
    for what in ("read", "open", "walk"):
        bench.compare(what)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reader"]:
        reader(*sys.argv[2:5], sys.argv[5:])
    else:
        main()
