#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images: pulled from OCI layouts, merged, listed, tagged, and refused when they are not what they say.

    oci_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile

from repo import COMPOSEFS, DAMAGED, FAILED, OK, USAGE, expect, good, has, loaded, main, refused, run, snapshot

GOLDEN = os.path.abspath(sys.argv[2])
TESTS = []
PLAIN = ["basic", "whiteouts", "opaque", "order", "hardlinks", "xattrs", "names", "devices", "chr00", "metadata", "sparse", "boot"]


def test(function):
    TESTS.append(function)
    return function


def layout(name, tag="latest"):
    return f"oci:{GOLDEN}/{name}:{tag}"


def make_repo(name="r", algorithm="sha256"):
    good("init", "--insecure", f"--hash={algorithm}", name)


def digests():
    """Dump -> the digests of its image: SHA-256, SHA-512 or "-", and that of format 0."""
    with open(f"{GOLDEN}/digests.tsv", encoding="utf-8") as f:
        return {row[0]: row[1:] for row in (line.split() for line in f)}


def pull(source, tag, *options, repo="r"):
    return good("oci", "pull", f"--repo={repo}", *options, source, tag).strip()


def entries(text):
    """A dump as comparable lines: without the size of directories, and times as numbers."""
    result = []
    for line in text.splitlines():
        fields = line.split(" ")
        seconds, _, fraction = fields[7].partition(".")
        fields[7] = (int(seconds), int(fraction))
        if fields[2].startswith("4"):
            fields[1] = "-"
        is_link = fields[2].startswith("@")
        result.append([fields[0], fields[8]] if is_link else fields[:11] + sorted(fields[11:]))
    return result


def kept(name):
    with open(f"{GOLDEN}/{name}", encoding="utf-8") as f:
        return f.read()


def pull_refused(source, *options, tag="bad", repo="r"):
    """The message of a pull that must fail, behind the warnings."""
    rc, _, err = run("oci", "pull", f"--repo={repo}", *options, source, tag)
    expect(rc, FAILED)
    return err.splitlines()[-1]


def refuse_pull(source, *parts, repo="r"):
    said = pull_refused(source, repo=repo)
    for part in parts:
        has(said, part)
    expect(loaded("oci", "images", "--json", f"--repo={repo}")["images"], [])
    return said


# --- merging -------------------------------------------------------------------------------


@test
def oci_images_have_the_ids_of_their_merged_trees():
    make_repo()
    make_repo("r512", "sha512")
    for name in PLAIN:
        sha256, sha512, _ = digests()[f"{name}/expected.dump"]
        expect(pull(layout(name), name), f"sha256:{sha256}")
        if sha512 != "-":
            expect(pull(layout(name), name, repo="r512"), f"sha512:{sha512}")
        expect(good("oci", "compute-id", "--repo=r", name).strip(), f"sha256:{sha256}")
    expect(run("fsck", "--repo=r")[0], OK)


@test
def fsck_finds_manifests_and_configurations_whose_links_were_exchanged():
    make_repo()
    pull(layout("basic"), "app")
    pull(layout("names"), "b")
    good("fsck", "--repo=r")
    for kind in ("manifest", "config"):
        names = sorted(n for n in os.listdir("r/streams") if n.startswith(f"oci-{kind}-"))
        targets = [os.readlink(f"r/streams/{n}") for n in names]
        for options in ((), ("--metadata-only",)):
            for name, target in zip(names, reversed(targets)):
                os.unlink(f"r/streams/{name}")
                os.symlink(target, f"r/streams/{name}")
            rc, out, _ = run("fsck", "--repo=r", "--json", *options)
            expect((rc, [(e["type"], e["path"], e["detail"]) for e in json.loads(out)["errors"]]),
                   (DAMAGED, [("stream-digest-mismatch", f"streams/{n}", f"its bytes have the digest {o.split('-', 2)[2]}")
                              for n, o in zip(names, reversed(names))]))
            for name, target in zip(names, targets):
                os.unlink(f"r/streams/{name}")
                os.symlink(target, f"r/streams/{name}")
            good("fsck", "--repo=r", *options)


