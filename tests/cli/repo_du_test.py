#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs du: what images occupy, each alone and all together.

    repo_du_test.py COMPOSEFS GOLDEN
"""
import json
import os
import sys

from repo import COMPOSEFS, expect, good, has, loaded, main, once, refused, run, write

GOLDEN = os.path.abspath(sys.argv[2])
ALONE = ("a", "b", "c")


@once
def build():
    """Three images: each has a file of its own and one that all have; a and b have one more between them."""
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "r")
    for size, name in enumerate(ALONE, 1):
        write(f"{name}/own", name * 20000 * size)
        write(f"{name}/common", "common" * 10000)
        if name != "c":
            write(f"{name}/two", "two" * 15000)
        good("create-image", "--repo=r", name, f"os/{name}")


def blocks(path):
    return os.stat(path).st_blocks * 512


def objects(name):
    """The paths of an image's objects, and of itself."""
    ids = [i.split(":")[1] for i in good("image-objects", "--repo=r", name).split()]
    ids.append(os.readlink(f"r/images/refs/{name}").rsplit("/", 1)[1])
    return {f"r/objects/{i[:2]}/{i[2:]}" for i in ids}


def by_name(*args):
    found = loaded("du", "--repo=r", "--json", *args)
    return {image["names"][0] if image["names"] else image["id"]: image for image in found["images"]}, found


def sums_are_those_of_the_files_on_disk():
    build()
    images, found = by_name()
    sets = {f"os/{n}": objects(f"os/{n}") for n in ALONE}
    for name, mine in sets.items():
        others = set().union(*(s for n, s in sets.items() if n != name))
        expect(images[name]["total_bytes"], sum(map(blocks, mine)))
        expect(images[name]["own_bytes"], sum(map(blocks, mine - others)))
        expect(images[name]["shared_bytes"], sum(map(blocks, mine & others)))
        expect(images[name]["frees_bytes"], images[name]["own_bytes"])
        expect(images[name]["objects"], len(mine))
        expect(images[name]["entries"], 1 + len(os.listdir(name[3:])))
    everything = set().union(*sets.values())
    all_of_it = found["repository"]
    expect(all_of_it["together_bytes"], sum(map(blocks, everything)))
    expect(all_of_it["apart_bytes"], sum(i["total_bytes"] for i in images.values()))
    expect(all_of_it["saved_bytes"], all_of_it["apart_bytes"] - all_of_it["together_bytes"])
    expect(sum(i["fair_bytes"] for i in images.values()), all_of_it["together_bytes"])
    expect((all_of_it["images"], all_of_it["objects"], all_of_it["objects_missing"]), (3, len(everything), 0))
    expect(found["bytes_are"], "blocks")


def the_frees_column_is_what_gc_frees():
    build()
    for name in ALONE:
        frees = by_name()[0][f"os/{name}"]["frees_bytes"]
        good("untag", "--repo=r", f"os/{name}")
        expect(loaded("gc", "--repo=r", "--json")["bytes_freed"], frees)


def all_names_of_an_image_are_one_row():
    build()
    good("tag", "--repo=r", "os/a", "latest")
    images, found = by_name("os/a")
    expect(len(found["images"]), 1)
    expect(images["latest"]["names"], ["latest", "os/a"])
    expect(images["latest"]["frees_bytes"] > 0, True)
    has(good("du", "--repo=r"), "latest, os/a\n")


def an_image_without_a_name_counts_as_garbage():
    build()
    good("untag", "--repo=r", "os/b")
    images, _ = by_name()
    gone = [image for image in images.values() if not image["names"]]
    expect((len(gone), gone[0]["frees_bytes"]), (1, 0))
    expect(images["os/a"]["frees_bytes"] > images["os/a"]["own_bytes"], True)
    table = good("du", "--repo=r")
    has(table, " " + gone[0]["id"][7:19] + " (no name)\n")
    has(good("du", "--repo=r", "--no-trunc"), gone[0]["id"] + " (no name)\n")
    good("untag", "--repo=r", "os/a")
    expect(loaded("gc", "--repo=r", "--json", "--dry-run")["bytes_freed"], images["os/a"]["frees_bytes"] + gone[0]["own_bytes"])


def an_image_that_is_open_or_in_a_stream_is_kept():
    build()
    with open("r/images/refs/os/a", "rb"):
        images, _ = by_name()
        has(good("du", "--repo=r"), "os/a (in use)\n")
    expect((images["os/a"]["in_use"], images["os/a"]["frees_bytes"]), (True, 0))
    expect((images["os/b"]["in_use"], images["os/b"]["in_stream"]), (False, False))
    expect(images["os/b"]["frees_bytes"], images["os/b"]["own_bytes"])
    hold(os.readlink("r/images/refs/os/a").rsplit("/", 1)[1])
    images, _ = by_name()
    expect((images["os/a"]["in_use"], images["os/a"]["in_stream"], images["os/a"]["frees_bytes"]), (False, True, 0))
    has(good("du", "--repo=r"), "os/a (in a stream)\n")


def digest_of(path):
    """The fs-verity digest of a file, by our own program."""
    rc, out, err = run("measure-file", path, program=os.path.join(os.path.dirname(COMPOSEFS), "composefs-info"))
    expect((rc, err), (0, ""))
    return out.split()[0]


