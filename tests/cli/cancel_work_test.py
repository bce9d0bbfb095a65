#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Long work on one tree or container looks whether it is cancelled: cancelling.py says how.

    cancel_work_test.py COMPOSEFS
"""
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile

from cancelling import cancel_each
from faults import can_inject
from repo import good, main, once, write
from facts import ensure, skip_program  # pylint: disable=wrong-import-order

N = 300  # files; each has an object of its own


def content(number):
    return f"{number} " * 40


@once
def make_trees():
    for tree in ("tree", "other"):
        for number in range(N):
            write(f"{tree}/{number // 100}/{number}", content(number))
    good("init", "--insecure", "--algorithm=sha256", "full")
    good("create-image", "--repo=full", "tree", "os/1")


def put_blob(data):
    name = hashlib.sha256(data).hexdigest()
    os.makedirs("layout/blobs/sha256", exist_ok=True)
    with open(f"layout/blobs/sha256/{name}", "wb") as f:
        f.write(data)
    return {"digest": f"sha256:{name}", "size": len(data)}


@once
def make_layout():
    """An image layout with one plain layer, and a repository that has pulled it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for number in range(N):
            data = content(number).encode()
            entry = tarfile.TarInfo(f"usr/{number}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    layer = put_blob(layer.getvalue())
    config = put_blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                                  "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    kind = "application/vnd.oci.image."
    manifest = put_blob(json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
                                    "config": {"mediaType": kind + "config.v1+json", **config},
                                    "layers": [{"mediaType": kind + "layer.v1.tar", **layer}]}).encode())
    write("layout/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    write("layout/index.json", json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": kind + "manifest.v1+json", **manifest}]}))
    good("init", "--insecure", "--algorithm=sha256", "pulled")
    good("oci", "pull", "--repo=pulled", "oci:layout", "app")


def fresh(repo=None):
    """r is a copy of a repository, or new; nothing is left of what commands write."""
    for path in ("r", "out"):
        shutil.rmtree(path, ignore_errors=True)
    for path in ("out.tar", "new"):
        if os.path.exists(path):
            os.unlink(path)
    if repo:
        shutil.copytree(repo, "r", symlinks=True)
    else:
        good("init", "--insecure", "--algorithm=sha256", "r")


def r_is_sound():
    good("fsck", "--repo=r", "--quiet")


def out_is_gone():
    ensure(not os.path.exists("out.tar"), "out.tar: expected no file, got one")


def full():
    fresh("full")


def pulled():
    fresh("pulled")


def trees_are_left_within_each_loop():
    make_trees()
    ensure(cancel_each(fresh, "create-image", "--repo=r", "tree", "os/1", after=r_is_sound), "expected system calls that are frequent")
    cancel_each(fresh, "compute-id", "--no-repo", "tree")
    cancel_each(fresh, "create-dumpfile", "--no-repo", "tree")
    cancel_each(fresh, "diff", "tree", "other")
    cancel_each(fresh, "explain", "tree", "other")


def images_are_left_within_each_loop():
    make_trees()
    ensure(cancel_each(full, "export", "--repo=r", "os/1", "out.tar", after=out_is_gone), "expected system calls that are frequent")
    cancel_each(full, "extract", "--repo=r", "os/1", "out")
    cancel_each(full, "scrub", "--repo=r")
    cancel_each(full, "image-objects", "--repo=r", "os/1")
    cancel_each(fresh, "copy", "--repo=r", "--from=full", "os/1", after=r_is_sound)


def containers_are_left_within_each_loop():
    make_layout()
    ensure(cancel_each(fresh, "oci", "pull", "--repo=r", "oci:layout", "app", after=r_is_sound), "expected system calls that are frequent")
    cancel_each(pulled, "oci", "push", "--repo=r", "app", "oci:out:t")
    cancel_each(pulled, "oci", "export", "--repo=r", "app", "docker-archive:out.tar", after=out_is_gone)
    cancel_each(pulled, "oci", "export", "--repo=r", "app", "rootfs:out.tar", after=out_is_gone)
    cancel_each(pulled, "oci", "fsck", "--repo=r")
    cancel_each(pulled, "oci", "compute-id", "--repo=r", "app")
    cancel_each(fresh, "oci", "copy", "--repo=r", "--from=pulled", "app", after=r_is_sound)


if __name__ == "__main__":
    if not can_inject():
        sys.exit(skip_program("strace cannot inject signals here"))
    sys.exit(main([
        trees_are_left_within_each_loop,
        images_are_left_within_each_loop,
        containers_are_left_within_each_loop,
    ]))
