#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Every command that writes is killed at every one of its changes to the disk: the repository stays sound, what was there
before is still there, and the command succeeds when it is given again.

    repo_crash_test.py COMPOSEFS

See kills.py.
"""
import os
import shutil
import subprocess
import sys

from kills import can_kill, kills, sound
from repo import expect, good, has, loaded, main, make, make_tree, run, write

def names():
    return {name: i["id"] for i in loaded("images", "--repo=r", "--json")["images"] for name in i["names"]}


def tormented(prepare, *args, stays=(), changes=None, least=5):
    """Kills args each time on what prepare leaves: the names but that which changes are as before, and the images in stays can
    be read."""
    shutil.rmtree("r")
    prepare()
    shutil.copytree("r", "before", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    def others():
        return {k: v for k, v in names().items() if k != changes}

    before = others()
    for n in kills(reset, *args, least=least):
        sound()
        expect(others(), before)
        for name in stays:
            good("cat", "--repo=r", name, "/a")
        if n % 2 and not (args[0] == "untag" and changes not in names()):
            good(*args)
            sound()
    sound()
    shutil.rmtree("before")


def prepare():
    good("init", "--insecure", "--algorithm=sha256", "r")
    good("create-image", "--repo=r", "tree", "os/1")
    good("create-image", "--repo=r", "tree2", "os/2")


def make_trees():
    make()
    make_tree("tree2", "2")
    make_tree("tree3", "3")


def create_image_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "create-image", "--repo=r", "--threads=1", "tree3", "new/name", stays=("os/1", "os/2"), changes="new/name")


def import_image_can_be_killed_anywhere():
    make_trees()
    good("create-image", "--repo=r", "tree3", "os/3")
    shutil.copy("r/images/refs/os/3", "image")
    objects = good("image-objects", "--repo=r", "os/3")

    def with_objects():
        prepare()
        good("create-image", "--repo=r", "--use-epoch", "tree3", "same/contents")

    tormented(with_objects, "import-image", "--repo=r", "new/name", "image", stays=("os/1", "os/2"), changes="new/name")
    expect(good("image-objects", "--repo=r", "new/name"), objects)


def tag_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "tag", "--repo=r", "os/1", "a/b/c", stays=("os/1", "os/2"), changes="a/b/c")


def untag_can_be_killed_anywhere():
    make_trees()
    tormented(prepare, "untag", "--repo=r", "os/2", stays=("os/1",), changes="os/2", least=2)
    expect(sorted(names()), ["os/1"])


def a_moved_name_is_either_the_old_or_the_new_one():
    make_trees()
    shutil.rmtree("r")
    prepare()
    either = set(names().values())
    for _ in kills(lambda: good("tag", "--repo=r", "os/1", "latest"), "tag", "--repo=r", "os/2", "latest", least=3):
        expect(names()["latest"] in either, True)
        sound()
    expect(names()["latest"], names()["os/2"])


def gc_can_be_killed_anywhere():
    make_trees()

    def garbage():
        prepare()
        good("untag", "--repo=r", "os/2")

    tormented(garbage, "gc", "--repo=r", stays=("os/1",))


def repair_can_be_killed_anywhere():
    make_trees()
    shutil.copytree("r", "backup", symlinks=True)
    damaged = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").split()[1]
    for _ in kills(lambda: write(f"r/objects/{damaged}", "damaged"), "repair", "--repo=r", "--from=backup"):
        good("repair", "--repo=r", "--from=backup")
        sound()
    sound()
    expect(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)


def init_can_be_killed_anywhere():
    for _ in kills(lambda: shutil.rmtree("p", ignore_errors=True), "init", "--insecure", "p/r", least=4):
        good("init", "--insecure", "p/r")
        sound("p/r")


def reset_metadata_can_be_killed_anywhere():
    make_trees()
    shutil.copytree("r", "before", symlinks=True)
    objects = sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    args = ("init", "--insecure", "--reset-metadata", "--algorithm=sha256", "r")
    for _ in kills(reset, *args):
        good(*args)
        sound()
        expect(sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs), objects)


def sign_can_be_killed_anywhere():
    if "\n  sign " not in good("--help"):
        return
    make()
    shutil.copy("r/images/refs/os/1", "image")
    expect(subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], capture_output=True, check=False).returncode, 0)
    os.mkdir("keys.d")
    with open("keys.d/key.pub", "wb") as f:
        f.write(subprocess.run(["openssl", "pkey", "-in", "key.pem", "-pubout"], capture_output=True, check=True).stdout)
    verify = ("verify", "--trusted=keys.d", "--signatures=r/signatures", "image")
    sign = ("sign", "--key=key.pem", "--signatures=r/signatures", "image")
    for n in kills(lambda: shutil.rmtree("r/signatures", ignore_errors=True), *sign, least=3):
        sound()
        expect(run(*verify)[0] in (0, 10), True)  # whole, or not there
        if n % 2:
            good(*sign)
            has(good(*verify), "image")


if __name__ == "__main__":
    if not can_kill():
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    sys.exit(main([v for k, v in list(globals().items()) if k.endswith(("_anywhere", "_one"))]))
