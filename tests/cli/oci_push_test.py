#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images sent to registries and layouts: what arrives, what is not sent twice, and broken transfers.

    oci_push_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import gzip
import hashlib
import json
import os
import socket
import subprocess
import sys

from registry import Registry, drop, other_digest, partly, put_status, redirect, upload_status, wrong_offset
from repo import COMPOSEFS, FAILED, Skip, expect, good, has, loaded, main, run, snapshot, write

GOLDEN = os.path.abspath(sys.argv[2])
BASIC = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
TESTS = []


def test(function):
    """Run it with a repository r that has the image basic as "app", and without credentials of the user."""
    def with_image():
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        good("init", "--insecure", "--hash=sha256", "r")
        good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "app")
        function()
    with_image.__name__ = function.__name__
    TESTS.append(with_image)


def with_registry(function):
    """The same, with an empty registry."""
    def run_with():
        os.makedirs("empty/blobs")
        write("empty/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
        with Registry("empty") as registry:
            function(registry)
    run_with.__name__ = function.__name__
    test(run_with)


def push(to, *options, image="app"):
    return loaded("oci", "push", "--repo=r", "--json", *options, image, to)


def refuse(to, *parts, options=(), image="app"):
    rc, out, err = run("oci", "push", "--repo=r", *options, image, to)
    expect((rc, out), (FAILED, ""))
    for part in parts:
        has(err, part)


def blob(layout, digest):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", "rb") as f:
        return f.read()


def index(layout):
    with open(f"{layout}/index.json", encoding="utf-8") as f:
        return json.load(f)["manifests"]


# --- layouts -------------------------------------------------------------------------------


@test
def push_to_a_layout_and_back_is_the_same_image():
    for number, (kind, suffix) in enumerate((("gzip", "+gzip"), ("zstd", "+zstd"), ("none", ""))):
        result = push(f"oci:out{number}:t", f"--compression={kind}")
        manifest = json.loads(blob(f"out{number}", result["manifest_digest"]))
        expect([layer["mediaType"] for layer in manifest["layers"]], [LAYER + suffix])
        expect(manifest["config"]["digest"], result["config_digest"])
        expect(manifest["mediaType"], MANIFEST)
        good("init", "--insecure", "--hash=sha256", f"back{number}")
        expect(good("oci", "pull", f"--repo=back{number}", f"oci:out{number}:t", "x").strip(), BASIC)


@test
def push_keeps_the_layer_bit_for_bit():
    result = push("oci:out:t")
    layer = json.loads(blob("out", result["manifest_digest"]))["layers"][0]
    config = json.loads(blob("out", result["config_digest"]))
    plain = gzip.decompress(blob("out", layer["digest"]))
    expect("sha256:" + hashlib.sha256(plain).hexdigest(), config["rootfs"]["diff_ids"][0])


@test
def push_again_is_the_same_and_sends_no_blob():
    first = push("oci:out:t")
    before = snapshot("out")
    again = push("oci:out:t")
    expect(again, {**first, "layers_present": first["layers"], "bytes_sent": 0})
    expect(snapshot("out"), before)


@test
def push_of_many_layers_comes_back():
    for name in ("whiteouts", "order", "compression"):
        tags = ["latest"] if name != "compression" else ["gzip-multi"]
        image = good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/{name}:{tags[0]}", name).strip()
        push(f"oci:out:{name}", "--threads=4", image=name)
        good("init", "--insecure", "--hash=sha256", f"back-{name}")
        expect(good("oci", "pull", f"--repo=back-{name}", f"oci:out:{name}", "x").strip(), image)


@test
def push_to_a_tag_replaces_its_entry_and_no_other():
    push("oci:out:a")
    push("oci:out:b")
    result = push("oci:out:a", "--compression=none")
    tags = {e["annotations"]["org.opencontainers.image.ref.name"]: e["digest"] for e in index("out")}
    expect(len(index("out")), 2)
    expect(tags["a"], result["manifest_digest"])
    push("oci:out")
    push("oci:out")
    expect(len(index("out")), 3)


@test
def push_repairs_a_damaged_blob():
    result = push("oci:out:t")
    digest = json.loads(blob("out", result["manifest_digest"]))["layers"][0]["digest"]
    right = blob("out", digest)
    with open(f"out/blobs/{digest.replace(':', '/')}", "r+b") as f:
        f.write(b"\0")
    expect(push("oci:out:t")["layers_present"], 0)
    expect(blob("out", digest), right)


@test
def push_follows_no_link_in_a_layout():
    push("oci:out:t")
    os.rename("out/blobs", "elsewhere")
    os.symlink("../elsewhere", "out/blobs")
    before = snapshot("elsewhere")
    refuse("oci:out:t", "out")
    expect(snapshot("elsewhere"), before)


@test
def push_refuses_a_directory_that_is_no_layout():
    write("dir/file", "x")
    refuse("oci:dir:t", "expected an OCI image layout or an empty directory")
    expect(os.listdir("dir"), ["file"])


@test
def push_refuses_what_is_no_destination():
    refuse("oci:out:a/b:c d", "expected a tag, got")
    refuse("registry.example/a@sha256:" + 64 * "0", "got a digest")
    refuse("registry.example/A", "not a name")
    refuse("oci:out:t", "no such container image", image="other")


def contents(tag):
    """The paths of objects that are contents of files in the first layer, and the layer."""
    diff_id = loaded("oci", "inspect", "--repo=r", tag)["layers"][0]["diff_id"]
    layer = subprocess.run([COMPOSEFS, "oci", "layer", "--repo=r", diff_id], capture_output=True, check=True).stdout
    found = []
    for folder, _, names in os.walk("r/objects"):
        for path in (os.path.join(folder, name) for name in names):
            with open(path, "rb") as f:
                if f.read() in layer:
                    found.append(path)
    return found


@test
def push_of_damaged_contents_is_refused():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/whiteouts:latest", "large")
    path = contents("large")[0]
    with open(path, "rb") as f:
        data = f.read()
    os.chmod(path, 0o644)
    write(path, "y" * len(data))
    refuse("oci:out:t", "expected the fs-verity digest", image="large")
    expect(os.path.exists("out/index.json"), False)


@test
def push_of_an_exchanged_layer_is_refused():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/whiteouts:latest", "other")
    mine, others = (f"r/streams/oci-layer-{loaded('oci', 'inspect', '--repo=r', tag)['layers'][0]['diff_id']}" for tag in ("app", "other"))
    os.replace(others, mine)
    refuse("oci:out:t", "expected digest sha256:")
    expect(os.path.exists("out/index.json"), False)


# --- registries ----------------------------------------------------------------------------


@with_registry
def push_to_a_registry_sends_blobs_and_then_the_manifest(registry):
    result = push(f"{registry.host}/a:1")
    kind, manifest = registry.manifests["1"]
    expect(kind, MANIFEST)
    expect(registry.digest_of(manifest), result["manifest_digest"])
    expect([r[0] for r in registry.sent], ["HEAD", "POST", "PATCH", "PUT"] * 2 + ["PUT"])
    for d in json.loads(manifest)["layers"] + [json.loads(manifest)["config"]]:
        expect(len(registry.changed[d["digest"]]), d["size"])


@with_registry
def push_again_to_a_registry_sends_no_blob(registry):
    push(f"{registry.host}/a:1")
    registry.sent.clear()
    expect(push(f"{registry.host}/a:1")["bytes_sent"], 0)
    expect([r[0] for r in registry.sent], ["HEAD", "HEAD", "PUT"])


@with_registry
def push_goes_on_where_the_registry_lost_it(registry):
    registry.upload_faults = [drop(100), drop(30)]
    push(f"{registry.host}/a:1")
    expect([r[3].split("-")[0] for r in registry.sent if r[0] == "PATCH"][:3], ["0", "100", "130"])
    expect(len([r for r in registry.sent if r[0] == "POST"]), 2)


@with_registry
def push_begins_anew_when_the_registry_forgot_the_upload(registry):
    registry.upload_faults = [drop(100, keeps=False)]
    push(f"{registry.host}/a:1")
    expect([r[3].split("-")[0] for r in registry.sent if r[0] == "PATCH"], ["0", "0", "0"])


@with_registry
def push_sends_the_rest_of_what_was_taken_in_part(registry):
    registry.upload_faults = [partly(50), partly(20)]
    push(f"{registry.host}/a:1")
    expect([r[3].split("-")[0] for r in registry.sent if r[0] == "PATCH"][:3], ["0", "50", "70"])


@with_registry
def push_to_a_registry_that_takes_a_few_bytes_ends(registry):
    registry.upload_faults = [partly(2)] * 50
    refuse(f"{registry.host}/a:1", "too few bytes")


@with_registry
def push_waits_for_a_busy_registry(registry):
    registry.upload_faults = [upload_status(503), upload_status(429, Retry_After="1")]
    registry.put_faults = [put_status(404)]
    push(f"{registry.host}/a:1")
    expect(len(registry.manifests), 1)


@with_registry
def push_to_a_registry_that_stays_broken_ends(registry):
    registry.upload_faults = [upload_status(500)] * 20
    refuse(f"{registry.host}/a:1", "layer sha256:", "status 500: FAULT")
    expect(registry.manifests, {})
    expect(len(registry.upload_faults), 16)


@with_registry
def push_to_a_registry_that_forbids_is_not_tried_again(registry):
    registry.upload_faults = [upload_status(403)]
    refuse(f"{registry.host}/a:1", "status 403")
    expect(len([r for r in registry.sent if r[0] == "PATCH"]), 1)


@with_registry
def push_refuses_an_offset_behind_the_end(registry):
    registry.upload_faults = [wrong_offset]
    refuse(f"{registry.host}/a:1", "Range: expected a part")


@with_registry
def push_refuses_another_digest_than_it_sent(registry):
    registry.put_faults = [other_digest]
    refuse(f"{registry.host}/a:1", "Docker-Content-Digest", "digest mismatch")


@with_registry
def push_asks_for_a_token_that_permits_it(registry):
    registry.auth, registry.scoped = "bearer", True
    push(f"{registry.host}/a:1")
    expect([r[3] for r in registry.requests if r[0] == "/token"],
           ["service=s&scope=repository%3Aa%3Apull", "service=s&scope=repository%3Aa%3Apush%2Cpull"])
    expect({r[2] for r in registry.sent if r[0] in ("PATCH", "PUT")}, {"Bearer push"})


def with_other(registry):
    """An image with a layer that our gzip does not write. The registry has it in its repository b, as a tag of the image says."""
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/compression:gzip-multi", "app")
    manifest = json.loads(good("oci", "inspect", "--repo=r", "--manifest", "app"))
    registry.others["b"] = {d["digest"]: blob(f"{GOLDEN}/compression", d["digest"]) for d in manifest["layers"]}
    good("oci", "tag", "--repo=r", "app", f"{registry.host}/b:1")
    return manifest


@with_registry
def push_takes_layers_from_the_repository_of_a_tag(registry):
    manifest = with_other(registry)
    result = push(f"{registry.host}/a:1")
    expect(registry.mounts, [(d["digest"], "b") for d in manifest["layers"]])
    expect((result["bytes_sent"], result["layers_present"]), (0, 1))
    expect(result["manifest_digest"], loaded("oci", "inspect", "--repo=r", "app")["manifest_digest"])
    expect(json.loads(registry.manifests["1"][1]), manifest)
    registry.mounts.clear()
    push(f"{registry.host}/a:1")
    expect(registry.mounts, [])


@with_registry
def push_takes_no_layers_of_another_compression_or_registry(registry):
    with_other(registry)
    good("oci", "tag", "--repo=r", "app", "registry.example/c:1")
    push(f"{registry.host}/a:1", "--compression=zstd")
    expect(registry.mounts, [])
    good("oci", "rm", "--repo=r", f"{registry.host}/b:1")
    push(f"{registry.host}/a:2")
    expect(registry.mounts, [])


@with_registry
def push_takes_layers_from_the_repository_that_the_user_names(registry):
    manifest = with_other(registry)
    good("oci", "rm", "--repo=r", f"{registry.host}/b:1")
    push(f"{registry.host}/a:1", "--mount-from=b")
    expect(registry.mounts, [(d["digest"], "b") for d in manifest["layers"]])
    expect(json.loads(registry.manifests["1"][1]), manifest)
    refuse(f"{registry.host}/a:1", "--mount-from: expected the NAME", options=["--mount-from=b&c"])
    refuse("oci:out:t", "--mount-from: expected a registry", options=["--mount-from=b"])


@with_registry
def push_sends_layers_that_the_registry_does_not_take(registry):
    with_other(registry)
    registry.others = {}
    for number, registry.mount_status in enumerate((None, 403, 404, 400)):
        registry.changed.clear()
        expect(push(f"{registry.host}/a:{number}")["bytes_sent"] > 0, True)
    expect(len(registry.mounts), 4)
    expect([r[0] for r in registry.sent].count("DELETE"), 1)  # of the upload that the first answer began
    expect(len(registry.uploads), 8)


@with_registry
def push_asks_for_a_token_for_both_repositories(registry):
    with_other(registry)
    registry.auth, registry.scoped = "bearer", True
    push(f"{registry.host}/a:1")
    expect(len(registry.mounts), 1)
    expect([r[3] for r in registry.requests if r[0] == "/token"],
           ["service=s&scope=repository%3Aa%3Apull", "service=s&scope=repository%3Aa%3Apush%2Cpull&scope=repository%3Ab%3Apull"])


@with_registry
def push_without_access_to_the_other_repository_sends_layers(registry):
    with_other(registry)
    registry.auth, registry.scoped, registry.refused = "bearer", True, "repository%3Ab"
    expect(push(f"{registry.host}/a:1")["bytes_sent"] > 0, True)
    expect(registry.mounts, [])


# --- blobs that were kept ------------------------------------------------------------------


def keep(name, tag="latest", repo="r", image="kept"):
    """Pulls an image and keeps its blobs; the descriptors of its layers."""
    good("oci", "pull", f"--repo={repo}", "--keep-blobs", f"oci:{GOLDEN}/{name}:{tag}", image)
    return json.loads(good("oci", "inspect", f"--repo={repo}", "--manifest", image))["layers"]


def kept(repo="r"):
    return sorted(name[len("oci-blob-"):] for name in os.listdir(f"{repo}/streams") if name.startswith("oci-blob-"))


@with_registry
def push_sends_the_blobs_that_were_kept(registry):
    """Another program compressed them, so that compressing them again would give other bytes."""
    for number, tag in enumerate(("gzip-multi", "zstd-frames", "plain")):
        layers = keep("compression", tag)
        result = push(f"{registry.host}/a:{number}", image="kept")
        expect(result["manifest_digest"], loaded("oci", "inspect", "--repo=r", "kept")["manifest_digest"])
        expect([registry.changed[d["digest"]] == blob(f"{GOLDEN}/compression", d["digest"]) for d in layers], [True])
        expect(push(f"oci:out:{number}", image="kept")["manifest_digest"], result["manifest_digest"])
    expect(push("oci:out:x", "--compression=zstd", image="kept")["manifest_digest"] == result["manifest_digest"], False)


@test
def kept_blobs_stay_with_their_image():
    layers = keep("compression", "gzip-multi")
    expect(kept(), [d["digest"] for d in layers])
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/compression:gzip-multi", "kept")
    good("gc", "--repo=r")
    expect(kept(), [d["digest"] for d in layers])
    expect((run("fsck", "--repo=r")[0], run("oci", "fsck", "--repo=r")[0]), (0, 0))
    expect(loaded("oci", "pull", "--repo=r", "--keep-blobs", "--json", f"oci:{GOLDEN}/compression:gzip-multi", "kept")["bytes_read"], 0)
    good("oci", "rm", "--repo=r", "kept")
    good("gc", "--repo=r")
    expect(kept(), [])


@test
def blobs_of_layers_that_are_present_can_be_kept():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/compression:gzip-multi", "kept")
    before = loaded("oci", "inspect", "--repo=r", "kept")
    layers = keep("compression", "gzip-multi")
    expect(kept(), [d["digest"] for d in layers])
    expect(loaded("oci", "inspect", "--repo=r", "kept"), before)


def change_kept(digest):
    """Replaces the bytes of a blob that was kept. The path of its object."""
    right = blob(f"{GOLDEN}/compression", digest)
    for folder, _, names in os.walk("r/objects"):
        for path in (os.path.join(folder, name) for name in names):
            with open(path, "rb") as f:
                if f.read() == right:
                    os.chmod(path, 0o644)
                    write(path, "x" * len(right))
                    return path
    raise AssertionError(f"expected an object of {digest}, got none")


@test
def kept_blobs_that_were_changed_are_not_sent():
    digest = keep("compression", "gzip-multi")[0]["digest"]
    path = change_kept(digest)
    refuse("oci:out:t", f"stream oci-blob-{digest}: expected", image="kept")
    rc, out, err = run("oci", "fsck", "--repo=r")
    expect(rc, 3, err)
    has(out + err, f"blob {digest}")
    os.unlink(path)
    keep("compression", "gzip-multi")
    expect(push("oci:out:t", image="kept")["manifest_digest"], loaded("oci", "inspect", "--repo=r", "kept")["manifest_digest"])


@with_registry
def push_sends_credentials_to_no_other_host(registry):
    with Registry("empty") as other:
        registry.auth, registry.upload_url = "basic", other.url
        other.uploads.update({"0": bytearray(), "1": bytearray()})
        push(f"{registry.host}/a:1", "--creds=user:secret")
        expect([r[0] for r in other.sent], ["PATCH", "PUT"] * 2)
        expect({r[2] for r in other.sent}, {None})


@with_registry
def push_refuses_a_location_of_another_kind(registry):
    for url, part in (("ftp://host.example", "Location: expected a URL"), ("http://user:secret@host.example", "Location: expected a URL")):
        registry.upload_url = url
        refuse(f"{registry.host}/a:1", part)


def public_name():
    """A name of this machine that does not look like one, so that it is reached by https; None: there is none."""
    name = socket.gethostname().lower()
    try:
        socket.gethostbyname(name)
    except OSError:
        return None
    return None if name.split(".")[0] == "localhost" else name


@test
def push_by_https_goes_to_no_weaker_place():
    name = public_name()
    if not name:
        raise Skip("the name of this machine has no address")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", "both.pem", "-out", "cert.pem"], check=True, capture_output=True)
    with open("both.pem", "a", encoding="utf-8") as f, open("cert.pem", encoding="utf-8") as cert:
        f.write(cert.read())
    os.environ["CURL_CA_BUNDLE"] = os.path.abspath("cert.pem")
    os.makedirs("empty/blobs")
    write("empty/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
    with Registry("empty", name, "both.pem") as registry:
        for url, part in ((f"http://{registry.host}", "Location: expected https, got http"),
                          ("https://127.0.0.1:1", "Location: expected another machine, got this one (127.0.0.1)"),
                          ("https://localhost:1", "Location: expected another machine, got this one (localhost)")):
            registry.upload_url = url
            refuse(f"{registry.host}/a:1", part)
        registry.upload_url = registry.url
        push(f"{registry.host}/a:1")
        expect(sorted(registry.manifests), ["1"])
        with Registry("empty") as weaker:
            registry.faults = [redirect(weaker.url)]
            rc, _, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:1", "again")
            expect((rc, weaker.requests), (FAILED, []))
            has(err, 'Protocol "http" ')  # "not supported", "disabled"
        registry.faults = []
        registry.auth = "bearer"
        for realm in ("https://127.0.0.1:1/t", "https://localhost:1/t", "http://[::1]:1/t"):
            registry.challenge = f'Bearer realm="{realm}"'
            refuse(f"{registry.host}/a:2", "token server: expected another machine, got this one")


@test
def push_of_a_missing_image_leaves_no_destination():
    for to in ("oci:new:t", "oci-archive:new:t", "docker-archive:new"):
        refuse(to, "no such container image", image="missing")
        expect(os.path.exists("new"), False)


if __name__ == "__main__":
    sys.exit(main(TESTS))
