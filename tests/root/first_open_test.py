#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs mount --verify=first-open: every object is verified before its first byte is read.

    first_open_test.py COMPOSEFS

Needs root and /dev/fuse; works in a mount namespace of its own, with a /run and a /dev of its own.
"""
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

from scene import LIBC, Scene, ensure, enter_namespace, expect, fact, has, mount_call, mounts, run, run_facts_each_in, skip_all, wait_until

COMPOSEFS = os.path.abspath(sys.argv[1])
MS_BIND, MS_REC = 4096, 16384
N_FILES = 40


class Place(Scene):
    """A repository without fs-verity with an image, and the socket of the system log."""

    def __init__(self):
        super().__init__(None, None)
        mount_call("tmpfs", "/run", "tmpfs")
        self.make_devices()
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind("/dev/log")
        self.log.setblocking(False)
        self.tree, self.repo = self.made("tree"), self.path("repo")
        for i in range(N_FILES):
            with open(self.path("tree", f"f{i}"), "wb") as f:
                f.write(os.urandom(1000 + 4096 * i))
        os.link(self.path("tree", "f1"), self.path("tree", "hard"))
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", self.repo)
        self.id = run(COMPOSEFS, "create-image", f"--repo={self.repo}", self.tree, "os").strip()

    def make_devices(self):
        """A /dev whose log is not that of the machine."""
        dev = self.made("dev")
        mount_call("tmpfs", dev, "tmpfs")
        for name, minor, major in (("null", 3, 1), ("zero", 5, 1), ("urandom", 9, 1), ("fuse", 229, 10)):
            os.mknod(os.path.join(dev, name), stat.S_IFCHR | 0o666, os.makedev(major, minor))
        if LIBC.mount(dev.encode(), b"/dev", None, MS_BIND, None):
            raise OSError("cannot bind /dev")

    def mount_image(self, *options, level="first-open"):
        run(COMPOSEFS, "mount", f"--repo={self.repo}", f"--verify={level}", *options, "os", self.mnt)

    def refuse(self, *options, status=1):
        done = subprocess.run([COMPOSEFS, "mount", f"--repo={self.repo}", *options, "os", self.mnt],
                              capture_output=True, text=True, check=False)
        expect(done.returncode, status, "status of a mount that should fail")
        return done.stderr

    def content(self, name, top=None):
        with open(os.path.join(top or self.mnt, name), "rb") as f:
            return f.read()

    def object_of(self, name):
        wanted = self.content(name, self.tree)
        for folder, _, names in os.walk(os.path.join(self.repo, "objects")):
            for one in names:
                path = os.path.join(folder, one)
                if os.path.getsize(path) == len(wanted) and self.content(path) == wanted:
                    return path
        raise AssertionError(f"expected an object for {name}, got none")

    def damage(self, name):
        """Change one byte of the object. Returns the path of the object."""
        path = self.object_of(name)
        with open(path, "r+b") as f:
            f.seek(500)
            byte = f.read(1)
            f.seek(500)
            f.write(bytes([byte[0] ^ 1]))
        return path

    def error(self, name):
        try:
            self.content(name)
        except OSError as e:
            return errno.errorcode[e.errno]
        return None

    def lines(self):
        found = []
        while True:
            try:
                found.append(self.log.recv(4096).decode())
            except BlockingIOError:
                return found

    def status(self):
        return json.loads(run(COMPOSEFS, "status", "--json", self.mnt))["mounts"][0]

    def close(self):
        self.log.close()
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir) or mounted.point in ("/dev", "/run"):
                LIBC.umount2(mounted.point.encode(), 2)
        super().close()


def servers():
    """The processes of the servers of this namespace's mounts."""
    return os.listdir("/run/composefs/servers") if os.path.isdir("/run/composefs/servers") else []


