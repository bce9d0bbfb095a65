#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Several commands about container images at once: each ends as it would alone, or says why not, and the repository is sound.

    oci_race_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci

A registry that holds an answer back until the other command has ended, or begun, decides about the order.
"""
import os
import random
import shutil
import subprocess
import sys
import threading

from chunked import Layer, put_image
from registry import Registry
from repo import COMPOSEFS, FAILED, OK, ensure, expect, good, has, loaded, main, run, wait_until

GOLDEN = os.path.abspath(sys.argv[2])
HAS_HELPER = os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-registry"))
FILES = {f"file{i}": random.Random(i).randbytes(5000) for i in range(20)}


def make_repo(name="r"):
    good("init", "--insecure", "--hash=sha256", name)


def start(*args):
    return subprocess.Popen([COMPOSEFS, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out.strip(), err


def sound(*tags):
    report = loaded("fsck", "--repo=r", "--json")
    expect((report["ok"], report["errors"], run("oci", "fsck", "--repo=r")[0]), (True, [], OK))
    expect(sorted(i["name"] for i in loaded("oci", "images", "--repo=r", "--json")["images"]), sorted(tags))


def objects():
    return sorted(name for _, _, names in os.walk("r/objects") for name in names)


class Gate:
    """A fault of a registry: the answer to a request for a blob waits until open()."""

    def __init__(self, registry):
        self.reached, self.opened, self.registry = threading.Semaphore(0), threading.Event(), registry

    def __call__(self, handler, body):
        self.reached.release()
        self.opened.wait(60)
        handler.send_blob(body)

    def close(self, n):
        """The next n requests for blobs wait."""
        self.registry.faults = [self] * n

    def wait(self):
        ensure(self.reached.acquire(timeout=60))

    def open(self):
        self.opened.set()


def layout():
    put_image("layout", "t", Layer(FILES))
    put_image("layout", "other", Layer({"other": b"other" * 1000}))


def pulls_of_the_same_image_end_alike():
    """Both are in the middle of the same layer at once."""
    layout()
    make_repo()
    for has_ranges in (True, False):
        with Registry(os.path.abspath("layout")) as registry:
            registry.has_ranges = has_ranges
            gate = Gate(registry)
            gate.registry.faults = [None, None, gate, gate]  # two configurations, then two layers
            pulls = [start("oci", "pull", "--repo=r", f"{registry.host}/a:t", tag) for tag in ("one", "two")]
            gate.wait()
            gate.wait()
            gate.open()
            ends = [finish(p) for p in pulls]
        expect([(rc, err if rc else "") for rc, _, err in ends], [(OK, "")] * 2)
        expect(ends[0][1], ends[1][1])
        sound("one", "two")
        good("gc", "--repo=r")
        sound("one", "two")
        kept = objects()
        shutil.rmtree("r")
        make_repo()
        expect(good("oci", "pull", "--repo=r", "oci:layout:t", "one").strip(), ends[0][1])
        expect(objects(), kept)
        shutil.rmtree("r")
        make_repo()


def pulls_of_two_images_to_one_tag_leave_one_of_them():
    layout()
    make_repo()
    pulls = [start("oci", "pull", "--repo=r", f"oci:layout:{tag}", "x") for tag in ("t", "other") * 3]
    ends = [finish(p) for p in pulls]
    expect([(rc, err if rc else "") for rc, _, err in ends], [(OK, "")] * 6)
    sound("x")
    ensure(good("oci", "compute-id", "--repo=r", "x").strip() in {out for _, out, _ in ends})


def gc_waits_for_a_pull():
    """What the pull stored and has not named yet is not collected."""
    layout()
    make_repo()
    with Registry(os.path.abspath("layout")) as registry:
        gate = Gate(registry)
        registry.has_ranges, registry.faults = False, [None, gate]
        pull = start("oci", "pull", "--repo=r", f"{registry.host}/a:t", "x")
        gate.wait()
        rc, _, err = run("gc", "--repo=r", "--lock-timeout=0")
        expect(rc, FAILED)
        has(err, "others use the repository")
        gc = start("gc", "--repo=r")
        gate.open()
        rc, image, err = finish(pull)
        expect((rc, err if rc else ""), (OK, ""))
        expect(finish(gc)[0], OK)
    sound("x")
    expect(good("oci", "pull", "--repo=r", "oci:layout:t", "x").strip(), image)


def rm_while_the_same_image_is_pulled_leaves_the_new_tag():
    layout()
    make_repo()
    image = good("oci", "pull", "--repo=r", "oci:layout:other", "x").strip()
    with Registry(os.path.abspath("layout")) as registry:
        gate = Gate(registry)
        gate.close(1)
        pull = start("oci", "pull", "--repo=r", f"{registry.host}/a:other", "y")
        gate.wait()
        good("oci", "rm", "--repo=r", "x")
        gate.open()
        rc, out, err = finish(pull)
        expect((rc, out, err if rc else ""), (OK, image, ""))
    sound("y")
    good("gc", "--repo=r")
    sound("y")
    expect(good("oci", "compute-id", "--repo=r", "y").strip(), image)


def pull_gc_and_rm_at_once_leave_a_sound_repository():
    layout()
    make_repo()
    keep = good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "keep").strip()
    moments = random.Random(5)
    for _ in range(6):
        work = [("oci", "pull", "--repo=r", "oci:layout:t", "a"), ("oci", "pull", "--repo=r", "oci:layout:t", "b"),
                ("oci", "rm", "--repo=r", "a"), ("gc", "--repo=r"), ("gc", "--repo=r"), ("oci", "rm", "--repo=r", "b")]
        moments.shuffle(work)
        ends = [(args, *finish(p)) for args, p in [(args, start(*args)) for args in work]]
        for args, rc, _, err in ends:
            if args[1] != "rm":
                expect((args, rc, err if rc else ""), (args, OK, ""))
            elif rc:
                has(err, "no such tag: ")
        tags = {i["name"]: i["id"] for i in loaded("oci", "images", "--repo=r", "--json")["images"]}
        sound(*tags)
        expect(tags["keep"], keep)
        expect({i for t, i in tags.items() if t != "keep"} <= {out for args, _, out, _ in ends if args[1] == "pull"}, True)


def push_while_the_tag_is_removed_sends_a_whole_image():
    """gc waits for the push, which holds the lock of the repository, so what is sent is complete."""
    layout()
    make_repo()
    good("oci", "pull", "--repo=r", "oci:layout:t", "x")
    digest = good("oci", "push", "--repo=r", "x", "oci:alone:x").strip()
    with Registry(os.path.abspath("none")) as registry:
        begun, opened = threading.Event(), threading.Event()

        def wait(handler, name, body):
            begun.set()
            opened.wait(60)
            handler.accept(name, body)
        registry.upload_faults = [wait]
        push = start("oci", "push", "--repo=r", "--threads=1", "x", f"{registry.host}/a:x")
        ensure(begun.wait(60))
        rm = start("oci", "rm", "--repo=r", "x")
        gc = start("gc", "--repo=r")
        opened.set()
        rc, out, err = finish(push)
        expect((rc, out, err if rc else ""), (OK, digest, ""))
        expect((finish(rm)[0], finish(gc)[0]), (OK, OK))
        good("oci", "pull", "--repo=r", f"{registry.host}/a:x", "back")
    good("gc", "--repo=r")
    sound("back")
    wait_until(lambda: not os.path.exists("r/streams/refs/oci/x"), "removal of the tag", 10)


if __name__ == "__main__":
    TESTS = [pulls_of_two_images_to_one_tag_leave_one_of_them, pull_gc_and_rm_at_once_leave_a_sound_repository]
    if HAS_HELPER:
        TESTS += [pulls_of_the_same_image_end_alike, gc_waits_for_a_pull, rm_while_the_same_image_is_pulled_leaves_the_new_tag,
                  push_while_the_tag_is_removed_sends_a_whole_image]
    sys.exit(main(TESTS))
