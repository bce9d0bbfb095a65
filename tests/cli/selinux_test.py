#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""SELinux labels of bootable images: of containers, directories and archives.

    selinux_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import io
import json
import os
import sys
import tarfile
import time

from repo import COMPOSEFS, FAILED, expect, good, has, loaded, main, refused, run, write

GOLDEN = os.path.abspath(sys.argv[2])
BOOT = f"oci:{GOLDEN}/boot-selinux:latest"
POLICY = "etc/selinux/p/contexts/files/file_contexts"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def kept(name):
    with open(f"{GOLDEN}/{name}", encoding="utf-8") as f:
        return f.read()


def cfsctl(*args, stdin=None):
    if not os.path.islink("cfsctl"):
        os.symlink(COMPOSEFS, "cfsctl")
    return run("--no-repo", *args, program="./cfsctl", stdin=stdin)


def labels(dump):
    """The label of each name, hard links included."""
    return {line.split(" ")[0]: line.partition("security.selinux=")[2] for line in dump.splitlines()}


def extract(name):
    with tarfile.open(f"{GOLDEN}/selinux/{name}.tar") as tar:
        tar.extraction_filter = lambda member, _: member  # Python 3.14 refuses FIFOs by default
        tar.extractall(name)


def make_tree(lines, config="SELINUXTYPE=p\n"):
    for name in ("boot", "sysroot", "usr/bin"):
        os.makedirs(f"tree/{name}")
    write("tree/etc/selinux/config", config)
    write(f"tree/{POLICY}", lines)
    write("tree/usr/bin/x", "x")


@test
def bootable_containers_have_the_id_of_their_labelled_tree():
    good("init", "--insecure", "--hash=sha256", "r")
    rows = [line.split("\t") for line in kept("digests.tsv").splitlines()]
    expected = "sha256:" + dict(row[:2] for row in rows)["boot-selinux/expected-bootable.dump"]
    expect(good("oci", "pull", "--repo=r", "--bootable", BOOT, "b").strip(), expected)
    expect(good("oci", "compute-id", "--repo=r", "--bootable", "b").strip(), expected)
    dump = good("oci", "dump", "--repo=r", "--bootable", "b")
    expect(labels(dump), labels(kept("boot-selinux/expected-bootable.dump")))


@test
def archives_and_directories_have_the_labels_of_cfsctl():
    for name in ("selx", "sely"):
        archive = f"{GOLDEN}/selinux/{name}.tar"
        rc, dump, err = cfsctl("--hash=sha512", "create-dumpfile", "--bootable", archive)
        expect((rc, err, dump), (0, "", kept(f"selinux/{name}.dump")))
        with open(archive, "rb") as f:
            expect(cfsctl("--hash=sha512", "create-dumpfile", "--bootable", "-", stdin=f.read())[1], dump)
        extract(name)
        expect(labels(cfsctl("create-dumpfile", "--bootable", name)[1]), labels(dump))


@test
def images_are_stored_with_the_ids_that_are_computed():
    extract("selx")
    good("init", "--insecure", "--hash=sha256", "r")
    for source in ("selx", f"{GOLDEN}/selinux/selx.tar"):
        wanted = good("compute-id", "--hash=sha256", "--bootable", source).strip()
        expect(good("create-image", "--repo=r", "--bootable", source).strip(), wanted)
        expect(good("compute-id", "--hash=sha256", source).strip() == wanted, False)
    made = cfsctl("--hash=sha256", "compute-id", "--bootable", "selx")[1].strip()
    expect(cfsctl("--hash=sha256", "compute-karg", "selx")[1], f"composefs.digest=v1-sha256-12:{made}\n")
    expect(run("fsck", "--repo=r")[0], 0)


