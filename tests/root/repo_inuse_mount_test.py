#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What is mounted stays whatever happens to the repository, and a mount with a fault is whole or not there.

    repo_inuse_mount_test.py COMPOSEFS

Needs root; works in a mount namespace of its own. $COMPOSEFS_TEST_FAULTS: as in tests/cli/faults.py.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from faults import can_inject, faults  # noqa: E402  pylint: disable=wrong-import-position
from forging_fs import ForgingFs
from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, mounts, remark, run, run_facts_each_in, umount

COMPOSEFS = os.path.abspath(sys.argv[1])
RUNS = 150


class Place:
    """A folder below the working directory (a disk) with an image without a name that is mounted at mnt."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="repo-test-", dir=os.getcwd())
        self.repo, self.tree, self.mnt = (os.path.join(self.dir, name) for name in ("r", "tree", "mnt"))
        os.mkdir(self.mnt)
        for name in ("a", "dir/b"):
            os.makedirs(os.path.dirname(f"{self.tree}/{name}"), exist_ok=True)
            with open(f"{self.tree}/{name}", "w", encoding="ascii") as f:
                f.write(name * 1000)
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", self.repo)
        self.image = run(COMPOSEFS, "create-image", f"--repo={self.repo}", self.tree, "os/1").strip().split(":")[1]
        self.file = f"{self.repo}/objects/{self.image[:2]}/{self.image[2:]}"
        self.contents = [f for f in glob.glob(f"{self.repo}/objects/*/*") if f != self.file]
        run(COMPOSEFS, "mount", f"--repo={self.repo}", "os/1", self.mnt)
        run(COMPOSEFS, "untag", f"--repo={self.repo}", "os/1")

    def gc(self, *args, repo=None):
        return json.loads(run(COMPOSEFS, "gc", f"--repo={repo or self.repo}", "--json", *args))

    def stays(self):
        expect(self.gc()["images_in_use"], 1, "images in use")
        for path in self.contents:
            ensure(os.path.exists(path), f"{path} is gone")
        for name in ("a", "dir/b"):
            with open(f"{self.mnt}/{name}", encoding="ascii") as f:
                expect(f.read(), name * 1000)

    def goes(self):
        umount(self.mnt)
        self.gc()
        for path in self.contents:
            ensure(not os.path.exists(path), f"{path} is still there")

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def status(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr


@fact
def a_mounted_image_prevents_a_reset_and_is_kept_without_its_entry(place):
    rc, err = status(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "--reset-metadata", "--force", place.repo)
    ensure(rc == 1 and "mounted, or open in a process" in err, err)
    ensure(os.path.lexists(f"{place.repo}/images/{place.image}"), "the entry is gone")
    shutil.rmtree(f"{place.repo}/images")
    place.stays()
    place.goes()


@fact
def a_mounted_image_whose_file_is_replaced_is_kept(place):
    """It has another size now, and create-image puts a good file in its place."""
    with open(place.file, "ab") as f:
        f.write(b"!")
    run(COMPOSEFS, "create-image", f"--repo={place.repo}", place.tree)
    expect(os.listdir(f"{place.repo}/.quarantine"), [place.image])
    place.stays()
    place.goes()


@fact
def a_mounted_image_that_is_quarantined_is_kept(place):
    with open(place.file, "r+b") as f:
        f.seek(1024 + 48)  # the UUID
        f.write(b"!")
    run(COMPOSEFS, "repair", f"--repo={place.repo}")
    ensure(not os.path.exists(place.file), "the file is still in its place")
    ensure(not os.path.lexists(f"{place.repo}/images/{place.image}"), "its entry is still there")
    place.stays()
    place.goes()


@fact
def a_mounted_image_that_is_repaired_from_a_copy_is_kept(place):
    shutil.copytree(place.repo, f"{place.dir}/copy", symlinks=True)
    with open(place.file, "r+b") as f:
        f.write(b"no image")
    run(COMPOSEFS, "repair", f"--repo={place.repo}", f"--from={place.dir}/copy")
    ensure(os.path.exists(place.file), "the file is not in its place")
    place.stays()
    place.goes()


@fact
def through_fuse_a_mounted_image_counts_as_in_use(place):
    view = f"{place.dir}/view"
    os.mkdir(view)
    try:
        fuse = ForgingFs(place.repo, view, lambda path: None)
    except OSError as failure:
        raise Skip("no FUSE") from failure
    try:
        expect(place.gc("--dry-run", repo=view)["images_in_use"], 1)
        umount(place.mnt)
        expect(place.gc("--dry-run", repo=view)["images_in_use"], 1, "in use if the kernel cannot tell")
        expect(place.gc("--dry-run")["images_in_use"], 0)
    finally:
        fuse.close()


@fact
def a_mount_with_a_failing_call_is_complete_or_absent(place):
    if not can_inject():
        raise Skip("strace is not installed, or may not trace")
    umount(place.mnt)
    os.chdir(place.dir)
    count = 0
    try:
        for fault, rc, _, err in faults([COMPOSEFS, "mount", "--repo=r", place.image, "mnt"], '"r"', RUNS):
            shown = sum(m.point == place.mnt for m in mounts())
            expect((fault, shown), (fault, int(rc == 0)))
            if rc == 0:
                for name in ("a", "dir/b"):
                    with open(f"mnt/{name}", encoding="ascii") as f:
                        expect((fault, f.read()), (fault, name * 1000))
                umount("mnt")
            else:
                ensure(0 < rc < 128 and err, f"{fault}: status {rc}: {err}")
            count += 1
    finally:
        os.chdir("..")
    remark(f"{count} runs")
    for path in place.contents:
        ensure(os.path.exists(path), f"{path} is gone")


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
