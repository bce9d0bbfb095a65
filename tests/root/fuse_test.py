#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-fuse: what it shows, how it starts and ends, and what users can do with it.

    fuse_test.py MKCOMPOSEFS MOUNT.COMPOSEFS COMPOSEFS-FUSE

Needs root, to be compared with a mount by the kernel.
"""
import os
import shutil
import signal
import subprocess
import sys

from rootless import NOBODY, as_nobody, describe, kill_servers, open_device, servers_of, unmount_below
from scene import Scene, Skip, ensure, enter_namespace, expect, fact, mounts, run, run_facts_each_in, skip_all, wait_until

PROGRAMS = [os.path.abspath(a) for a in sys.argv[1:]]


class Place(Scene):
    def __init__(self):
        super().__init__(*PROGRAMS[:2])
        os.chmod(self.dir, 0o755)
        self.program = self.path("composefs-fuse")
        shutil.copy(PROGRAMS[2], self.program)
        self.tree = self.made("tree")
        self.fill_tree()
        self.store = self.made("store")
        self.image_path = self.image(self.tree, "image.cfs", self.store)
        os.chmod(self.store, 0o755)
        self.point = self.made("fuse")

    def fill_tree(self):
        for folder, names in (("d", 300), ("d/sub", 3), ("empty", 0)):
            os.makedirs(os.path.join(self.tree, folder))
            for i in range(names):
                with open(os.path.join(self.tree, folder, f"f{i}"), "w", encoding="ascii") as f:
                    f.write("x" * (i * 37))
        with open(os.path.join(self.tree, "large"), "wb") as f:
            f.write(os.urandom(3 << 20))
        os.chmod(os.path.join(self.tree, "large"), 0o4755)
        os.link(os.path.join(self.tree, "large"), os.path.join(self.tree, "d", "hard"))
        os.symlink("d/f7", os.path.join(self.tree, "link"))
        os.mkfifo(os.path.join(self.tree, "fifo"))
        os.mknod(os.path.join(self.tree, "null"), 0o20666, os.makedev(1, 3))
        os.setxattr(os.path.join(self.tree, "large"), "user.a", b"value")
        os.setxattr(os.path.join(self.tree, "d"), "trusted.b", b"")
        os.setxattr(os.path.join(self.tree, "d", "f7"), "user.overlay.whiteout", b"")

    def object_of(self, name):
        """The file in the store that has the content of a file of the tree."""
        with open(os.path.join(self.tree, name), "rb") as f:
            content = f.read()
        for folder, _, names in os.walk(self.store):
            for one in names:
                with open(os.path.join(folder, one), "rb") as f:
                    if f.read() == content:
                        return os.path.join(folder, one)
        raise AssertionError(f"expected an object for {name}, got none")

    def servers(self):
        return servers_of(self.program)

    def serve(self, options="", point=None):
        run(self.program, "-o", f"source={self.image_path},basedir={self.store}{options}", point or self.point)

    def as_nobody(self, *command):
        return as_nobody(*command, cwd=self.dir)

    def open_device(self):
        open_device(self.path("device"))

    def close(self):
        unmount_below(self.dir)
        kill_servers(self.program)
        super().close()


@fact
def shows_what_a_mount_by_the_kernel_shows(place):
    place.serve()
    place.mount(place.image_path, f"basedir={place.store},allow-suid,allow-dev")
    expected, got = describe(place.mnt), describe(place.point)
    ensure(len(expected) > 300, len(expected))
    for path in set(expected) | set(got):
        expect(got.get(path), expected.get(path), path)


HARD_LINKS = ["/ 64 40755 3 0 0 0 1.0 - - -", "/d 64 40755 2 0 0 0 1.0 - - -", "/d/c 0 @120000 - - - - 0.0 /file - -",
              "/file 6 100644 3 0 0 0 1.0 - hello\\n -", "/other 0 @120000 - - - - 0.0 /file - -",
              "/sl 3 120777 2 0 0 0 1.0 abc - -", "/sm 0 @120000 - - - - 0.0 /sl - -"]


@fact
def hard_links_are_one_inode(place):
    place.image_path = place.image_of_dump("links.cfs", *HARD_LINKS)
    place.serve()
    numbers = {}
    for _ in range(2):  # at first by READDIRPLUS, then by LOOKUP
        for name in ("d/c", "file", "other", "sl", "sm"):
            st = os.lstat(os.path.join(place.point, name))
            numbers.setdefault(st.st_ino, set()).add((name, st.st_nlink))
        for folder in ("", "d"):
            for entry in os.scandir(os.path.join(place.point, folder)):
                ensure(entry.inode() == entry.stat(follow_symlinks=False).st_ino, entry.name)
    expect(sorted(map(sorted, numbers.values())), [[("d/c", 3), ("file", 3), ("other", 3)], [("sl", 2), ("sm", 2)]])
    place.mount(place.image_path, f"basedir={place.store},allow-suid,allow-dev")
    expect(describe(place.point), describe(place.mnt))


@fact
def mount_table_names_the_image(place):
    place.serve(",nosuid")
    mounted = [m for m in mounts() if m.point == place.point]
    expect([(m.type, m.source) for m in mounted], [("fuse.composefs", place.image_path)])
    ensure({"ro", "nosuid"} <= mounted[0].attributes, mounted[0].attributes)


@fact
def server_ends_at_umount_and_at_a_signal(place):
    place.serve()
    expect(len(place.servers()), 1, "servers")
    run("umount", place.point)
    wait_until(lambda: not place.servers(), "end of the server")
    place.serve()
    os.kill(place.servers()[0], signal.SIGTERM)
    wait_until(lambda: not place.servers(), "end of the server")
    ensure(not os.path.ismount(place.point))


@fact
def second_signal_ends_a_server_in_use(place):
    place.serve()
    fd = os.open(os.path.join(place.point, "large"), os.O_RDONLY)
    server = place.servers()[0]
    os.kill(server, signal.SIGTERM)
    wait_until(lambda: not os.path.ismount(place.point), "unmount")
    expect(place.servers(), [server], "servers while a file is open")
    expect(len(os.read(fd, 65536)), 65536, "bytes read after the unmount")
    os.kill(server, signal.SIGTERM)
    wait_until(lambda: not place.servers(), "end of the server")
    try:
        os.close(fd)
    except OSError as why:
        expect(why.errno, 107)  # ENOTCONN


@fact
def server_keeps_the_image_and_the_directories_open_and_nothing_else(place):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    subprocess.run([place.program, "-o", f"source={place.image_path},basedir={place.store}", place.point], check=True,
                   close_fds=False)
    os.close(writer)
    expect(os.read(reader, 1), b"", "what the inherited pipe has")
    os.close(reader)
    folder = f"/proc/{place.servers()[0]}/fd"
    links = {os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)}
    expect(links, {"/dev/null", "/dev/fuse", place.image_path, place.store}, "open files")


@fact
def failure_leaves_no_mount_and_no_server(place):
    for options, image, why in ((",digest=" + "0" * 64, place.image_path, "wrong digest"), (",nonsense", place.image_path, "unsupported option"),
                                (":none", place.image_path, "object directory none"), ("", PROGRAMS[2], "expected a composefs image, got a program"),
                                (",verity=no", place.image_path, "expected no value"), ("", place.path("none"), "none")):
        done = subprocess.run([place.program, "-o", f"source={image},basedir={place.store}{options}", place.point], check=False,
                              capture_output=True, text=True, cwd=place.dir)
        expect(done.returncode, 1, why)
        ensure(why in done.stderr, done.stderr)
        ensure(not os.path.ismount(place.point))
        expect(place.servers(), [], why)


@fact
def objects_that_are_no_right_files_are_refused_and_never_waited_for(place):
    large, small, missing = place.object_of("large"), place.object_of("d/f100"), place.object_of("d/f101")
    os.unlink(large)
    os.mkfifo(large)
    with open(small, "ab") as f:
        f.truncate(5)
    os.unlink(missing)
    place.serve()
    for name, errno in (("large", 5), ("d/f100", 5), ("d/f101", 2)):
        try:
            with open(os.path.join(place.point, name), "rb"):
                raise AssertionError(f"{name}: expected that open fails, got a file")
        except OSError as why:
            expect(why.errno, errno, name)
    with open(os.path.join(place.point, "d/f102"), "rb") as f:
        expect(len(f.read()), 102 * 37)


@fact
def symlink_in_the_store_is_not_followed(place):
    large = place.object_of("large")
    os.rename(large, place.path("moved"))
    os.symlink(place.path("moved"), large)
    place.serve()
    try:
        with open(os.path.join(place.point, "large"), "rb"):
            raise AssertionError("expected that open fails, got a file")
    except OSError as why:
        expect(why.errno, 40)


@fact
def verity_refuses_objects_without_it(place):
    place.serve(",verity")
    with open(os.path.join(place.point, "d/f1"), encoding="ascii") as f:
        expect(f.read(), "x" * 37)
    try:
        with open(os.path.join(place.point, "large"), "rb") as f:
            ensure(os.path.exists("/sys/fs/ext4/features/verity"))
    except OSError as why:
        expect(why.errno, 5)


@fact
def image_that_is_truncated_later_does_no_harm(place):
    place.serve()
    os.truncate(place.image_path, 0)
    expect(len(os.listdir(os.path.join(place.point, "d"))), 302)
    expect(os.stat(os.path.join(place.point, "link")).st_size, 7 * 37)


@fact
def another_user_is_kept_out_unless_all_are_let_in(place):
    place.serve()
    expect(place.as_nobody("ls", place.point).returncode, 2)
    run("umount", place.point)
    place.serve(",allow_other")
    done = place.as_nobody("cat", os.path.join(place.point, "d/f1"))
    expect((done.returncode, done.stdout), (0, "x" * 37))


@fact
def user_mounts_by_fusermount3(place):
    if not shutil.which("fusermount3"):
        raise Skip("no fusermount3")
    place.open_device()
    os.chown(place.point, NOBODY, NOBODY)
    done = place.as_nobody(place.program, "-o", f"source={place.image_path},basedir={place.store}", place.point)
    expect((done.returncode, done.stderr), (0, ""))
    expect(place.as_nobody("cat", os.path.join(place.point, "d/f90")).stdout, "x" * 90 * 37)
    expect([m.source for m in mounts() if m.point == place.point], [place.image_path])
    expect(place.as_nobody("fusermount3", "-u", place.point).returncode, 0)
    wait_until(lambda: not place.servers(), "end of the server")
    place.as_nobody(place.program, "-o", f"source={place.image_path},basedir={place.store}", place.point)
    place.as_nobody("kill", str(place.servers()[0]))
    wait_until(lambda: not place.servers() and not os.path.ismount(place.point), "end of the server")


IN_NAMESPACE = """
set -e
mkdir m layer over up work
./composefs-fuse -o source=$1,basedir=$2 m
cat m/d/f90
umount m
./composefs-fuse -o userxattr,source=$1 layer
mount -t overlay -o userxattr,lowerdir=layer::$2 overlay over 2>/dev/null || { echo no overlay; umount layer; exit 0; }
cmp over/large $3/large
cmp over/d/f7 $3/d/f7
umount over
mount -t overlay -o userxattr,lowerdir=layer::$2,upperdir=up,workdir=work overlay over
echo more >> over/d/f90
echo new > over/new
rm over/d/f91
tail -c 5 over/d/f90
ls over/d | wc -l
umount over
umount layer
"""


@fact
def user_mounts_in_a_user_namespace_and_writes_to_an_overlay(place):
    place.open_device()
    os.chmod(place.dir, 0o777)
    done = place.as_nobody("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_NAMESPACE, "sh", place.image_path,
                           place.store, place.tree)
    if "unshare failed" in done.stderr:
        raise Skip("no user namespaces")
    expect(done.stderr, "")
    ensure(done.stdout.startswith("x" * 90 * 37), done.stdout)
    got = done.stdout[90 * 37:]
    if got == "no overlay\n":
        raise Skip("this kernel has no data-only layers with userxattr")
    expect(got, "more\n301\n")


def main():
    enter_namespace()
    if not os.path.exists("/dev/fuse"):
        skip_all("no /dev/fuse")
    return run_facts_each_in(Place)


sys.exit(main())
