#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs extract: the extracted files are those that a mount of the image shows.

    extract_test.py COMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, mounts, run, run_facts_each_in

COMPOSEFS = os.path.abspath(sys.argv[1])


def composefs(*args):
    return run(COMPOSEFS, *args)


def fails(*args):
    done = subprocess.run([COMPOSEFS, *args], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stdout), (1, ""), done.stderr)
    return done.stderr


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def make_tree():
    """One of everything."""
    os.makedirs("tree/usr/lib/empty")
    write("tree/usr/big", os.urandom(700_000))
    write("tree/usr/small", b"small")
    write("tree/usr/nothing", b"")
    write("tree/sparse", b"begin")
    with open("tree/sparse", "r+b") as f:
        f.truncate(5_000_000)
        f.seek(4_000_000)
        f.write(b"x" * 5000)
    os.link("tree/usr/big", "tree/linked")
    os.symlink("../usr/big", "tree/usr/sym")
    os.link("tree/usr/sym", "tree/usr/sym2", follow_symlinks=False)
    os.mkfifo("tree/usr/fifo", 0o622)
    os.mknod("tree/usr/null", 0o20666, os.makedev(1, 3))
    os.mknod("tree/usr/disk", 0o60640, os.makedev(259, 300))
    os.link("tree/usr/null", "tree/usr/null2")
    os.mknod("tree/usr/socket", 0o140755)
    os.mknod("tree/usr/lib/whiteout", 0o20000)
    write("tree/usr/lib/stays", b"y" * 100)
    os.setxattr("tree/usr/lib/empty", "trusted.overlay.opaque", b"y")
    os.setxattr("tree/usr/big", "user.note", b"\0\1")
    os.setxattr("tree/usr/sym", "trusted.link", b"z", follow_symlinks=False)
    os.setxattr("tree/usr", "user.dir", b"d")
    for number, name in enumerate(("usr/big", "usr/small", "usr/lib", "sparse")):
        os.chown(f"tree/{name}", 1000 + number, 2000 + number)
    os.setxattr("tree/usr/small", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.chmod("tree/usr/big", 0o6751)
    os.chmod("tree/usr/lib", 0o1777)
    os.chmod("tree/usr/nothing", 0)
    os.chmod("tree/usr/lib/empty", 0)
    for folder, folders, names in os.walk("tree", topdown=False):
        for name in folders + names:
            os.utime(f"{folder}/{name}", ns=(1, 1234567890123456789), follow_symlinks=False)


class Place:
    """A tree, and a repository r with its image. Works there."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="extract-test-", dir=os.getcwd())
        os.chdir(self.dir)
        os.chmod(".", 0o755)
        os.umask(0o077)
        os.mkdir("mnt")
        make_tree()
        composefs("init", "--insecure", "--algorithm=sha256", "r")
        composefs("create-image", "--repo=r", "tree", "os/1")

    def close(self):
        os.chdir("/")
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def damage_object(size):
    for folder, _, names in os.walk("r/objects"):
        for name in names:
            if os.path.getsize(f"{folder}/{name}") == size:
                os.chmod(f"{folder}/{name}", 0o644)
                with open(f"{folder}/{name}", "r+b") as f:
                    f.seek(size // 2)
                    f.write(b"\xff\0\xff")
                return
    raise AssertionError(f"expected an object of {size} bytes, got none")


@fact
def extracted_tree_is_that_of_the_mount(_):
    composefs("mount", "--repo=r", "--allow-suid", "--allow-dev", "os/1", "mnt")
    composefs("extract", "--repo=r", "os/1", "out")
    ensure("the trees are the same" in composefs("diff", "mnt", "out"), "they differ")
    for path in ("usr/lib/whiteout", "usr/lib", "usr/lib/empty", "usr/sym"):
        shown = [{n: os.getxattr(f"{top}/{path}", n, follow_symlinks=False) for n in os.listxattr(f"{top}/{path}", follow_symlinks=False)}
                 for top in ("mnt", "out")]
        expect(shown[1], shown[0], path)
    expect(os.getxattr("out/usr/lib/whiteout", "trusted.overlay.whiteout"), b"")
    expect(os.stat("out/usr/big").st_ino, os.stat("out/linked").st_ino)
    expect(os.lstat("out/usr/sym").st_nlink, 2)
    expect(os.stat("out/usr/disk").st_rdev, os.makedev(259, 300))
    ensure(os.stat("out/sparse").st_blocks * 512 < 100_000, "there are no holes")


@fact
def a_part_goes_where_cp_puts_it(_):
    composefs("extract", "--repo=r", "os/1", "/usr", "new")
    composefs("extract", "--repo=r", "os/1", "usr/../usr/small", "file")
    os.mkdir("into")
    composefs("extract", "--repo=r", "os/1", "/usr/lib", "into")
    composefs("extract", "--repo=r", "os/1", "/usr/sym", "into/")
    expect((sorted(os.listdir("new")), sorted(os.listdir("into"))), (sorted(os.listdir("tree/usr")), ["lib", "sym"]))
    expect((os.readlink("into/sym"), open("file", "rb").read()), ("../usr/big", b"small"))
    composefs("extract", "--repo=r", "os/1", "/usr/big", "alone")
    expect(os.stat("alone").st_nlink, 1)


@fact
def existing_files_are_kept_without_force(_):
    write("out/usr/small", b"mine")
    ensure("expected an empty directory (--force extracts into it)" in fails("extract", "--repo=r", "os/1", "out"), "")
    ensure("exists already (--force replaces it)" in fails("extract", "--repo=r", "os/1", "/usr", "out"), "")
    expect(open("out/usr/small", "rb").read(), b"mine")
    composefs("extract", "--force", "--repo=r", "os/1", "out")
    composefs("mount", "--repo=r", "--allow-suid", "--allow-dev", "os/1", "mnt")
    ensure("the trees are the same" in composefs("diff", "mnt", "out"), "they differ")
    composefs("extract", "--force", "--repo=r", "os/1", "out")
    ensure("the trees are the same" in composefs("diff", "mnt", "out"), "they differ after a second time")
    os.mkdir("dir")
    os.mkdir("dir/small")
    fails("extract", "--force", "--repo=r", "os/1", "/usr/small", "dir")
    expect(os.listdir("dir"), ["small"])


@fact
def symlinks_that_are_there_are_replaced_or_refused_but_not_followed(_):
    os.makedirs("out/usr")
    os.mkdir("elsewhere")
    write("victim", b"keep")
    os.symlink("../../elsewhere", "out/usr/lib")
    os.symlink("../../victim", "out/usr/small")
    os.symlink("../../victim", "out/usr/big")
    composefs("extract", "--force", "--repo=r", "os/1", "out")
    expect((os.listdir("elsewhere"), open("victim", "rb").read()), ([], b"keep"))
    ensure(stat.S_ISDIR(os.lstat("out/usr/lib").st_mode), "still a symlink")
    expect(os.lstat("victim").st_uid, 0)
    os.symlink("gone", "dangling")
    fails("extract", "--repo=r", "os/1", "/usr/small", "dangling/x")


@fact
def acls_of_the_destination_are_not_inherited(_):
    os.mkdir("acl")
    acl = b"\x02\0\0\0" + b"".join(tag.to_bytes(2, "little") + b"\x07\0" + number.to_bytes(4, "little") for tag, number in (
        (1, 0xffffffff), (2, 4321), (4, 0xffffffff), (16, 0xffffffff), (32, 0xffffffff)))
    try:
        os.setxattr("acl", "system.posix_acl_default", acl)
    except OSError as why:
        raise Skip(f"no ACLs: {why}") from why
    composefs("extract", "--repo=r", "os/1", "acl/out")
    composefs("extract", "--repo=r", "os/1", "/usr/small", "acl/file")
    for path in ("acl/out", "acl/out/usr", "acl/file"):
        expect([n for n in os.listxattr(path) if n.startswith("system.")], [], path)


@fact
def a_damaged_object_leaves_no_file(_):
    damage_object(700_000)
    said = fails("extract", "--repo=r", "os/1", "out")
    ensure("expected the fs-verity digest" in said and "/linked" in said, said)
    ensure(not os.path.lexists("out/linked"), "the damaged file is there")
    expect(stat.S_IMODE(os.stat("out").st_mode), 0o700)


@fact
def an_ordinary_user_gets_files_without_owners_and_rights(place):
    run("chmod", "-R", "a+rX", "r")
    os.mkdir("public")
    os.chmod("public", 0o777)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", COMPOSEFS, "extract", "--repo=r", "--json", "os/1", "public/out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expect(done.returncode, 0, done.stderr)
    report = json.loads(done.stdout)
    expect(report["skipped_devices"], 2)
    ensure(report["changed_owners"] > 5, report)
    expect(sum("owners" in l for l in done.stderr.splitlines()), 1, done.stderr)
    st = os.stat("public/out/usr/big")
    expect((st.st_uid, stat.S_IMODE(st.st_mode), os.getxattr("public/out/usr/big", "user.note")), (65534, 0o751, b"\0\1"))
    ensure(not os.path.lexists("public/out/usr/null2"), "a link to a device that is not there")


@fact
def blocks_are_shared_where_the_filesystem_can(place):
    if not shutil.which("mkfs.xfs"):
        raise Skip("mkfs.xfs is not installed")
    with open("disk", "wb") as f:
        f.truncate(400 << 20)
    run("mkfs.xfs", "-q", "-m", "reflink=1", "disk")
    run("mount", "-o", "loop", "disk", "mnt")
    shutil.copytree("r", "mnt/r", symlinks=True)
    report = json.loads(composefs("extract", "--json", "--repo=mnt/r", "os/1", "mnt/out"))
    expect(report["shared_files"], 3)
    for name in ("usr/big", "sparse"):
        expect(open(f"mnt/out/{name}", "rb").read() == open(f"tree/{name}", "rb").read(), True)
    os.chdir("mnt")
    damage_object(700_000)
    os.chdir(place.dir)
    ensure("expected the fs-verity digest" in fails("extract", "--repo=mnt/r", "os/1", "/usr/big", "mnt/big"), "")
    ensure(not os.path.lexists("mnt/big"), "the damaged file is there")


if __name__ == "__main__":
    enter_namespace()
    sys.exit(run_facts_each_in(Place))
