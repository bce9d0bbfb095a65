#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Layers that a repository has when an image is pulled: used as they are, or read again.

    oci_layers_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import io
import json
import os
import sys
import tarfile

from ingest import verity
from oci_test import docker_archive, layout, make_repo, pull, refuse_pull, with_manifest
from repo import DAMAGED, OK, expect, good, has, main, refused, run

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def two_files(*more):
    """An archive with an image whose layer has two files, /usr/a and /usr/b, which are objects, and more."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, content in (("usr", None), ("usr/a", b"a" * 1000), ("usr/b", b"b" * 2000), *more):
            info = tarfile.TarInfo(name)
            info.type, info.size = (tarfile.REGTYPE, len(content)) if content else (tarfile.DIRTYPE, 0)
            tar.addfile(info, io.BytesIO(content or b""))
    layer = layer.getvalue()
    config = {"architecture": "amd64", "os": "linux",
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
    return docker_archive({"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"]}]).encode(),
                           "c": json.dumps(config).encode(), "l": layer})


def layer_link():
    return next(f"r/streams/{name}" for name in os.listdir("r/streams") if name.startswith("oci-layer-"))


def object_of(content):
    digest = verity(content)
    return f"r/objects/{digest[:2]}/{digest[2:]}"


def refer_to(new, old):
    """Make the stream of the layer refer to the object new instead of old, as a program that checks nothing could."""
    link = layer_link()
    with open(link, "rb") as f:
        data = f.read().replace(bytes.fromhex(verity(old)), bytes.fromhex(verity(new)))
    path = object_of(data)
    write_bytes(path, data)
    os.unlink(link)
    os.symlink("../" + path[2:], link)


def write_bytes(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def pulled_again(source, image, *options):
    """Pulls what the repository has: the warning."""
    rc, out, err = run("oci", "pull", "--repo=r", *options, source, "x")
    expect((rc, out), (OK, image + "\n"))
    expect(run("fsck", "--repo=r")[0], OK)
    return err


@test
def oci_layer_that_is_not_whole_is_read_again():
    make_repo()
    source = two_files()
    image = pull(source, "x")
    expect(pulled_again(source, image), "")
    os.unlink(os.path.realpath(layer_link()))
    has(pulled_again(source, image), "the layer is read again")
    os.unlink(object_of(b"b" * 2000))
    has(refused("oci", "dump", "--repo=r", "x"), "is missing")
    has(pulled_again(source, image), "is missing")
    os.unlink(object_of(b"a" * 1000))
    write_bytes(object_of(b"a" * 1000), b"a")
    has(refused("oci", "compute-id", "--repo=r", "x"), "expected 1000 bytes, got 1")


@test
def oci_layer_whose_object_has_another_size_is_read_again():
    """The stream refers to the larger file twice: the header of the first says 1000 bytes."""
    make_repo()
    source = two_files()
    image = pull(source, "x")
    refer_to(b"b" * 2000, old=b"a" * 1000)
    has(refused("oci", "compute-id", "--repo=r", "x"), "expected 1000 bytes, got 2000")
    has(pulled_again(source, image), "expected 1000 bytes, got 2000")


@test
def oci_layer_with_another_digest_is_read_again_on_request():
    make_repo()
    source = two_files()
    image = pull(source, "x")
    write_bytes(object_of(b"c" * 1000), b"c" * 1000)
    refer_to(b"c" * 1000, old=b"a" * 1000)
    has(run("oci", "fsck", "--repo=r", "x")[1], "expected digest sha256:")
    has(run("oci", "layer", "--repo=r", os.path.basename(layer_link())[10:])[2], "expected digest sha256:")
    expect(pull(source, "y") == image, False)
    has(pulled_again(source, image, "--no-trust-existing"), "the layer is read again")
    expect(pulled_again(source, image, "--no-trust-existing"), "")


@test
def oci_object_that_was_changed_in_place_is_replaced_on_request():
    """It has the right size, and without fs-verity nothing else is seen without reading it."""
    make_repo()
    source = two_files()
    image = pull(source, "x")
    write_bytes(object_of(b"a" * 1000), b"a" * 999 + b"x")
    expect(pull(source, "x"), image)
    expect(run("fsck", "--repo=r")[0], DAMAGED)
    err = pulled_again(source, image, "--no-trust-existing")
    has(err, "was damaged and is replaced: expected the digest in its name, got")
    expect(pulled_again(source, image, "--no-trust-existing"), "")


@test
def oci_layer_without_the_object_of_its_sparse_file_is_read_again():
    """The archive has the bytes of a sparse file as they are stored; the image refers to the expanded file."""
    make_repo()
    image = pull(layout("sparse"), "x")
    sizes = {line.split()[8]: int(line.split()[1]) for line in good("oci", "dump", "--repo=r", "x").splitlines()}
    largest = max((size, path) for path, size in sizes.items() if len(path) == 65)[1]
    os.unlink("r/objects/" + largest)
    has(pulled_again(layout("sparse"), image), "is missing")


@test
def oci_image_with_more_or_fewer_layers_than_diff_ids_is_refused():
    make_repo()
    for n in (0, 2):
        refuse_pull(with_manifest(lambda manifest, n=n: manifest.update(layers=manifest["layers"] * n)),
                    f"rootfs: diff_ids: expected {n}, one for each layer, got 1")


@test
def oci_layout_with_another_manifest_or_version_is_refused():
    """What the manifest says is what the image is: its bytes must be those that index.json names."""
    make_repo()
    source = with_manifest(lambda manifest: manifest.update(annotations={"a": "b"}))
    with open("sealed/index.json", encoding="utf-8") as f:
        path = "sealed/blobs/" + json.load(f)["manifests"][0]["digest"].replace(":", "/")
    with open(path, "rb") as f:
        body = f.read()
    for other, part in ((body.replace(b'"b"', b'"c"'), "digest mismatch"), (body + b" ", "size mismatch"), (b" " * (5 << 20), "expected at most 4194304 bytes")):
        with open(path, "wb") as f:
            f.write(other)
        refuse_pull(source, part)
    with open(path, "wb") as f:
        f.write(body)
    pull(source, "good")
    good("oci", "rm", "--repo=r", "good")
    for version in ("2.0.0", "1.1.0", "", None):
        with open("sealed/oci-layout", "w", encoding="utf-8") as f:
            json.dump({"imageLayoutVersion": version}, f)
        refuse_pull(source, "imageLayoutVersion: expected 1.0.x")


@test
def oci_entry_below_a_whiteout_is_refused():
    make_repo()
    for name in ("usr/.wh.x/y", ".wh.x/usr/y", "usr/.wh.x/y/z"):
        refuse_pull(two_files((name, b"y")), "an entry below a whiteout")
    expect(pull(two_files(("usr/.wh..wh.aufs/y", b"y")), "x"), pull(two_files(), "x"))


@test
def oci_configuration_has_a_limited_size():
    make_repo()
    refuse_pull(with_manifest(lambda manifest: manifest["config"].update(size=(16 << 20) + 1)), "expected at most 16777216 bytes, got 16777217")


if __name__ == "__main__":
    sys.exit(main(TESTS))
