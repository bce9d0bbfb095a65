#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images for several platforms: an index with all its images is pulled, listed, checked, copied and pushed.

    oci_index_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from registry import Registry
from repo import Skip, expect, good, has, loaded, main, refused, run, write

GOLDEN = os.path.abspath(sys.argv[2])
INDEX = "sha256:a1fd2dbf5ed63281bdb3df4e90f6f21db9c9e9624c912a28f7167dc1a6172210"
PLATFORMS = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/arm/v6"]
TESTS = []


def test(function):
    """Run it with a repository r that has the index of the fixture, with all images, as "i"."""
    def with_index():
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        good("init", "--insecure", "--hash=sha256", "r")
        pull(f"oci:{GOLDEN}/index:latest")
        function()
    with_index.__name__ = function.__name__
    TESTS.append(with_index)


def pull(source, *options, repo="r", tag="i"):
    return loaded("oci", "pull", "--json", "--all-platforms", f"--repo={repo}", *options, source, tag)


def document(digest, layout=f"{GOLDEN}/index"):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", encoding="utf-8") as f:
        return json.load(f)


def manifests():
    return [e["digest"] for e in document(INDEX)["manifests"][:4]]


def listed(repo="r", tag="i"):
    return [i for i in loaded("oci", "images", "--json", f"--repo={repo}")["images"] if i["name"] == tag]


def sound(repo="r"):
    expect((run("fsck", f"--repo={repo}")[0], run("oci", "fsck", f"--repo={repo}")[1]), (0, "i: ok\n"))


