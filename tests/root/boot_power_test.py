#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The power is cut at every write while systems are installed, upgraded and removed, as in repo_power_test.py.

    boot_power_test.py COMPOSEFS

State disk and boot partition are one ext4 here, which keeps less order than FAT. Behind each write, each entry must have its
kernel, its image with all objects, and its directories: it could be booted.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import repo_power_test as power
from facts import FACTS
from scene import Skip, ensure, enter_namespace, expect, fact, place_in_memory, remark, run_facts, skip_all

FACTS.clear()  # those of repo_power_test
PLACE = ("--root=.", "--boot=b", "--run=/nowhere")
SETUP = (
    ("init", "--insecure", "--algorithm=sha256", "composefs"),
    ("create-image", "--repo=composefs", "../tree1", "os:1"),
    ("create-image", "--repo=composefs", "../tree2", "os:2"),
    ("tag", "--repo=composefs", "os:1", "os:latest"),
)
COMMANDS = (
    ("boot", "install", *PLACE, "--insecure", "--karg=quiet", "os:latest"),
    ("tag", "--repo=composefs", "os:2", "os:latest"),
    ("boot", "upgrade", *PLACE, "--insecure", "--tries=2"),
    ("boot", "karg", *PLACE, "add", "x=1"),
    ("boot", "rollback", *PLACE),
    ("boot", "rm", *PLACE, "--force", "rollback"),
    ("gc", "--repo=composefs"),
)


class Disk(power.Disk):
    def names(self):
        """The versions of the entries, in the order of the boot loader."""
        if not os.path.isdir(f"{self.at}/b/loader/entries"):
            return None
        listed = json.loads(self.composefs("boot", "status", *PLACE, "--json"))["deployments"]
        return [d["version"] for d in listed if d["entry"]]

    def bootable(self):
        for name in os.listdir(f"{self.at}/b/loader/entries"):
            if name.endswith(".conf"):
                done = subprocess.run([power.COMPOSEFS, "boot", "check", *PLACE, "--json", name.split("+")[0].removesuffix(".conf")],
                                      cwd=self.at, capture_output=True, text=True, check=False)
                report = json.loads(done.stdout or "{}")
                ensure(report.get("ok") or "deployment" in done.stderr, f"{name}: {done.stderr}{report.get('checks')}")


def prepare():
    """The disk "prepared", with the images."""
    with open("prepared", "wb") as f:
        f.truncate(16 << 20)
    power.run("mkfs.ext4", "-q", "-F", "-O", "^resize_inode", "-E", "lazy_itable_init=0,lazy_journal_init=0", "prepared")
    disk = Disk("prepared")
    os.makedirs(f"{disk.at}/b/loader/entries")
    for command in SETUP:
        disk.composefs(*command)
    disk.close()


def work(disk, recorder, wrapper):
    for command in COMMANDS:
        disk.composefs(*command, wrapper=wrapper)
        yield len(recorder.writes), disk.names()


def check(disk, allowed):
    names = disk.names()
    ensure(names in allowed, f"entries: expected one of {allowed}, got {names}")
    disk.bootable()


def record(wrapper=()):
    """As power.record, on a copy of the prepared disk."""
    for name in ("disk", "replayed"):
        shutil.copyfile("prepared", name)
    with open("point", "wb"):
        recorder = power.Recorder("disk", os.path.abspath("point"))
    try:
        disk = Disk("point")
        try:
            known = list(work(disk, recorder, wrapper))
        finally:
            disk.close()
    finally:
        power.close_when_unused(recorder)
    return recorder.writes, known


def cut_everywhere(writes, known):
    power.COMMANDS, power.Disk, power.check = COMMANDS, Disk, check
    states = [[]] + [names for _, names in known]
    seen = set()
    with open("replayed", "r+b", buffering=0) as replayed:
        for n, (offset, data) in enumerate(writes, 1):
            replayed.seek(offset)
            replayed.write(data)
            power.run("cp", "--sparse=always", "replayed", "cut")
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


@fact
def whatever_is_offered_can_be_booted_wherever_the_power_is_cut():
    writes, known = record()
    states = cut_everywhere(writes, known)
    remark(f"{len(writes)} writes, {states} different states")
    expect([names for _, names in known], [["1"], ["1"], ["2", "1"], ["2", "1"], ["1", "2"], ["1"], ["1"]])
    ensure(states > 2 * len(COMMANDS), "hardly a cut came within a command: the test does not test")


@fact
def a_cut_shows_that_files_were_not_brought_to_disk():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    calls = "fsync,syncfs"
    writes, known = record(("strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", f"trace={calls}",
                            "-e", f"inject={calls}:retval=0"))
    try:
        cut_everywhere(writes, known)
    except AssertionError as failure:
        remark(str(failure))
        return
    raise AssertionError("expected a failure without fsync and syncfs, got none")


def make_tree(path, version):
    for name in ("usr/lib/modules/6/vmlinuz", "usr/lib/modules/6/initramfs.img", "usr/data"):
        os.makedirs(os.path.dirname(f"{path}/{name}"), exist_ok=True)
        with open(f"{path}/{name}", "w", encoding="ascii") as f:
            f.write(f"{name} {version}" * 5000)
    with open(f"{path}/usr/lib/os-release", "w", encoding="ascii") as f:
        f.write(f"VERSION_ID={version}\n")
    for name in ("etc", "var", "sysroot"):
        os.mkdir(f"{path}/{name}")


def main():
    enter_namespace()
    if not os.path.exists("/dev/fuse"):
        skip_all("no FUSE here")
    with tempfile.TemporaryDirectory(prefix="boot-power-", dir=place_in_memory() or os.getcwd()) as folder:
        os.chdir(folder)
        make_tree("tree1", "1")
        make_tree("tree2", "2")
        prepare()
        status = run_facts()
        os.chdir("/")
    return status


if __name__ == "__main__":
    sys.exit(main())
