#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs gc removes what nothing reaches, and that alone.

    repo_gc_test.py COMPOSEFS GOLDEN
"""
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time

from faults import can_inject
from repo import COMPOSEFS, expect, good, has, loaded, main, make, make_tree, refused, run, snapshot, write

GOLDEN = os.path.abspath(sys.argv[2])
NOTHING = {"objects_removed": 0, "images_removed": 0, "streams_removed": 0, "names_removed": 0, "temporaries_removed": 0,
           "images_in_use": 0}


def gc(*args, **numbers):
    """Collects; every number that is not named must be 0. What was said."""
    rc, out, err = run("gc", "--repo=r", "--json", *args)
    expect((rc, err if rc else ""), (0, ""))
    found = __import__("json").loads(out)
    expect({k: found[k] for k in NOTHING}, {**NOTHING, **numbers})
    expect(found["dry_run"], "--dry-run" in args or "-n" in args)
    if not found["objects_removed"]:
        expect(found["bytes_freed"], 0)
    return err


def objects():
    return sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs)


def second(name="os/2"):
    """Another image, of which one file is that of the first; its id in hex."""
    make_tree("tree2", "2")
    return good("create-image", "--repo=r", "tree2", name).strip().split(":")[1]


def referenced_objects_are_kept():
    make()
    second()
    before = snapshot("r")
    gc()
    expect({k: v for k, v in snapshot("r").items() if "lock" not in k}, {k: v for k, v in before.items() if "lock" not in k})
    has(good("gc", "--repo=r", "--dry-run"), "would be removed: 0 objects")


def unreferenced_objects_are_removed_and_shared_ones_kept():
    make()
    kept = objects()
    gone = second()
    expect(len(objects()), len(kept) + 3)
    good("untag", "--repo=r", "os/2")
    before = snapshot("r")
    gc("-n", objects_removed=3, images_removed=1)
    expect(snapshot("r"), before)
    gc(objects_removed=3, images_removed=1)
    expect(objects(), kept)
    expect(os.path.lexists(f"r/images/{gone}"), False)
    expect([d for d in os.listdir("r/objects") if not os.listdir(f"r/objects/{d}")], [])
    gc()


def roots_keep_their_images():
    make()
    kept = second()
    good("untag", "--repo=r", "os/2")
    gc("-r", kept)
    gc("--root", kept)
    has(refused("gc", "--repo=r", "--root=none"), "root none: no image and no stream")
    gc(objects_removed=3, images_removed=1)


def keep_retains_the_newest_of_each_name():
    make()
    good("untag", "--repo=r", "os/1")
    names = ["a:9", "a:10", "a:11", "b/1", "b/2", "b/c:1", "b/c:2", "single"]
    for i, name in enumerate(names):
        write("tree/a", name)
        good("create-image", "--repo=r", "tree", name)
        os.utime(f"r/images/refs/{name}", (1000 + i, 1000 + i), follow_symlinks=False)
    os.utime("r/images/refs/a:10", (1000, 1000), follow_symlinks=False)  # as old as 9: the higher one is newer
    err = gc("-n", "--keep=2", names_removed=1, images_removed=2, objects_removed=2 + 1)
    has(err, "name would be removed: a:9: newer versions exist")
    err = gc("--keep=2", names_removed=1, images_removed=2, objects_removed=2 + 1)
    has(err, "reference removed: a:9: newer versions exist")
    gc("--keep=1", names_removed=3, images_removed=3, objects_removed=3)
    expect(sorted(name for i in loaded("images", "--repo=r", "--json")["images"] for name in i["names"]), ["a:11", "b/2", "b/c:2", "single"])


def keep_retains_the_newest_by_time_or_by_version():
    """a:11 was made while the clock was far behind, a:8 while it was ahead."""
    make()
    for name, when in (("a:8", 9000), ("a:9", 1001), ("a:10", 1002), ("a:11", 3)):
        write("tree/a", name)
        good("create-image", "--repo=r", "tree", name)
        os.utime(f"r/images/refs/{name}", (when, when), follow_symlinks=False)
    err = gc("--keep=1", names_removed=2, images_removed=2, objects_removed=2)
    has(err, "reference kept: a:11: old by time, but not by version")
    has(err, "reference kept: a:8: old by version, but not by time")
    expect(sorted(os.listdir("r/images/refs")), ["a:11", "a:8", "os"])


def an_open_image_is_kept_with_its_objects():
    make()
    used = second()
    good("untag", "--repo=r", "os/2")
    with open(f"r/images/{used}", "rb"):
        has(gc("--dry-run", images_in_use=1), used)
        has(gc(images_in_use=1), "mounted, or open in a process")
    gc(objects_removed=3, images_removed=1)


def recent_objects_are_kept_for_the_grace_period():
    make()
    second()
    good("untag", "--repo=r", "os/2")
    gc("--grace=3600")
    gc("--grace=0", objects_removed=3, images_removed=1)


def foreign_files_are_reported_and_kept():
    make()
    write("r/objects/00/README", "mine")
    write("r/objects/note", "mine")
    write("r/images/refs/README", "mine")
    os.makedirs("r/objects/00/" + "0" * 62)
    err = gc()
    has(err, "left alone: 00/README")
    has(err, "left alone: README: expected a symbolic link")
    for path in ("r/objects/00/README", "r/objects/note", "r/images/refs/README", "r/objects/00/" + "0" * 62):
        expect(os.path.exists(path), True)


def directories_6000_deep_in_refs_are_reported_and_gc_goes_on():
    make()
    second("a/" * 7 + "b")  # the deepest name that there can be
    here = os.getcwd()
    os.chdir("r/images/refs")
    for _ in range(6000):
        os.makedirs("a", exist_ok=True)
        os.chdir("a")
    os.symlink("x", "link")
    os.chdir(here)
    try:
        has(gc(), "/a/a: a directory below the deepest possible reference")
        rc, out, err = run("images", "--repo=r")
        expect((rc, len(out.splitlines()), err.count("warning: ")), (0, 3, 1))
        rc, out, err = run("fsck", "--repo=r")
        expect((rc, err.count("entry-not-symlink")), (3, 1))
        good("du", "--repo=r")
    finally:
        subprocess.run(["rm", "-rf", "r"], check=True)


def old_temporary_files_are_removed():
    make()
    paths = ["r/objects/.tmp-object-0123456789ab", "r/..content-index.cfs-tmp", "r/.cfs-01234567.tmp", "r/.symlink-0123456789ab"]
    for path in paths[:3]:
        write(path, "half")
    os.symlink("x", paths[3])
    gc()
    for path in paths:
        expect(os.path.lexists(path), True)
        os.utime(path, (1000, 1000), follow_symlinks=False)
    gc("--dry-run", temporaries_removed=4)
    gc(temporaries_removed=4)
    gc()


def a_dangling_reference_is_reported_and_pruned_on_request():
    make()
    gone = second()
    os.unlink(f"r/images/{gone}")
    has(gc(), "dangling reference: os/2: the link of the image is missing")
    has(gc("--prune-refs", objects_removed=3, names_removed=1), "os/2")
    expect(os.listdir("r/images/refs/os"), ["1"])


def a_name_without_an_entry_keeps_the_image():
    """repair makes the entry anew, as long as the object is there."""
    make()
    os.unlink(f"r/images/{second()}")
    has(gc(objects_removed=0), "dangling reference: os/2: the link of the image is missing")
    good("repair", "--repo=r")
    expect(len(good("ls", "--repo=r", "os/2").split()) > 3, True)
    image = os.readlink("r/images/refs/os/2").rsplit("/", maxsplit=1)[-1]
    os.unlink(f"r/images/{image}")
    os.unlink(f"r/objects/{image[:2]}/{image[2:]}")
    has(gc(objects_removed=2), "dangling reference: os/2: the image or stream that it refers to does not exist")


def damage_stops_gc_before_anything_is_removed():
    make()
    second()
    good("create-image", "--repo=r", "tree", "os/3")
    good("untag", "--repo=r", "os/2")
    named = os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]
    path = f"r/objects/{named[:2]}/{named[2:]}"
    with open(path, "rb") as f:
        image = f.read()
    for damage in (image[:-1], image[:2000] + b"!" + image[2001:], b""):
        with open(path, "wb") as f:
            f.write(damage)
        before = snapshot("r")
        err = refused("gc", "--repo=r")
        has(err, f"images/{named}")
        has(err, "(nothing was removed; composefs fsck prints all damage)")
        expect(snapshot("r"), before)
    os.unlink(path)
    before = snapshot("r")
    has(refused("gc", "--repo=r"), named[2:])
    expect(snapshot("r"), before)
    os.unlink("r/images/refs/os/1")
    os.symlink("/etc/passwd", "r/images/refs/os/1")
    has(refused("gc", "--repo=r"), "expected a link to a first-level entry")


def streams_keep_their_objects_and_streams_recursively():
    """The golden streams: a document that names three layers, each with an object of zeros."""
    make()
    kept = objects()
    with open(f"{GOLDEN}/splitstream/digests.txt", encoding="ascii") as f:
        ids = {name: hexed for hexed, name in (line.split() for line in f)}

    def put(hexed, data):
        os.makedirs(f"r/objects/{hexed[:2]}", exist_ok=True)
        with open(f"r/objects/{hexed[:2]}/{hexed[2:]}", "wb") as f:
            f.write(data)

    def golden(name):
        with open(f"{GOLDEN}/splitstream/{name}", "rb") as f:
            return f.read()

    os.makedirs("r/streams/refs/oci")
    put(ids["config.json"], golden("config.json"))
    for size, name in ((0, "config"), (1000, "layer-alpha"), (2000, "layer-beta"), (3000, "layer-gamma")):
        data, hexed = golden(name + ".ss"), ids[name + ".ss"]
        put(hexed, data)
        os.symlink(f"../objects/{hexed[:2]}/{hexed[2:]}", f"r/streams/{name}")
        if size:
            put(data[112:144].hex(), bytes(size))
    os.symlink("../../config", "r/streams/refs/oci/x:1")
    expect(len(objects()), len(kept) + 8)
    gc()
    os.unlink("r/streams/refs/oci/x:1")
    gc("--dry-run", "--root=layer-beta", objects_removed=6, streams_removed=3)
    gc("--dry-run", "--root=config")
    gc(objects_removed=8, streams_removed=4)
    expect(objects(), kept)


def gc_waits_for_others_up_to_the_timeout():
    make()
    holder = os.open("r", os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_SH)
    for option in ("--lock-timeout=0", "--timeout=0", "--no-wait"):
        has(refused("gc", "--repo=r", option), "others use the repository")
    began = time.monotonic()
    rc, _, err = run("gc", "--repo=r", "--timeout=1")
    expect(rc, 1)
    has(err, "waiting for other processes that use the repository")
    expect(time.monotonic() - began > 0.9, True)
    good("gc", "--repo=r", "--dry-run")
    with subprocess.Popen([COMPOSEFS, "gc", "--repo=r"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waiting:
        time.sleep(0.3)
        expect(waiting.poll(), None)
        # A process that waits for another one does not delay a third for long.
        good("create-image", "--repo=r", "tree", "os/2")
        fcntl.flock(holder, fcntl.LOCK_UN)
        expect(waiting.wait(timeout=60), 0)
    os.close(holder)


def a_repository_that_replaces_another_during_gc_is_not_collected():
    """While it looks at r, an image there gets a name again, r is renamed, and an empty repository is called r: it removed from the
    first what the second did not name."""
    if not can_inject():
        return
    make()
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "empty")
    image, kept = second(), objects()
    good("untag", "--repo=r", "os/2")
    # When it lists the objects beside the image: it has read the names, and reads them again before it removes anything.
    with subprocess.Popen(["strace", "-qq", "-o", "log", "-E", "ASAN_OPTIONS=detect_leaks=0", "-P", f"r/objects/{image[:2]}",
                           "-e", "trace=getdents64", "-e", "inject=getdents64:signal=STOP:when=1", COMPOSEFS, "gc", "--repo=r"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tracer:
        while "--- stopped by SIGSTOP ---" not in (open("log", encoding="utf-8").read() if os.path.exists("log") else ""):
            expect(tracer.poll(), None)
            time.sleep(0.01)
        stopped = int(subprocess.run(["ps", "-o", "pid=", "--ppid", str(tracer.pid)], capture_output=True, text=True, check=True).stdout)
        good("tag", "--repo=r", image, "os/2")
        os.rename("r", "first")
        os.rename("empty", "r")
        os.kill(stopped, signal.SIGCONT)
        tracer.wait(timeout=60)
    os.rename("r", "empty")
    os.rename("first", "r")
    expect(objects(), kept)


def progress_is_shown_on_terminals_only():
    """Once it took a second: each directory that is listed takes some milliseconds here."""
    slow = ["strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=getdents64",
            "-e", "inject=getdents64:delay_enter=2500"]
    if not shutil.which("strace") or subprocess.run([*slow, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return
    make()
    for n in range(256):
        os.makedirs(f"r/objects/{n:02x}", exist_ok=True)
    command = [*slow, COMPOSEFS, "gc", "--repo=r", "--dry-run"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    expect((done.stdout.count("\n"), done.stderr), (2, ""))
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while True:
                shown += os.read(ours, 4096)
        except OSError:
            pass  # the other end is closed
        os.close(ours)
        expect(process.wait(), 0)
    has(shown, b"\rcomposefs gc: ")
    has(shown, b" of 256 prefixes listed")
    expect(shown.endswith(b"\r\x1b[K"), True)


def an_image_on_which_another_collector_has_a_lease_is_waited_for():
    image = make().split(":")[1]
    path = f"r/objects/{image[:2]}/{image[2:]}"
    broken = []
    with open(path, "r+b") as f:
        def let_go(*_):
            broken.append(True)
            time.sleep(0.2)
            fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK)

        signal.signal(signal.SIGIO, let_go)  # the kernel tells that somebody opens it
        for args in (("ls", "--repo=r", "os/1"), ("gc", "--repo=r"), ("fsck", "--repo=r"), ("fsck", "--repo=r", "os/1")):
            try:
                fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except OSError:
                return  # a filesystem without leases
            broken.clear()
            good(*args)
            expect((args, broken), (args, [True]))


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("gc", "objects", "second")]))
