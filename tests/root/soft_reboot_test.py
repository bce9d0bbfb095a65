#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs boot soft-reboot: what it starts, what it refuses, and what is left after a failure. Needs root.

    soft_reboot_test.py COMPOSEFS

systemctl is a script here that notes what systemd would find; the VM suite has systemd itself.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

from scene import ensure, enter_namespace, expect, fact, has, mounts, place_in_memory, run, run_facts_each_in
from pe_file import pe  # pylint: disable=wrong-import-order

COMPOSEFS = os.path.abspath(sys.argv[1])
AT = ("--root=d", "--boot=b", "--run=run")
SYSTEMCTL = """#!/bin/sh
echo "$@" > called
cat run/nextroot/usr/lib/version > version
echo changed > run/nextroot/etc/changed
cp run/composefs/booted record
[ "$(cat status)" = killed ] && kill -TERM $$
exit "$(cat status)"
"""


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Place:
    """Three installed images, of which the first runs. The third has another kernel."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="soft-reboot-", dir=place_in_memory() or os.getcwd())
        os.chdir(self.top)
        os.makedirs("b/loader/entries")
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "d/composefs")
        self.hex = {}
        for version, kernel in (("1", "6"), ("2", "6"), ("3", "7")):
            self.make(version, kernel)
            run(COMPOSEFS, "boot", "install", *AT, "--insecure", "os/" + version)
        write("bin/systemctl", SYSTEMCTL, 0o755)
        write("status", "0")
        write("conf", "[composefs]\nallow-insecure = yes\n")
        self.record = json.dumps({"version": 1, "digest": "sha256:" + self.hex["1"]}, separators=(",", ":"))
        write("run/composefs/booted", self.record)

    def make(self, version, kernel):
        for name in ("etc", "var", "sysroot"):
            os.makedirs(f"t{version}/{name}")
        for name in ("vmlinuz", "initramfs.img"):
            write(f"t{version}/usr/lib/modules/{kernel}/{name}", (kernel + name) * 1000)
        write(f"t{version}/usr/lib/version", version)
        run(COMPOSEFS, "create-image", "--repo=d/composefs", "t" + version, "os/" + version)
        self.hex[version] = os.readlink(f"d/composefs/images/refs/os/{version}").rsplit("/", maxsplit=1)[-1]

    def start(self, *args, config="--config=conf"):
        """The process that ran."""
        env = {**os.environ, "PATH": f"{self.top}/bin:{os.environ['PATH']}"}
        return subprocess.run([COMPOSEFS, "boot", "soft-reboot", *AT, config, *args], env=env, capture_output=True, text=True, check=False)

    def refused(self, *args, part, **options):
        """Nothing is started, mounted or recorded."""
        done = self.start(*args, **options)
        has(done.stderr, part)
        expect(done.returncode, 1, done.stderr)
        ensure(not os.path.exists("called"), "systemctl was called")
        self.is_as_before()

    def is_as_before(self):
        expect(read("run/composefs/booted"), self.record)
        expect([m.point for m in mounts() if m.point.endswith("nextroot")], [])

    def is_started(self, version):
        expect((read("called"), read("version")), ("--no-block soft-reboot\n", version))
        expect(read("record"), read("run/composefs/booted"))
        expect(json.loads(read("record"))["digest"].split(":")[1], self.hex[version])
        ensure(os.path.exists(f"d/state/deploy/{self.hex[version]}/etc/upper/changed"), "/etc is not that of the deployment")

    def change_entry(self, version, old, new):
        path, = glob.glob(f"b/loader/entries/*{self.hex[version][:12]}*.conf")
        text = read(path)
        has(text, old)
        write(path, text.replace(old, new))

    def close(self):
        while os.path.ismount("run/nextroot"):
            run("umount", "-R", "run/nextroot")
        os.chdir("/")
        shutil.rmtree(self.top)


@fact
def a_system_with_the_same_kernel_is_started(place):
    done = place.start(place.hex["2"][:12])
    expect((done.returncode, done.stdout), (0, ""), done.stderr)
    place.is_started("2")
    ensure(os.path.ismount("run/nextroot/etc") and os.path.ismount("run/nextroot/var"))


@fact
def a_root_that_was_prepared_before_is_replaced(place):
    for version in ("2", "2"):
        expect(place.start(place.hex[version][:12]).returncode, 0)
        write("run/composefs/booted", place.record)
    expect(len([m for m in mounts() if m.point.endswith("/nextroot")]), 1)


@fact
def another_kernel_is_refused(place):
    place.refused(place.hex["3"][:12], part='another kernel or initrd than that of the running system: "systemctl reboot"')


@fact
def other_kernel_arguments_are_refused(place):
    run(COMPOSEFS, "boot", "karg", *AT, "--deployment=" + place.hex["2"][:12], "add", "quiet")
    place.refused(place.hex["2"][:12], part='expected the kernel arguments "" of the running system, got "quiet"')


@fact
def the_running_system_is_refused(place):
    place.refused("booted", part='it runs: "systemctl soft-reboot"')


@fact
def a_system_of_another_kind_is_refused(place):
    os.unlink("run/composefs/booted")
    done = place.start(place.hex["2"][:12])
    expect(done.returncode, 1)
    has(done.stderr, "the running system is not a deployment")
    ensure(not os.path.exists("called"))


@fact
def an_entry_of_bootc_is_refused(place):
    path, = glob.glob(f"b/loader/entries/*{place.hex['2'][:12]}*.conf")
    os.rename(path, "b/loader/entries/bootc_debian-12-1.conf")
    place.refused(place.hex["2"][:12], part="it has no entry of composefs boot")
    os.rename("b/loader/entries/bootc_debian-12-1.conf", path)
    path, = glob.glob(f"b/loader/entries/*{place.hex['1'][:12]}*.conf")
    os.rename(path, "b/loader/entries/bootc_debian-12-1.conf")
    place.refused(place.hex["2"][:12], part="the running system has no entry of composefs boot")


@fact
def a_system_that_cannot_be_booted_is_refused(place):
    path = "d/composefs/objects/" + run(COMPOSEFS, "dump-files", "--repo=d/composefs", "--backing-path-only", "os/2",
                                        "/usr/lib/modules/6/vmlinuz").split()[1]
    os.rename(path, "kept")
    place.refused(place.hex["2"][:12], part="objects: ")
    os.rename("kept", path)
    place.change_entry("2", "=?v1", "=v1")
    place.refused(place.hex["2"][:12], part="fs-verity")


@fact
def what_the_configuration_forbids_is_refused(place):
    write("strict", "[composefs]\n")
    place.refused(place.hex["2"][:12], part="allow-insecure", config="--config=strict")
    place.refused(place.hex["2"][:12], part="missing: No such file", config="--config=missing")


@fact
def nothing_is_left_after_systemctl_failed(place):
    write("status", "1")
    done = place.start(place.hex["2"][:12])
    expect(done.returncode, 1)
    has(done.stderr, "systemctl soft-reboot")
    expect(read("version"), "2")
    place.is_as_before()


@fact
def a_root_that_systemd_may_be_entering_is_not_unmounted(place):
    """systemd can end systemctl together with the services."""
    write("status", "killed")
    done = place.start(place.hex["2"][:12])
    expect(done.returncode, 0, done.stderr)
    has(done.stderr, "systemctl was killed by signal 15: if the soft reboot does not begin, try again")
    place.is_started("2")
    ensure(os.path.ismount("run/nextroot"))


@fact
def ukis_with_the_same_kernel_and_initrd_are_the_same(place):
    """Each has its image in its arguments, so that no two files are equal."""
    def install(version, kernel=b"MZ", initrd=b"cpio", args="rw"):
        with open("uki.efi", "wb") as f:
            f.write(pe((b".cmdline", f"{args} composefs=?{place.hex[version]}".encode()), (b".linux", kernel), (b".initrd", initrd)))
        run(COMPOSEFS, "boot", "rm", *AT, "--force", place.hex[version][:12])
        run(COMPOSEFS, "boot", "install", *AT, "--insecure", "--uki=uki.efi", "os/" + version)

    os.unlink("run/composefs/booted")
    install("1")
    write("run/composefs/booted", place.record)
    place.refused(place.hex["2"][:12], part="another kernel or initrd")
    for changed, part in (({"kernel": b"MZ2"}, "another kernel or initrd"), ({"initrd": b"new"}, "another kernel or initrd"),
                          ({"args": "rw quiet"}, 'got "rw quiet"')):
        install("2", **changed)
        place.refused(place.hex["2"][:12], part=part)
    install("2")
    expect(place.start(place.hex["2"][:12]).returncode, 0)
    place.is_started("2")


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
