#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-info measure-file: the digests of files in the order of the command line, with any number of threads.

    measure_test.py COMPOSEFS-INFO
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

from ingest import ensure, expect, fact, run, run_facts, verity, write

LARGE = 8 << 20  # from here on all threads read one file


class Place:
    """A folder with files of many sizes, and the program."""

    def __init__(self, info):
        self.info = os.path.abspath(info)
        self.top = tempfile.mkdtemp(prefix="measure-test-")
        rng = random.Random(1)
        sizes = [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE + 5]
        sizes += [rng.randrange(20000) for _ in range(300)]
        rng.shuffle(sizes)
        self.paths, self.digests = [], []
        for number, size in enumerate(sizes):
            data = rng.randbytes(size)
            self.paths.append(f"{self.top}/{number}")
            self.digests.append(verity(data))
            write(self.paths[-1], data)

    def close(self):
        shutil.rmtree(self.top)


@fact
def digests_come_in_the_order_of_the_files(place):
    expect(run(place.info, "measure-file", *place.paths).split(), place.digests, "digests")


@fact
def one_cpu_gives_the_same_output(place):
    def one_cpu():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    expect(run(place.info, "measure-file", *place.paths, preexec_fn=one_cpu).split(), place.digests, "digests")


def fails_at(place, paths):
    """Printed lines and message of a run that must fail."""
    done = subprocess.run([place.info, "measure-file", *paths], capture_output=True, check=False)
    expect(done.returncode, 1, "status")
    return done.stdout.decode().split(), done.stderr.decode()


@fact
def digests_measured_before_an_error_are_printed(place):
    large = next(i for i, path in enumerate(place.paths) if os.path.getsize(path) > LARGE)
    for at in (0, 1, large, large + 1, len(place.paths) - 1, len(place.paths)):
        paths = place.paths[:at] + [f"{place.top}/none"] + place.paths[at:] + [f"{place.top}/none either"]
        lines, said = fails_at(place, paths)
        expect(lines, place.digests[:at], f"digests before file {at}")
        ensure(f"Failed to open {place.top}/none: No such file" in said, said)


@fact
def directory_is_reported_by_its_name(place):
    lines, said = fails_at(place, [place.paths[0], place.top, place.paths[1]])
    expect(lines, place.digests[:1], "digests before the directory")
    ensure(f"{place.top}: expected a regular file, got a directory" in said, said)


@fact
def pipe_is_read_to_its_end(place):
    data = random.Random(2).randbytes(LARGE + 17)
    done = subprocess.run([place.info, "measure-file", "/dev/stdin"], input=data, capture_output=True, check=True)
    expect(done.stdout.decode().split(), [verity(data)], "digest")


def main():
    place = Place(sys.argv[1])
    try:
        return run_facts(place)
    finally:
        place.close()


if __name__ == "__main__":
    sys.exit(main())
