#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Debian's mkcomposefs, composefs-info and mount.composefs on our library, over the golden vectors.

    tools_test.py CACHE_DIR LIBRARY GOLDEN_DIR
"""
import errno
import glob
import gzip
import hashlib
import os
import subprocess
import sys
import tempfile

import peer

CACHE, LIBRARY, GOLDEN = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3]


def table(name):
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f]


def stored(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        return f.read()


class Test:
    def __init__(self, tmp):
        self.tmp = tmp
        self.debian, self.ours = peer.sides(CACHE, LIBRARY)

    def path(self, name):
        return os.path.join(self.tmp, name)

    def loads_ours(self):
        for program in ("mkcomposefs", "composefs-info", "mount.composefs"):
            peer.expect(self.ours.library(program), LIBRARY, program)

    def digests(self):
        """Every row: digest, SHA-256 and length of the image."""
        rows = table("DIGESTS")
        peer.ensure(len(rows) > 100)
        for name, low, high, digest, sha256, size in rows:
            image = self.path("image")
            said = self.ours.run("mkcomposefs", "--from-file", f"--min-version={low}", f"--max-version={high}",
                                 "--print-digest", os.path.join(GOLDEN, f"{name}.dump"), image)
            peer.expect(said.decode().strip(), digest, name)
            with open(image, "rb") as f:
                data = f.read()
            peer.expect((hashlib.sha256(data).hexdigest(), str(len(data))), (sha256, size), name)

    def failures(self):
        """What it refuses, for the same reason on both libraries."""
        for name, mode, _, _ in table("FAILS"):
            env = {**os.environ, "LC_ALL": "C"}
            if mode == "strict":
                env["CFS_PARSE_STRICT"] = "1"
            args = ("mkcomposefs", "--from-file", "--print-digest-only", os.path.join(GOLDEN, f"{name}.dump"))
            said = self.debian.fails(*args, env=env)
            if name == "fail-link-loop":  # a link that cannot be is EINVAL here
                said = said.replace(os.strerror(errno.ELOOP), os.strerror(errno.EINVAL))
            peer.expect(self.ours.fails(*args, env=env), said, name)

    def info(self):
        """composefs-info of each stored image says what is stored."""
        images = sorted(glob.glob(os.path.join(GOLDEN, "*.cfs")) + glob.glob(os.path.join(GOLDEN, "*.cfs.gz")))
        peer.ensure(len(images) > 20)
        for path in images:
            name = os.path.basename(path).split(".cfs")[0]
            image = self.path(name)
            with open(image, "wb") as f:
                f.write(stored(path))
            for command in ("dump", "ls", "objects"):
                expected = os.path.join(GOLDEN, f"{name}.{command}.expected")
                if os.path.exists(expected):
                    peer.expect(self.ours.run("composefs-info", command, image), stored(expected), f"{command} {name}")
            peer.expect(self.ours.run("composefs-info", "measure-file", image), self.debian.run("composefs-info", "measure-file", image), f"measure-file {name}")

    def directory(self):
        """A directory with an object store: the same image, the same objects."""
        source = self.path("source")
        os.makedirs(f"{source}/dir/deeper")
        for size in (0, 1, 64, 65, 4096, 100000):
            with open(f"{source}/dir/{size}", "wb") as f:
                f.write(b"x" * size)
        os.link(f"{source}/dir/65", f"{source}/dir/deeper/hard")
        os.symlink("dir/65", f"{source}/symlink")
        found = []
        for side in (self.debian, self.ours):
            store, image = self.path(f"{side.name}-store"), self.path(f"{side.name}-image")
            side.run("mkcomposefs", f"--digest-store={store}", source, image)
            with open(image, "rb") as f:
                found.append((hashlib.sha256(f.read()).hexdigest(),
                              peer.output("find", store, "-type", "f", "-printf", "%P %s %m\n")))
            found[-1] = (found[-1][0], sorted(found[-1][1].splitlines()))
        peer.expect(found[1], found[0], "image and objects")

    def mounts(self):
        """mount.composefs on ours: the tree, the entry in the mount table, and failures."""
        if os.geteuid():
            raise peer.Skip("mounting needs root")
        self.directory_made()
        where, image, store = self.path("mnt"), self.path("ours-image"), self.path("ours-store")
        os.makedirs(where, exist_ok=True)
        try:
            self.ours.run("mount.composefs", "-o", f"basedir={store}", image, where)
        except AssertionError as why:
            if "not permitted" in str(why):
                raise peer.Skip(str(why)) from why
            raise
        try:
            peer.output("diff", "-r", "--no-dereference", self.path("source"), where)
            entry = peer.output("findmnt", "-n", "-o", "SOURCE,FSTYPE,OPTIONS", where).decode().split()
            peer.expect(entry[:2], ["composefs", "overlay"], "mount table")
            for option in ("metacopy=on", "redirect_dir=on"):
                peer.ensure(option in entry[2].split(","), entry[2])
        finally:
            subprocess.run(["umount", where], check=True)
        for args in (["-o", f"basedir={store}", self.path("none"), where], ["-o", f"basedir={store}", store, where],
                     ["-o", f"basedir={store},digest=" + "0" * 64, image, where], [image, where]):
            peer.expect(self.ours.fails("mount.composefs", *args), self.debian.fails("mount.composefs", *args), str(args))

    def directory_made(self):
        if not os.path.exists(self.path("ours-image")):
            self.directory()

    def facts(self):
        yield "Debian's programs load our library", self.loads_ours
        yield "mkcomposefs: every golden digest", self.digests
        yield "mkcomposefs: every golden failure", self.failures
        yield "composefs-info: every golden image", self.info
        yield "mkcomposefs: a directory and its objects", self.directory
        yield "mount.composefs", self.mounts


def facts():
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as tmp:
        yield from Test(tmp).facts()


peer.main(facts)
