#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Objects on filesystems of many kinds: full ones, some that share blocks, some that lose power.

    ingest_fs_test.py MKCOMPOSEFS COMPOSEFS-INFO

Needs root; works in a mount namespace of its own, on files mounted through loop devices.
"""
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from scene import enter_namespace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from ingest import (Skip, check_whole, ensure, expect, expected_objects, fact, fails, files_below,  # noqa: E402
                    make_source, place_in_memory, read, run, run_facts, write)

MIB = 1 << 20
CUTS = 30


class Disks:
    """A folder with mounted filesystems in it, and the programs."""

    def __init__(self, mkcomposefs, info):
        self.mkcomposefs, self.info = os.path.abspath(mkcomposefs), os.path.abspath(info)
        self.top = tempfile.mkdtemp(prefix="ingest-fs-test-", dir=place_in_memory(2 << 30) or os.getcwd())
        self.number = 0
        self.mounted = []

    def path(self):
        self.number += 1
        return f"{self.top}/{self.number}"

    def folder(self):
        path = self.path()
        os.mkdir(path)
        return path

    def mount(self, *arguments):
        path = self.folder()
        done = subprocess.run(["mount", *arguments, path], capture_output=True, check=False)
        if done.returncode:
            raise Skip(done.stderr.decode().strip())
        self.mounted.append(path)
        return path

    def umount(self, path):
        run("umount", path)
        self.mounted.remove(path)

    def disk(self, kind, size, *options, image=None):
        """A new filesystem in a file."""
        image = image or self.path()
        if not shutil.which(f"mkfs.{kind}"):
            raise Skip(f"no mkfs.{kind}")
        with open(image, "wb") as f:
            f.truncate(size)
        run(f"mkfs.{kind}", *(["-q", "-F"] if kind == "ext4" else ["-q"]), *options, image)
        return image

    def mounted_disk(self, kind, size):
        return self.mount("-o", "loop", self.disk(kind, size))

    def pack(self, source, store, image, *options):
        return run(self.mkcomposefs, *options, f"--digest-store={store}", source, image)

    def close(self):
        for path in reversed(self.mounted):
            subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(self.top)


@fact
def full_disk_is_a_clear_error_and_all_it_holds_is_whole(disks):
    source = disks.folder()
    make_source(source, 300, [1000, 10000, 30000])
    for number in range(20):
        write(f"{source}/large{number}", random.Random(number).randbytes(2 * MIB))
    full = disks.mounted_disk("ext4", 24 * MIB)
    write(f"{full}/ballast", bytes(2 * MIB))
    image = f"{full}/image"
    write(image, b"old")
    said = fails(disks.mkcomposefs, f"--digest-store={full}/store", source, image)
    ensure(": No space left on device" in said, said)
    ensure(said.count("No space left") == 1 and source in said, said)
    check_whole(f"{full}/store")
    expect(read(image), b"old", "the old image")
    expect(sorted(set(os.listdir(full)) - {"lost+found"}), ["ballast", "image", "store"], "files")
    for number in range(20):
        os.unlink(f"{source}/large{number}")
    os.unlink(f"{full}/ballast")
    shutil.rmtree(f"{full}/store")
    disks.pack(source, f"{full}/store", image)
    expect(check_whole(f"{full}/store"), expected_objects(source), "objects")


@fact
def exhausted_inodes_are_a_clear_error(disks):
    source = disks.folder()
    make_source(source, 300, [1000])
    full = disks.mount("-o", "loop", disks.disk("ext4", 16 * MIB, "-N", "200"))
    said = fails(disks.mkcomposefs, f"--digest-store={full}/store", source, f"{full}/image")
    ensure(": No space left on device" in said, said)
    check_whole(f"{full}/store")


@fact
def read_only_file_system_is_a_clear_error(disks):
    source = disks.folder()
    make_source(source, 3, [1000])
    image = disks.disk("ext4", 16 * MIB)
    top = disks.mount("-o", "loop", image)
    os.mkdir(f"{top}/store")
    disks.umount(top)
    top = disks.mount("-o", "loop,ro", image)
    said = fails(disks.mkcomposefs, f"--digest-store={top}/store", source, "/dev/null")
    ensure("object store: temporary file: Read-only file system" in said, said)
    said = fails(disks.mkcomposefs, f"--digest-store={top}/new", source, "/dev/null")
    ensure("create directory" in said and "Read-only file system" in said, said)


def shared_bytes(path):
    """How much of a file shares its blocks with another one."""
    run("sync", path)
    total = 0
    for line in run("filefrag", "-v", path).splitlines():
        fields = line.replace(":", " ").replace("..", " ").split()
        if fields and fields[0].isdigit() and "shared" in line:
            total += int(fields[5]) * 4096
    return total


def check_shared(disks, kind, size):
    top = disks.mounted_disk(kind, size)
    source, store = f"{top}/source", f"{top}/store"
    os.mkdir(source)
    for number, length in enumerate((5000, 200000, MIB, MIB + 1, 5 * MIB)):
        write(f"{source}/{number}", random.Random(number).randbytes(length))
    run("sync", "-f", top)
    disks.pack(source, store, f"{top}/image")
    expect(check_whole(store), expected_objects(source), "objects")
    for name in files_below(store):
        length = os.path.getsize(f"{store}/{name}")
        ensure(shared_bytes(f"{store}/{name}") >= length, f"the object of {length} bytes shares no blocks")


@fact
def blocks_are_shared_on_xfs(disks):
    check_shared(disks, "xfs", 320 * MIB)


@fact
def blocks_are_shared_on_btrfs(disks):
    check_shared(disks, "btrfs", 320 * MIB)


@fact
def other_file_systems_take_copies(disks):
    source = disks.folder()
    make_source(source, 50, [100, 5000, 2 * MIB])
    tmpfs = disks.mount("-t", "tmpfs", "-o", "size=200m", "tmpfs")
    upper, work = f"{tmpfs}/upper", f"{tmpfs}/work"
    os.mkdir(upper)
    os.mkdir(work)
    overlay = disks.mount("-t", "overlay", "-o", f"lowerdir={source},upperdir={upper},workdir={work}",
                          "overlay")
    image = f"{tmpfs}/image"
    for top in (tmpfs, overlay):
        disks.pack(source, f"{top}/store", f"{image}.{os.path.basename(top)}")
        expect(check_whole(f"{top}/store"), expected_objects(source), f"objects on {top}")
    shutil.rmtree(f"{overlay}/store")


@fact
def overlayfs_is_a_source_like_any_other(disks):
    lower, tmpfs = disks.folder(), disks.mount("-t", "tmpfs", "tmpfs")
    make_source(lower, 30, [100, 5000])
    for name in ("upper", "work"):
        os.mkdir(f"{tmpfs}/{name}")
    overlay = disks.mount("-t", "overlay", "-o",
                          f"lowerdir={lower},upperdir={tmpfs}/upper,workdir={tmpfs}/work", "overlay")
    write(f"{overlay}/d0/new", b"n" * 1000)
    store, image = disks.path(), disks.path()
    disks.pack(overlay, store, image, "--one-file-system")
    expect(check_whole(store), expected_objects(overlay), "objects")


@fact
def mount_points_are_entered_by_default(disks):
    source, image = disks.folder(), disks.path()
    os.mkdir(f"{source}/other")
    run("mount", "-t", "tmpfs", "tmpfs", f"{source}/other")
    disks.mounted.append(f"{source}/other")
    write(f"{source}/other/file", b"x")
    run(disks.mkcomposefs, source, image)
    expect(run(disks.info, "ls", image), "/other/\t\n/other/file\n", "names")
    run(disks.mkcomposefs, "--one-file-system", source, image)
    expect(run(disks.info, "ls", image), "/other/\t\n", "names")


def one_file_system(disks, source, image):
    """The names of the image, and what was said of mounts."""
    done = subprocess.run([disks.mkcomposefs, "--one-file-system", source, image], capture_output=True, text=True, check=True)
    return (run(disks.info, "ls", image).replace("\t", "").split(),
            sorted(line.split(f"warning: {source}")[1] for line in done.stderr.splitlines()))


@fact
def bind_mounts_of_the_same_file_system_are_other_mounts(disks):
    source, other, image = disks.folder(), disks.folder(), disks.path()
    write(f"{other}/secret", b"x")
    write(f"{source}/file", b"x")
    write(f"{source}/own", b"x")
    os.mkdir(f"{source}/dir")
    for what, where in (("", "dir"), ("/secret", "file")):
        run("mount", "--bind", f"{other}{what}", f"{source}/{where}")
        disks.mounted.append(f"{source}/{where}")
    expect(one_file_system(disks, source, image),
           (["/dir/", "/own"], ["/dir: left empty, because it is another mount", "/file: left out of the image, because it is another mount"]))
    # The source may be a mount itself.
    expect(one_file_system(disks, f"{source}/dir", image), (["/secret"], []))


@fact
def subvolumes_of_btrfs_are_no_other_mounts(disks):
    top, image = disks.mounted_disk("btrfs", 128 * MIB), disks.path()
    os.mkdir(f"{top}/source")
    for name in ("volume", "mounted"):
        run("btrfs", "subvolume", "create", f"{top}/{name}" if name == "mounted" else f"{top}/source/{name}")
    write(f"{top}/source/volume/file", b"x")
    write(f"{top}/mounted/secret", b"x")
    os.mkdir(f"{top}/source/empty")
    run("mount", "--bind", f"{top}/mounted", f"{top}/source/empty")
    disks.mounted.append(f"{top}/source/empty")
    expect(one_file_system(disks, f"{top}/source", image),
           (["/empty/", "/volume/", "/volume/file"], ["/empty: left empty, because it is another mount"]))


def keep_committing(path, stop):
    """Forces the journal of the filesystem to disk, and no other file's data."""
    with open(path, "wb") as f:
        while not stop.is_set():
            f.write(b"x")
            f.flush()
            os.fsync(f.fileno())


