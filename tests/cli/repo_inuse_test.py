#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What is in use stays, with all that it refers to, whatever leads to it. An open file stands for a mount: the kernel has the
image of a mount open in the same way (tests/root/repo_mount_test.py has the mounts).

    repo_inuse_test.py COMPOSEFS
"""
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile

from faults import can_inject
from repo import COMPOSEFS, DAMAGED, expect, good, has, loaded, main, make, make_tree, refused, run, write

FUSE = bytes((0x46, 0x55, 0x73, 0x65)) if sys.byteorder == "little" else bytes((0x65, 0x73, 0x55, 0x46))


def gc(*args):
    return loaded("gc", "--repo=r", "--json", *args)


def second():
    """An image of which no file is in os/1, without a name: its id."""
    make_tree("tree2", "2")
    write("tree2/shared", "of the second alone" * 1000)
    image = good("create-image", "--repo=r", "tree2", "os/2").strip().split(":")[1]
    good("untag", "--repo=r", "os/2")
    return image


def at(image):
    return f"r/objects/{image[:2]}/{image[2:]}"


def objects(image):
    return [at(o.removeprefix("sha256:")) for o in good("image-objects", "--repo=r", image).split()] + [at(image)]


def present(paths):
    return [os.path.exists(p) for p in paths]


def whole(paths):
    return [True] * len(paths)


def an_image_without_an_entry_is_kept_while_it_is_in_use():
    make()
    image = second()
    paths = objects(image)
    os.unlink(f"r/images/{image}")
    with open(at(image), "rb"):
        expect(gc()["images_in_use"], 1)
        expect(present(paths), whole(paths))
    expect(gc()["objects_removed"], len(paths))


def an_image_whose_entry_is_malformed_is_kept_while_it_is_in_use():
    make()
    image = second()
    paths = objects(image)
    for target in (f"../objects/{image[:2]}//{image[2:]}", "elsewhere", f"../objects/00/{'0' * 62}", None):
        os.unlink(f"r/images/{image}")
        if target:
            os.symlink(target, f"r/images/{image}")
        else:
            write(f"r/images/{image}", "a file")
        with open(at(image), "rb"):
            expect((target, gc()["images_in_use"], present(paths)), (target, 1, whole(paths)))


def after_a_reset_images_in_use_are_kept():
    make()
    image = second()
    paths = objects(image)
    with open(at(image), "rb"):
        err = refused("init", "--insecure", "--algorithm=fsverity-sha256-12", "--reset-metadata", "r")
        has(err, f"images/{image}: mounted, or open in a process")
        expect(sorted(os.listdir("r/images"))[-1], "refs")
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "--reset-metadata", "r")
    expect(os.path.exists("r/images"), False)
    with open(at(image), "rb"):
        expect((gc()["images_in_use"], present(paths)), (1, whole(paths)))
    expect(gc()["objects_live"], 0)


def any_file_that_is_open_stays():
    make()
    image = second()
    paths = objects(image)
    with open(paths[0], "rb"):
        expect(gc()["objects_removed"], len(paths) - 1)
        expect(present(paths)[:2], [True, False])
    expect(gc()["objects_removed"], 1)


def damage(image):
    """A damaged byte of the UUID, which is never read: the objects of the image are still known."""
    with open(at(image), "r+b") as f:
        f.seek(1024 + 48)
        f.write(b"!")


def a_damaged_image_that_is_repaired_keeps_its_objects_while_it_is_in_use():
    """repair moves the file aside, and from a copy another one takes its place, or none."""
    make()
    image = second()
    paths = objects(image)
    shutil.copytree("r", "copy", symlinks=True)
    for source in ((), ("--from=copy",)):
        shutil.rmtree("r")
        shutil.copytree("copy", "r", symlinks=True)
        damage(image)
        with open(at(image), "rb"):
            expect(run("repair", "--repo=r", *source)[0], 0)
            expect(os.listdir("r/.quarantine"), [image])
            expect(os.path.exists(at(image)), bool(source))
            expect((source, gc()["images_in_use"], present(paths[:-1])), (source, 1, whole(paths[:-1])))
        gc()
        expect(present(paths), [False] * len(paths))
        expect(os.listdir("r/.quarantine"), [image])


def an_unreadable_quarantined_image_in_use_stops_gc():
    make()
    image = second()
    os.mkdir("r/.quarantine")
    shutil.copy(at(image), f"r/.quarantine/{image}")
    write("r/.quarantine/note", "no image")
    os.mkfifo("r/.quarantine/fifo")
    with open(at(image), "rb") as f:
        data = f.read()
    with open(f"r/.quarantine/{image}", "wb") as f:
        f.write(data[:4096])
    paths = objects(image)
    with open(f"r/.quarantine/{image}", "rb"), open("r/.quarantine/note", "rb"):
        gc()  # the good one has the same name
        expect(present(paths), whole(paths))
        os.rename(at(image), "elsewhere")
        os.unlink(f"r/images/{image}")
        has(refused("gc", "--repo=r"), f".quarantine/{image}: in use, but it cannot be read as an image")
        expect(present(paths[:-1]), whole(paths[:-1]))
    gc()
    expect(present(paths), [False] * len(paths))


RESET = ("init", "--insecure", "--algorithm=fsverity-sha256-12", "--reset-metadata", "r")


def gc_stops_if_an_image_in_use_can_no_longer_be_read():
    """Its first bytes are lost, so its objects are unknown. It has no entry, and is quarantined by repair or in its place."""
    make()
    image = second()
    paths = objects(image)
    with open(at(image), "r+b") as f:
        f.write(b"no image")
    for place, steps in (at(image), ()), (f"r/.quarantine/{image}", [("repair", "--repo=r")]):
        with open(at(image), "rb"):
            for step in steps:
                run(*step)
            if not steps:
                os.rename(f"r/images/{image}", "entry")
            has(refused("gc", "--repo=r"), f"{place.removeprefix('r/')}: in use, but damaged")
            expect(present(paths[:-1]), whole(paths[:-1]))
            has(refused(*RESET), f"{place.removeprefix('r/')}: mounted, or open in a process")
            if not steps:
                os.rename("entry", f"r/images/{image}")
    gc()
    expect(present(paths), [False] * len(paths))


def an_open_object_that_is_not_an_image_does_not_stop_gc():
    """A good one is known by its content, a damaged one in quarantine by the good one in its place."""
    make()
    path = next(p for p in objects(os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]))
    os.mkdir("r/.quarantine")
    write("r/.quarantine/" + path.removeprefix("r/objects/").replace("/", ""), "damaged")
    with open("r/.quarantine/" + path.removeprefix("r/objects/").replace("/", ""), "rb"):
        gc()
        good("untag", "--repo=r", "os/1")
        with open(path, "rb"):
            gc()
            expect(os.path.exists(path), True)


def reset_is_refused_while_an_image_without_an_entry_is_in_use():
    make()
    image = second()
    os.unlink(f"r/images/{image}")
    with open(at(image), "rb"):
        has(refused(*RESET), f"objects/{image[:2]}/{image[2:]}: mounted, or open in a process")
    good(*RESET)


def a_replaced_image_keeps_its_objects_while_it_is_in_use():
    """create-image puts a new file in the place of one that has another size."""
    make()
    image = second()
    paths = objects(image)
    for used in (False, True):
        with open(at(image), "ab") as f:
            f.write(b"!")
        with open(at(image) if used else "tree2/a", "rb"):
            good("create-image", "--repo=r", "tree2", "os/2")
            good("untag", "--repo=r", "os/2")
            expect(os.listdir("r/.quarantine"), [image] if used else [])
            expect((gc("--dry-run")["images_in_use"], used), (int(used), used))
            if used:
                gc()
                expect(present(paths), whole(paths))
    expect(gc()["objects_removed"], len(paths))


def on_fuse(*args):
    """Runs the command where fstatfs(2) tells that all lies on a FUSE filesystem: strace(1) writes that into the answers."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "signal=none",
                           "-e", f"inject=fstatfs:poke_exit=@arg2={FUSE.hex()}", COMPOSEFS, *args],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def where_leases_are_unreliable_every_image_counts_as_in_use():
    if not can_inject():
        return
    make()
    image = second()
    write("tree3/garbage", "garbage" * 1000)
    other = good("create-image", "--repo=r", "tree3", "os/3").strip().split(":")[1]
    good("untag", "--repo=r", "os/3")
    paths = objects(image) + objects(other)
    os.unlink(f"r/images/{other}")
    write("r/objects/00/" + "0" * 62, "no image")
    rc, out, err = on_fuse("gc", "--repo=r", "--json")
    expect((rc, present(paths)), (0, whole(paths)))
    has(err, f"{image}: the kernel cannot tell whether it is mounted")
    has(out, '"images_in_use":2')
    has(out, '"objects_removed":1')
    reset = ("init", "--insecure", "--algorithm=fsverity-sha256-12", "--reset-metadata", "r")
    rc, _, err = on_fuse(*reset)
    expect(rc, 1)
    has(err, "--force resets it anyway")
    expect(os.path.lexists(f"r/images/{image}"), True)
    expect(on_fuse(*reset, "--force")[0], 0)
    expect(gc()["images_in_use"], 0)
    expect(present(paths), [False] * len(paths))


if __name__ == "__main__":
    with tempfile.TemporaryFile() as probe:
        try:
            fcntl.fcntl(probe, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            print("1..0 # SKIP the filesystem of $TMPDIR has no leases")
            sys.exit(0)
    sys.exit(main([v for v in list(globals().values()) if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and "_" in v.__name__ and v is not on_fuse]))