@test
def policies_that_cannot_be_used_are_refused_by_file_and_line():
    make_tree("/.* d\n/usr/bin/(x d\n")
    has(refused("compute-id", "--bootable", "tree"), f"/{POLICY}: line 2: regular expression: missing closing parenthesis")
    write(f"tree/{POLICY}", "/.* d\n/usr/bin/x -q d\n")
    has(refused("create-dumpfile", "--bootable", "tree"), f"/{POLICY}: line 2: type: expected one of -- -b -c -d -p -l -s")
    os.remove(f"tree/{POLICY}")
    has(refused("compute-id", "--bootable", "tree"), f"/{POLICY}: no such file, but /etc/selinux/config names this policy")
    good("compute-id", "tree")
    write("tree/etc/selinux/config", "SELINUX=disabled\n")
    good("compute-id", "--bootable", "tree")


@test
def expressions_that_never_end_are_refused():
    make_tree("/.* d\n/usr/bin/(a+)+$ x\n")
    write("tree/usr/bin/" + "a" * 60 + "b", "")
    before = time.monotonic()
    has(refused("compute-id", "--bootable", "tree"), f"/{POLICY}: line 2: the regular expression takes too long for /usr/bin/aaaa")
    expect(time.monotonic() - before < 60, True)


@test
def damaged_objects_of_a_policy_are_found():
    good("init", "--insecure", "--hash=sha256", "r")
    good("oci", "pull", "--repo=r", "--bootable", BOOT, "b")
    line = [l for l in good("oci", "dump", "--repo=r", "b").splitlines() if "file_contexts " in l][0]
    path = "r/objects/" + line.split(" ")[8]
    with open(path, "r+b") as f:
        first = f.read(1)
        f.seek(0)
        f.write(bytes([first[0] ^ 1]))
    rc, out, err = run("oci", "compute-id", "--repo=r", "--bootable", "b")
    expect((rc, out), (FAILED, ""))
    has(err, "file_contexts: its object is damaged")


def tar_entry(tar, name, content=None, **more):
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.size = len(content or b"")
    for key, value in more.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content or b""))


@test
def archives_are_read_once_so_a_policy_has_its_own_name_there():
    """The content of a file with another name is not kept."""
    lines = b"/.* d\n" + b"# " + b"x" * 100 + b"\n"
    for name, status in ((POLICY, 0), ("usr/other", FAILED)):
        with tarfile.open("a.tar", "w") as tar:
            for folder in ("boot", "sysroot", "usr"):
                tar_entry(tar, folder)
            tar_entry(tar, "etc/selinux/config", b"SELINUXTYPE=p\n")
            tar_entry(tar, name, lines)
            if status:
                tar_entry(tar, POLICY, b"", type=tarfile.LNKTYPE, linkname=name)
        rc, _, err = run("compute-id", "--bootable", "a.tar")
        expect(rc, status)
        if status:
            has(err, f"/{POLICY}: the content is no longer at hand")


@test
def refused_policies_leave_no_tag():
    """Pulling the same image without --bootable needs no policy."""
    good("init", "--insecure", "--hash=sha256", "r")
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in ("boot", "sysroot", "usr"):
            tar_entry(tar, folder)
        tar_entry(tar, "etc/selinux/config", b"SELINUXTYPE=p\n")
        tar_entry(tar, POLICY, b"/( d\n")
    make_layout("l", layer.getvalue())
    rc, _, err = run("oci", "pull", "--repo=r", "--bootable", "oci:l", "t")
    expect(rc, FAILED)
    has(err, f"/{POLICY}: line 1: regular expression")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])
    good("oci", "pull", "--repo=r", "oci:l", "t")


def make_layout(top, layer):
    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        os.makedirs(f"{top}/blobs/sha256", exist_ok=True)
        with open(f"{top}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    oci = "application/vnd.oci.image."
    blob = {"mediaType": oci + "layer.v1.tar", **put(layer)}
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [blob["digest"]]}}).encode())
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": oci + "manifest.v1+json",
                               "config": {"mediaType": oci + "config.v1+json", **config}, "layers": [blob]}).encode())
    write(f"{top}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    write(f"{top}/index.json", json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": oci + "manifest.v1+json", **manifest}]}))


if __name__ == "__main__":
    sys.exit(main(TESTS))