def layout_of(index, name="own"):
    """The fixture with another index, a dict or bytes."""
    body = index if isinstance(index, bytes) else json.dumps(index).encode()
    shutil.copytree(f"{GOLDEN}/index", name, dirs_exist_ok=True)
    digest = hashlib.sha256(body).hexdigest()
    with open(f"{name}/blobs/sha256/{digest}", "wb") as f:
        f.write(body)
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": f"sha256:{digest}", "size": len(body),
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}
    write(f"{name}/index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return f"oci:{name}:latest"


def names_of(stream):
    """The named references, which are compressed as a whole."""
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    with open(stream, "rb") as f:
        data = f.read()
    frames = [m.start() for m in re.finditer(rb"\x28\xb5\x2f\xfd", data)]
    plain = [subprocess.run(["zstd", "-dcq"], input=data[at:], capture_output=True, check=False).stdout for at in frames]
    return next(text for text in plain if b"manifest:" in text)


def without_attestations():
    index = document(INDEX)
    index["manifests"] = index["manifests"][:4]
    return index


@test
def index_has_the_images_of_all_platforms():
    result = pull(f"oci:{GOLDEN}/index:latest")
    expect((result["index_digest"], result["left_out"]), (INDEX, 1))
    expect([(i["platform"], i["manifest_digest"], i["layers_present"]) for i in result["images"]],
           [(p, d, 1) for p, d in zip(PLATFORMS, manifests())])
    expect([i["manifest_digest"] for i in listed()], manifests())
    expect([i["id"] for i in listed()], [i["id"] for i in result["images"]])
    expect(good("oci", "pull", "--repo=r", "--all-platforms", f"oci:{GOLDEN}/index:latest", "i").splitlines(),
           [f"{i['id']} {i['platform']}" for i in result["images"]])
    sound()


@test
def index_can_have_one_image_for_two_platforms():
    index = without_attestations()
    index["manifests"].append({**index["manifests"][1], "platform": {"os": "linux", "architecture": "arm64", "variant": "v9"}})
    told = pull(layout_of(index))
    images = told["images"]
    expect(names_of(f"r/streams/oci-index-{told['index_digest']}").count(manifests()[1].encode()), 1, "references by one name")
    expect([(i["platform"], i["manifest_digest"]) for i in images[1::3]], [(p, manifests()[1]) for p in ("linux/arm64/v8", "linux/arm64/v9")])
    good("gc", "--repo=r")
    expect(len(listed()), 5)
    sound()
    sent = loaded("oci", "push", "--json", "--all-platforms", "--repo=r", "i", "oci:out:t")
    expect(len({e["digest"] for e in document(sent["manifest_digest"], "out")["manifests"]}), 4)


@test
def tag_of_an_index_is_the_image_of_the_platform():
    for platform, digest in zip(PLATFORMS, manifests()):
        expect(loaded("oci", "inspect", "--repo=r", f"--platform={platform}", "i")["manifest_digest"], digest)
    has(refused("oci", "inspect", "--repo=r", "--platform=linux/s390x", "i"), "no manifest for linux/s390x: the index has linux/amd64")
    has(refused("oci", "pull", "--repo=r", "--platform=linux/arm64", "--all-platforms", f"oci:{GOLDEN}/index:latest", "x"), "got both")
    if os.uname().machine == "x86_64":
        expect(loaded("oci", "inspect", "--repo=r", "i")["manifest_digest"], manifests()[0])
        expect(good("oci", "compute-id", "--repo=r", "i").split()[0].removeprefix("sha256:"), listed()[0]["id"].removeprefix("sha256:"))


@test
def index_keeps_its_images_and_goes_with_its_tag():
    good("oci", "tag", "--repo=r", "i", "j")
    good("oci", "rm", "--repo=r", "i")
    # The stream of this manifest is replaced; the index refers to the former one.
    good("oci", "pull", "--repo=r", "--keep-blobs", f"oci:{GOLDEN}/index:latest", "--platform=linux/arm64", "one")
    good("oci", "rm", "--repo=r", "one")
    good("gc", "--repo=r")
    expect([i["manifest_digest"] for i in listed(tag="j")], manifests())
    expect((run("fsck", "--repo=r")[0], run("oci", "fsck", "--repo=r")[1]), (0, "j: ok\n"))
    good("oci", "rm", "--repo=r", "j")
    good("gc", "--repo=r")
    expect(sorted(n for n in os.listdir("r/streams") if n != "refs"), [])


@test
def damage_of_an_index_is_found():
    stream = f"r/streams/oci-manifest-{manifests()[2]}"
    os.rename(stream, "aside")
    rc, out, _ = run("oci", "fsck", "--repo=r")
    expect(rc, 3)
    has(out, manifests()[2])
    os.rename("aside", stream)
    other = layout_of(without_attestations())
    digest = pull(other, tag="other")["index_digest"]
    os.remove(f"r/streams/oci-index-{INDEX}")
    os.symlink(os.readlink(f"r/streams/oci-index-{digest}"), f"r/streams/oci-index-{INDEX}")
    rc, out, _ = run("oci", "fsck", "--repo=r", "i")
    expect(rc, 3)
    has(out, f"expected digest {INDEX}, got {digest}")
    has(run("fsck", "--json", "--repo=r")[1], "its bytes have the digest")


@test
def index_is_copied_to_another_repository():
    good("init", "--insecure", "--hash=sha512", "to")
    first = loaded("oci", "copy", "--json", "--all-platforms", "--repo=to", "--from=r", "i")
    expect([i["manifest_digest"] for i in first["images"]], manifests())
    again = loaded("oci", "copy", "--json", "--all-platforms", "--repo=to", "--from=r", "i")
    expect([(i["layers_present"], i["bytes_read"]) for i in again["images"]], [(1, 0)] * 4)
    sound("to")
    good("init", "--insecure", "--hash=sha256", "one")
    good("oci", "copy", "--repo=one", "--from=r", "i")
    expect([i["manifest_digest"] for i in listed("one")], [loaded("oci", "inspect", "--repo=r", "i")["manifest_digest"]])
    has(refused("oci", "copy", "--all-platforms", "--repo=r", "--from=one", "--name=x", "i"), "expected an index of several platforms")


@test
def index_is_pushed_and_pulled_again():
    sent = loaded("oci", "push", "--json", "--all-platforms", "--repo=r", "i", "oci:out:t")
    expect(sent["config_digest"], None)
    index = document(sent["manifest_digest"], "out")
    expect([(e["platform"]["architecture"], e["platform"].get("variant")) for e in index["manifests"]],
           [("amd64", None), ("arm64", "v8"), ("arm", "v7"), ("arm", "v6")])
    with open("out/index.json", encoding="utf-8") as f:
        expect([e["digest"] for e in json.load(f)["manifests"]], [sent["manifest_digest"]])
    good("init", "--insecure", "--hash=sha256", "back")
    back = pull("oci:out:t", repo="back")
    expect(([i["id"] for i in back["images"]], back["left_out"]), ([i["id"] for i in listed()], 0))
    has(refused("oci", "push", "--all-platforms", "--repo=r", "i", "docker-archive:out.tar"), "takes the image of one platform")
    expect(os.path.exists("out.tar"), False)


@test
def index_whose_blobs_were_kept_is_pushed_byte_for_byte():
    digest = pull(layout_of(without_attestations()), "--keep-blobs")["index_digest"]
    os.makedirs("empty/blobs")
    write("empty/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
    with Registry("empty") as registry:
        expect(loaded("oci", "push", "--json", "--all-platforms", "--repo=r", "i", f"{registry.host}/b:1")["manifest_digest"], digest)
        found = registry.repositories["b"]
        expect(sorted(found), sorted(["1", *manifests()]), "an image of the index has no tag")
        expect(found["1"][0], "application/vnd.oci.image.index.v1+json")
        expect(hashlib.sha256(found["1"][1]).hexdigest(), digest.partition(":")[2])
        good("init", "--insecure", "--hash=sha256", "back")
        expect([i["manifest_digest"] for i in pull(f"{registry.host}/b:1", repo="back")["images"]], manifests())


@test
def index_with_an_image_that_lies_gets_no_name():
    good("init", "--insecure", "--hash=sha256", "new")
    lies = without_attestations()
    lies["manifests"][3]["digest"] = lies["manifests"][2]["digest"]
    lies["manifests"][3]["size"] += 1
    for index, says in ((lies, "size"), ({**lies, "manifests": [{**lies["manifests"][0], "digest": "sha256:" + "0" * 64}]}, "0" * 64)):
        has(refused("oci", "pull", "--all-platforms", "--repo=new", layout_of(index), "x"), says)
        expect(loaded("oci", "images", "--json", "--repo=new")["images"], [])
    nested = {**lies, "manifests": [{"mediaType": lies["mediaType"], "digest": INDEX, "size": os.path.getsize(f"{GOLDEN}/index/blobs/{INDEX.replace(':', '/')}")}]}
    has(refused("oci", "pull", "--all-platforms", "--repo=new", layout_of(nested), "x"), "expected a manifest, got an index")
    artifact = {**lies, "manifests": [{**lies["manifests"][0], "digest": "sha256:7185e8ce29b8ef147afd1cb9491bbba402c1f76cbc00b11b6026d58fb319e406", "size": 740}]}
    source = layout_of(artifact)
    shutil.copytree(f"{GOLDEN}/artifact/blobs", "own/blobs", dirs_exist_ok=True)
    has(refused("oci", "pull", "--all-platforms", "--repo=new", source, "x"), "expected the image of a container, got an artifact")
    has(refused("oci", "pull", "--all-platforms", "--repo=new", f"oci:{GOLDEN}/basic:latest", "x"), "expected an index of several platforms")
    good("gc", "--repo=new")
    expect(sorted(n for n in os.listdir("new/streams") if n != "refs"), [])


@test
def index_within_indexes_is_found_down_to_a_depth():
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": INDEX, "size": 1209}
    for depth in range(1, 5):
        source = layout_of({"schemaVersion": 2, "manifests": [entry]})
        with open("own/index.json", encoding="utf-8") as f:
            entry = json.load(f)["manifests"][0]
        entry.pop("annotations")
        if depth < 3:
            good("oci", "pull", "--repo=r", "--platform=linux/arm64", source, "nested")
        else:
            has(refused("oci", "pull", "--repo=r", "--platform=linux/arm64", source, "deep"), "expected at most 3 nested indexes")


@test
def push_of_all_platforms_needs_an_index():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "app")
    has(refused("oci", "push", "--all-platforms", "--repo=r", "app", "oci:new:t"), "app: expected an index, got one image")
    expect(os.path.exists("new"), False)


if __name__ == "__main__":
    sys.exit(main(TESTS))
