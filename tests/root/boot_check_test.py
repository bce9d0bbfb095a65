#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs boot check: what it finds before a boot would, and that it leaves nothing behind. Needs root.

    boot_check_test.py COMPOSEFS
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

from scene import ensure, enter_namespace, expect, fact, has, mount_call, mounts, place_in_memory, run, run_facts_each_in, umount
from facts import wait_until  # pylint: disable=wrong-import-order

COMPOSEFS = os.path.abspath(sys.argv[1])
AT = ("--root=d", "--boot=b", "--run=run")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def left():
    """What a check could leave behind."""
    return [m.point for m in mounts()] + glob.glob("/*/composefs-check-*")


class Place:
    """One image, installed."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="boot-check-", dir=place_in_memory() or os.getcwd())
        os.chdir(self.top)
        os.makedirs("b/loader/entries")
        os.makedirs("run")
        for name in ("usr/lib/modules/6/vmlinuz", "usr/lib/modules/6/initramfs.img", "usr/lib/large"):
            write(f"t/{name}", name * 1000)
        for name in ("etc", "var", "sysroot"):
            os.mkdir(f"t/{name}")
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "d/composefs")
        run(COMPOSEFS, "create-image", "--repo=d/composefs", "t", "os/1")
        run(COMPOSEFS, "boot", "install", *AT, "--insecure", "--tries=3", "os/1")
        self.hex = os.readlink("d/composefs/images/refs/os/1").rsplit("/", maxsplit=1)[-1]
        self.state = f"d/state/deploy/{self.hex}"
        self.key = os.listdir("b/composefs")[0]

    def check(self, *failed):
        """These checks fail, and the others do not; the reasons."""
        before = left()
        done = subprocess.run([COMPOSEFS, "boot", "check", *AT, "--json"], capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
        expect([c["check"] for c in report["checks"] if not c["ok"]], list(failed), report["checks"])
        expect((done.returncode, report["ok"]), (1 if failed else 0, not failed))
        # Other tests check systems at the same time, and their directories go soon.
        wait_until(lambda: set(left()) <= set(before), f"only the mounts and temporary directories {before}")
        expect(os.listdir(self.state + "/etc/work"), [], "the layers of /etc were used")
        return " ".join(c["reason"] or "" for c in report["checks"])

    def object_of(self, path):
        return "d/composefs/objects/" + run(COMPOSEFS, "dump-files", "--repo=d/composefs", "--backing-path-only", "os/1", path).split()[1]

    def close(self):
        os.chdir("/")
        shutil.rmtree(self.top)


@fact
def a_system_that_can_be_booted_passes(place):
    place.check()
    os.chdir("d")
    run(COMPOSEFS, "boot", "check", "--root=.", "--boot=../b", "--run=../run")
    os.chdir("..")
    said = run(COMPOSEFS, "boot", "check", *AT)
    expect([line.split() for line in said.splitlines()], [[name, "ok"] for name in ("entry", "kernel", "image", "objects", "mount")])


@fact
def a_damaged_or_missing_kernel_is_found(place):
    for name in ("linux", "initrd"):
        file = f"b/composefs/{place.key}/{name}"
        os.rename(file, "kept")
        has(place.check("kernel"), name)
        write(file, "damaged")
        has(place.check("kernel"), "damaged")
        os.rename("kept", file)
    place.check()


@fact
def a_missing_object_is_found(place):
    os.unlink(place.object_of("/usr/lib/large"))
    has(place.check("objects"), "objects")


@fact
def a_missing_or_exchanged_image_is_found(place):
    image = f"d/composefs/images/{place.hex}"
    file = f"d/composefs/objects/{place.hex[:2]}/{place.hex[2:]}"
    with open(file, "r+b") as f:
        f.seek(4000)
        f.write(b"damaged")
    place.check("image", "objects")
    os.unlink(image)
    place.check("image", "objects", "mount")


@fact
def an_entry_whose_boots_failed_is_found(place):
    name = f"b/loader/entries/composefs-1.0-{place.hex[:12]}"
    os.rename(f"{name}+3.conf", f"{name}+0-3.conf")
    has(place.check("entry"), "3 boots failed")


@fact
def arguments_that_the_initrd_refuses_are_found(place):
    """Without "?" the image must have fs-verity, which this repository has not."""
    name = f"b/loader/entries/composefs-1.0-{place.hex[:12]}+3.conf"
    with open(name, encoding="utf-8") as f:
        text = f.read()
    write(name, text.replace("=?v1", "=v1"))
    has(place.check("mount"), "fs-verity")
    write(name, text.replace("composefs.digest=", "composefs.transient=nothing composefs.digest="))
    ensure(subprocess.run([COMPOSEFS, "boot", "check", *AT], capture_output=True, check=False).returncode == 1)


@fact
def a_missing_var_is_found(place):
    shutil.rmtree("d/state/os")
    has(place.check("mount"), "/var")


@fact
def a_state_disk_that_is_mounted_read_only_is_written_in_private(place):
    """As it is below /sysroot of a running system."""
    run("mount", "--bind", "d", "d")
    try:
        run("mount", "-o", "remount,bind,ro", "d")
        run(COMPOSEFS, "boot", "pin", *AT, "next")
        expect(json.loads(run(COMPOSEFS, "boot", "status", *AT, "--json"))["deployments"][0]["pinned"], True)
        try:
            write("d/new", "x")
        except OSError:
            return
        raise AssertionError("the mount: expected it to stay read-only, got a new file")
    finally:
        umount(os.path.abspath("d"))


@fact
def a_boot_partition_without_room_is_left_as_it_is(place):
    os.mkdir("small")
    mount_call("tmpfs", os.path.abspath("small"), "tmpfs", "size=256k")
    try:
        os.makedirs("small/loader/entries")
        for rest in (0, 70000, 104000):
            os.mkdir("other")
            with open("small/fill", "wb") as f:
                room = os.statvfs("small")
                f.write(b"x" * (room.f_bavail * room.f_bsize - rest))
            done = subprocess.run([COMPOSEFS, "boot", "install", "--root=other", "--boot=small", "--repo=d/composefs", "--run=run",
                                   "--insecure", "os/1"], capture_output=True, text=True, check=False)
            expect(done.returncode, 1, f"with {rest} bytes: {done.stderr}")
            has(done.stderr, "free bytes for kernel and entry")
            expect(os.listdir("small/loader/entries"), [])
            expect(sorted(os.listdir("small")), ["fill", "loader"])
            expect(os.listdir("other/state/deploy"), [".lock"])
            shutil.rmtree("other")
            os.unlink("small/fill")
    finally:
        umount(os.path.abspath("small"))


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
