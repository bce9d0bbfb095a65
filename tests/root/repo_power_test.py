#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The power is cut at every write to a disk, one TAP line a fact.

    repo_power_test.py COMPOSEFS

Needs root; works in a mount namespace of its own. Commands work on a repository on a disk that records what is written to
it. The writes are then replayed, one by one, on a copy of that disk as it was before: behind each of them it is what the disk
held at that moment, and is mounted as the next boot would.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from recorder import Recorder
from scene import (Skip, ensure, enter_namespace, expect, fact, place_in_memory, remark, run, run_facts, skip_all,
                   umount)

COMPOSEFS = os.path.abspath(sys.argv[1])
COMMANDS = (
    ("init", "--insecure", "--algorithm=sha256", "r"),
    ("create-image", "--repo=r", "../tree1", "a"),
    ("create-image", "--repo=r", "../tree2", "b"),
    ("tag", "--repo=r", "a", "dir/latest"),
    ("tag", "--repo=r", "b", "dir/latest"),
    ("untag", "--repo=r", "a"),
    ("gc", "--repo=r"),
    ("create-image", "--repo=r", "../tree1", "again"),
)


def make_tree(path, text):
    os.mkdir(path)
    for name in ("same", text):
        with open(f"{path}/{name}", "w", encoding="ascii") as f:
            f.write(name * 5000)


class Disk:
    """A filesystem in a file, mounted as the folder at. It keeps no order but what somebody asked for: contents may come to
    disk behind their names (data=writeback)."""

    def __init__(self, path):
        self.at = tempfile.mkdtemp(dir=os.getcwd())
        done = subprocess.run(["mount", "-o", "loop,data=writeback,noauto_da_alloc", path, self.at],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip(done.stderr.strip())

    def composefs(self, *args, wrapper=()):
        return run(*wrapper, COMPOSEFS, *args, cwd=self.at)

    def names(self):
        images = json.loads(self.composefs("images", "--repo=r", "--json"))["images"]
        return {name: i["id"] for i in images for name in i["names"]}

    def sound(self):
        self.composefs("fsck", "--repo=r")

    def state(self):
        """A digest of all names, contents and links."""
        state = hashlib.sha256()
        for at, folders, files in os.walk(self.at):
            folders.sort()
            for path in sorted(os.path.join(at, name) for name in folders + files):
                state.update(b"\0" + os.fsencode(os.path.relpath(path, self.at)) + b"\0")
                if os.path.islink(path):
                    state.update(os.fsencode(os.readlink(path)))
                elif os.path.isfile(path) and not path.endswith("scratch"):
                    with open(path, "rb") as f:
                        state.update(f.read())
        return state.digest()

    def close(self):
        umount(self.at)
        os.rmdir(self.at)


def commit_now_and_then(folder, stop):
    """Brings the journal of the filesystem to disk in the middle of commands, and the contents of no other file."""
    with open(f"{folder}/scratch", "wb") as f:
        while not stop.wait(0.02):
            f.write(b"x")
            f.flush()
            os.fsync(f.fileno())


def close_when_unused(recorder):
    """A loop device goes a moment after the mount that it served."""
    deadline = time.monotonic() + 60
    while True:
        try:
            recorder.close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def work(disk, recorder, wrapper):
    """The state after each command: how much had been written when it ended, and the names from then on. The wrapper is
    for those that make images."""
    for command in COMMANDS:
        disk.composefs(*command, wrapper=wrapper if command[0] == "create-image" else ())
        yield len(recorder.writes), disk.names()


def record(wrapper=(), commits=True):
    """Runs the commands on the new filesystem "disk". The writes, what the names refer to, and "replayed", the disk as it was
    before."""
    with open("disk", "wb") as f:
        f.truncate(16 << 20)
    run("mkfs.ext4", "-q", "-F", "-O", "^resize_inode", "-E", "lazy_itable_init=0,lazy_journal_init=0", "disk")
    shutil.copyfile("disk", "replayed")
    with open("point", "wb"):
        recorder = Recorder("disk", os.path.abspath("point"))
    try:
        disk, stop = Disk("point"), threading.Event()
        committer = threading.Thread(target=commit_now_and_then if commits else lambda *_: None, args=(disk.at, stop))
        committer.start()
        try:
            known = list(work(disk, recorder, wrapper))
        finally:
            stop.set()
            committer.join()
            disk.close()
    finally:
        close_when_unused(recorder)
    return recorder.writes, known


def check(disk, allowed):
    """The names are those that the last command left, or those that the next one was about to leave; and work goes on."""
    names = disk.names() if os.path.exists(f"{disk.at}/r/meta.json") else None
    ensure(names in allowed, f"names: expected one of {allowed}, got {names}")
    disk.composefs(*COMMANDS[0])
    disk.sound()
    disk.composefs("create-image", "--repo=r", "../tree1", "next")
    disk.composefs("gc", "--repo=r")
    disk.sound()
    expect({n: d for n, d in disk.names().items() if n != "next"}, names or {}, "names after a collection")


def cut_everywhere(writes, known):
    """How many different states of the filesystem there were."""
    states = [None] + [names for _, names in known]
    seen = set()
    with open("replayed", "r+b", buffering=0) as replayed:
        for n, (offset, data) in enumerate(writes, 1):
            replayed.seek(offset)
            replayed.write(data)
            run("cp", "--sparse=always", "replayed", "cut")
            ended = sum(end <= n for end, _ in known)
            disk = Disk("cut")
            try:
                state = disk.state(), ended
                if state not in seen:
                    seen.add(state)
                    check(disk, states[ended:ended + 2])
            except AssertionError as failure:
                raise AssertionError(f"write {n} of {len(writes)}, after {COMMANDS[ended - 1] if ended else 'nothing'}: {failure}") from failure
            finally:
                disk.close()
    return len(seen)


def cut_is_noticed_without(call):
    """Whether a cut would show it, were the system call not made."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    strace = ("strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", f"trace={call}",
              "-e", f"inject={call}:retval=0")
    writes, known = record(strace, commits=False)
    try:
        cut_everywhere(writes, known)
    except AssertionError as failure:
        remark(str(failure))
        return True
    return False


@fact
def a_repository_is_sound_and_has_what_was_reported_wherever_the_power_is_cut():
    writes, known = record()
    states = cut_everywhere(writes, known)
    remark(f"{len(writes)} writes, {states} different states")
    ensure(states > 2 * len(COMMANDS), "hardly a cut came within a command: the test does not test")


@fact
def a_cut_shows_that_contents_were_not_brought_to_disk():
    ensure(cut_is_noticed_without("syncfs"))


@fact
def a_cut_shows_that_names_were_not_brought_to_disk():
    ensure(cut_is_noticed_without("fsync"))


def main():
    enter_namespace()
    if not os.path.exists("/dev/fuse"):
        skip_all("no FUSE here")
    with tempfile.TemporaryDirectory(prefix="power-test-", dir=place_in_memory() or os.getcwd()) as folder:
        os.chdir(folder)
        make_tree("tree1", "one")
        make_tree("tree2", "two")
        status = run_facts()
        os.chdir("/")
    return status


if __name__ == "__main__":
    sys.exit(main())
