#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A directory packed into an image and objects by mkcomposefs, whatever happens meanwhile.

    ingest_test.py MKCOMPOSEFS COMPOSEFS-INFO
"""
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from ingest import (Moments, Skip, check_whole, ensure, expect, expected_objects, fact, fails, files_below,
                    make_source, place_in_memory, read, run, run_facts, wait_until, write)

KILLS = int(os.environ.get("COMPOSEFS_TEST_KILLS", "40"))
LANES = 4  # runs that wait for the disk at the same time


class Place:
    """A folder for one fact, and the programs."""

    def __init__(self, mkcomposefs, info):
        self.mkcomposefs, self.info = os.path.abspath(mkcomposefs), os.path.abspath(info)
        self.top = tempfile.mkdtemp(prefix="ingest-test-", dir=place_in_memory())
        self.number = 0

    def fresh(self):
        """Paths of a source (made), a store and an image (not made)."""
        self.number += 1
        top = f"{self.top}/{self.number}"
        os.makedirs(f"{top}/source")
        return f"{top}/source", f"{top}/store", f"{top}/image"

    def pack(self, source, store, image, *options):
        return run(self.mkcomposefs, *options, f"--digest-store={store}", source, image)

    def close(self):
        shutil.rmtree(self.top)


@fact
def announcement_example_gives_its_two_objects(place):
    source, store, image = place.fresh()
    write(f"{source}/file-a", b"content_a\n")
    write(f"{source}/file-b", b"content_b\n")
    place.pack(source, store, image, "--inline-max=0")
    expect(files_below(store), {
        "02/927862b4ab9fb69919187bb78d394e235ce444eeb0a890d37e955827fe4bf4",
        "cc/3da5b14909626fc99443f580e4d8c9b990e85e0a1d18883dc89b23d43e173f"}, "objects")
    expect(run(place.info, "ls", image),
           "/file-a\t@ cc/3da5b14909626fc99443f580e4d8c9b990e85e0a1d18883dc89b23d43e173f\n"
           "/file-b\t@ 02/927862b4ab9fb69919187bb78d394e235ce444eeb0a890d37e955827fe4bf4\n", "listing")


@fact
def a_new_store_is_private_and_an_existing_one_keeps_its_mode(place):
    source, store, image = place.fresh()
    make_source(source, 3, [100])
    place.pack(source, f"{store}/new", image)
    expect([oct(os.stat(f"{store}{below}").st_mode & 0o7777) for below in ("", "/new")], ["0o755", "0o700"], "modes")
    os.chmod(f"{store}/new", 0o755)
    place.pack(source, f"{store}/new", image)
    expect(oct(os.stat(f"{store}/new").st_mode & 0o7777), "0o755", "mode of a store that exists")


@fact
def store_holds_each_content_once_and_nothing_else(place):
    source, store, image = place.fresh()
    make_source(source, 200, [1, 64, 65, 4096, 4097, 100000])
    for size in (1 << 20, (1 << 20) + 1, 3000000):
        write(f"{source}/{size}", random.Random(size).randbytes(size))
    place.pack(source, store, image)
    expect(check_whole(store), expected_objects(source), "objects")
    expect(set(run(place.info, "objects", image).split()), expected_objects(source), "objects of the image")


@fact
def image_is_the_same_with_or_without_a_store_and_on_any_number_of_threads(place):
    source, store, image = place.fresh()
    make_source(source, 100, [10, 100, 10000])
    place.pack(source, store, image)
    for threads in (1, 2, 3, 8):
        run(place.mkcomposefs, f"--threads={threads}", source, f"{image}.{threads}")
        expect(read(f"{image}.{threads}"), read(image), f"image by {threads} threads")
    expect(len(run(place.mkcomposefs, "--threads=65535", "--print-digest-only", source)), 65, "digest")


@fact
def existing_objects_are_not_written_again(place):
    source, store, image = place.fresh()
    make_source(source, 50, [100, 10000])
    write(f"{source}/large", random.Random(1).randbytes(3000000))
    place.pack(source, store, image)
    before = {name: os.stat(f"{store}/{name}") for name in files_below(store)}
    place.pack(source, store, image)
    for name, st in before.items():
        now = os.stat(f"{store}/{name}")
        expect((now.st_ino, now.st_ctime_ns), (st.st_ino, st.st_ctime_ns), name)


@fact
def truncated_object_is_replaced_and_reported(place):
    source, store, image = place.fresh()
    make_source(source, 5, [1000])
    place.pack(source, store, image)
    name = min(files_below(store))
    os.truncate(f"{store}/{name}", 999)
    done = subprocess.run([place.mkcomposefs, f"--digest-store={store}", source, image],
                          capture_output=True, check=True)
    ensure(f"object {name} was damaged and is replaced: expected 1000 bytes, got 999".encode() in done.stderr,
         done.stderr.decode())
    expect(check_whole(store), expected_objects(source), "objects")


@fact
def hard_links_are_flattened_or_kept_as_by_a_dump(place):
    source, store, image = place.fresh()
    os.mkdir(f"{source}/dir")
    write(f"{source}/zero", b"content" * 100)
    os.link(f"{source}/zero", f"{source}/dir/one")
    os.link(f"{source}/zero", f"{source}/alpha")
    os.symlink("target", f"{source}/link")
    os.link(f"{source}/link", f"{source}/dir/link", follow_symlinks=False)
    for options, links in (((), 0), (("--hardlinks",), 3)):
        place.pack(source, store, image, *options)
        dump = run(place.info, "dump", image)
        expect(dump.count(" @"), links, "names of other inodes")
        write(f"{image}.dump", dump.encode())
        run(place.mkcomposefs, "--from-file", f"{image}.dump", f"{image}.again")
        expect(read(f"{image}.again"), read(image), "image through the dump")
    ensure("/alpha 700 100644 3 " in dump, dump)


def kill_runs(place, source, lane, took, expected, images):
    """One lane of kills, in a store that is made anew now and then. Returns how many runs were killed."""
    moments = Moments(took, lane)
    store, image = f"{source}.store{lane}", f"{source}.image{lane}"
    killed = 0
    write(image, images[0])
    for turn in range(KILLS // LANES):
        if turn % 10 == 0:
            shutil.rmtree(store, ignore_errors=True)
        child = subprocess.Popen([place.mkcomposefs, f"--digest-store={store}", source, image],
                                 stderr=subprocess.DEVNULL)
        moments.wait()
        child.kill()
        late = child.wait() == 0
        moments.came(late)
        killed += not late
        ensure(check_whole(store) <= expected, "an object that no source has")
        ensure(read(image) in images, "an image that is neither the old nor the new one")
    place.pack(source, store, image)
    expect(check_whole(store), expected, "objects after a run that was not killed")
    expect(read(image), images[1], "image after a run that was not killed")
    return killed


@fact
def kill_at_any_moment_leaves_whole_objects_and_the_old_image(place):
    source, store, image = place.fresh()
    make_source(source, 700, [100, 1000, 5000, 20000], seed=2)
    write(f"{source}/large", random.Random(2).randbytes(3000000))
    started = time.monotonic()
    place.pack(source, store, image)
    took = time.monotonic() - started
    expected, images = expected_objects(source), (b"old", read(image))
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        killed = sum(lanes.map(lambda lane: kill_runs(place, source, lane, took, expected, images),
                               range(LANES)))
    ensure(killed, f"none of {KILLS} runs was killed before it ended")
    expect(sorted(os.listdir(os.path.dirname(image))),
           ["image", "source"] + [f"source.image{lane}" for lane in range(LANES)] +
           [f"source.store{lane}" for lane in range(LANES)] + ["store"], "files beside the image")


@fact
def builders_share_a_store_at_the_same_time(place):
    source, store, image = place.fresh()
    make_source(source, 400, [100, 1000, 20000])
    write(f"{source}/large", random.Random(4).randbytes(3000000))
    expected = expected_objects(source)
    for turn in range(5):
        builders = [subprocess.Popen([place.mkcomposefs, f"--digest-store={store}{turn}", source,
                                      f"{image}.{i}"], stderr=subprocess.PIPE) for i in range(4)]
        for builder in builders:
            _, said = builder.communicate(timeout=300)
            expect(builder.returncode, 0, f"status of a builder that said {said!r}")
            ensure(b"damaged" not in said, said.decode())
        expect(check_whole(f"{store}{turn}"), expected, "objects")
    expect({read(f"{image}.{i}") for i in range(4)}, {read(f"{image}.0")}, "images")


def meddle(act, stop):
    while not stop.is_set():
        act()


def packs_while(place, act, store, source, image):
    """Status and message of a run while act is called over and over."""
    stop = threading.Event()
    thread = threading.Thread(target=meddle, args=(act, stop))
    thread.start()
    done = subprocess.run([place.mkcomposefs, f"--digest-store={store}", source, image],
                          capture_output=True, check=False)
    stop.set()
    thread.join()
    return done.returncode, done.stderr.decode()


@fact
def file_that_grows_while_it_is_read_is_named(place):
    source, store, image = place.fresh()
    make_source(source, 20, [1000])
    path = f"{source}/d0/log"
    write(path, bytes(32 << 20))

    def grow():
        with open(path, "ab") as f:
            f.write(b"more\n")

    def noticed():
        status, said = packs_while(place, grow, store, source, image)
        if status == 0:  # the file did not grow during the run, on a busy machine
            os.unlink(image)
            return False
        ensure(f"error accessing {path}: " in said, said)
        check_whole(store)
        ensure(not os.path.exists(image), "an image in spite of the failure")
        return True

    wait_until(noticed, "a run during which the file grows")


@fact
def files_that_come_and_go_give_an_error_with_a_name_or_a_correct_image(place):
    source, store, image = place.fresh()
    make_source(source, 100, [1000])
    write(f"{source}/d0/keep", b"x" * 1000)
    names = [f"{source}/d3/coming-and-going-{i}" for i in range(50)]

    def come_and_go():
        for name in names:
            write(name, b"y" * 1000)
        for name in names:
            os.unlink(name)

    def failed():
        status, said = packs_while(place, come_and_go, store, source, image)
        ensure(status == 0 or f"error accessing {source}/d3" in said, said)
        return status

    for _ in range(20):
        failed()
    wait_until(failed, "a run during which files go")
    check_whole(store)


def as_nobody(place):
    if os.geteuid() != 0:
        return {}
    probe = subprocess.run(["test", "-x", place.mkcomposefs], check=False, user=65534, group=65534)
    if probe.returncode:
        raise Skip("user 65534 cannot reach the program")
    return {"user": 65534, "group": 65534, "extra_groups": []}


@fact
def store_that_cannot_be_written_is_a_clear_error(place):
    source, store, image = place.fresh()
    make_source(source, 3, [1000])
    os.chmod(place.top, 0o755)
    who = as_nobody(place)
    os.mkdir(store, 0o555)
    folder = os.path.dirname(store)
    os.chmod(folder, 0o777)
    said = fails(place.mkcomposefs, f"--digest-store={store}", source, image, **who)
    ensure(f"error accessing {source}/d0/f0: object store: temporary file: Permission denied" in said, said)
    expect(files_below(store), set(), "files in the store")
    ensure(not os.path.exists(image), "an image in spite of the failure")
    os.chmod(folder, 0o555)
    said = fails(place.mkcomposefs, f"--digest-store={store}/../new", source, "-", stdin=None, **who)
    ensure("object store " in said and ": create directory " in said and "Permission denied" in said, said)
    os.chmod(folder, 0o755)


@fact
def file_that_cannot_be_read_is_named(place):
    source, store, image = place.fresh()
    make_source(source, 3, [1000])
    os.chmod(place.top, 0o755)
    who = as_nobody(place)
    os.chmod(f"{source}/d1/f1", 0o600 if who else 0)
    said = fails(place.mkcomposefs, source, "/dev/null", **who)
    ensure(f"error accessing {source}/d1/f1: open: Permission denied" in said, said)
    os.chmod(f"{source}/d1/f1", 0o644)
    ensure(not os.path.exists(store) and not os.path.exists(image), "something was made")


@fact
def seal_is_refused_where_fs_verity_is_missing(place):
    source = place.fresh()[0]
    for operands in ([source, "-"], ["--print-digest-only", source]):
        said = fails(place.mkcomposefs, "--seal", *operands)
        ensure("--seal: expected an image file" in said, said)
    if not os.path.isdir("/dev/shm"):
        raise Skip("no tmpfs")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        said = fails(place.mkcomposefs, "--seal", source, f"{folder}/image")
        ensure("filesystem has no fs-verity" in said, said)
        expect(os.listdir(folder), [], "what was made")


@fact
def store_that_is_a_file_is_a_clear_error(place):
    source, store, image = place.fresh()
    write(store, b"a file")
    said = fails(place.mkcomposefs, f"--digest-store={store}", source, image)
    ensure(f"{store}: " in said and ": Not a directory" in said, said)


def main():
    place = Place(*sys.argv[1:3])
    try:
        return run_facts(place)
    finally:
        place.close()


if __name__ == "__main__":
    sys.exit(main())