@test
def oci_dump_is_the_merged_tree():
    make_repo()
    for name in [n for n in PLAIN if n != "chr00"] + ["lenient"]:  # the image of chr00 has marks of its writer
        pull(layout(name), name)
        expect(entries(good("oci", "dump", "--repo=r", name)), entries(kept(f"{name}/expected.dump")))


@test
def oci_whiteouts_act_on_lower_layers_unless_told_otherwise():
    make_repo()
    in_order = digests()["order/expected-inorder.dump"][0]
    _, out, err = run("oci", "pull", "--repo=r", layout("order"), "order")
    expect(out.strip(), "sha256:" + digests()["order/expected.dump"][0])
    has(err, "whiteouts act on lower layers only")
    expect(good("oci", "compute-id", "--whiteouts=in-order", "--repo=r", "order").strip(), f"sha256:{in_order}")
    expect(pull(layout("order"), "o", "--whiteouts=in-order"), f"sha256:{in_order}")


@test
def oci_keeps_user_xattrs_on_request():
    make_repo()
    expect(pull(layout("xattrs"), "x", "--keep-user-xattrs"), "sha256:" + digests()["xattrs/expected-keep-user.dump"][0])


@test
def oci_refuses_missing_parents_if_they_are_to_be_strict():
    make_repo()
    has(pull_refused(layout("lenient"), "--strict-parents"), "its parent directory has no entry")


@test
def oci_root_keeps_its_own_metadata_on_request():
    make_repo()
    pull(layout("hostile", "no-usr"), "no-usr", "--root=own")
    out = good("oci", "dump", "--repo=r", "--root=own", "no-usr").splitlines()
    expect([line.split()[0] for line in out], ["/", "/etc"])
    expect(out[0].split()[2:8], ["40755", "3", "0", "0", "0", "0.0"])
    has(refused("oci", "compute-id", "--repo=r", "no-usr"), "--root=own")


@test
def oci_layers_are_the_same_compressed_or_not():
    make_repo()
    for tag in ("plain", "gzip", "zstd", "gzip-multi", "zstd-frames"):
        expect(pull(layout("compression", tag), tag), "sha256:" + digests()["compression/expected.dump"][0])
        shutil.rmtree("r")
        make_repo()


@test
def oci_chunked_layers_are_read_as_a_whole():
    make_repo()
    for name, image in (("zstd-chunked", "e17ba94cb09c58ee7cade19769f70208e8d5850a7a076b548f515039a26c7142"),
                        ("gzip", "e17ba94cb09c58ee7cade19769f70208e8d5850a7a076b548f515039a26c7142"),
                        ("estargz", "426af46eae83b5645e4a53d41028a538958593339dcf2ec30d11f96e2fcb5bd0")):
        expect(pull(f"oci:{GOLDEN}/chunked/{name}:fx", name), f"sha256:{image}")
    for name in ("zstd-chunked", "estargz"):
        expect(entries(good("oci", "dump", "--repo=r", name)), entries(kept(f"chunked/{name}.dump")))


@test
def oci_index_gives_the_image_of_the_platform():
    make_repo()
    wanted = json.loads(kept("index/expected-manifests.json"))
    for platform, digest in wanted.items():
        if digest:
            found = loaded("oci", "pull", "--json", "--repo=r", f"--platform={platform}", layout("index"), "i")
            expect(found["manifest_digest"], digest)
        else:
            has(refused("oci", "pull", "--repo=r", f"--platform={platform}", layout("index"), "none"),
                f"no manifest for {platform}: the index has linux/amd64")


# --- what is stored ------------------------------------------------------------------------


def stored_layers(tag):
    return [layer["diff_id"] for layer in loaded("oci", "inspect", "--repo=r", tag)["layers"]]


@test
def oci_layers_come_back_bit_for_bit():
    make_repo()
    for name in PLAIN + ["lenient"]:
        pull(layout(name), name)
        for diff_id in stored_layers(name):
            done = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", diff_id], capture_output=True, check=True)
            expect("sha256:" + hashlib.sha256(done.stdout).hexdigest(), diff_id)


