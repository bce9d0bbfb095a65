#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The list of container images: its forms, filters and orders.

    oci_images_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import json
import shutil
import sys

from oci_test import GOLDEN, blob_of, layout, make_repo, pull
from repo import expect, good, has, loaded, main, refused


def oci_images_lists_as_images_does():
    make_repo()
    made = [pull(layout("basic"), "app"), pull(layout("names"), "b")]
    whole = [i["manifest_digest"] for i in loaded("oci", "images", "--repo=r", "--json")["images"]]
    rows = [l.split() for l in good("oci", "images", "--repo=r").splitlines()]
    expect([[r[0], r[1], r[-1]] for r in rows[1:]],
           [[t, w.split(":")[1][:12], i.split(":")[1][:12]] for t, w, i in zip(("app", "b"), whole, made)])
    rows = [l.split() for l in good("oci", "images", "--repo=r", "--no-trunc").splitlines()]
    expect([[r[1], r[-1]] for r in rows[1:]], [list(pair) for pair in zip(whole, made)])
    expect(good("oci", "images", "--repo=r", "-q", "--no-trunc").split(), made)
    expect(good("oci", "images", "--repo=r", "--quiet").split(), [i.split(":")[1][:12] for i in made])
    tags = [l.split()[0] for l in good("oci", "images", "--repo=r").splitlines()[1:]]
    expect([l.split()[0] for l in good("oci", "images", "--repo=r", tags[-1], tags[0]).splitlines()[1:]], [tags[-1], tags[0]])
    expect(len(loaded("oci", "images", "--repo=r", "--json", tags[0])["images"]), 1)
    has(refused("oci", "images", "--repo=r", tags[0], "none"), 'no such tag: "none"')
    expect(good("oci", "images", "--repo=r", "--format={{.Tag}}\\t{{.ID}} {{.Digest}} {{.OS}}/{{.Architecture}} {{.Layers}}").splitlines()[0],
           f"app\t{made[0]} {whole[0]} linux/amd64 1")
    has(refused("oci", "images", "--repo=r", "--format={{.Name}}"), "fields: {{.Tag}}, ")
    expect(loaded("oci", "inspect", "--repo=r", f"@{whole[1].split(':')[1][:12]}")["id"], made[1])


def created_layout(when):
    """Of the golden image, with a time of creation."""
    shutil.copytree(f"{GOLDEN}/basic", "layout", dirs_exist_ok=True)
    paths = {"index": "layout/index.json", "manifest": blob_of("manifest"), "config": blob_of("config")}
    found = {}
    for name, path in paths.items():
        with open(path, encoding="utf-8") as f:
            found[name] = json.load(f)
    found["config"]["created"] = when
    for part, descriptor in (("config", found["manifest"]["config"]), ("manifest", found["index"]["manifests"][0])):
        data = json.dumps(found[part]).encode()
        descriptor.update(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))
        with open("layout/blobs/" + descriptor["digest"].replace(":", "/"), "wb") as f:
            f.write(data)
    with open("layout/index.json", "w", encoding="utf-8") as f:
        json.dump(found["index"], f)
    return "oci:layout:latest"


def oci_images_are_filtered_and_sorted():
    make_repo()
    pull(layout("basic"), "none")
    for tag, when in (("a1", "2024-01-01T00:30:00+02:00"), ("a2", "2023-12-31T23:00:00.123456789Z"), ("b", "2025-01-01T00:00:00Z")):
        pull(created_layout(when), tag)
    pull(layout("index"), "index", "--all-platforms")

    def tags(*options):
        return good("oci", "images", "--repo=r", "--format={{.Tag}}", *options).split()

    expect(tags("--filter=platform=linux/amd64"), ["a1", "a2", "b", "index", "none"])
    expect(tags("--filter=platform=*/arm64*"), ["index"])
    expect(tags("--filter=name=a?"), ["a1", "a2"])
    expect(tags("--filter=name=a*", "-f", "name=*2"), ["a2"])
    expect(tags("--filter=since=2024-06-01"), ["b"])
    expect(tags("--filter=before=2024-06-01"), ["a1", "a2"])
    expect(tags("--filter=platform=linux/amd64", "--sort=created"), ["b", "a2", "a1", "index", "none"])
    expect(tags("--sort=name", "b", "a1"), ["a1", "b"])
    expect(len(loaded("oci", "images", "--repo=r", "--format=json", "--filter=name=b")["images"]), 1)
    for wrong in ("size=1", "since=never", "name"):
        has(refused("oci", "images", "--repo=r", f"--filter={wrong}"), "--filter: expected ")


if __name__ == "__main__":
    sys.exit(main([oci_images_lists_as_images_does, oci_images_are_filtered_and_sorted]))
