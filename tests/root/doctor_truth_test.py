#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What composefs doctor says of this machine is true: held against mounts, filesystems and files that are made here.

    doctor_truth_test.py COMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, mounts, run, run_facts, umount

COMPOSEFS = os.path.abspath(sys.argv[1])
PLACE = None


def doctor(where, *prefix, status=(0,)):
    done = subprocess.run([*prefix, COMPOSEFS, "doctor", "--json", where], capture_output=True, text=True, timeout=100, check=False)
    ensure(done.returncode in status, f"status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def state(found, key):
    return found["answers"][key]["state"]


def loops():
    """The files of this test that loop devices show. Other tests use loop devices at the same time."""
    found = []
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(path, encoding="utf-8") as f:
                found += [line for line in f.read().splitlines() if line.startswith(PLACE)]
        except OSError:
            pass  # freed meanwhile
    return sorted(found)


def disk(kind, *make):
    """A new filesystem of that kind, mounted."""
    if not shutil.which(make[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        raise Skip(f"{make[0]} is not installed")
    image, point = f"{PLACE}/{kind}.disk", f"{PLACE}/{kind}"
    with open(image, "wb") as f:
        f.truncate(400 << 20)
    run("env", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", *make, image)
    os.makedirs(point, exist_ok=True)
    if subprocess.run(["mount", "-o", "loop", image, point], capture_output=True, check=False).returncode:
        raise Skip(f"{kind} cannot be mounted")
    return point


def made():
    """A repository with an image, and its mount point."""
    os.makedirs(f"{PLACE}/tree", exist_ok=True)
    with open(f"{PLACE}/tree/file", "w", encoding="ascii") as f:
        f.write("x" * 1000)
    run(COMPOSEFS, "init", "--insecure", f"{PLACE}/r")
    run(COMPOSEFS, "create-image", f"--repo={PLACE}/r", f"{PLACE}/tree", "os")
    os.makedirs(f"{PLACE}/mnt", exist_ok=True)
    return f"{PLACE}/r"


@fact
def the_method_reported_for_a_mount_is_the_one_used(_):
    repo = made()
    found = doctor(repo)
    before = loops()
    run(COMPOSEFS, "mount", f"--repo={repo}", "os", f"{PLACE}/mnt")
    mine = [m for m in mounts() if m.point == f"{PLACE}/mnt"]
    expect(found["mount"]["state"], "ok")
    expect(found["mount"]["image"], "loop" if loops() != before else "file")
    expect(found["mount"]["nosuid"], "nosuid" in mine[0].attributes)
    expect(found["mount"]["verity"], "verity=require" in mine[0].options)
    if state(found, "erofs_from_file") == "ok":
        expect(found["mount"]["image"], "file")
    umount(f"{PLACE}/mnt")


@fact
def fs_verity_is_reported_where_files_can_be_sealed(_):
    found = doctor(PLACE)
    done = subprocess.run([COMPOSEFS, "init", f"{PLACE}/sealed"], capture_output=True, text=True, check=False)
    expect(state(found, "fs_verity"), "ok" if done.returncode == 0 else "no")
    ensure(state(found, "fs_verity") == "ok" or found["answers"]["fs_verity"]["advice"], "no advice")


@fact
def an_image_on_tmpfs_goes_through_a_loop_device(_):
    os.makedirs(f"{PLACE}/tmpfs", exist_ok=True)
    run("mount", "-t", "tmpfs", "none", f"{PLACE}/tmpfs")
    found = doctor(f"{PLACE}/tmpfs")
    expect((found["filesystem"], state(found, "erofs_from_file"), state(found, "reflink")), ("tmpfs", "no", "no"))
    expect(found["mount"]["image"], "loop")
    expect(found["answers"]["fs_verity"]["detail"], "tmpfs has none")


@fact
def reflink_is_reported_where_it_works(_):
    found = doctor(disk("xfs", "mkfs.xfs", "-q", "-m", "reflink=1"))
    expect((found["filesystem"], state(found, "reflink"), state(found, "leases")), ("xfs", "ok", "ok"))
    ensure(found["device"].startswith("/dev/loop"), found["device"])
    expect(found["answers"]["fs_verity"]["detail"], "xfs has none")


@fact
def in_a_read_only_directory_unknown_features_are_reported(_):
    point = f"{PLACE}/tmpfs"
    os.makedirs(point, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "ro", "none", point)
    found = doctor(point)
    expect([state(found, k) for k in ("erofs_from_file", "reflink", "leases")], ["unknown"] * 3)
    expect([state(found, k) for k in ("erofs", "overlay", "loop", "data_layers")], ["ok"] * 4)


@fact
def without_root_features_that_need_root_are_unknown(_):
    if not shutil.which("setpriv"):
        raise Skip("setpriv is not installed")
    shutil.copy(COMPOSEFS, f"{PLACE}/copy")
    os.chmod(PLACE, 0o755)
    os.makedirs(f"{PLACE}/open", exist_ok=True)
    os.chmod(f"{PLACE}/open", 0o777)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{PLACE}/copy", "doctor", "--json",
                           f"{PLACE}/open"], capture_output=True, text=True, timeout=100, check=False)
    if done.returncode and not done.stdout:
        raise Skip(f"the program does not start there: {done.stderr[:200]}")
    found = json.loads(done.stdout)
    expect((done.returncode, found["mount"]["state"], state(found, "loop")), (0, "unknown", "unknown"))
    expect(found["mount"]["detail"], "it takes root (CAP_SYS_ADMIN) to find out")
    expect(state(found, "user_namespaces"), state(doctor(PLACE), "user_namespaces"))


@fact
def the_status_shows_that_images_cannot_be_mounted(_):
    found = doctor("/proc", status=(5,))
    expect(found["mount"]["state"], "no")
    expect((state(found, "overlay"), state(found, "data_layers")), ("ok", "ok"))


@fact
def doctor_leaves_no_mount_device_or_file(_):
    os.makedirs(f"{PLACE}/empty", exist_ok=True)
    before = ([m.point for m in mounts()], loops())
    for _ in range(3):
        doctor(f"{PLACE}/empty")
    expect(([m.point for m in mounts()], os.listdir(f"{PLACE}/empty")), (before[0], []))
    expect(loops(), before[1], "loop devices")


def clean():
    for m in reversed(mounts()):
        if m.point.startswith(PLACE):
            LIBC.umount2(m.point.encode(), 2)
    for name in os.listdir(PLACE):
        shutil.rmtree(f"{PLACE}/{name}", ignore_errors=True)
        if os.path.exists(f"{PLACE}/{name}"):
            os.unlink(f"{PLACE}/{name}")


if __name__ == "__main__":
    enter_namespace()
    PLACE = tempfile.mkdtemp(prefix="doctor-test-", dir=os.getcwd())
    try:
        sys.exit(run_facts(None, after=clean))
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
