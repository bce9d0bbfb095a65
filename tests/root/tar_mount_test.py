#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Archives of images agree with the mounted tree: those that composefs writes, and those of the mounted tree that GNU tar and
bsdtar write. One TAP line a fact.

    tar_mount_test.py COMPOSEFS GOLDEN

Needs root; works in a mount namespace of its own.
"""
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import tar_test  # noqa: E402  pylint: disable=wrong-import-position
from scene import LIBC, Skip, enter_namespace, expect, fact, mounts, run, run_facts_each_in  # noqa: E402

COMPOSEFS = os.path.abspath(sys.argv[1])
XATTRS = ["--xattrs", "--xattrs-include=*"]


def composefs(*args, **kw):
    return run(COMPOSEFS, *args, **kw)


class Place:
    """A folder on a disk, since EROFS cannot mount a file of a tmpfs, with a mounted image."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="tar-test-", dir=os.getcwd())
        self.repo, self.tree, self.mnt, self.tar, self.out = (
            os.path.join(self.dir, name) for name in ("r", "tree", "mnt", "x.tar", "out"))
        os.mkdir(self.mnt)
        os.mkdir(self.out)
        tar_test.make_files(self.tree)
        os.remove(self.tree + "/whiteout")  # a mount hides whiteouts, and the names that they stand for
        os.removexattr(self.tree + "/sub", "trusted.overlay.opaque")
        os.utime(self.tree, ns=(0, -86_400_000_000_001))
        composefs("init", "--insecure", "--algorithm=sha256", self.repo)
        self.id = self.create(self.tree)
        composefs("export", f"--repo={self.repo}", self.id, self.tar)
        composefs("mount", f"--repo={self.repo}", self.id, self.mnt)

    def create(self, source):
        return composefs("create-image", f"--repo={self.repo}", source).strip()

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def describe(path):
    st = os.lstat(path)
    said = {"mode": st.st_mode, "owner": (st.st_uid, st.st_gid), "mtime": st.st_mtime_ns,
            "xattrs": {k: os.getxattr(path, k, follow_symlinks=False) for k in os.listxattr(path, follow_symlinks=False)}}
    if not stat.S_ISDIR(st.st_mode):
        said["nlink"] = st.st_nlink
    if stat.S_ISLNK(st.st_mode):
        said["target"] = os.readlink(path)
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        said["rdev"] = st.st_rdev
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            said["content"] = hashlib.sha256(f.read()).hexdigest()
    return said


def tree(top):
    top = os.fsencode(top)
    found = {b".": describe(top)}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = describe(path)
    return found


def same_trees(a, b):
    for path in sorted(set(a) | set(b)):
        expect(a.get(path), b.get(path), path)


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


@fact
def gnu_tar_finds_no_difference_between_archive_and_mounted_tree(place):
    done = subprocess.run(["tar", "-C", place.mnt, *XATTRS, "--compare", "-f", place.tar], capture_output=True, text=True,
                          check=False)
    expect((done.returncode, done.stdout, done.stderr), (0, "", ""))


@fact
def gnu_tar_extracts_the_mounted_tree(place):
    subprocess.run(["tar", "-C", place.out, *XATTRS, "--delay-directory-restore", "-xpf", place.tar], check=True,
                   stderr=subprocess.DEVNULL)  # it calls times before 1970 implausible
    same_trees(tree(place.out), tree(place.mnt))


@fact
def bsdtar_extracts_the_mounted_tree(place):
    need("bsdtar")
    subprocess.run(["bsdtar", "-C", place.out, "-xpf", place.tar], check=True)
    got, expected = tree(place.out), tree(place.mnt)
    # bsdtar 3.6 takes -1.5 for half a second after -1, does not decode names of xattrs, and leaves "." as it is.
    for path in (b".", b"sub/zero", b"sub/symlink", b"sub/symlink-again"):
        del got[path]["mtime"], expected[path]["mtime"]
    del got[b"."], expected[b"."], got[b"sub/s65"]["xattrs"], expected[b"sub/s65"]["xattrs"]
    same_trees(got, expected)


@fact
def an_archive_of_the_mounted_tree_is_the_same_image(place):
    subprocess.run(["tar", "-C", place.mnt, *XATTRS, "--format=posix", "--sparse", "-cf", place.tar, "."], check=True)
    expect(place.create(place.tar), place.id)


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
