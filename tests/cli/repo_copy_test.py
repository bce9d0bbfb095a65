#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs copy: images from another repository, which may belong to an attacker.

    repo_copy_test.py COMPOSEFS
"""
import fcntl
import glob
import os
import subprocess
import sys
import time

from repo import COMPOSEFS, USAGE, expect, good, has, loaded, main, make, refused, run, snapshot, write

LARGE = 3 << 20  # more than the store reads at once


def two():
    """A source r with os/1, and an empty destination d. Returns the image ID."""
    os.makedirs("tree")
    with open("tree/large", "wb") as f:
        f.write(b"0123456789abcdef" * (LARGE // 16))
    image_id = make()
    good("init", "--insecure", "--algorithm=sha256", "d")
    return image_id


def copy(*args):
    return run("copy", "--repo=d", "--from=r", *args)


def sound(repo="d"):
    report = loaded("fsck", f"--repo={repo}", "--json")
    expect((report["ok"], report["errors"]), (True, []))


def object_of(path, image="os/1"):
    return "r/objects/" + good("dump-files", "--repo=r", "--backing-path-only", image, path).split()[1]


def refs(repo="d"):
    """The references, and the image IDs that they lead to."""
    top = f"{repo}/images/refs/"
    return {path.removeprefix(top): os.path.basename(os.readlink(path))
            for path in glob.glob(f"{top}**", recursive=True) if os.path.islink(path)}


def image_is_copied_with_its_objects_and_reference():
    image_id = two().split(":")[1]
    expect(good("copy", "--repo=d", "--from=r", "os/1"), "os/1: 5 objects copied, 0 present, 3.0 MiB\n")
    expect(refs(), {"os/1": image_id})
    sound()
    good("gc", "--repo=d")
    for path in ("/large", "/a", "/dir/b", "/dir/small"):
        expect(run("cat", "--repo=d", "os/1", path)[1], run("cat", "--repo=r", "os/1", path)[1])
    before = snapshot("d/objects")
    expect(good("copy", "--repo=d", "--from=r", "os/1"), "os/1: 0 objects copied, 5 present, 0 B\n")
    expect(snapshot("d/objects"), before)


def only_what_is_missing_is_copied():
    two()
    write("tree/new", "new" * 1000)
    good("create-image", "--repo=r", "tree", "os/2")
    copy("os/1")
    found, = loaded("copy", "--repo=d", "--from=r", "--json", "os/2")["images"]
    expect((found["objects_copied"], found["objects_present"], found["source"]), (2, 4, "os/2"))
    sound()


def references_are_those_of_the_source_or_the_given_one():
    image_id = two().split(":")[1]
    good("tag", "--repo=r", "os/1", "os/latest")
    expect(copy("--to", "other", "os/1")[0], 0)
    expect(refs(), {"other": image_id})
    expect(copy(f"sha256:{image_id}")[0], 0)
    expect(refs(), {"other": image_id, "os/1": image_id, "os/latest": image_id})
    expect(run("copy", "--repo=d", "--from=r", "--to=x", "os/1", "os/latest")[0], USAGE)
    expect(run("copy", "--repo=d", "os/1")[0], USAGE)
    refused("copy", "--repo=d", "--from=r", "--to=a//b", "os/1")
    has(refused("copy", "--repo=d", "--from=r", "none"), 'r: no such image: "none"')
    has(refused("copy", "--repo=r", "--from=./r", "os/1"), "expected another repository")


def other_algorithm_is_refused():
    two()
    good("init", "--insecure", "--algorithm=sha512", "e")
    has(refused("copy", "--repo=e", "--from=r", "os/1"), "expected IDs with sha512, got sha256")
    expect(glob.glob("e/objects/*/*"), [])


def damaged(change, word):
    """Copying fails with that word, names nothing and leaves only sound objects; without the damage it goes on."""
    for path in ("/large", "/a"):
        victim = object_of(path)
        os.rename(victim, "kept")
        change(victim)
        has(refused("copy", "--repo=d", "--from=r", "os/1"), word)
        expect((refs(), os.listdir("d/images") if os.path.exists("d/images") else []), ({}, ["refs"] if os.path.exists("d/images/refs") else []))
        expect(os.path.lexists("d" + victim[1:]), False)
        sound()
        if os.path.lexists(victim):
            os.unlink(victim)
        os.rename("kept", victim)
    expect(copy("os/1")[0], 0)
    sound()


def a_wrong_content_is_refused():
    two()

    def change(path):
        with open("kept", "rb") as f:
            data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        with open(path, "wb") as f:
            f.write(data)
    damaged(change, "digest: expected ")


def a_wrong_size_is_refused_before_it_is_read():
    two()

    def change(path):
        with open(path, "wb") as f:
            f.truncate(1 << 50)
    damaged(change, "bytes, got 1125899906842624")


def a_fifo_is_refused():
    two()
    damaged(os.mkfifo, "expected a regular file")


def a_symlink_is_refused():
    two()
    damaged(lambda path: os.symlink(os.path.abspath("kept"), path), "symbolic link")


def a_missing_object_is_named_and_the_next_run_goes_on():
    two()
    victim = object_of("/shared")
    os.rename(victim, "kept")
    has(refused("copy", "--repo=d", "--from=r", "os/1"), "missing in both repositories")
    expect(refs(), {})
    os.rename("kept", victim)
    expect(copy("os/1")[0], 0)
    sound()


def a_damaged_image_is_refused():
    image_id = two().split(":")[1]
    path = f"r/objects/{image_id[:2]}/{image_id[2:]}"
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(1500)
        f.write(b"\xff\xff")
    has(refused("copy", "--repo=d", "--from=r", "os/1"), "expected the fs-verity digest")
    expect(glob.glob("d/objects/*/*"), [])


def objects_of_the_destination_complete_the_source():
    two()
    copy("os/1")
    os.unlink(object_of("/a"))
    good("untag", "--repo=d", "os/1")
    expect(copy("os/1")[1], "os/1: 0 objects copied, 5 present, 0 B\n")


def repository_of_another_user_can_be_the_source():
    two()
    if os.geteuid() != 0:
        print("# needs root")
        return
    subprocess.run(["chown", "-R", "65534", "r"], check=True)
    expect(copy("os/1")[0], 0)
    sound()
    expect({os.stat(p).st_uid for p in glob.glob("d/objects/*/*")}, {0})


def garbage_collection_waits_for_the_copy():
    two()
    lock = os.open("r", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen([COMPOSEFS, "copy", "--repo=d", "--from=r", "os/1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as waiting:
        destination, end = os.open("d", os.O_RDONLY), time.monotonic() + 120
        while time.monotonic() < end:
            try:
                fcntl.flock(destination, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                break
            fcntl.flock(destination, fcntl.LOCK_UN)
            time.sleep(0.01)
        else:
            raise AssertionError("expected a copy that locks its destination, got none")
        has(refused("gc", "--repo=d", "--no-wait"), "others use the repository")
        os.close(lock)
        expect(waiting.wait(60), 0)
    fcntl.flock(destination, fcntl.LOCK_EX)
    has(refused("copy", "--repo=d", "--from=r", "--lock-timeout=0", "os/1"), "repository d")
    os.close(destination)


def a_killed_copy_is_finished_by_the_next_one():
    two()
    for delay in (0.002, 0.005, 0.01, 0.02):
        with subprocess.Popen([COMPOSEFS, "copy", "--repo=d", "--from=r", "os/1"], stdout=subprocess.DEVNULL) as running:
            time.sleep(delay)
            running.kill()
        sound()
    expect(copy("os/1")[0], 0)
    sound()


if __name__ == "__main__":
    helpers = (two, copy, sound, object_of, refs, damaged)
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v) and v not in helpers]))
