#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs status: which images are mounted, and the details of each.

    status_test.py COMPOSEFS MKCOMPOSEFS MOUNT.COMPOSEFS

Needs root; works in a mount namespace of its own, with a /run of its own.
"""
import calendar
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from kernel_log import device_of, record
from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, mount_call, mounts, run, run_facts_each_in

COMPOSEFS, MKCOMPOSEFS, MOUNT = (os.path.abspath(p) for p in sys.argv[1:4])


def composefs(*args):
    return run(COMPOSEFS, *args)


def status(*args):
    return json.loads(composefs("status", "--json", *args))["mounts"]


class Place:
    """A tree, a repository with its image os/1, the image as a file, mount points. Works there."""

    def __init__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="status-test-", dir=os.getcwd()))
        os.chdir(self.dir)
        for name in ("tree/dir", "mnt", "mnt two", "up", "work", "run"):
            os.makedirs(name)
        with open("tree/dir/file", "w", encoding="ascii") as f:
            f.write("x" * 1000)
        mount_call("tmpfs", "/run", "tmpfs")
        composefs("init", "--insecure", "--algorithm=sha256", "r")
        self.id = composefs("create-image", "--repo=r", "tree", "os/1").strip()
        run(MKCOMPOSEFS, "--digest-store=objects", "tree", "image.cfs")

    def path(self, name):
        return os.path.join(self.dir, name)

    def close(self):
        os.chdir("/")
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir) or mounted.point == "/run":
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


@fact
def completion_of_umount_offers_the_mounted_images(place):
    def offered(*line):
        return [l.split("\t")[0] for l in composefs("--complete", "umount", *line).splitlines()]
    expect(offered(""), [":none"])
    mount_call("tmpfs", place.path("tree"), "tmpfs")
    for point in ("mnt", "mnt two"):
        composefs("mount", "--repo=r", "os/1", point)
    expect(offered(""), [place.path("mnt"), place.path("mnt two"), ":none"])
    expect(offered(place.path("mnt "))[:-1], [place.path("mnt two")])
    expect(offered("--lazy", "/nowhere"), [":none"])
    expect(offered("m"), [":dirs"])
    expect(offered("--l"), ["--lazy", ":none"])


@fact
def image_of_a_repository_is_listed_with_its_names(place):
    composefs("tag", "--repo=r", "os/1", "also")
    before = int(time.time())
    composefs("mount", "--repo=r", "os/1", "mnt two")
    found, = status()
    expect(found, {"mountpoint": place.path("mnt two"), "id": place.id, "names": ["also", "os/1"], "image": None,
                   "repository": place.path("r"), "objects_dirs": [place.path("r/objects")], "method": "file", "loop_device": None,
                   "verified_by": "id-at-mount", "verity_errors": found["verity_errors"], "last_scrub": None, "counters": None, "read_only": True, "upperdir": None, "workdir": None,
                   "options": found["options"], "since": found["since"]})
    if found["since"] is not None:
        since = calendar.timegm(time.strptime(found["since"], "%Y-%m-%dT%H:%M:%SZ"))
        ensure(before <= since <= time.time(), found["since"])
    text = composefs("status")
    ensure(text.startswith("MOUNTPOINT ") and "also" in text and place.id[7:19] in text, text)
    ensure(place.id in composefs("status", "mnt two/dir"), "the ID is not complete")
    composefs("umount", "mnt two")
    expect(status(), [])
    expect(composefs("status"), "no image is mounted\n")
    expect(os.listdir("/run/composefs/mounts") if os.path.exists("/run/composefs/mounts") else [], [])


@fact
def image_file_and_writable_layer_are_shown(place):
    run(MOUNT, "-o", "basedir=objects,upperdir=up,workdir=work", "image.cfs", "mnt")
    found, = status("mnt")
    expect((found["id"], found["image"], found["names"], found["verified_by"], found["read_only"], found["upperdir"]),
           (None, place.path("image.cfs"), [], "nothing", False, place.path("up")))
    run(MOUNT, "-o", "remount,ro", "image.cfs", "mnt")
    expect(status("mnt")[0]["read_only"], True)


@fact
def loop_device_is_named(place):
    os.mkdir("memory")
    mount_call("tmpfs", "memory", "tmpfs")  # EROFS cannot mount a file of a tmpfs
    shutil.copy("image.cfs", "memory")
    if not os.path.exists("/dev/loop-control"):
        raise Skip("no loop devices")
    run(MOUNT, "-o", "basedir=objects", "memory/image.cfs", "mnt")
    found, = status()
    expect((found["method"], found["image"]), ("loop", place.path("memory/image.cfs")))
    ensure(os.path.exists(f"/dev/{found['loop_device']}"), found)


def write_log(*records):
    with open("log", "w", encoding="ascii") as f:
        f.write("".join(records))


def objects_of(repo):
    return {os.path.join(folder, name) for folder, _, names in os.walk(f"{repo}/objects") for name in names}


@fact
def damage_that_the_kernel_reports_is_counted_for_each_image_that_uses_the_object(place):
    device = device_of("r")
    os.makedirs("other")
    with open("other/else", "w", encoding="ascii") as f:
        f.write("y" * 1000)
    ours = objects_of("r")
    image = f"r/objects/{place.id[7:9]}/{place.id[9:]}"
    data, = ours - {image}
    composefs("create-image", "--repo=r", "other", "os/2")
    foreign = sorted(objects_of("r") - ours)
    for name, point in (("os/1", "mnt"), ("os/2", "mnt two")):
        composefs("mount", "--repo=r", name, point)

    def errors():
        return [m["verity_errors"] for m in status("--log=log")]
    write_log()
    expect(errors(), [0, 0])
    write_log(record(device, data), record(device, data, 2))
    expect(errors(), [2, 0])
    text = composefs("status", "--log=log", "mnt")
    ensure("Verity errors: 2\n" in text and "Damaged: /dir/file\n" in text and f"Object: {data[10:]}\n" in text, text)
    write_log(*(record(device, f) for f in foreign))
    expect(errors(), [0, 2])
    write_log(record(device, image, text=" Data past EOF is not zeroed"))
    expect(errors(), [1, 0])
    ensure("Damaged: the image itself\n" in composefs("status", "--log=log", "mnt"), "the image is not named")
    write_log(record(device, data, usec=0))  # before the file was there
    expect(errors(), [0, 0])
    write_log(record("vdx9", data), record(device, data, priority=11))  # another filesystem; a program wrote it
    expect(errors(), [0, 0])
    expect([m["verity_errors"] for m in status("--log=nowhere")], [None, None])
    ensure("nowhere: No such file" in subprocess.run([COMPOSEFS, "status", "-v", "--log=nowhere"], capture_output=True, text=True,
                                                     check=True).stderr, "-v does not say why")


@fact
def last_scrub_is_shown(place):
    composefs("mount", "--repo=r", "os/1", "mnt")
    ensure("Last scrub" not in composefs("status", "mnt"), "there was none")
    composefs("scrub", "--repo=r", "--mounted")
    found = status()[0]["last_scrub"]
    expect({k: v for k, v in found.items() if k not in ("began", "ended")},
           {"scope": "images", "objects_checked": 2, "objects_damaged": 0, "objects_missing": 0, "objects_repaired": 0})
    composefs("scrub", "--repo=r")
    expect(status()[0]["last_scrub"]["scope"], "repository")
    ensure(": 2 objects, 0 damaged, 0 missing\n" in composefs("status", "mnt"), "the text does not show it")
    with open("r/.scrub", "a", encoding="ascii") as f:
        f.write("more 1\n")
    expect(status()[0]["last_scrub"], None)


@fact
def the_kernel_log_is_read_without_waiting(place):
    composefs("mount", "--repo=r", "os/1", "mnt")
    expect(status()[0]["verity_errors"] in (0, None), True)


@fact
def other_overlays_and_directories_are_no_images(place):
    run("mount", "-t", "overlay", "-o", "lowerdir=tree:r,metacopy=on", "overlay", "mnt")
    expect(status(), [])
    for path, word in (("mnt", "no image is mounted there"), ("missing", "No such file")):
        done = subprocess.run([COMPOSEFS, "status", path], capture_output=True, text=True, check=False)
        expect((done.returncode, done.stdout), (1, ""))
        ensure(done.stderr.startswith(f"composefs status: {path}: ") and word in done.stderr, done.stderr)


@fact
def a_record_of_another_user_or_mount_does_not_count(place):
    composefs("mount", "--repo=r", "os/1", "mnt")
    since = status()[0]["since"]
    if since is None:
        raise Skip("this kernel has no unique mount IDs")
    run(MOUNT, "-o", "basedir=objects", "image.cfs", "mnt")  # over the other one, which cannot be asked any more
    expect([m["since"] is None for m in status()], [True, False])
    composefs("umount", "mnt")
    expect([m["since"] for m in status()], [since])
    record, = os.listdir("/run/composefs/mounts")
    os.chown(f"/run/composefs/mounts/{record}", 65534, -1)
    expect([m["since"] for m in status()], [None])
    os.chown(f"/run/composefs/mounts/{record}", 0, -1)
    os.chmod("/run/composefs/mounts", 0o777)
    expect([m["since"] for m in status()], [None])


def records():
    return {name: read(f"/run/composefs/mounts/{name}") for name in os.listdir("/run/composefs/mounts")}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@fact
def a_record_has_the_object_directories(place):
    """Linux before 6.13 does not list them; the table of a newer one has priority."""
    composefs("mount", "--repo=r", "os/1", "mnt")
    run(MOUNT, "-o", "basedir=objects", "image.cfs", "mnt two")
    if status()[0]["since"] is None:
        raise Skip("this kernel has no unique mount IDs")
    expect(sorted(re.findall("^objects=(.*)$", "\n".join(records().values()), re.M)), [place.path("objects"), place.path("r/objects")])


@fact
def a_record_of_an_earlier_boot_does_not_count_and_is_replaced(place):
    """The counter of mount IDs starts again at each boot."""
    composefs("mount", "--repo=r", "os/1", "mnt")
    if status()[0]["since"] is None:
        raise Skip("this kernel has no unique mount IDs")
    (name, text), = records().items()
    path = f"/run/composefs/mounts/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub("\nboot=.", "\nboot=x", text))
    expect(status()[0]["since"], None)
    with open(f"/run/composefs/mounts/{2 ** 63}", "w", encoding="utf-8") as f:  # no mount has that ID
        f.write(re.sub("\nboot=.", "\nboot=x", text))
    composefs("mount", "--repo=r", "os/1", "mnt two")
    expect([m["since"] is None for m in status()], [True, False])
    ensure(str(2 ** 63) not in records(), records())


@fact
def the_record_of_a_mount_that_is_gone_is_removed(place):
    """By umount(8), which does not know it. A mount of another namespace may be there still."""
    composefs("mount", "--repo=r", "os/1", "mnt")
    if status()[0]["since"] is None:
        raise Skip("this kernel has no unique mount IDs")
    gone, = records()
    foreign = re.sub("\nnamespace=.", "\nnamespace=x", records()[gone])
    with open(f"/run/composefs/mounts/{2 ** 63}", "w", encoding="utf-8") as f:
        f.write(foreign)
    run("umount", "mnt")
    composefs("mount", "--repo=r", "os/1", "mnt")
    expect((gone in records(), str(2 ** 63) in records(), len(records())), (False, True, 2))
    os.makedirs("mnt2", exist_ok=True)
    composefs("mount", "--repo=r", "os/1", "mnt2")
    expect(len(records()), 3, "records of two mounts that exist, and of one elsewhere")
    run("umount", "mnt2")


@fact
def too_many_records_lose_the_oldest(place):
    composefs("mount", "--repo=r", "os/1", "mnt")
    if status()[0]["since"] is None:
        raise Skip("this kernel has no unique mount IDs")
    for number in range(1, 1100):
        with open(f"/run/composefs/mounts/{number}", "w", encoding="ascii"):
            pass
    composefs("mount", "--repo=r", "os/1", "mnt two")
    ensure(len(os.listdir("/run/composefs/mounts")) < 700, "nothing was removed")
    ensure(all(m["since"] is not None for m in status()), status())


@fact
def an_ordinary_user_sees_the_mounts(place):
    composefs("mount", "--repo=r", "os/1", "mnt")
    os.chmod("r", 0o700)
    found = json.loads(run("setpriv", "--reuid=65534", "--clear-groups", COMPOSEFS, "status", "--json"))["mounts"]
    expect([(m["mountpoint"], m["id"], m["names"]) for m in found], [(place.path("mnt"), place.id, [])])


if __name__ == "__main__":
    enter_namespace()
    sys.exit(run_facts_each_in(Place))
