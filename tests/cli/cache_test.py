#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A directory packed again by mkcomposefs --cache: the same image, whatever changed and whatever happened to the
cache.

    cache_test.py MKCOMPOSEFS
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from ingest import (Moments, Skip, check_whole, ensure, expect, expected_objects, fact, fails, files_below,
                    make_source, place_in_memory, read, run, run_facts, write)

SETTLE = 2.2  # seconds until the times of a file are believed
KILLS = 60
N_SOURCES = 11


class Place:
    """Folders for the facts, and the program. The sources are made beforehand, so that they are old enough together."""

    def __init__(self, mkcomposefs):
        self.mkcomposefs = os.path.abspath(mkcomposefs)
        self.top = tempfile.mkdtemp(prefix="cache-test-", dir=place_in_memory())
        self.sources = [self.make(number) for number in range(N_SOURCES)]
        self.made = time.monotonic()

    def make(self, number):
        return make_source(f"{self.top}/{number}/source", 100, [10, 100, 5000, 20000], seed=number)

    def fresh(self):
        """Paths of a source (made), a store, an image and a cache (not made)."""
        source = self.sources.pop()
        top = os.path.dirname(source)
        return source, f"{top}/store", f"{top}/image", f"{top}/cache"

    def settled(self):
        """The same, but packed and in the cache."""
        paths = self.fresh()
        time.sleep(max(0, self.made + SETTLE - time.monotonic()))
        self.pack(*paths)
        return paths

    def command(self, source, store, image, cache):
        return [self.mkcomposefs, f"--digest-store={store}", f"--cache={cache}", source, image]

    def pack(self, *paths):
        """Packs with the cache, and again without anything: both images must be the same. Returns what was said."""
        done = subprocess.run(self.command(*paths), capture_output=True, check=False, timeout=300)
        expect(done.returncode, 0, f"status of a run that said {done.stderr!r}")
        source, store, image, _ = paths
        run(self.mkcomposefs, source, f"{image}.plain")
        ensure(read(image) == read(f"{image}.plain"), "the image is another one without a cache")
        ensure(check_whole(store) >= expected_objects(source), "objects are missing")
        return done.stderr.decode()

    def close(self):
        shutil.rmtree(self.top)


def opened(place, *paths):
    """The names of the files larger than what images keep that a run opens, as strace sees it."""
    log = f"{paths[2]}.strace"
    # LeakSanitizer does not work under ptrace.
    run("strace", "-f", "-qq", "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=openat", "-o", log, *place.command(*paths))
    names = re.findall(r'"(f\d+)", [A-Z_|]*O_NONBLOCK', read(log).decode())
    return {name for name in names if os.path.getsize(f"{paths[0]}/d{int(name[1:]) % 7}/{name}") > 64}


def times(path):
    st = os.stat(path)
    return st.st_atime_ns, st.st_mtime_ns


@fact
def unchanged_files_are_not_opened_and_changed_ones_are(place):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    paths = place.settled()
    expect(opened(place, *paths), set(), "files that are opened")
    write(f"{paths[0]}/d0/f0", b"other content" * 50)
    expect(opened(place, *paths), {"f0"}, "files that are opened after a change")
    place.pack(*paths)


@fact
def content_of_the_same_size_under_the_same_mtime_is_noticed(place):
    paths = place.settled()
    path = f"{paths[0]}/d1/f1"
    write(path, b"a" * 1000)
    time.sleep(SETTLE)
    place.pack(*paths)
    before = times(path)
    with open(path, "r+b") as f:
        f.write(b"b" * 1000)
    os.utime(path, ns=before)
    expect(times(path), before, "times of the file")
    place.pack(*paths)


@fact
def file_that_takes_the_place_of_another_is_noticed(place):
    paths = place.settled()
    names = [f"{paths[0]}/d2/{name}" for name in ("f2", "f16")]
    for name, content in zip(names, b"ab"):
        write(name, bytes([content]) * 1000)
        os.utime(name, ns=(10**18, 10**18))
    time.sleep(SETTLE)
    place.pack(*paths)
    os.rename(names[0], f"{names[0]}.tmp")
    os.rename(names[1], names[0])
    os.rename(f"{names[0]}.tmp", names[1])
    place.pack(*paths)