@test
def oci_documents_come_back_unchanged():
    make_repo()
    pull(layout("basic"), "b")
    about = loaded("oci", "inspect", "--repo=r", "b")
    for option, key in (("--manifest", "manifest_digest"), ("--config", "config_digest")):
        text = good("oci", "inspect", "--repo=r", option, "b")
        expect("sha256:" + hashlib.sha256(text.encode()).hexdigest(), about[key])


@test
def oci_pull_again_reads_no_layer():
    make_repo()
    first = loaded("oci", "pull", "--json", "--repo=r", layout("whiteouts"), "w")
    again = loaded("oci", "pull", "--json", "--repo=r", layout("whiteouts"), "v")
    expect(first["layers_present"], 0)
    expect((again["layers_present"], again["bytes_read"]), (again["layers"], 0))
    expect(again["id"], first["id"])


@test
def oci_tag_keeps_everything_alive_and_rm_lets_it_go():
    make_repo()
    pull(layout("hardlinks"), "registry.example/a/b:1")
    before = snapshot("r/objects")
    good("gc", "--repo=r", "--grace=0")
    expect(snapshot("r/objects"), before)
    good("oci", "tag", "--repo=r", "registry.example/a/b:1", "50%")
    good("oci", "rm", "--repo=r", "registry.example/a/b:1")
    good("gc", "--repo=r", "--grace=0")
    expect(snapshot("r/objects"), before)
    expect([i["name"] for i in loaded("oci", "images", "--json", "--repo=r")["images"]], ["50%"])
    good("oci", "rm", "--repo=r", "50%")
    good("gc", "--repo=r", "--grace=0")
    expect([n for n in snapshot("r/objects") if len(os.path.basename(n)) > 2], [])


@test
def oci_images_that_share_a_configuration_stay_whole():
    """Both manifests have the same configuration, whose stream the second pull replaces."""
    make_repo()
    pull(f"oci:{GOLDEN}/chunked/zstd-chunked:fx", "a")
    pull(layout("boot"), "x", "--bootable")
    pull(f"oci:{GOLDEN}/chunked/gzip:fx", "b", "--keep-user-xattrs")
    good("oci", "rm", "--repo=r", "b")
    good("gc", "--repo=r", "--grace=0")
    good("oci", "inspect", "--repo=r", "a")
    good("oci", "dump", "--repo=r", "a")
    expect(run("fsck", "--repo=r")[0], OK)


@test
def oci_names_by_digest():
    make_repo()
    digest = loaded("oci", "pull", "--json", "--repo=r", layout("basic"), "b")["manifest_digest"]
    for name in (f"@{digest}", "@" + digest[7:15], "@" + digest[:15]):
        expect(loaded("oci", "inspect", "--repo=r", name)["manifest_digest"], digest)
    has(refused("oci", "inspect", "--repo=r", "@01234567"), 'no such container image: "@01234567"')
    has(refused("oci", "inspect", "--repo=r", "@0123"), "give 8 digits or more")


@test
def oci_tags_that_cannot_be_stored_are_refused_first():
    make_repo()
    for tag in ("@x", ".", "..", "", "a\nb", "a/" * 100):
        has(pull_refused(layout("basic"), tag=tag), "tag")
    expect(os.path.exists("r/streams"), False)


# --- what is refused -----------------------------------------------------------------------


@test
def oci_hostile_layers_are_refused_by_entry():
    make_repo()
    for tag in json.loads(kept("hostile/expected.json")):
        said = refuse_pull(layout("hostile", tag))
        if tag not in ("no-usr", "usr-not-dir"):
            has(said, "offset")
        if tag == "no-usr":
            has(said, "--root=own")
    good("gc", "--repo=r", "--grace=0")
    expect([n for n in snapshot("r/objects") if len(os.path.basename(n)) > 2], [])


