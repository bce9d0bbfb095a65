#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-prepare-root on a directory that plays the state disk, with real mounts, one TAP line a fact.

    prepare_root_test.py MKCOMPOSEFS MOUNT.COMPOSEFS COMPOSEFS-PREPARE-ROOT

Needs root; works in a mount namespace of its own. This machine may lack fs-verity, so images are not verified
here, or the verification fails; tests/vm shows the rest.
"""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys

from scene import LIBC, Scene, Skip, ensure, enter_namespace, expect, fact, has, mount_call, run, run_facts

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from faults import can_inject, faults  # noqa: E402  pylint: disable=wrong-import-position

PROGRAM = sys.argv[3]
MS_BIND, MS_REMOUNT, MS_RDONLY, MNT_DETACH = 4096, 32, 1, 2
INSECURE = "[composefs]\nallow-insecure=true\n"


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Disk:
    """A state disk at scene/sysroot: a bind mount of scene/disk, with a repository and a deployment."""

    def __init__(self, scene, etc="layers", var=True):
        self.scene = scene
        scene.unmount_all()
        shutil.rmtree(scene.path("disk"), ignore_errors=True)
        for place in os.listdir("/run"):
            shutil.rmtree(f"/run/{place}")
        self.top = scene.made("disk")
        self.sysroot = scene.made("sysroot")
        self.hex = self.add_image("first")
        self.deployment = f"{self.top}/state/deploy/{self.hex}"
        if etc == "layers":
            os.makedirs(f"{self.deployment}/etc/upper")
            os.makedirs(f"{self.deployment}/etc/work")
        elif etc:
            write(f"{self.deployment}/etc/hostname", etc)
        if var:
            write(f"{self.deployment}/var/lib/kept", "kept\n")
        self.mount()

    def mount(self):
        """Mount the disk where a boot expects it."""
        while os.path.ismount(self.sysroot):
            ensure(LIBC.umount2(self.sysroot.encode(), MNT_DETACH) == 0, "umount2")
        ensure(LIBC.mount(self.top.encode(), self.sysroot.encode(), None, MS_BIND, None) == 0, "bind mount")

    def add_image(self, name):
        tree = self.scene.path("tree-" + name)
        shutil.rmtree(tree, ignore_errors=True)
        for folder in ("etc", "var", "sysroot", "usr", "boot"):
            os.makedirs(f"{tree}/{folder}")
        write(f"{tree}/etc/hostname", name + "\n")
        write(f"{tree}/usr/big", name * 4000)
        os.chmod(f"{tree}/etc", 0o751)
        os.makedirs(f"{self.top}/composefs/images", exist_ok=True)
        made = f"{self.top}/composefs/new"
        digest = run(self.scene.mkcomposefs, "--print-digest", f"--digest-store={self.top}/composefs/objects", tree,
                     made).strip()
        os.rename(made, f"{self.top}/composefs/images/{digest}")
        return digest

    def boot(self, cmdline=None, config=INSECURE, *options):
        write(self.scene.path("config"), config)
        return subprocess.run([PROGRAM, f"--sysroot={self.sysroot}", f"--config={self.scene.path('config')}",
                               f"--cmdline={cmdline or 'composefs=?' + self.hex}", *options],
                              capture_output=True, text=True, check=False, timeout=60)

    def booted(self, *arguments):
        """Boot; the record."""
        done = self.boot(*arguments)
        expect(done.returncode, 0, done.stderr)
        self.root = self.mount_of(self.sysroot)
        return json.loads(read("/run/composefs/booted"))

    def refused(self, status, *arguments):
        """Boot, which fails with this status and leaves the mounts as they were; the message."""
        before = [m.point for m in self.scene.mounts()]
        done = self.boot(*arguments)
        expect(done.returncode, status, done.stderr)
        expect([m.point for m in self.scene.mounts()], before, "mounts")
        ensure(not os.path.exists("/run/composefs/booted"), "a record was written")
        ensure(os.path.isdir(f"{self.sysroot}/composefs"), "the state disk is no longer there")
        return done.stderr

    def mount_of(self, point):
        """The mount that is seen at point: the last one."""
        return [m for m in self.scene.mounts() if m.point == point][-1]

    def path(self, name):
        return f"{self.sysroot}/{name}"


def ensure_readonly(path):
    try:
        write(path, "x")
    except OSError as why:
        expect(why.strerror, "Read-only file system", path)
        return
    raise AssertionError(f"{path}: expected an error, got success")


@fact
def the_image_becomes_the_root_with_etc_and_var_of_the_deployment(scene):
    disk = Disk(scene)
    record = disk.booted()
    expect(disk.root.source, f"composefs:{disk.hex}")
    expect(read(disk.path("usr/big")), "first" * 4000)
    ensure_readonly(disk.path("usr/new"))
    expect(read(disk.path("etc/hostname")), "first\n")
    write(disk.path("etc/new"), "changed\n")
    expect(read(f"{disk.deployment}/etc/upper/new"), "changed\n")
    expect(read(disk.path("var/lib/kept")), "kept\n")
    write(disk.path("var/new"), "new\n")
    expect(read(f"{disk.deployment}/var/new"), "new\n")
    expect((record["digest"], record["verified"], record["etc"], record["var"], record["root"]),
           (f"sha256:{disk.hex}", False, "overlay", "bind", "readonly"))


@fact
def the_state_disk_is_below_sysroot_and_read_only(scene):
    disk = Disk(scene)
    disk.booted()
    ensure(os.path.isdir(disk.path("sysroot/composefs/images")), "no state disk")
    ensure_readonly(disk.path("sysroot/new"))
    disk = Disk(scene)
    disk.booted(None, INSECURE + "[sysroot]\nreadonly=false\n")
    write(disk.path("sysroot/new"), "x")


@fact
def no_mount_is_left_below_the_new_root(scene):
    disk = Disk(scene)
    disk.booted()
    expect(len([m for m in scene.mounts() if m.point == disk.sysroot]), 1, "mounts at the root")
    expect(sorted(m.point[len(disk.sysroot):] for m in scene.mounts()), ["", "/etc", "/sysroot", "/var"])
    expect([m.point for m in mounts_of_run()], ["/run"], "mounts in /run")


def mounts_of_run():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [m for m in (Point(line) for line in f) if m.point == "/run" or m.point.startswith("/run/")]


class Point:
    def __init__(self, line):
        self.point = line.split()[4]


@fact
def a_directory_that_is_no_mount_point_can_be_the_state_disk(scene):
    disk = Disk(scene)
    LIBC.umount2(disk.sysroot.encode(), MNT_DETACH)
    os.rmdir(disk.sysroot)
    os.rename(disk.top, disk.sysroot)
    disk.booted()
    expect(read(disk.path("etc/hostname")), "first\n")
    scene.unmount_all()
    os.rename(disk.sysroot, disk.top)
    os.mkdir(disk.sysroot)


@fact
def another_target_leaves_the_state_disk_where_it_is(scene):
    disk = Disk(scene)
    target = scene.made("next")
    expect(disk.boot(None, INSECURE, f"--target={target}").returncode, 0)
    expect(read(f"{target}/etc/hostname"), "first\n")
    ensure(os.path.isdir(f"{disk.sysroot}/composefs"), "the state disk is gone")


@fact
def missing_layers_of_etc_are_created_with_the_attributes_of_the_image(scene):
    disk = Disk(scene, etc=None)
    disk.booted()
    write(disk.path("etc/new"), "x")
    expect(stat.S_IMODE(os.stat(f"{disk.deployment}/etc/upper").st_mode), 0o751)
    expect(stat.S_IMODE(os.stat(disk.path("etc")).st_mode), 0o751)
    disk.mount()
    disk.booted()
    expect(read(disk.path("etc/new")), "x")


@fact
def a_whole_etc_on_the_disk_is_bound(scene):
    disk = Disk(scene, etc="mine\n")
    expect(disk.booted()["etc"], "bind")
    expect(read(disk.path("etc/hostname")), "mine\n")


@fact
def a_transient_etc_is_lost_and_the_disk_is_not_touched(scene):
    disk = Disk(scene, etc="mine\n")
    record = disk.booted(None, INSECURE + "[etc]\nmount=transient\n")
    expect(record["etc"], "transient")
    expect(read(disk.path("etc/hostname")), "first\n")
    write(disk.path("etc/new"), "x")
    expect(os.listdir(f"{disk.deployment}/etc"), ["hostname"])
    expect(stat.S_IMODE(os.stat(disk.path("etc")).st_mode), 0o751)


@fact
def etc_and_var_may_stay_those_of_the_image(scene):
    disk = Disk(scene, etc=None, var=False)
    disk.booted(None, INSECURE + "[etc]\nmount=none\n[var]\nmount=none\n")
    ensure_readonly(disk.path("etc/new"))
    ensure_readonly(disk.path("var/new"))
    ensure(not os.path.exists(disk.deployment), "a deployment was created")


@fact
def a_transient_root_can_be_changed_beside_a_kept_etc(scene):
    disk = Disk(scene)
    record = disk.booted(None, INSECURE + "[root]\ntransient=true\n")
    expect(record["root"], "transient")
    expect(disk.root.source, f"transient:composefs={disk.hex}")
    write(disk.path("usr/new"), "x")
    write(disk.path("usr/big"), "changed")
    write(disk.path("etc/new"), "x")
    expect(read(f"{disk.deployment}/etc/upper/new"), "x")
    expect(stat.S_IMODE(os.stat(disk.path("")).st_mode), 0o755)


@fact
def a_transient_root_is_read_only_where_configured(scene):
    disk = Disk(scene)
    disk.booted(None, INSECURE + "[root]\ntransient-ro=true\n")
    ensure_readonly(disk.path("usr/new"))
    ensure(LIBC.mount(None, disk.sysroot.encode(), None, MS_REMOUNT | MS_BIND, None) == 0, "remount")
    write(disk.path("usr/new"), "x")


@fact
def the_argument_for_transient_parts_counts_where_allowed(scene):
    disk = Disk(scene)
    transient = " composefs.transient=root,var"
    done = disk.boot(f"composefs=?{disk.hex}" + transient)
    has(done.stderr, "composefs.transient= has no effect")
    expect(json.loads(read("/run/composefs/booted"))["root"], "readonly")
    disk = Disk(scene)
    record = disk.booted(f"composefs=?{disk.hex}" + transient, INSECURE + "allow-transient=true\n")
    expect((record["root"], record["etc"], record["var"]), ("transient", "overlay", "none"))
    ensure(not os.path.exists(disk.path("var/lib")), "the kept /var is there")
    write(disk.path("var/new"), "x")


@fact
def the_first_image_that_exists_is_used(scene):
    disk = Disk(scene)
    none, second = "0" * 64, disk.add_image("second")
    os.makedirs(f"{disk.top}/state/deploy/{second}/var")
    cmdline = f"composefs.digest=?v1-sha256-12:{none} composefs=?{second} composefs=?{disk.hex}"
    expect(disk.booted(cmdline)["digest"], f"sha256:{second}")
    expect(read(disk.path("etc/hostname")), "second\n")
    disk.mount()
    os.unlink("/run/composefs/booted")
    has(disk.refused(4, cmdline + " composefs.fallback=0"), none)


@fact
def an_image_without_verification_never_replaces_one_that_fails(scene):
    disk = Disk(scene)
    second = disk.add_image("second")
    disk.refused(5, f"composefs={disk.hex} composefs=?{second}")


@fact
def an_image_that_cannot_be_verified_is_refused(scene):
    disk = Disk(scene)
    has(disk.refused(5, f"composefs={disk.hex}"), "no fs-verity")
    has(disk.refused(5, f"composefs.digest=v1-sha256-12:{disk.hex}", ""), "no fs-verity")


@fact
def a_missing_image_has_a_status_of_its_own(scene):
    disk = Disk(scene)
    has(disk.refused(4, "composefs=?" + "1" * 64), f"composefs/images/{'1' * 64}")


@fact
def a_repository_without_objects_and_a_missing_disk_are_named(scene):
    disk = Disk(scene)
    os.rename(f"{disk.top}/composefs/objects", scene.path("kept"))
    has(disk.refused(4), "composefs/objects")
    disk = Disk(scene)
    done = disk.boot(None, INSECURE, f"--sysroot={scene.path('none')}")
    expect(done.returncode, 4, done.stderr)
    has(done.stderr, f"state disk {scene.path('none')}")


@fact
def an_argument_that_is_no_option_is_refused(scene):
    disk = Disk(scene)
    has(disk.refused(2, None, INSECURE, "rw"), 'expected no argument, got "rw"')


@fact
def an_insecure_argument_needs_permission(scene):
    disk = Disk(scene)
    has(disk.refused(2, None, ""), "allow-insecure")
    has(disk.refused(2, "quiet"), "no composefs.digest=")
    has(disk.refused(2, "composefs=12"), "64 hex digits")


@fact
def a_wrong_configuration_has_a_status_of_its_own(scene):
    disk = Disk(scene)
    has(disk.refused(3, None, "[composefs]\nmode=x\n"), "line 2: composefs.mode: expected digest, signed, unverified")
    has(disk.refused(3, None, "[root]\ntransient=1\ntransient-ro=1\n"), "expected one")


@fact
def a_missing_var_has_a_status_of_its_own(scene):
    disk = Disk(scene, var=False)
    has(disk.refused(8), "/var: expected a directory for /var, got none")


@fact
def a_state_disk_that_is_read_only_is_made_writable_in_private(scene):
    disk = Disk(scene)
    ensure(LIBC.mount(None, disk.sysroot.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None) == 0, "remount")
    disk.booted()
    write(disk.path("etc/new"), "x")
    write(disk.path("var/new"), "x")
    ensure_readonly(disk.path("sysroot/new"))


@fact
def a_filesystem_that_is_read_only_has_a_status_of_its_own(scene):
    disk = Disk(scene)
    source = scene.path("disk.img")
    with open(source, "wb") as f:
        f.truncate(32 << 20)
    if subprocess.run(["mkfs.ext4", "-q", "-F", "-d", disk.top, source], capture_output=True, check=False).returncode:
        raise Skip("mkfs.ext4 -d does not work")
    LIBC.umount2(disk.sysroot.encode(), MNT_DETACH)
    run("mount", "-o", "ro,loop", source, disk.sysroot)
    has(disk.refused(8), "put rw on the kernel command line")
    LIBC.umount2(disk.sysroot.encode(), MNT_DETACH)
    run("mount", "-o", "rw,loop", source, disk.sysroot)
    disk.booted()
    write(disk.path("etc/new"), "x")


@fact
def links_of_the_disk_do_not_lead_out_of_it(scene):
    disk = Disk(scene)
    images = f"{disk.top}/composefs/images"
    outside = scene.path("outside")
    shutil.copy(f"{images}/{disk.hex}", outside)
    os.unlink(f"{images}/{disk.hex}")
    os.symlink(outside, f"{images}/{disk.hex}")
    disk.refused(4)
    os.unlink(f"{images}/{disk.hex}")
    os.rename(outside, f"{disk.top}/composefs/objects/image")
    os.symlink("/composefs/objects/image", f"{images}/{disk.hex}")
    shutil.rmtree(f"{disk.deployment}/var")
    os.symlink("../../os/default/var", f"{disk.deployment}/var")
    write(f"{disk.top}/state/os/default/var/shared", "x")
    disk.booted()
    expect(read(disk.path("var/shared")), "x")
    disk = Disk(scene)
    shutil.rmtree(f"{disk.deployment}/var")
    os.symlink("/../../../../../../../../../../../../etc", f"{disk.deployment}/var")
    has(disk.refused(8), "got none")


@fact
def an_image_that_is_no_regular_file_is_not_opened(scene):
    disk = Disk(scene)
    image = f"{disk.top}/composefs/images/{disk.hex}"
    os.unlink(image)
    os.mkfifo(image)
    disk.refused(1)
    os.unlink(image)
    os.mkdir(image)
    disk.refused(1)


@fact
def the_pointer_of_the_repository_is_used_in_the_unverified_mode(scene):
    disk = Disk(scene)
    unverified = INSECURE + "mode=unverified\n"
    has(disk.refused(4, "quiet", unverified), "boot")
    os.mkdir(f"{disk.top}/composefs/boot")
    pointer = f"{disk.top}/composefs/boot/current"
    write(pointer, disk.hex + "\n")
    expect(disk.booted("quiet", unverified)["digest"], f"sha256:{disk.hex}")
    disk = Disk(scene)
    os.mkdir(f"{disk.top}/composefs/boot")
    os.symlink(f"../images/{disk.hex}", pointer)
    expect(disk.booted("quiet", unverified)["verified"], False)
    disk = Disk(scene)
    write(pointer, "../../../etc/passwd\n")
    has(disk.refused(4, "quiet", unverified), "current")


@fact
def an_unsigned_image_is_refused_in_the_signed_mode(scene):
    disk = Disk(scene)
    write(f"{disk.top}/composefs/boot/current", disk.hex)
    disk.refused(5, "quiet", "[composefs]\nmode=signed\n")
    disk.refused(5, f"composefs={disk.hex}", "[composefs]\nmode=signed\n")


@fact
def a_deployment_of_ostree_is_mounted_with_its_etc_and_var(scene):
    disk = Disk(scene)
    deployment = f"{disk.top}/ostree/deploy/os/deploy/0123.0"
    write(f"{deployment}/etc/hostname", "ostree\n")
    os.rename(f"{disk.top}/composefs/images/{disk.hex}", f"{deployment}/.ostree.cfs")
    os.makedirs(f"{disk.top}/ostree/repo")
    os.rename(f"{disk.top}/composefs/objects", f"{disk.top}/ostree/repo/objects")
    write(f"{disk.top}/ostree/deploy/os/var/shared", "x")
    os.makedirs(f"{disk.top}/ostree/boot.1/os/0123")
    os.symlink("../../../deploy/os/deploy/0123.0", f"{disk.top}/ostree/boot.1/os/0123/0")
    shutil.rmtree(f"{disk.top}/composefs")
    record = disk.booted("ostree=/ostree/boot.1/os/0123/0", INSECURE + "mode=unverified\n")
    expect((record["layout"], record["etc"]), ("ostree", "bind"))
    expect(read(disk.path("etc/hostname")), "ostree\n")
    expect(read(disk.path("var/shared")), "x")
    expect(read(disk.path("usr/big")), "first" * 4000)


@fact
def systemd_is_told_the_disk_below_the_root(scene):
    disk = Disk(scene)
    expect(os.path.exists("/run/systemd"), False)
    device = os.stat(disk.sysroot).st_dev
    disk.booted()
    expect(os.readlink("/run/systemd/volatile-root"), f"/dev/block/{os.major(device)}:{os.minor(device)}")


@fact
def a_system_call_that_fails_leaves_the_disk_or_the_whole_root(scene):
    """Each call of a run fails in turn, as $COMPOSEFS_TEST_FAULTS says."""
    if not can_inject():
        raise Skip("strace cannot inject errors here")
    disk = Disk(scene)
    write(scene.path("config"), INSECURE)
    args = [PROGRAM, f"--sysroot={disk.sysroot}", f"--config={scene.path('config')}", f"--cmdline=composefs=?{disk.hex}"]

    def reset():
        disk.mount()
        shutil.rmtree("/run/composefs", ignore_errors=True)
        disk.before = [m.point for m in scene.mounts()]

    for fault, status, _, said in faults(args, "/config", 60, reset):
        points = [m.point for m in scene.mounts()]
        where = f"{fault}: status {status}: {said}"
        if status == 0:
            expect(disk.mount_of(disk.sysroot).source, f"composefs:{disk.hex}", where)
            expect(read(disk.path("usr/big")), "first" * 4000, where)
            for name in ("etc", "var", "sysroot"):
                ensure(disk.path(name) in points, f"{name}: expected a mount; {where}")
        else:
            expect(points, disk.before, where)
            ensure(0 < status < 128 and (said or fault.startswith("write ")), where)
            ensure(os.path.isdir(f"{disk.sysroot}/composefs"), f"the state disk is gone; {where}")


@fact
def a_failure_reboots_a_sealed_system(scene):
    """In a namespace of process IDs, whose first process is killed instead: SIGHUP is a reboot, SIGINT a power-off."""
    disk = Disk(scene)
    first = ["unshare", "--pid", "--fork"]
    said = subprocess.run(first + ["sh", "-c", "echo $$"], capture_output=True, text=True, check=False)
    if said.stdout != "1\n":
        raise Skip("cannot make a namespace of process IDs")
    for config, expected in (("sealed=1", signal.SIGHUP), ("on-failure=poweroff", signal.SIGINT)):
        write(scene.path("config"), f"[composefs]\nfailure-delay=0\n{config}\n")
        done = subprocess.run(["unshare", "--pid", "--fork", PROGRAM, f"--sysroot={disk.sysroot}", "--cmdline=quiet",
                               f"--config={scene.path('config')}"], capture_output=True, text=True, check=False)
        ensure(done.returncode in (-expected, 128 + expected), f"{config}: {done.returncode}: {done.stderr}")


def main():
    enter_namespace()
    mount_call("tmpfs", "/run", "tmpfs")
    scene = Scene(sys.argv[1], sys.argv[2])
    try:
        return run_facts(scene, after=scene.unmount_all)
    finally:
        scene.close()


if __name__ == "__main__":
    sys.exit(main())
