#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images written as layouts, archives and the tar archive of their files, and read again.

    oci_export_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile

from repo import COMPOSEFS, FAILED, USAGE, expect, good, has, loaded, main, run, write

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
TESTS = []


def test(function):
    """Run it with a repository r that has the images basic and whiteouts (several layers)."""
    def with_images():
        good("init", "--insecure", "--hash=sha256", "r")
        for name in ("basic", "whiteouts"):
            good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/{name}:latest", name)
        function()
    with_images.__name__ = function.__name__
    TESTS.append(with_images)


def export(to, *options, image="basic"):
    return loaded("oci", "export", "--repo=r", "--json", *options, image, to)


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def pull(source, repo):
    good("init", "--insecure", "--hash=sha256", repo)
    return good("oci", "pull", f"--repo={repo}", source, "x").strip()


def members(path):
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}


@test
def export_to_each_kind_and_back_is_the_same_image():
    for number, kind in enumerate(("oci:out{}:t", "oci-archive:out{}:t", "docker-archive:out{}:a/b:t", "docker-archive:out{}", "oci-archive:out{}")):
        to = kind.format(number)
        export(to)
        expect(pull(to, f"back{number}"), BASIC)


@test
def export_to_a_layout_is_the_same_as_push():
    expect(export("oci:a:t"), loaded("oci", "push", "--repo=r", "--json", "basic", "oci:b:t"))
    expect(read_file("a/index.json"), read_file("b/index.json"))


@test
def oci_archive_has_the_blobs_of_a_layout_under_the_same_names():
    result = export("oci-archive:a.tar:t", image="whiteouts")
    export("oci:dir:t", image="whiteouts")
    found = members("a.tar")
    for name, content in found.items():
        expect((name, content), (name, read_file(f"dir/{name}")))
    blobs = {"sha256:" + name.rpartition("/")[2] for name in found if name.startswith("blobs/sha256/")}
    expect(result["manifest_digest"] in blobs and result["config_digest"] in blobs, True)
    for blob in blobs:
        expect("sha256:" + hashlib.sha256(found[f"blobs/{blob.replace(':', '/')}"]).hexdigest(), blob)


@test
def docker_archive_names_plain_layers_by_their_diff_ids():
    export("docker-archive:a.tar:registry.example:5000/a/b", image="whiteouts")
    found = members("a.tar")
    image, = json.loads(found["manifest.json"])
    config = json.loads(found[image["Config"]])
    expect(image["RepoTags"], ["registry.example:5000/a/b:latest"])
    expect(image["Layers"], [d.removeprefix("sha256:") + ".tar" for d in config["rootfs"]["diff_ids"]])
    expect([name for name in found if name.endswith(".tar")], list(dict.fromkeys(image["Layers"])))
    for name in image["Layers"]:
        expect(hashlib.sha256(found[name]).hexdigest() + ".tar", name)


@test
def archives_do_not_depend_on_the_number_of_threads():
    for kind in ("oci-archive", "docker-archive"):
        texts = []
        for threads in (1, 2, 8, 8):
            export(f"{kind}:a.tar", f"--threads={threads}", image="whiteouts")
            texts.append(read_file("a.tar"))
        expect([text == texts[0] for text in texts], [True] * 4)


@test
def rootfs_has_the_files_of_the_image():
    for name in ("basic", "whiteouts"):
        result = export("rootfs:files.tar", image=name)
        expect(result, {"id": good("oci", "compute-id", "--repo=r", name).strip()})
        expect(good("create-image", "--repo=r", "files.tar").strip(), result["id"])
        piped = subprocess.run([COMPOSEFS, "oci", "export", "--repo=r", name, "rootfs:-"], capture_output=True, check=True)
        expect(piped.stdout == read_file("files.tar"), True)


def damage(digests):
    """Change the objects, whose size stays."""
    for digest in digests:
        path = f"r/objects/{digest[:2]}/{digest[2:]}"
        size = os.path.getsize(path)
        os.chmod(path, 0o644)
        write(path, "y" * size)


def layers_with_objects(image):
    """Per layer that has contents as objects: its diff_id, and the objects."""
    found = []
    for layer in loaded("oci", "inspect", "--repo=r", image)["layers"]:
        raw = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", layer["diff_id"]], capture_output=True, check=True).stdout
        paths = (os.path.join(folder, name) for folder, _, names in os.walk("r/objects") for name in names)
        objects = [path[len("r/objects/"):].replace("/", "") for path in paths if read_file(path) in raw]
        if objects:
            found.append((layer["diff_id"], objects))
    return found


@test
def export_of_damaged_contents_leaves_the_former_file():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/hardlinks:latest", "links")
    damaged = layers_with_objects("whiteouts")
    damage(sum((objects for _, objects in damaged), []))
    damage(i.partition(":")[2] for i in loaded("image-objects", "--repo=r", "--json", good("oci", "compute-id", "--repo=r", "links").strip()))
    for to, image in (("oci-archive:a.tar:t", "whiteouts"), ("docker-archive:a.tar", "whiteouts"), ("rootfs:a.tar", "links")):
        write("a.tar", "former")
        rc, out, err = run("oci", "export", "--repo=r", "--threads=8", image, to)
        expect((to, rc != 0, out, read_file("a.tar")), (to, True, "", b"former"))
        has(err, "fs-verity digest")
        if image == "whiteouts":
            has(err, f"layer {damaged[0][0]}")
        expect(sorted(os.listdir(".")), ["a.tar", "r"])


@test
def export_refuses_what_is_no_local_destination():
    for to, options, part in (("registry.example/a:1", (), "push sends to a registry"),
                              ("docker://registry.example/a:1", (), "push sends to a registry"),
                              ("a.tar", (), "expected oci:"),
                              ("rootfs:a.tar", ("--compression=gzip",), "rootfs: is not compressed"),
                              ("rootfs:-", ("--json",), "goes to standard output")):
        rc, out, err = run("oci", "export", "--repo=r", *options, "basic", to)
        expect((to, rc, out), (to, USAGE, ""))
        has(err, part)


@test
def export_refuses_names_that_are_not_valid_and_compressed_layers_for_docker():
    for to, options, part in (("oci-archive:a.tar:b c", (), "expected a tag, got"),
                              ("docker-archive:a.tar:A", (), "not a name"),
                              ("docker-archive:a.tar:a@sha256:" + 64 * "0", (), "got a digest"),
                              ("docker-archive:a.tar", ("--compression=gzip",), "are not compressed"),
                              ("dir:a", (), "not supported"),
                              ("oci-archive:missing/a.tar", (), "missing")):
        rc, out, err = run("oci", "export", "--repo=r", *options, "basic", to)
        expect((to, rc, out), (to, FAILED, ""))
        has(err, part)
    expect(os.listdir("."), ["r"])


@test
def skopeo_reads_what_export_wrote():
    if not shutil.which("skopeo"):
        print("# skopeo is not installed: its part is not run")
        return
    for to in ("oci:dir:t", "oci-archive:a.tar:t", "docker-archive:d.tar:a/b:t"):
        export(to, image="whiteouts")
        target = "copy-" + to.partition(":")[0]
        done = subprocess.run(["skopeo", "--insecure-policy", "copy", to, f"oci:{target}:t"], capture_output=True, text=True, check=False)
        expect((to, done.returncode, done.stderr), (to, 0, done.stderr))
        expect(pull(f"oci:{target}:t", f"r-{target}"), good("oci", "compute-id", "--repo=r", "whiteouts").strip())


if __name__ == "__main__":
    sys.exit(main(TESTS))