@test
def oci_wrong_digests_and_sizes_are_refused():
    make_repo()
    words = {"digest": "digest mismatch", "size-less": "size mismatch", "size-more": "size mismatch",
             "diff-id": "diff_id", "config-digest": "digest mismatch"}
    for tag in json.loads(kept("mismatch/expected.json")):
        refuse_pull(layout("mismatch", tag), words[tag])


@test
def oci_layer_size_is_limited():
    make_repo()
    has(pull_refused(layout("basic"), "--max-layer-size=1000"), "at most 1000 bytes")
    has(pull_refused(layout("sparse"), "--max-layer-size=30K"), "holes of the archive exceed 30720 bytes")


def copy_layout(name):
    shutil.copytree(f"{GOLDEN}/{name}", "layout")
    return "oci:layout:latest"


def blob_of(name):
    with open("layout/index.json", encoding="utf-8") as f:
        manifest = json.load(f)["manifests"][0]["digest"]
    if name == "manifest":
        return "layout/blobs/" + manifest.replace(":", "/")
    with open("layout/blobs/" + manifest.replace(":", "/"), encoding="utf-8") as f:
        found = json.load(f)
    return "layout/blobs/" + (found["config"] if name == "config" else found["layers"][0])["digest"].replace(":", "/")


@test
def oci_layout_with_links_fifos_and_directories_in_it_is_refused():
    make_repo()
    for name in ("manifest", "config", "layer"):
        for make in (lambda p: os.symlink("/etc/passwd", p), os.mkfifo, os.mkdir, lambda p: None):
            source = copy_layout("basic")
            path = blob_of(name)
            os.unlink(path)
            make(path)
            refuse_pull(source)
            shutil.rmtree("layout")


@test
def oci_layout_needs_its_marker_and_a_tag_that_exists():
    make_repo()
    source = copy_layout("basic")
    has(refuse_pull("oci:layout:other"), 'no image with the tag "other": index.json has latest')
    os.unlink("layout/oci-layout")
    refuse_pull(source, "oci-layout")
    refuse_pull("oci:nowhere", "nowhere")


# --- between repositories ------------------------------------------------------------------


@test
def oci_copy_takes_the_layers_that_are_missing():
    make_repo()
    make_repo("other", "sha512")
    pull(layout("whiteouts"), "w")
    first = loaded("oci", "copy", "--json", "--repo=other", "--from=r", "w")
    expect((first["layers"], first["layers_present"]), (3, 0))
    expect(first["id"], "sha512:" + digests()["whiteouts/expected.dump"][1])
    again = loaded("oci", "copy", "--json", "--repo=other", "--from=r", "--name=v", "w")
    expect((again["layers_present"], again["id"]), (3, first["id"]))
    for name in ("r", "other"):
        expect(good("oci", "fsck", f"--repo={name}").splitlines()[0].endswith(": ok"), True)
    expect(good("oci", "inspect", "--manifest", "--repo=other", "w"), good("oci", "inspect", "--manifest", "--repo=r", "w"))


@test
def oci_copy_refuses_a_layer_that_was_changed():
    make_repo()
    make_repo("other")
    pull(layout("metadata"), "m")
    damage_objects()
    rc, _, err = run("oci", "copy", "--repo=other", "--from=r", "m")
    expect(rc, FAILED)
    has(err, "digest")
    expect(loaded("oci", "images", "--json", "--repo=other")["images"], [])


def damage_objects():
    """Changes a byte of every object that is neither a document nor a stream."""
    for path in snapshot("r/objects"):
        if os.path.isfile(path):
            with open(path, "r+b") as f:
                start = f.read(1)
                if start not in (b"{", b"S"):
                    f.seek(0)
                    f.write(bytes([start[0] ^ 1]) if start else b"")


@test
def oci_fsck_finds_damage_and_images_of_other_layers():
    make_repo()
    pull(layout("metadata"), "m")
    pull(layout("xattrs"), "x", "--keep-user-xattrs")
    expect(good("oci", "fsck", "--repo=r", "m"), "m: ok\n")
    rc, out, _ = run("oci", "fsck", "--repo=r")
    expect(rc, DAMAGED)
    has(out, "x: its layers give the image")
    damage_objects()
    rc, out, _ = run("oci", "fsck", "--repo=r", "--json", "m")
    expect(rc, DAMAGED)
    has(json.loads(out)["faults"][0]["fault"], "layer sha256:")
    has(refused("oci", "fsck", "--repo=r", "none"), 'no such container image: "none"')