def after_power_cut(disks, snapshot):
    """Mounts what the disk held, as the next boot would."""
    return disks.mount("-o", "loop", snapshot)


@fact
def power_cut_at_any_moment_leaves_whole_objects_and_all_that_was_reported(disks):
    source = disks.folder()
    make_source(source, 1200, [100, 1000, 5000], seed=5)
    write(f"{source}/large", random.Random(5).randbytes(3 * MIB))
    expected = expected_objects(source)
    outer = disks.mounted_disk("xfs", 640 * MIB)
    disk = disks.disk("ext4", 96 * MIB, image=f"{outer}/disk")
    top = disks.mount("-o", "loop", disk)
    stop = threading.Event()
    thread = threading.Thread(target=keep_committing, args=(f"{top}/scratch", stop))
    thread.start()
    rng, partial, took = random.Random(6), 0, 0
    try:
        for turn in itertools.count():
            if turn >= CUTS and (partial or turn > 10 * CUTS):
                break
            builder = subprocess.Popen([disks.mkcomposefs, f"--digest-store={top}/store", source,
                                        f"{top}/image"], stderr=subprocess.DEVNULL)
            if turn % 4:
                time.sleep(rng.random() * took)
            else:
                started = time.monotonic()
                expect(builder.wait(), 0, "status")
                took = time.monotonic() - started
            run("cp", "--reflink=always", disk, f"{outer}/snapshot")
            builder.wait()
            cut = after_power_cut(disks, f"{outer}/snapshot")
            found = check_whole(f"{cut}/store") if os.path.exists(f"{cut}/store") else set()
            if turn % 4 == 0:
                expect(found, expected, "objects after a run that succeeded")
                expect(read(f"{cut}/image"), read(f"{top}/image"), "image after a run that succeeded")
            else:
                ensure(not os.path.exists(f"{cut}/image") or found == expected, "an image without its objects")
            partial += 0 < len(found) < len(expected)
            disks.umount(cut)
            os.unlink(f"{outer}/snapshot")
            shutil.rmtree(f"{top}/store")
            os.unlink(f"{top}/image")
            run("sync", "-f", top)
    finally:
        stop.set()
        thread.join()
    ensure(partial, "no cut came in the middle of a run")


def main():
    enter_namespace()
    disks = Disks(*sys.argv[1:3])
    try:
        return run_facts(disks)
    finally:
        disks.close()


if __name__ == "__main__":
    sys.exit(main())
