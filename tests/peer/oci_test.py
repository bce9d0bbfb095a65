#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images in repositories of both programs: what one has pulled, the other one reads, with the same image IDs.

    oci_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import debian  # noqa: E402  pylint: disable=wrong-import-position
import crate  # noqa: E402  pylint: disable=wrong-import-position
from facts import Skip, ensure, expect, fact, run_facts, skip_program  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS, GOLDEN = map(os.path.abspath, sys.argv[1:3])
# The layers of the others are refused by cfsctl, or its tree differs by intent: order (whiteouts), sparse, lenient.
IMAGES = ["basic", "whiteouts", "opaque", "hardlinks", "xattrs", "names", "devices", "chr00", "metadata", "boot"]
ALGORITHMS = ("sha256", "sha512")


def out(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ensure(done.returncode == 0, f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()


class Place:
    """Repositories of both programs, by both algorithms, each with all images."""

    def __init__(self, cfsctl, top):
        self.cfsctl, self.top = cfsctl, top
        for algorithm in ALGORITHMS:
            out(cfsctl, "--insecure", "init", "--insecure", "--algorithm", f"fsverity-{algorithm}-12", self.repo("theirs", algorithm))
            out(COMPOSEFS, "init", "--insecure", f"--hash={algorithm}", self.repo("ours", algorithm))
            for name in IMAGES:
                self.theirs("theirs", algorithm, "pull", f"oci:{GOLDEN}/{name}:latest", name)
                self.ours("ours", algorithm, "pull", f"oci:{GOLDEN}/{name}:latest", name)

    def repo(self, side, algorithm):
        return f"{self.top}/{side}-{algorithm}"

    def theirs(self, side, algorithm, *args):
        return out(self.cfsctl, "--insecure", "--repo", self.repo(side, algorithm), "oci", *args)

    def ours(self, side, algorithm, verb, *args):
        return out(COMPOSEFS, "oci", verb, f"--repo={self.repo(side, algorithm)}", *args)


def both_ids(place, algorithm, name, *options):
    """The image ID by each program from the repository of each."""
    return {(program.__name__, side): program(side, algorithm, "compute-id", *options, name).split(":")[-1]
            for program in (place.theirs, place.ours) for side in ("theirs", "ours")}


@fact
def images_have_the_same_id_in_both_repositories_by_both_programs(place):
    for algorithm in ALGORITHMS:
        for name in IMAGES:
            ids = both_ids(place, algorithm, name)
            expect(set(ids.values()), {ids["ours", "ours"]}, f"{name}, {algorithm}: {ids}")


@fact
def bootable_images_have_the_same_id(place):
    for algorithm in ALGORITHMS:
        ids = both_ids(place, algorithm, "boot", "--bootable")
        expect(set(ids.values()), {ids["ours", "ours"]}, f"{algorithm}: {ids}")


@fact
def each_program_finds_the_other_repository_sound(place):
    for algorithm in ALGORITHMS:
        out(place.cfsctl, "--insecure", "--repo", place.repo("ours", algorithm), "fsck")
        place.theirs("ours", algorithm, "fsck")
        out(COMPOSEFS, "fsck", "--repo=" + place.repo("theirs", algorithm))
        place.ours("theirs", algorithm, "fsck")


@fact
def layers_come_back_the_same(place):
    for name in ("hardlinks", "names"):
        diff_ids = [w.strip('",') for w in place.ours("ours", "sha256", "inspect", name).split() if "sha256:" in w]
        for diff_id in diff_ids:
            path = f"{place.repo('theirs', 'sha256')}/streams/oci-layer-{diff_id}"
            if os.path.islink(path):
                for program in (place.theirs, place.ours):
                    for side in ("theirs", "ours"):
                        expect(program(side, "sha256", "layer", diff_id), place.ours("ours", "sha256", "layer", diff_id), diff_id)


@fact
def garbage_collection_of_each_keeps_what_the_other_pulled(place):
    for algorithm in ALGORITHMS:
        before = {name: both_ids(place, algorithm, name) for name in IMAGES}
        out(place.cfsctl, "--insecure", "--repo", place.repo("ours", algorithm), "gc")
        out(COMPOSEFS, "gc", "--grace=0", "--repo=" + place.repo("theirs", algorithm))
        expect({name: both_ids(place, algorithm, name) for name in IMAGES}, before, "image IDs")
        place.theirs("theirs", algorithm, "fsck")
        place.ours("ours", algorithm, "fsck")


PACKAGES = ["bash", "coreutils", "perl-base", "ca-certificates"]


def whiteout_layer():
    """Removes /usr/share/doc, and all that lower layers have in /etc/ssl."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("./", "./etc/", "./etc/ssl/", "./usr/", "./usr/share/"):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for name in ("./etc/ssl/.wh..wh..opq", "./usr/share/.wh.doc"):
            tar.addfile(tarfile.TarInfo(name))
    return data.getvalue()


def debian_layout(path, packages):
    """An image with a layer for each package, as dpkg has its files, and one with whiteouts."""
    os.makedirs(f"{path}/blobs/sha256")

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    tars = [debian.output("dpkg-deb", "--fsys-tarfile", package) for package in sorted(packages)] + [whiteout_layer()]
    layers = [blob(tar, "layer.v1.tar") for tar in tars]
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [d["digest"] for d in layers]}}
    manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
    entry = {**blob(json.dumps(manifest).encode(), "manifest.v1+json"), "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    for name, content in (("index.json", {"schemaVersion": 2, "manifests": [entry]}), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(f"{path}/{name}", "w", encoding="utf-8") as f:
            json.dump(content, f)
    return len(layers)


@fact
def image_of_debian_packages_has_the_same_id(place):
    apt = debian.Apt(os.path.expanduser("~/.cache/composefs-tests/oci-packages"), ["bookworm"])
    n_layers = debian_layout(f"{place.top}/debian", apt.fetch(PACKAGES))
    ensure(n_layers > 10, f"expected more than 10 layers, got {n_layers}")
    for algorithm in ALGORITHMS:
        for program, side in ((place.theirs, "theirs"), (place.ours, "ours")):
            program(side, algorithm, "pull", f"oci:{place.top}/debian:latest", "debian")
        ids = both_ids(place, algorithm, "debian")
        expect(set(ids.values()), {ids["ours", "ours"]}, f"{algorithm}: {ids}")


@fact
def index_of_platforms_is_left_alone_by_the_other_program(place):
    """composefs-rs has no indexes yet."""
    place.ours("ours", "sha256", "pull", "--all-platforms", f"oci:{GOLDEN}/index:latest", "platforms")
    repo = place.repo("ours", "sha256")
    for command in (("fsck",), ("oci", "fsck"), ("oci", "images"), ("gc",)):
        out(place.cfsctl, "--insecure", "--repo", repo, *command)
    expect(place.ours("ours", "sha256", "fsck", "platforms"), "platforms: ok")
    out(COMPOSEFS, "fsck", f"--repo={repo}")


def main():
    try:
        cfsctl = crate.cfsctl()
    except Skip as reason:
        return skip_program(reason)
    if subprocess.run([cfsctl, "oci", "--help"], capture_output=True, check=False).returncode:
        return skip_program("this cfsctl has no container images")
    with tempfile.TemporaryDirectory() as top:
        return run_facts(Place(cfsctl, top))


if __name__ == "__main__":
    sys.exit(main())