@test
def oci_import_layer_compares_the_digest():
    make_repo()
    pull(layout("basic"), "b")
    diff_id = stored_layers("b")[0]
    tar = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", diff_id], capture_output=True, check=True).stdout
    make_repo("other")
    good("oci", "import-layer", "--repo=other", diff_id, stdin=tar)
    good("oci", "import-layer", "--repo=other", diff_id, "-", stdin=gzip.compress(tar))
    expect(subprocess.run([COMPOSEFS, "oci", "layer", "--repo=other", diff_id], capture_output=True, check=True).stdout, tar)
    rc, _, err = run("oci", "import-layer", "--repo=other", "sha256:" + "0" * 64, stdin=tar)
    expect(rc, FAILED)
    has(err, f"expected sha256:{'0' * 64}, got {diff_id}")


# --- sealed images -------------------------------------------------------------------------


def seal(digest, key="composefs.merged.erofs.v1.fsverity-sha256-12"):
    """A copy of basic whose manifest announces a digest."""
    return with_manifest(lambda manifest: manifest.update(annotations={key: digest}))


def with_manifest(change):
    """A copy of basic with another manifest."""
    shutil.rmtree("sealed", ignore_errors=True)
    shutil.copytree(f"{GOLDEN}/basic", "sealed")
    with open("sealed/index.json", encoding="utf-8") as f:
        index = json.load(f)
    with open("sealed/blobs/" + index["manifests"][0]["digest"].replace(":", "/"), encoding="utf-8") as f:
        manifest = json.load(f)
    change(manifest)
    body = json.dumps(manifest).encode()
    name = hashlib.sha256(body).hexdigest()
    with open(f"sealed/blobs/sha256/{name}", "wb") as f:
        f.write(body)
    index["manifests"][0].update(digest=f"sha256:{name}", size=len(body))
    with open("sealed/index.json", "w", encoding="utf-8") as f:
        json.dump(index, f)
    return "oci:sealed:latest"


@test
def oci_sealed_images_must_have_the_announced_digest():
    make_repo()
    image = digests()["basic/expected.dump"][0]
    expect(pull(seal(image), "s", "--seal=require-digest"), f"sha256:{image}")
    good("oci", "rm", "--repo=r", "s")
    has(pull_refused(seal("0" * 64), "--seal=require-digest"), "seal mismatch")
    has(pull_refused(seal(image, "other"), "--seal=require-digest"), "not sealed")
    has(pull_refused(seal(""), "--seal=require-digest"), "seal mismatch")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])
    rc, out, err = run("oci", "pull", "--repo=r", seal("0" * 64), "s")
    expect((rc, out.strip()), (OK, f"sha256:{image}"))
    has(err, "seal mismatch")
    expect("seal" in run("oci", "pull", "--repo=r", "--seal=ignore", seal("0" * 64), "s")[2], False)


# --- archives ------------------------------------------------------------------------------


@test
def oci_archive_is_a_layout_in_one_file():
    make_repo()
    subprocess.run(["tar", "-C", f"{GOLDEN}/basic", "-cf", "basic.tar", "."], check=True)
    for source in ("oci-archive:basic.tar", "oci-archive:basic.tar:latest"):
        expect(pull(source, "b"), "sha256:" + digests()["basic/expected.dump"][0])
        good("oci", "rm", "--repo=r", "b")
    refuse_pull("oci-archive:basic.tar:other", 'no image with the tag "other"')
    os.mkfifo("fifo")
    refuse_pull("oci-archive:fifo", "fifo")


