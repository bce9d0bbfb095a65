#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images as an additional image store of podman: the files that containers-storage reads.

    oci_store_view_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time

from oci_test import layout, make_repo, pull
from repo import COMPOSEFS, FAILED, OK, USAGE, expect, good, has, loaded, main, refused, run, snapshot

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def store_files(folder="store"):
    """The files of a store: paths, and the targets of symbolic links."""
    found = {}
    for top, dirs, files in os.walk(folder):
        for name in dirs + files:
            path = os.path.join(top, name)
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = os.readlink(path)
            elif os.path.isfile(path):
                found[os.path.relpath(path, folder)] = None
    return found


def key(text):
    return "=" + base64.b64encode(text.encode()).decode()


def json_file(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


@test
def oci_store_view_has_what_containers_storage_reads():
    make_repo()
    image = pull(layout("basic"), "app").partition(":")[2]
    good("oci", "tag", "--repo=r", "app", "registry.example:5000/team/app:2")
    expect(loaded("oci", "store-view", "--repo=r", "--json", "store"), {"store": "store", "images": 1, "tags_left_out": 0})
    shown = loaded("oci", "images", "--repo=r", "--json")["images"][0]
    config, manifest = shown["config_digest"], shown["manifest_digest"]
    image_id = config.partition(":")[2]
    (entry,), (layer,) = json_file("store/overlay-images/images.json"), json_file("store/overlay-layers/layers.json")
    with open(f"store/overlay/{layer['id']}/link", encoding="ascii") as f:
        link = f.read()
    expect(re.fullmatch("[A-Z]{26}", link) is not None, True)
    objects = os.path.realpath("r/objects")
    expect(store_files(), {
        "composefs-store-view": None,
        "overlay-images/images.json": None, "overlay-images/images.lock": None,
        f"overlay-images/{image_id}/manifest": None,
        f"overlay-images/{image_id}/{key('manifest-' + manifest)}": None,
        f"overlay-images/{image_id}/{key(config)}": None,
        "overlay-layers/layers.json": None, "overlay-layers/layers.lock": None,
        f"overlay/{layer['id']}/link": None,
        f"overlay/{layer['id']}/diff": objects,
        f"overlay/{layer['id']}/composefs-data/composefs.blob": f"{objects}/{image[:2]}/{image[2:]}",
        f"overlay/l/{link}": f"../{layer['id']}/diff"})
    expect((entry["id"], entry["digest"], entry["layer"]), (image_id, manifest, layer["id"]))
    expect((layer["diff-digest"], layer["diff-size"] > 0), ("sha256:" + layer["id"], True))  # podman requires both
    expect(entry["names"], ["localhost/app:latest", "registry.example:5000/team/app:2"])
    expect(entry["big-data-names"], [config, "manifest-" + manifest, "manifest"])
    for name, path in ((config, key(config)), ("manifest-" + manifest, key("manifest-" + manifest)), ("manifest", "manifest")):
        with open(f"store/overlay-images/{image_id}/{path}", "rb") as f:
            data = f.read()
        expect((entry["big-data-sizes"][name], entry["big-data-digests"][name]), (len(data), "sha256:" + hashlib.sha256(data).hexdigest()))
    expect(os.path.getsize("store/overlay-images/images.lock"), 0)


@test
def oci_store_view_follows_the_tags():
    make_repo()
    pull(layout("basic"), "a")
    good("oci", "store-view", "--repo=r", "store")
    before = store_files()
    good("oci", "store-view", "--repo=r", "store")
    expect(store_files(), before)
    pull(layout("order"), "b")
    good("oci", "store-view", "--repo=r", "store")
    expect(len(json_file("store/overlay-images/images.json")), 2)
    good("oci", "rm", "--repo=r", "b")
    good("oci", "store-view", "--repo=r", "store")
    expect(store_files(), before)
    expect(sorted(os.listdir("store/overlay")) == sorted([*(p.split("/")[1] for p in before if p.endswith("/diff") and p[8] != "l"), "l"]), True)


@test
def oci_store_view_leaves_out_names_that_podman_refuses():
    make_repo()
    pull(layout("basic"), "Upper")
    rc, _, err = run("oci", "store-view", "--repo=r", "store")
    expect(rc, OK)
    has(err, "Upper: left out: not a name")
    expect(json_file("store/overlay-images/images.json")[0]["names"], [])


@test
def oci_store_view_removes_nothing_in_a_directory_that_it_did_not_write():
    make_repo()
    pull(layout("basic"), "a")
    os.makedirs("graph/overlay/" + "0" * 64)
    before = snapshot("graph")
    has(refused("oci", "store-view", "--repo=r", "graph"), "graph: expected an empty directory, or one that store-view has written")
    expect(snapshot("graph"), before)
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    has(refused("oci", "store-view", "--repo=r", "shared"), "to which only you can write")


def names_in(folder="store"):
    """The names of the images in the store; none while there is no store."""
    try:
        return sorted(name for image in json_file(f"{folder}/overlay-images/images.json") for name in image["names"])
    except FileNotFoundError:
        return None


def wait_for(names, watcher):
    """Until the store has these names; a watcher that ended, or a minute, is a failure."""
    wanted, end = sorted(f"localhost/{name}:latest" for name in names), time.monotonic() + 60
    while names_in() != wanted and watcher.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    expect((names_in(), watcher.poll()), (wanted, None))


@test
def oci_store_view_with_watch_follows_the_tags_and_ends_at_a_signal():
    make_repo()
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen([COMPOSEFS, "oci", "store-view", "--watch", "--repo=r", "store"], stderr=subprocess.PIPE, text=True) as watcher:
            try:
                wait_for([], watcher)
                pull(layout("basic"), "app")
                wait_for(["app"], watcher)
                good("oci", "tag", "--repo=r", "app", "second")
                wait_for(["app", "second"], watcher)
                good("oci", "rm", "--repo=r", "app", "second")
                wait_for([], watcher)
                good("gc", "--repo=r", "--lock-timeout=0")
            finally:
                watcher.send_signal(number)
            expect((watcher.wait(60), watcher.stderr.read()), (OK, ""))


@test
def oci_store_view_with_watch_prints_no_json():
    make_repo()
    rc, out, err = run("oci", "store-view", "--watch", "--json", "--repo=r", "store")
    expect((rc, out), (USAGE, ""))
    has(err, "--watch prints no JSON")


@test
def oci_store_view_with_watch_reports_a_directory_that_is_not_its_own():
    make_repo()
    os.makedirs("store/other")
    rc, out, err = run("oci", "store-view", "--watch", "--repo=r", "store")
    expect((rc, out), (FAILED, ""))
    has(err, "expected an empty directory")


if __name__ == "__main__":
    sys.exit(main(TESTS))
