#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs scrub reads all objects in the background, repairs them from other places, and records the result.

    repo_scrub_test.py COMPOSEFS GOLDEN MKCOMPOSEFS
"""
import json
import os
import shutil
import sys
import time

from repo import DAMAGED, FAILED, USAGE, ensure, expect, good, has, main, make, make_tree, refused, run, write


def scrub(*args, status=0):
    rc, out, err = run("scrub", "--repo=r", "--json", *args)
    expect((rc, err), (status, ""))
    return json.loads(out)


def record():
    with open("r/.scrub", encoding="ascii") as f:
        lines = f.read().splitlines()
    expect(lines[0], "composefs scrub 1")
    return {word: int(number) for word, number in (line.split() for line in lines[1:])}


def object_of(path, name="os/1"):
    below = good("dump-files", "--repo=r", "--backing-path-only", name, path).split()[1].lstrip("/")
    return f"r/objects/{below}"


def damage(path, name="os/1"):
    os.chmod(object_of(path, name), 0o644)
    with open(object_of(path, name), "r+b") as f:
        f.write(b"!")
    return object_of(path, name)


def make_two():
    """Two images, whose file a differs."""
    make()
    make_tree("tree2", "2")
    good("create-image", "--repo=r", "tree2", "os/2")


def a_sound_repository_is_recorded_as_such():
    before = int(time.time())
    make()
    expect(os.path.exists("r/.scrub"), False)
    found = scrub()
    expect((found["scope"], found["left"]["ok"], found["left"]["objects_checked"], found["left"]["images_checked"]),
           ("repository", True, 4, 1))
    got = record()
    ensure(before <= got["begin"] <= got["end"] <= time.time(), got)
    expect({k: v for k, v in got.items() if k not in ("begin", "end")},
           {"whole": 1, "objects": 4, "damaged": 0, "missing": 0, "repaired": 0})
    has(good("scrub", "--repo=r"), "objects: 4, 0 damaged\n")


def damage_is_found_and_recorded():
    make()
    path = damage("/a")
    found = scrub(status=DAMAGED)
    expect([f["path"] for f in found["left"]["errors"] if f["type"] == "object-digest-mismatch"], [path[2:]])
    expect((record()["damaged"], record()["repaired"]), (1, 0))


def repair_takes_objects_from_another_place():
    make()
    shutil.copytree("r", "backup", symlinks=True)
    damage("/a")
    os.unlink(object_of("/dir/b"))
    found = scrub("--repair", "--from=backup")
    expect((found["objects_quarantined"], found["objects_fetched"], found["left"]["ok"]), (1, 2, True))
    expect((record()["damaged"], record()["missing"], record()["repaired"]), (0, 0, 2))


def one_image_is_checked_alone():
    make_two()
    damage("/a", "os/2")
    found = scrub("os/1")
    expect((found["scope"], found["left"]["ok"], found["left"]["objects_checked"]), ("images", True, 4))
    expect(record()["whole"], 0)
    expect(scrub("os/1", "os/2", status=DAMAGED)["left"]["objects_damaged"], 1)
    os.unlink(object_of("/a"))
    found = scrub("os/1", status=DAMAGED)
    expect((found["left"]["objects_missing"], found["left"]["objects_damaged"]), (1, 0))


def a_damaged_image_is_reported_as_an_object():
    image = make()[7:]
    path = f"r/objects/{image[:2]}/{image[2:]}"
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.write(b"!")
    found = scrub("os/1", status=DAMAGED)
    expect([f["path"] for f in found["left"]["errors"]], [path[2:]])


def no_image_is_mounted_by_this_name():
    make()
    found = scrub("--mounted")
    expect((found["scope"], found["left"]["objects_checked"]), ("images", 0))


def an_unfinished_run_leaves_the_old_record():
    make()
    scrub()
    with open("r/.scrub", encoding="ascii") as f:
        old = f.read()
    has(refused("scrub", "--repo=r", "os/none"), "os/none")
    with open("r/.scrub", encoding="ascii") as f:
        expect(f.read(), old)


def a_record_that_cannot_be_written_is_a_warning():
    make()
    os.symlink("elsewhere", "r/.scrub")
    rc, out, err = run("scrub", "--repo=r")
    expect((rc, "status: ok" in out, os.path.lexists("elsewhere")), (0, True, False))
    has(err, "warning: the result is not recorded: .scrub")


def other_commands_ignore_the_record():
    make()
    scrub()
    expect(good("fsck", "--repo=r").splitlines()[-1], "status: ok")
    good("gc", "--repo=r")
    expect(record()["objects"], 4)


def wrong_usage_is_refused():
    make()
    has(refused("scrub", "--repo=r", "--from=backup", status=USAGE), "--from=PLACE is for --repair")
    has(refused("scrub", "--repo=r", "--repair", "--from=nowhere", status=FAILED), "nowhere: No such file")
    write("r/.scrub", "something else")
    scrub()
    expect(record()["whole"], 1)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("scrub", "record", "object_of", "damage", "make_two")]))