@test
def oci_docker_archive_gives_the_same_image():
    make_repo()
    archive = f"docker-archive:{GOLDEN}/docker-archive/image.tar"
    image = "sha256:" + digests()["docker-archive/expected.dump"][0]
    with tarfile.open(f"{GOLDEN}/docker-archive/image.tar") as tar:
        names = json.load(tar.extractfile("manifest.json"))[0]["RepoTags"]
    for which in ["", ":@0"] + [f":{name}" for name in names]:
        expect(pull(archive + which, "d"), image)
    good("oci", "rm", "--repo=r", "d")
    for which in (":@1", ":@", ":@x", ":none"):
        refuse_pull(archive + which, "no image")


def docker_archive(members):
    """members: name -> content, or the target of a symbolic link."""
    with tarfile.open("d.tar", "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return "docker-archive:d.tar"


@test
def oci_docker_archive_is_refused_when_it_is_damaged():
    make_repo()
    index = json.dumps([{"Config": "c", "RepoTags": ["x:1"], "Layers": ["l"]}]).encode()
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode()
    refuse_pull(docker_archive({"a": b""}), "manifest.json: the archive has no such member")
    refuse_pull(docker_archive({"manifest.json": b"{}"}), "expected a list of images")
    refuse_pull(docker_archive({"manifest.json": b"[]"}), "expected one image, got 0")
    refuse_pull(docker_archive({"manifest.json": index, "l": b""}), "Config: c: the archive has no such member")
    refuse_pull(docker_archive({"manifest.json": index, "c": config, "l": "../../../etc/passwd"}), "Layers: entry 0: l: the archive has")
    refuse_pull(docker_archive({"manifest.json": index, "c": config, "l": "m", "m": "l"}), "links that lead to links")
    refuse_pull(docker_archive({"manifest.json": index, "c": config, "l": bytes(1024)}), "diff_id")
    many = json.dumps([{"Config": "c", "Layers": ["l"] * 1025}]).encode()
    refuse_pull(docker_archive({"manifest.json": many, "c": config, "l": bytes(1024)}), "Layers: expected at most 1024, got 1025")


@test
def oci_sources_that_are_not_supported_say_what_to_do():
    make_repo()
    for source in ("docker-daemon:x", "dir:x"):
        refuse_pull(source, "copy the image with skopeo")


# --- help ----------------------------------------------------------------------------------


@test
def oci_verbs_explain_themselves():
    verbs = [line.split()[0] for line in good("oci", "--help").partition("Verbs:\n")[2].partition("\n\n")[0].splitlines()]
    for verb in verbs:
        text = good("oci", verb, "--help")
        has(text, f"Usage: composefs oci {verb} ")
        has(text, "\nExample:\n  composefs oci ")
        expect(run("oci", verb, "--none-such-option")[0], USAGE)
    expect([line.split("\t")[0] for line in good("--complete", "oci", "").splitlines() if "\t" in line], verbs)
    has(refused("oci", "pul", status=USAGE), 'did you mean "composefs oci pull"?')


# --- bundles -------------------------------------------------------------------------------


@test
def oci_bundle_writes_a_configuration_without_mounting():
    make_repo()
    image = pull(layout("basic"), "b")
    for program in ("first", "second"):  # it replaces its own configuration
        told = loaded("oci", "bundle", "--repo=r", "--json", "--no-mount", "--read-write", "b", "bundle", "--", program, "--", "-x")
        expect(told, {"id": image, "bundle": "bundle", "labels_left_out": []})
        with open("bundle/config.json", encoding="utf-8") as f:
            config = json.load(f)
        expect(config["process"]["args"][-3:], [program, "--", "-x"])
        expect((config["root"], config["process"]["noNewPrivileges"]), ({"path": "rootfs", "readonly": False}, True))
    expect(sorted(os.listdir("bundle")), ["config.json", "rootfs"])


@test
def oci_bundle_needs_an_image_that_has_a_tag_and_a_directory():
    make_repo()
    has(refused("oci", "bundle", "--repo=r", "--no-mount", "gone", "bundle"), 'no such container image: "gone"')
    expect(run("oci", "bundle", "--repo=r", "b")[0], USAGE)
    expect(os.path.exists("bundle"), False)


if __name__ == "__main__":
    sys.exit(main(TESTS))