@fact
def missing_object_is_stored_again(place):
    paths = place.settled()
    objects = expected_objects(paths[0])
    for name in list(objects)[:3]:
        os.unlink(f"{paths[1]}/{name}")
    place.pack(*paths)
    shutil.rmtree(paths[1])
    place.pack(*paths)
    expect(files_below(paths[1]), objects, "objects of a store that was emptied")


@fact
def truncated_object_is_stored_again(place):
    paths = place.settled()
    name = min(files_below(paths[1]))
    os.truncate(f"{paths[1]}/{name}", 1)
    ensure(f"object {name} was damaged and is replaced" in place.pack(*paths), "silence")


@fact
def cache_works_without_a_store(place):
    source, _, image, cache = place.settled()
    run(place.mkcomposefs, f"--cache={cache}", source, image)
    ensure(read(image) == read(f"{image}.plain"), "the image is another one without a cache")


@fact
def cache_from_a_run_without_a_store_fills_a_store(place):
    paths = place.fresh()
    source, _, image, cache = paths
    run(place.mkcomposefs, f"--cache={cache}", source, image)
    place.pack(*paths)


@fact
def damaged_cache_is_reported_and_replaced(place):
    paths = place.settled()
    cache = paths[3]
    good = read(cache)
    rng = random.Random(5)
    for turn in range(30):
        at = rng.randrange(16, len(good))
        write(cache, good[:at] + bytes([good[at] ^ 1 << turn % 8]) + good[at + 1:] if turn % 2 else good[:at])
        ensure(f"warning: {cache} is not used: " in place.pack(*paths), "silence")
        ensure(read(cache) == good, "the cache was not made again")


@fact
def a_file_that_is_not_a_cache_is_refused(place):
    paths = place.settled()
    for path in (paths[2], f"{paths[0]}/d0/f0"):
        before = read(path)
        ensure("expected a digest cache, got another kind of file" in fails(*place.command(*paths[:3], path)), path)
        ensure(read(path) == before, f"{path} was changed")
    os.chmod(paths[3], 0o666)
    ensure("writable by group or others" in fails(*place.command(*paths)), "no word of it")


@fact
def kill_at_any_moment_leaves_a_whole_cache(place):
    paths = place.settled()
    source, _, _, cache = paths
    started = time.monotonic()
    run(*place.command(*paths))
    took = time.monotonic() - started
    moments = Moments(took, 6)
    killed = 0
    for turn in range(KILLS):
        # So that there is something to write.
        os.utime(f"{source}/d0/f0", ns=(turn, turn))
        os.utime(f"{source}/d1/f1", ns=(10**18 + turn, 10**18))
        child = subprocess.Popen(place.command(*paths), stderr=subprocess.DEVNULL)
        moments.wait()
        child.kill()
        late = child.wait() == 0
        moments.came(late)
        killed += not late
        ensure(read(cache).startswith(b"composefs cache\n"), "a cache that is none")
    ensure(killed, f"none of {KILLS} runs was killed before it ended")
    ensure("cache" not in place.pack(*paths), "a complaint after all that")
    expect(sorted(name for name in os.listdir(os.path.dirname(cache)) if "cache" in name), ["cache"], "files beside the cache")


@fact
def runs_at_the_same_time_share_a_cache(place):
    paths = place.settled()
    for turn in range(5):
        write(f"{paths[0]}/d0/f0", bytes([turn]) * 1000)
        runs = [subprocess.Popen(place.command(paths[0], paths[1], f"{paths[2]}.{i}", paths[3]),
                                 stderr=subprocess.PIPE) for i in range(4)]
        for one in runs:
            _, said = one.communicate(timeout=300)
            expect(one.returncode, 0, f"status of a run that said {said!r}")
            ensure(b"cache" not in said, said.decode())
        ensure("cache" not in place.pack(*paths), "a complaint of the next run")
        ensure({read(f"{paths[2]}.{i}") for i in range(4)} == {read(paths[2])}, "images differ")


def main():
    place = Place(sys.argv[1])
    try:
        return run_facts(place)
    finally:
        place.close()


if __name__ == "__main__":
    sys.exit(main())
