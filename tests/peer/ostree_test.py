#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Debian's ostree on our libcomposefs.so.1: the same digests and bytes as on Debian's.

    ostree_test.py CACHE_DIR LIBRARY
"""
import os
import random
import subprocess
import sys
import tempfile

import peer

CACHE, LIBRARY = sys.argv[1], os.path.realpath(sys.argv[2])
MODES = ("bare", "bare-user", "bare-user-only", "archive")
KEY = "ostree.composefs.digest.v0"


def put(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def make_plain(top):
    """Contents of all sizes that matter, links of both kinds, odd modes and names."""
    rng = random.Random(1)
    os.makedirs(f"{top}/usr/bin")
    for size in (0, 1, 63, 64, 65, 4095, 4096, 5000, 5001, 300000):
        put(f"{top}/usr/f{size}", rng.randbytes(size))
    put(f"{top}/usr/bin/suid", b"x" * 100, 0o4755)
    os.link(f"{top}/usr/f5000", f"{top}/usr/bin/hard")
    os.symlink("f65", f"{top}/usr/short")
    os.symlink("/" + "long/" * 200, f"{top}/usr/long")
    os.makedirs(f"{top}/usr/deep/" + "d/" * 40)
    os.makedirs(f"{top}/empty", mode=0o700)
    put(f"{top}/usr/sp ace\\ \N{GREEK SMALL LETTER ALPHA}=\n", b"y" * 200)


def make_xattrs(top):
    make_plain(top)
    try:
        for name in ("usr/f65", "usr/f0", "usr", "usr/bin"):
            os.setxattr(f"{top}/{name}", "user.a", name.encode())
            os.setxattr(f"{top}/{name}", "user.overlay.opaque", b"y")
            if os.geteuid() == 0:
                os.setxattr(f"{top}/{name}", "trusted.overlay.x", b"1")
                os.setxattr(f"{top}/{name}", "security.x", b"2" * 100)
    except OSError as why:
        raise peer.Skip(f"xattrs on {top}: {why}") from why


def make_owners(top):
    make_plain(top)
    if os.geteuid():
        raise peer.Skip("other owners need root")
    for at, (folder, _, names) in enumerate(os.walk(top)):
        for name in names:
            os.lchown(os.path.join(folder, name), at * 70000, at + 1)
        os.lchown(folder, at, 100000)


def make_empty(_top):
    pass


TREES = {"plain": make_plain, "xattrs": make_xattrs, "owners": make_owners, "empty": make_empty}


class Repo:
    """A repository, made and used by one side."""

    def __init__(self, side, path, mode):
        self.side, self.path = side, path
        self.run("init", f"--mode={mode}")

    def run(self, *args):
        return self.side.run("ostree", f"--repo={self.path}", *args)

    def commit(self, tree, *args):
        return self.run("commit", "-b", "b", f"--tree=dir={tree}", "--timestamp=@0", "--no-bindings",
                        *args).decode().strip()

    def digest(self):
        return self.run("show", "b", f"--print-metadata-key={KEY}").decode().strip()

    def checkout(self, option):
        image = f"{self.path}{option}"
        self.run("checkout", option, "b", image)
        with open(image, "rb") as f:
            return f.read()


class Test:
    def __init__(self, tmp):
        self.debian, self.ours = peer.sides(CACHE, LIBRARY)
        self.tmp = tmp

    def path(self, *parts):
        return os.path.join(self.tmp, "-".join(parts))

    def loads_ours(self):
        peer.expect(self.ours.library("ostree"), LIBRARY, "the library of ostree")
        peer.expect(os.path.dirname(self.debian.library("ostree")), os.path.realpath(os.path.join(self.debian.root, peer.LIBDIR)), "of the other side")

    def tree(self, kind):
        top = self.path("tree", kind)
        if not os.path.exists(top):
            os.mkdir(top, 0o755)
            TREES[kind](top)
        return top

    def agree(self, kind, mode):
        """Each side on its own; then each reads what the other one has committed: it computes the
        digest again and compares it with the stored one."""
        tree, repos = self.tree(kind), []
        for side in (self.debian, self.ours):
            repo = Repo(side, self.path(kind, mode, side.name), mode)
            repo.said = repo.commit(tree, "--generate-composefs-metadata"), repo.digest()
            repos.append(repo)
        peer.expect(repos[1].said, repos[0].said, "commit and digest")
        for option in ("--composefs", "--composefs-noverity"):
            images = [repo.checkout(option) for repo in repos]
            peer.expect(len(images[1]), len(images[0]), f"{option}: length")
            peer.ensure(images[0] == images[1], f"{option}: bytes differ")
            for repo, side in zip(repos, (self.ours, self.debian)):
                other = self.path(kind, mode, "crossed", option, side.name)
                side.run("ostree", f"--repo={repo.path}", "checkout", option, "b", other)
                with open(other, "rb") as f:
                    peer.ensure(f.read() == images[0], f"{option}: {side.name} on the other's repository")

    def refused(self):
        """A commit whose stored digest is another one."""
        wrong = "[byte " + ", ".join(["0x01"] * 32) + "]"
        said = []
        for side in (self.debian, self.ours):
            repo = Repo(side, self.path("refused", side.name), "bare-user")
            repo.commit(self.tree("plain"), f"--add-metadata={KEY}={wrong}")
            said.append(side.fails("ostree", f"--repo={repo.path}", "checkout", "--composefs", "b",
                                   self.path("refused-image", side.name)))
        peer.expect(said[1], said[0], "message")
        peer.ensure("digest" in said[0].lower(), said[0])

    def mounted(self):
        """The image, mounted over the repository's objects, shows the tree."""
        if os.geteuid():
            raise peer.Skip("mounting needs root")
        repo = Repo(self.ours, self.path("mount"), "bare-user")
        repo.commit(self.tree("plain"))
        repo.checkout("--composefs-noverity")
        where = self.path("mounted")
        os.mkdir(where)
        try:
            self.ours.run("mount.composefs", "-o", f"basedir={repo.path}/objects",
                          f"{repo.path}--composefs-noverity", where)
        except AssertionError as why:
            if "not permitted" in str(why):
                raise peer.Skip(str(why)) from why
            raise
        try:
            peer.output("diff", "-r", "--no-dereference", f"{self.tree('plain')}/usr", f"{where}/usr")
        finally:
            subprocess.run(["umount", where], check=True)

    def deployed(self):
        """A deployment with composefs switched on has the image beside it."""
        tree = self.path("tree", "os")
        os.makedirs(f"{tree}/usr/lib/modules/1")
        os.makedirs(f"{tree}/usr/etc")
        put(f"{tree}/usr/lib/modules/1/vmlinuz", b"kernel")
        put(f"{tree}/usr/lib/modules/1/initramfs.img", b"initramfs")
        put(f"{tree}/usr/lib/os-release", b"NAME=x\nPRETTY_NAME=x\nID=x\nVERSION=1\n")
        put(f"{tree}/usr/bin-file", b"z" * 10000)
        images, env = [], {**os.environ, "OSTREE_SYSROOT_DEBUG": "mutable-deployments"}
        for side in (self.debian, self.ours):
            root = self.path("sysroot", side.name)
            os.mkdir(root)
            for args in (["admin", "init-fs", root], ["admin", "os-init", "x"],
                         ["config", "set", "ex-integrity.composefs", "yes"],
                         ["commit", "-b", "b", f"--tree=dir={tree}", "--timestamp=@0"],
                         ["admin", "deploy", "--os=x", "--karg=root=LABEL=x", "b"]):
                where = f"--sysroot={root}" if args[0] == "admin" else f"--repo={root}/ostree/repo"
                side.run("ostree", *args, where, env=env)
            found = peer.output("find", f"{root}/ostree/deploy", "-name", ".ostree.cfs").decode().split()
            peer.expect(len(found), 1, f"{side.name}: images")
            with open(found[0], "rb") as f:
                images.append(f.read())
        peer.ensure(images[0] == images[1], "bytes differ")

    def facts(self):
        yield "ostree loads our library", self.loads_ours
        for kind in TREES:
            for mode in MODES:
                yield f"{kind} tree, {mode} repository", lambda k=kind, m=mode: self.agree(k, m)
        yield "a wrong digest is refused", self.refused
        yield "the mounted image shows the tree", self.mounted
        yield "deployments", self.deployed


def facts():
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as tmp:
        yield from Test(tmp).facts()


peer.main(facts)