@fact
def every_file_is_what_it_was(place):
    place.mount_image()
    for name in os.listdir(place.tree):
        expect(place.content(name), place.content(name, place.tree), name)
    state = place.status()
    expect(state["verified_by"], "first-open")
    expect((state["counters"]["verified"], state["counters"]["damaged"]), (N_FILES, 0))
    expect(state["objects_dirs"], [os.path.join(place.repo, "objects")])
    has(run(COMPOSEFS, "status", place.mnt), f"{N_FILES} verified, 0 damaged")


@fact
def one_changed_byte_gives_eio_for_its_file_alone_and_one_line(place):
    path = place.damage("f7")
    place.mount_image()
    for _ in range(3):
        expect(place.error("f7"), "EIO", "f7")
    for name in os.listdir(place.tree):
        if name != "f7":
            expect(place.content(name), place.content(name, place.tree), name)
    lines = place.lines()
    expect(len(lines), 1, "lines in the log")
    digest = os.path.basename(os.path.dirname(path)) + os.path.basename(path)
    has(lines[0], f"os: objects/{digest[:2]}/{digest[2:]}: damaged: expected sha256:{digest}, got sha256:")
    counters = place.status()["counters"]
    expect((counters["verified"], counters["damaged"]), (N_FILES - 1, 1))


def damage_with_kernel_log(place, name):
    """Damages a file, reads it, and returns the records that /dev/kmsg would show, in a file."""
    kmsg = place.path("kmsg")
    with open("/dev/kmsg", "w", encoding="ascii"):
        pass
    place.damage(name)
    place.mount_image()
    expect((place.error(name), place.error(name)), ("EIO", "EIO"))
    with open("/dev/kmsg", encoding="ascii") as f, open(kmsg, "w", encoding="ascii") as out:
        for line in f:
            priority, text = line.removeprefix("<").split(">", 1)
            out.write(f"{priority},1,{int(time.monotonic() * 1e6)},-;{text}")
    return kmsg


@fact
def damage_is_written_to_the_kernel_log_instead_where_that_is_possible(place):
    log = damage_with_kernel_log(place, "f7")
    with open(log, encoding="ascii") as f:
        records = f.readlines()
    expect((len(records), place.lines()), (1, []))
    has(records[0], "27,1,")
    state = json.loads(run(COMPOSEFS, "status", f"--log={log}", "--json", place.mnt))["mounts"][0]
    expect((state["verity_errors"], state["counters"]["damaged"]), (1, 1))


