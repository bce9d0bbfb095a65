#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Without fs-verity a mount reads an image once in a boot, and again after every change: who is believed about that.

    repo_proven_test.py COMPOSEFS

Needs root and Linux 6.8; works in a mount namespace of its own, with a tmpfs at /run. A forged record tells whether records
are believed: the image has another byte and the record its times, so that the mount succeeds only without reading it.
"""
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from scene import LIBC, ensure, enter_namespace, expect, fact, mount_call, mounts, run, run_facts_each_in
from facts import FACTS  # pylint: disable=wrong-import-order

COMPOSEFS = os.path.abspath(sys.argv[1])
RECORDS = "/run/composefs/proven"
OLD_S = 3.1
PLACES = []
RECORD = struct.Struct("<6I3Q2q")  # magic, mtime_nsec, ctime_nsec, major, minor, 0; mount, inode, size; mtime, ctime


class Place:
    """A repository without fs-verity on a disk (EROFS cannot mount a file of a tmpfs), and its image."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="repo-test-", dir=os.getcwd())
        self.repo, self.mnt = f"{self.dir}/r", f"{self.dir}/mnt"
        os.makedirs(f"{self.dir}/tree")
        os.mkdir(self.mnt)
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", self.repo)
        self.id = run(COMPOSEFS, "create-image", f"--repo={self.repo}", f"{self.dir}/tree", "os/1").strip().split(":")[-1]
        self.image = os.path.realpath(f"{self.repo}/images/{self.id}")
        self.record = f"{RECORDS}/{self.id}"

    def mount(self, *options, repo=None):
        """Mounts and unmounts. What was said in a failure; empty: none."""
        done = subprocess.run([COMPOSEFS, "mount", *options, f"--repo={repo or self.repo}", "os/1", self.mnt],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            run("umount", self.mnt)
        return done.stderr if done.returncode else ""

    def change(self):
        """Another byte, the mtime as before."""
        times = os.stat(self.image)
        with open(self.image, "r+b") as f:
            f.seek(-1, os.SEEK_END)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_END)
            f.write(bytes([byte ^ 1]))
        os.utime(self.image, ns=(times.st_atime_ns, times.st_mtime_ns))

    def forge(self):
        """A record, and then a change of which the record knows."""
        expect(self.mount(), "")
        self.change()
        with open(self.record, "rb") as f:
            fields = list(RECORD.unpack(f.read()))
        now = os.stat(self.image)
        fields[2], fields[10] = now.st_ctime_ns % 10**9, now.st_ctime_ns // 10**9
        with open(self.record, "wb") as f:
            f.write(RECORD.pack(*fields))

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def take_place():
    """A place for one fact, whose image is old enough to be recorded. All are made at once, so that the test waits once."""
    if not PLACES:
        PLACES.extend(Place() for _ in FACTS)
        time.sleep(OLD_S)
    shutil.rmtree("/run/composefs", ignore_errors=True)
    return PLACES.pop()


def is_refused(said):
    ensure("expected the fs-verity digest" in said, said)


@fact
def a_record_of_the_caller_is_believed(place):
    place.forge()
    expect(place.mount(), "")


@fact
def a_changed_file_of_the_same_size_and_mtime_is_noticed(place):
    expect(place.mount(), "")
    ensure(os.path.exists(place.record), os.listdir("/run"))
    place.change()
    is_refused(place.mount())


@fact
def the_option_verify_reads_the_image_whatever_was_recorded(place):
    place.forge()
    is_refused(place.mount("--verify-image"))


@fact
def a_record_of_somebody_else_is_not_believed(place):
    place.forge()
    os.chown(place.record, 1, 1)
    is_refused(place.mount())


@fact
def a_record_that_others_can_write_is_not_believed(place):
    place.forge()
    os.chmod(place.record, 0o666)
    is_refused(place.mount())


@fact
def a_record_in_a_directory_that_others_can_write_is_not_believed(place):
    place.forge()
    for directory in (RECORDS, "/run/composefs", "/run"):
        os.chmod(directory, 0o777)
        is_refused(place.mount())
        os.chmod(directory, 0o755)
        os.chown(directory, 1, 1)
        is_refused(place.mount())
        os.chown(directory, 0, 0)
    expect(place.mount(), "")


@fact
def a_record_behind_a_symbolic_link_is_not_believed(place):
    place.forge()
    os.rename(RECORDS, "/run/composefs/elsewhere")
    os.symlink("elsewhere", RECORDS)
    is_refused(place.mount())


@fact
def a_record_that_outlives_the_boot_is_not_believed(place):
    place.forge()
    os.mkdir(f"{place.dir}/disk")
    run("cp", "-a", "/run/composefs", f"{place.dir}/disk")
    os.chmod(f"{place.dir}/disk", 0o755)
    run("mount", "--bind", f"{place.dir}/disk", "/run")
    try:
        is_refused(place.mount())
    finally:
        run("umount", "/run")


@fact
def a_record_does_not_count_for_another_mount(place):
    place.forge()
    os.mkdir(f"{place.dir}/other")
    run("mount", "--bind", place.repo, f"{place.dir}/other")
    is_refused(place.mount(repo=f"{place.dir}/other"))


@fact
def a_file_that_just_changed_gets_no_record(place):
    os.utime(place.image)
    expect(place.mount(), "")
    ensure(not os.path.exists(place.record), "expected no record")


@fact
def a_file_that_is_open_for_writing_gets_no_record(place):
    with open(place.image, "r+b"):
        expect(place.mount(), "")
    ensure(not os.path.exists(place.record), "expected no record")


@fact
def a_file_that_others_can_write_gets_no_record(place):
    for change in (lambda: os.chmod(place.image, 0o664), lambda: (os.chmod(place.image, 0o644), os.chown(place.image, 1, 1))):
        change()
        time.sleep(OLD_S)
        expect(place.mount(), "")
        ensure(not os.path.exists(place.record), "expected no record")


@fact
def a_file_of_a_filesystem_that_is_mounted_read_only_gets_no_record(place):
    os.mkdir(f"{place.dir}/other")
    run("mount", "--bind", place.repo, f"{place.dir}/other")
    run("mount", "-o", "remount,bind,ro", f"{place.dir}/other")
    expect(place.mount(repo=f"{place.dir}/other"), "")
    ensure(not os.path.exists(place.record), "expected no record")


@fact
def several_processes_that_mount_leave_one_whole_record(place):
    points = [f"{place.dir}/point{i}" for i in range(8)]
    for point in points:
        os.mkdir(point)
    running = [subprocess.Popen([COMPOSEFS, "mount", f"--repo={place.repo}", "os/1", point], stderr=subprocess.DEVNULL)
               for point in points]
    expect([child.wait() for child in running], [0] * 8)
    expect(glob.glob(f"{RECORDS}/*"), [place.record])
    expect(os.path.getsize(place.record), RECORD.size)


if __name__ == "__main__":
    enter_namespace()
    if tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) < (6, 8):
        print("1..0 # SKIP this kernel has no unique mount IDs: expected Linux 6.8")
        sys.exit(0)
    mount_call("none", "/run", "tmpfs", "mode=0755")
    sys.exit(run_facts_each_in(take_place))
