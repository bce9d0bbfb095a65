#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Pulls onto filesystems that fill up at different points: a message, no image, a sound repository, and a pull that succeeds when
there is room again.

    oci_full_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci

Needs root; mounts tmpfs in a mount namespace of its own.
"""
import os
import random
import shutil
import subprocess
import sys

from scene import enter_namespace

enter_namespace()
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from chunked import Layer, put_image  # noqa: E402  pylint: disable=wrong-import-position
from registry import Registry  # noqa: E402  pylint: disable=wrong-import-position
from repo import COMPOSEFS, FAILED, OK, ensure, expect, good, has, loaded, main, run  # noqa: E402  pylint: disable=wrong-import-position
from storage import Store, make_tar  # noqa: E402  pylint: disable=wrong-import-position

GOLDEN = os.path.abspath(sys.argv[2])
FILES = {f"file{i}": random.Random(i).randbytes(20000 + 3000 * i) for i in range(8)}
POINTS = 8  # at which the filesystem is full


def mount(limits, *more):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join((*more, limits)), "tmpfs", "disk"], check=True)


def used():
    """Bytes and inodes."""
    room = os.statvfs("disk")
    return (room.f_blocks - room.f_bfree) * room.f_frsize, room.f_files - room.f_ffree


def begin(limits):
    mount(limits)
    good("init", "--insecure", "--hash=sha256", "disk/r")


def check_full(pull):
    """Returns whether there was room. Whatever became of the pull, the repository is sound."""
    rc, out, err = run(*pull)
    tags = [i["name"] for i in loaded("oci", "images", "--repo=disk/r", "--json")["images"]]
    report = loaded("fsck", "--repo=disk/r", "--json")
    expect((report["ok"], report["errors"], run("oci", "fsck", "--repo=disk/r")[0]), (True, [], OK))
    if rc == OK:
        expect(tags, ["x"])
        return True
    expect((rc, out, tags), (FAILED, "", []))
    # What only saves transfers may be left out before, with a warning.
    lines = [line for line in err.splitlines() if "warning: " not in line]
    expect(len(lines), 1)
    has(lines[0], "No space left on device")
    return False


def fill(source, *options):
    """Pulls the source where there is ever more room, first of bytes, then of inodes."""
    os.makedirs("disk", exist_ok=True)
    pull = ("oci", "pull", "--repo=disk/r", *options, source, "x")
    begin("size=100m")
    least = used()
    image = good(*pull)
    most = used()
    subprocess.run(["umount", "disk"], check=True)
    refused = 0
    for i in range(2 * POINTS):
        kind, unit = (0, "size={}") if i < POINTS else (1, "size=100m,nr_inodes={}")
        begin(unit.format(least[kind] + (4096 if kind == 0 else 1) + (most[kind] - least[kind]) * (i % POINTS) // POINTS))
        refused += not check_full(pull)
        mount("size=100m,nr_inodes=10000", "remount")
        expect(good(*pull), image)
        good("gc", "--repo=disk/r")
        expect(run("fsck", "--repo=disk/r")[0], OK)
        subprocess.run(["umount", "disk"], check=True)
    ensure(refused > POINTS, f"{refused} of {2 * POINTS} pulls met a full filesystem")


def make_layout():
    put_image("layout", "t", Layer(FILES))


def layout_onto_a_full_disk():
    make_layout()
    fill("oci:layout:t")


def registry_onto_a_full_disk():
    make_layout()
    with Registry(os.path.abspath("layout")) as registry:
        registry.has_ranges = False
        fill(f"{registry.host}/a:t")


def chunked_layer_onto_a_full_disk():
    make_layout()
    with Registry(os.path.abspath("layout")) as registry:
        fill(f"{registry.host}/a:t")
        ensure([r for r in registry.requests if r[2]])


def containers_storage_onto_a_full_disk():
    store = Store("store")
    store.add_image([make_tar({"usr": None, **{f"usr/{name}": data for name, data in FILES.items()}})], ["localhost/t:latest"])
    fill(f"containers-storage:[overlay@{os.getcwd()}/store]t")


def layout_that_is_full_is_not_changed():
    """A push to a full filesystem leaves the layout with its tags."""
    make_layout()
    good("init", "--insecure", "--hash=sha256", "r")
    good("oci", "pull", "--repo=r", "oci:layout:t", "x")
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "small")
    os.makedirs("disk")
    for size in ("40k", "120k", "200k"):
        mount(f"size={size}")
        good("oci", "push", "--repo=r", "small", "oci:disk/out:small")
        with open("disk/out/index.json", "rb") as f:
            before = f.read()
        rc, out, err = run("oci", "push", "--repo=r", "x", "oci:disk/out:x")
        expect((rc, out, err.count("\n")), (FAILED, "", 1))
        has(err, "No space left on device")
        with open("disk/out/index.json", "rb") as f:
            expect(f.read(), before)
        mount("size=100m", "remount")
        good("oci", "push", "--repo=r", "x", "oci:disk/out:x")
        subprocess.run(["umount", "disk"], check=True)
    shutil.rmtree("disk")


if __name__ == "__main__":
    HAS_HELPER = os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-registry"))
    sys.exit(main([layout_onto_a_full_disk, containers_storage_onto_a_full_disk, layout_that_is_full_is_not_changed]
                  + HAS_HELPER * [registry_onto_a_full_disk, chunked_layer_onto_a_full_disk]))