@fact
def watch_repairs_what_a_server_reports(place):
    backup = place.path("backup")
    run("cp", "-a", place.repo, backup)
    path = place.object_of("f7")
    log = damage_with_kernel_log(place, "f7")
    done = subprocess.run([COMPOSEFS, "watch", f"--log={log}", "--action=repair", f"--from={backup}"],
                          capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    expect((done.returncode, len(lines)), (0, 2), done.stderr)
    has(lines[0], f"{place.mnt}: /f7: damaged: expected the object sha256:")
    expect(lines[1], f"composefs watch: {os.path.relpath(path, place.repo + '/objects')}: repaired")
    expect(place.content("f7"), place.content("f7", place.tree))
    state = json.loads(run(COMPOSEFS, "status", f"--log={log}", "--json", place.mnt))["mounts"][0]
    expect(state["verity_errors"], 0, "errors of the object that was replaced")


def status_of_reader(place, name):
    with open(os.devnull, "wb") as null:
        return subprocess.run(["cat", os.path.join(place.mnt, name)], stdout=null, stderr=null, check=False).returncode


@fact
def readers_of_a_damaged_file_are_killed_if_that_is_wanted_and_not_too_often(place):
    place.damage("f7")
    place.mount_image("--kill-readers")
    expect([status_of_reader(place, "f7") for _ in range(12)], [-signal.SIGKILL] * 10 + [1] * 2)
    expect(status_of_reader(place, "f8"), 0)
    expect(len(place.lines()), 1, "lines in the log")
    run("umount", place.mnt)
    place.mount_image()
    expect(status_of_reader(place, "f7"), 1, "without the option")
    run("umount", place.mnt)
    has(place.refuse("--kill-readers", status=2), "--kill-readers needs --verify=first-open")
    has(place.refuse("--kill-readers", "--verify=first-open", "--method=fuse"), "not possible with the method fuse")


@fact
def damage_is_found_through_every_name_of_a_file(place):
    place.damage("f1")
    place.mount_image()
    expect((place.error("f1"), place.error("hard")), ("EIO", "EIO"))
    expect(place.status()["counters"]["damaged"], 1)


@fact
def repaired_object_can_be_read_again(place):
    path = place.damage("f7")
    place.mount_image()
    expect(place.error("f7"), "EIO")
    with open(path, "wb") as f:
        f.write(place.content("f7", place.tree))
    for _ in range(2):
        expect(place.content("f7"), place.content("f7", place.tree))


@fact
def what_is_no_file_is_not_opened(place):
    path = place.object_of("f3")
    os.unlink(path)
    os.mkfifo(path)
    missing = place.object_of("f4")
    os.unlink(missing)
    place.mount_image()
    expect(place.error("f3"), "EIO")
    expect(place.error("f4"), "ENOENT")


@fact
def processes_that_open_at_once_share_the_work(place):
    place.mount_image()
    readers = [subprocess.Popen(["cat", *(place.path("mnt", f"f{i}") for i in range(N_FILES))], stdout=subprocess.DEVNULL)
               for _ in range(64)]
    expect([r.wait() for r in readers], [0] * 64)
    expect(place.status()["counters"]["verified"], N_FILES)


@fact
def writable_mount_copies_verified_objects(place):
    place.damage("f7")
    place.mount_image(f"--changes={place.path('changes')}")
    with open(place.path("mnt", "f8"), "ab") as f:
        f.write(b"more")
    expect(place.content("f8"), place.content("f8", place.tree) + b"more")
    try:
        with open(place.path("mnt", "f7"), "ab") as f:
            f.write(b"more")
    except OSError as e:
        expect(errno.errorcode[e.errno], "EIO")
    else:
        raise AssertionError("expected EIO for a copy of a damaged object, got none")


@fact
def server_ends_with_its_mount_and_leaves_nothing(place):
    place.mount_image()
    expect(len(servers()), 1, "servers")
    run("umount", place.mnt)
    wait_until(lambda: not servers(), "end of the server")


@fact
def server_keeps_no_mount_namespace_alive(place):
    script = f'{COMPOSEFS} mount --repo={place.repo} --verify=first-open os {place.mnt}'
    run("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    wait_until(lambda: not servers(), "end of the server")


@fact
def program_runs_from_a_verified_mount(place):
    with open("/bin/true", "rb") as f, open(place.path("tree", "program"), "wb") as to:
        to.write(f.read())
    os.chmod(place.path("tree", "program"), 0o755)
    run(COMPOSEFS, "create-image", f"--repo={place.repo}", place.tree, "os")
    place.mount_image()
    run(place.path("mnt", "program"))


@fact
def image_in_use_by_a_server_keeps_its_objects(place):
    place.mount_image()
    run(COMPOSEFS, "rm", f"--repo={place.repo}", "os")
    run(COMPOSEFS, "gc", f"--repo={place.repo}")
    for name in os.listdir(place.tree):
        expect(place.content(name), place.content(name, place.tree), name)


@fact
def objects_that_others_can_write_are_refused(place):
    os.chmod(os.path.join(place.repo, "objects"), 0o775)
    has(place.refuse("--verify=first-open"), "another user can write to it")


@fact
def level_kernel_is_refused_without_fs_verity(place):
    has(place.refuse("--verify=kernel"), "has no fs-verity; --verify=first-open")


@fact
def damage_is_not_found_without_verification(place):
    """The other tests prove something only if this holds."""
    place.damage("f7")
    place.mount_image(level="auto")
    expect(place.error("f7"), None)
    expect(place.status()["verified_by"], "id-at-mount")
    expect(place.status()["counters"], None)


enter_namespace()
if not os.path.exists("/dev/fuse"):
    skip_all("needs /dev/fuse")
run_facts_each_in(Place)