def hold(image):
    """A stream with a name that refers to an image: the golden one, which names three others, with all of them exchanged."""
    with open(f"{GOLDEN}/splitstream/config.ss", "rb") as f:
        data = f.read()
    with open(f"{GOLDEN}/splitstream/digests.txt", encoding="ascii") as f:
        for line in f:
            data = data.replace(bytes.fromhex(line.split()[0]), bytes.fromhex(image))
    with open("stream", "wb") as f:
        f.write(data)
    stream = digest_of("stream")
    os.makedirs(f"r/objects/{stream[:2]}", exist_ok=True)
    os.rename("stream", f"r/objects/{stream[:2]}/{stream[2:]}")
    os.makedirs("r/streams/refs", exist_ok=True)
    os.symlink(f"../objects/{stream[:2]}/{stream[2:]}", "r/streams/held")
    os.symlink("../held", "r/streams/refs/held")


def pairs_are_printed_on_request():
    build()
    found = loaded("du", "--repo=r", "--json", "--pairs", "os/a", "os/b", "os/c")
    expect(len(found["pairs"]), 3)
    digest = {i["names"][0]: i["id"] for i in found["images"]}
    first = found["pairs"][0]
    expect(sorted(first["ids"]), sorted([digest["os/a"], digest["os/b"]]))
    expect((first["objects"], first["bytes"]), (2, sum(map(blocks, objects("os/a") & objects("os/b")))))
    expect("pairs" in loaded("du", "--repo=r", "--json"), False)
    has(good("du", "--repo=r", "--pairs", "os/a", "os/b"), "Pairs:\n")
    expect(loaded("du", "--repo=r", "--json", "--pairs", "os/a")["pairs"], [])


def rows_are_sorted_as_requested():
    build()
    for key, field in (("frees", "frees_bytes"), ("own", "own_bytes"), ("shared", "shared_bytes"), ("total", "total_bytes"),
                       ("fair", "fair_bytes"), ("cached", "cached_bytes"), ("entries", "entries")):
        values = [i[field] for i in loaded("du", "--repo=r", "--json", f"--sort={key}")["images"]]
        expect(values, sorted(values, reverse=True))
    names = [i["names"][0] for i in loaded("du", "--repo=r", "--json", "--sort=name")["images"]]
    expect(names, sorted(names))
    has(run("du", "--repo=r", "--sort=size")[2], "--sort: expected frees, own, shared, total, fair, cached, entries or name, got \"size\"\n")


def apparent_sizes_are_shown_on_request():
    build()
    images, found = by_name("--apparent")
    expect(found["bytes_are"], "apparent")
    expect(images["os/a"]["total_bytes"], sum(map(os.path.getsize, objects("os/a"))))


def cached_bytes_are_shown_by_default():
    build()
    images, found = by_name()
    expect(images["os/a"]["cached_bytes"] > 0, True)
    expect(found["repository"]["cached_bytes"] >= images["os/a"]["cached_bytes"], True)
    images, found = by_name("--no-cached")
    expect((images["os/a"]["cached_bytes"], found["repository"]["cached_bytes"]), (None, None))


def missing_objects_are_reported():
    build()
    gone = sorted(p for p in objects("os/c") & objects("os/a"))[0]
    os.unlink(gone)
    rc, out, err = run("du", "--repo=r", "--json")
    expect((rc, json.loads(out)["repository"]["objects_missing"]), (0, 1))
    has(err, "1 object is missing")


def malformed_entries_are_reported():
    build()
    entry = "r/images/" + os.path.basename(os.readlink("r/images/refs/os/b"))
    os.unlink(entry)
    os.symlink("elsewhere", entry)
    write("r/images/refs/README", "mine")
    rc, out, err = run("du", "--repo=r", "--json")
    expect((rc, len(json.loads(out)["images"])), (0, 2))
    has(err, "2 entries of images/ are not links of a repository and are not counted")


def a_damaged_repository_is_refused():
    build()
    image = os.path.realpath("r/images/refs/os/a")
    os.chmod(image, 0o644)
    write(image, "x" * 5000)
    has(refused("du", "--repo=r"), "expected the fs-verity digest")


def an_empty_repository_is_accepted():
    good("init", "--insecure", "r")
    expect(loaded("du", "--repo=r", "--json")["images"], [])
    has(good("du", "--repo=r", "--pairs"), "0 images, 0 objects")
    has(refused("du", "--repo=r", "none"), 'no such image: "none"')


def hostile_names_are_escaped_on_output():
    build()
    for name in (b"<script><b>", b"\xc2\x9b31m", b"\xff"):
        os.symlink(b"../" + os.path.basename(os.readlink(b"r/images/refs/os/a")), b"r/images/refs/" + name)
    os.symlink("../" + os.path.basename(os.readlink("r/images/refs/os/a")), "r/images/refs/x\x1b[31m\n")
    out = good("du", "--repo=r")
    expect("\x1b" in out, False)
    has(out, "x\\x1b[31m\\x0a")
    has(out, "\\xc2\\x9b31m")
    names = loaded("du", "--repo=r", "--json", "--sort=name", "os/a")["images"][0]["names"]
    expect(sorted(names), sorted(["<script><b>", "os/a", "x\x1b[31m\n", "\x9b31m", "\ufffd"]))


TESTS = (sums_are_those_of_the_files_on_disk, the_frees_column_is_what_gc_frees, all_names_of_an_image_are_one_row,
         an_image_without_a_name_counts_as_garbage, an_image_that_is_open_or_in_a_stream_is_kept,
         pairs_are_printed_on_request, rows_are_sorted_as_requested, apparent_sizes_are_shown_on_request,
         cached_bytes_are_shown_by_default, missing_objects_are_reported, malformed_entries_are_reported,
         a_damaged_repository_is_refused,
         an_empty_repository_is_accepted, hostile_names_are_escaped_on_output)

if __name__ == "__main__":
    sys.exit(main(TESTS))
