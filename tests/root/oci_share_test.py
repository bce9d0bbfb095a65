#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A pull from the local store of podman shares blocks with it where the filesystem can, never inodes, and copies elsewhere.

    oci_share_test.py COMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import fcntl
import os
import shutil
import struct
import sys
import tempfile

from scene import Skip, ensure, enter_namespace, expect, fact, run, run_facts_each_in
from storage import Store, make_tar

COMPOSEFS = os.path.abspath(sys.argv[1])
FS_IOC_FIEMAP, FIEMAP_EXTENT_LAST, FIEMAP_EXTENT_SHARED = 0xC020660B, 1, 0x2000
TREE = {"usr": None, "usr/small": b"small", "usr/page": os.urandom(4096), "usr/medium": os.urandom(70_000),
        "usr/large": os.urandom(3_000_001)}
CONTENTS = [content for content in TREE.values() if content and len(content) >= 4096]


class Place:
    """A directory with an empty file "disk" and a mount point "mnt", current."""

    def __init__(self):
        self.top = tempfile.mkdtemp()
        os.chdir(self.top)
        os.mkdir("mnt")

    def close(self):
        os.chdir("/")
        run("umount", "-R", f"{self.top}/mnt")
        shutil.rmtree(self.top)


def mount_disk(*mkfs):
    if not shutil.which(mkfs[0]):
        raise Skip(f"{mkfs[0]} is not installed")
    with open("disk", "wb") as f:
        f.truncate(400 << 20)
    run(*mkfs, "disk")
    run("mount", "-o", "loop", "disk", "mnt")


def make_store(root, driver="overlay"):
    store = Store(root, driver)
    return store, store.add_image([make_tar(TREE)], ["localhost/t:latest"])[0]


def pull(store, repo):
    run(COMPOSEFS, "init", "--insecure", "--hash=sha256", repo)
    run(COMPOSEFS, "oci", "pull", f"--repo={repo}", f"containers-storage:[{store.driver}@{store.root}]t", "t")
    run(COMPOSEFS, "fsck", f"--repo={repo}")


def extents(path):
    """(physical offset, length, whether it is shared) of each."""
    with open(path, "rb") as f:
        os.fsync(f.fileno())
        head = bytearray(struct.pack("=QQIIII", 0, 2**64 - 1, 0, 0, 64, 0) + bytes(64 * 56))
        fcntl.ioctl(f, FS_IOC_FIEMAP, head)
    found = struct.unpack_from("=I", head, 20)[0]
    parts = [struct.unpack_from("=QQQQQIIII", head, 32 + 56 * i) for i in range(found)]
    return [(part[1], part[2], bool(part[5] & FIEMAP_EXTENT_SHARED)) for part in parts]


def objects(repo):
    """The paths of the objects with the contents of TREE that are objects of their own, by content."""
    found = {}
    for folder, _, names in os.walk(f"{repo}/objects"):
        for name in names:
            with open(f"{folder}/{name}", "rb") as f:
                content = f.read()
            if content in CONTENTS:
                found[content] = f"{folder}/{name}"
    expect(len(found), len(CONTENTS))
    return found


def files(store, layer):
    return {content: f"{store.diff(layer)}/{name}" for name, content in TREE.items() if content in CONTENTS}


def check_own_inodes(own, theirs):
    """A write to the file of podman must not change the object."""
    for content in CONTENTS:
        a, b = os.stat(own[content]), os.stat(theirs[content])
        expect((a.st_nlink, b.st_nlink), (1, 1))
        ensure((a.st_dev, a.st_ino) != (b.st_dev, b.st_ino), own[content])
        with open(theirs[content], "r+b") as f:
            f.write(bytes(100))
            os.fsync(f.fileno())
        with open(own[content], "rb") as f:
            ensure(f.read() == content, own[content])


def check_shared(*mkfs):
    mount_disk(*mkfs)
    for driver in ("overlay", "vfs"):
        store, layer = make_store(f"mnt/{driver}", driver)
        run("sync", "-f", "mnt")
        pull(store, f"mnt/r-{driver}")
        own, theirs = objects(f"mnt/r-{driver}"), files(store, layer)
        for content in CONTENTS:
            a, b = extents(own[content]), extents(theirs[content])
            ensure(a and all(shared for _, _, shared in a), a)
            expect([part[:2] for part in a], [part[:2] for part in b])
        check_own_inodes(own, theirs)


@fact
def blocks_are_shared_on_xfs(_):
    check_shared("mkfs.xfs", "-q", "-m", "reflink=1")


@fact
def blocks_are_shared_on_btrfs(_):
    check_shared("mkfs.btrfs", "-q")


@fact
def contents_are_copied_where_no_blocks_can_be_shared(_):
    mount_disk("mkfs.ext4", "-q")
    store, layer = make_store("mnt/s")
    pull(store, "mnt/r")
    own = objects("mnt/r")
    ensure(not any(shared for path in own.values() for _, _, shared in extents(path)), "shared")
    check_own_inodes(own, files(store, layer))


@fact
def contents_are_copied_from_another_filesystem(_):
    mount_disk("mkfs.xfs", "-q", "-m", "reflink=1")
    store, layer = make_store("s")
    pull(store, "mnt/r")
    check_own_inodes(objects("mnt/r"), files(store, layer))


@fact
def file_with_another_name_than_its_entry_is_copied(_):
    """The names of entries and those of tar-split can differ: the archive counts."""
    mount_disk("mkfs.xfs", "-q", "-m", "reflink=1")
    store, layer = make_store("mnt/s")
    top = store.diff(layer)
    lines = store.read_lines(layer)
    for line in lines:
        if line.get("name") in ("usr/large", "usr/medium"):
            line["name"] += "-2"
    store.write_lines(layer, lines)
    for name, other in (("large", b"x" * 3_000_002), ("medium", TREE["usr/medium"][:-1] + b"y" + bytes(100_000))):
        os.rename(f"{top}/usr/{name}", f"{top}/usr/{name}-2")
        with open(f"{top}/usr/{name}", "wb") as f:
            f.write(other)
    pull(store, "mnt/r")
    objects("mnt/r")


if __name__ == "__main__":
    enter_namespace()
    sys.exit(run_facts_each_in(Place))
