#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Signed container images: sealed, pushed, pulled and verified; every refusal has its own status.

    oci_seal_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

from repo import FAILED, OK, USAGE, expect, good, has, loaded, main, refused, run

GOLDEN = os.path.abspath(sys.argv[2])
UNSIGNED, MALFORMED, NO_KEY, BAD_SIGNATURE, REVOKED, OTHER_IMAGE, OTHER_ALGORITHM = 10, 11, 12, 13, 14, 15, 20
MERGED, CONFIG, MANIFEST = (f"composefs.{part}.fsverity-sha256-12" for part in ("merged.erofs.v1", "config", "manifest"))
TESTS = []


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make_key(name, *folders):
    openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
    for folder in folders:
        os.makedirs(folder, exist_ok=True)
        openssl("pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{folder}/{name}.pem")


def test(function):
    """Run it with a repository r that has the image basic as "app", a trusted key and one of a stranger."""
    def with_image():
        good("init", "--insecure", "--hash=sha256", "r")
        good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "app")
        make_key("vendor", "trust/keys.d")
        make_key("stranger")
        function()
    with_image.__name__ = function.__name__
    TESTS.append(with_image)


def seal(*options, key="vendor", name="app", repo="r"):
    return loaded("oci", "seal", f"--repo={repo}", "--json", f"--key={key}.pem", *options, name)


def verify(status, *parts, repo="r", name="app", options=("--trusted=trust/keys.d",)):
    rc, out, err = run("oci", "verify", f"--repo={repo}", *options, name)
    expect(rc, status, err)
    for part in parts:
        has(out if status == OK else err, part)


def inspect(kind, name="app", repo="r"):
    return json.loads(good("oci", "inspect", f"--repo={repo}", f"--{kind}", name))


def blob(layout, digest):
    with open(f"{layout}/blobs/{digest.replace(':', '/')}", "rb") as f:
        return f.read()


def put_blob(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as f:
        f.write(data)
    return "sha256:" + digest


def change_seal(change):
    """Pulls the sealed image into a new repository b, with another artifact: change gets its manifest."""
    shutil.rmtree("out", ignore_errors=True)
    shutil.rmtree("b", ignore_errors=True)
    good("oci", "push", "--repo=r", "app", "oci:out:t")
    with open("out/index.json", encoding="utf-8") as f:
        index = json.load(f)
    entry = next(e for e in index["manifests"] if "artifactType" in e)
    manifest = json.loads(blob("out", entry["digest"]))
    change(manifest)
    body = json.dumps(manifest).encode()
    entry.update({"digest": put_blob("out", body), "size": len(body)})
    with open("out/index.json", "w", encoding="utf-8") as f:
        json.dump(index, f)
    good("init", "--insecure", "--hash=sha256", "b")
    good("oci", "pull", "--repo=b", "oci:out:t", "app")


@test
def seal_is_verified_by_a_trusted_key():
    verify(UNSIGNED, "expected a signature, got none")
    result = seal()
    verify(OK, f"app: verified, {result['id']}", f"signed by {result['key']} (vendor.pem)")
    found = loaded("oci", "verify", "--repo=r", "--trusted=trust/keys.d", "--json", "app")
    expect(found, {"status": "verified", "name": "app", "id": result["id"], "manifest_digest": result["manifest_digest"],
                   "artifact_digest": result["artifact_digest"], "key": result["key"], "key_file": "vendor.pem"})
    expect(run("fsck", "--repo=r")[0], OK)
    expect(run("oci", "fsck", "--repo=r")[0], OK)


@test
def seal_goes_along_with_push_pull_copy_and_gc():
    result = seal()
    expect(loaded("oci", "push", "--repo=r", "--json", "app", "oci:out:t")["manifest_digest"], result["manifest_digest"])
    good("init", "--insecure", "--hash=sha256", "b")
    expect(loaded("oci", "pull", "--repo=b", "--json", "oci:out:t", "app")["referrers"], 1)
    verify(OK, "signed by", repo="b")
    good("gc", "--repo=b")
    verify(OK, "signed by", repo="b")
    good("init", "--insecure", "--hash=sha256", "c")
    expect(loaded("oci", "copy", "--repo=c", "--from=b", "--json", "app")["referrers"], 1)
    verify(OK, "signed by", repo="c")


@test
def seal_inline_goes_along_in_the_manifest():
    result = seal("--inline")
    verify(OK, f"signed by {result['key']} (vendor.pem), inline")
    expect("artifact_digest" in result, False)
    manifest = inspect("manifest")
    expect(manifest["annotations"][MERGED], result["id"].split(":")[1])
    expect(sorted(manifest["config"]["annotations"]), [CONFIG, CONFIG + ".sig.ed25519"])
    good("oci", "push", "--repo=r", "--compression=zstd", "app", "oci:out:t")
    good("init", "--insecure", "--hash=sha256", "b")
    good("oci", "pull", "--repo=b", "--seal=require-digest", "oci:out:t", "app")
    verify(OK, "inline", repo="b")


@test
def seal_has_the_form_of_the_specification():
    result = seal()
    good("oci", "push", "--repo=r", "app", "oci:out:t")
    artifact = json.loads(blob("out", result["artifact_digest"]))
    expect(artifact["artifactType"], "application/vnd.composefs.metadata.v1")
    expect(artifact["config"], {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"})
    expect(artifact["subject"]["digest"], result["manifest_digest"])
    expect([list(layer["annotations"]) for layer in artifact["layers"]], [[MANIFEST], [CONFIG], [MERGED]])
    merged = artifact["layers"][2]
    expect(merged["annotations"][MERGED], result["id"].split(":")[1])
    with open("message", "wb") as f:
        f.write(b"FSVerity\x01\0\x20\0" + bytes.fromhex(merged["annotations"][MERGED]))
    with open("signature", "wb") as f:
        f.write(blob("out", merged["digest"]))
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "trust/keys.d/vendor.pem", "-in", "message", "-sigfile", "signature")


@test
def seal_by_a_stranger_a_revoked_key_or_without_keys_is_refused():
    seal(key="stranger")
    verify(BAD_SIGNATURE, "no signature by a trusted key")
    os.makedirs("none/keys.d")
    verify(NO_KEY, "expected a trusted key", options=("--trusted=none/keys.d",))
    seal()
    verify(OK)
    os.makedirs("trust/revoked.d")
    shutil.copy("trust/keys.d/vendor.pem", "trust/revoked.d")
    make_key("other", "trust/keys.d")
    rc, out, _ = run("oci", "verify", "--repo=r", "--trusted=trust/keys.d", "--json", "app")
    expect((rc, json.loads(out)["status"]), (REVOKED, "revoked"))
    verify(REVOKED, "which is revoked")
    seal(key="other")
    verify(OK, "(other.pem)")


@test
def seal_of_another_image_manifest_or_configuration_is_refused():
    seal()
    for layer, part in enumerate(("manifest", "configuration", "image")):
        def change(manifest, layer=layer):
            key = list(manifest["layers"][layer]["annotations"])[0]
            manifest["layers"][layer]["annotations"][key] = 64 * "1"
        change_seal(change)
        verify(OTHER_IMAGE, f"{part}: signed is another one", repo="b")


@test
def seal_without_a_required_signature_is_refused():
    seal()
    for layer, part in enumerate(("manifest", "configuration", "image")):
        change_seal(lambda manifest, layer=layer: manifest["layers"].pop(layer))
        verify(UNSIGNED, f"{part}: expected a signature, got none", repo="b")


@test
def seal_with_signatures_exchanged_is_refused():
    seal()

    def exchange(manifest):
        a, b = manifest["layers"][1:3]
        a["digest"], b["digest"] = b["digest"], a["digest"]
    change_seal(exchange)
    verify(BAD_SIGNATURE, "no signature by a trusted key", repo="b")


@test
def seal_that_is_malformed_or_of_another_kind_is_refused():
    seal()

    def duplicate(manifest):
        manifest["layers"].append(manifest["layers"][2])
    change_seal(duplicate)
    verify(MALFORMED, "several signatures of the image", repo="b")

    def other_digest(manifest):
        manifest["layers"][2]["annotations"][MERGED] = "12"
    change_seal(other_digest)
    verify(MALFORMED, "hex digits", repo="b")

    def other_type(manifest):
        manifest["layers"][2]["mediaType"] = "text/plain"
    change_seal(other_type)
    verify(MALFORMED, "not the type of a signature", repo="b")

    def pkcs7(manifest):
        for layer in manifest["layers"]:
            data = b"\x30\x82\x01\x00" + 256 * b"x"
            layer.update({"mediaType": "application/vnd.composefs.signature.v1+pkcs7", "digest": put_blob("out", data), "size": len(data)})
    change_seal(pkcs7)
    verify(OTHER_ALGORITHM, "got one of another kind", repo="b")


@test
def seal_inline_of_another_image_is_refused():
    seal("--inline")
    good("oci", "push", "--repo=r", "app", "oci:out:t")
    with open("out/index.json", encoding="utf-8") as f:
        index = json.load(f)
    entry = index["manifests"][0]
    manifest = json.loads(blob("out", entry["digest"]))
    for change, status in (({MERGED: 64 * "1"}, OTHER_IMAGE), ({MERGED + ".sig.ed25519": "%%"}, MALFORMED),
                           ({MERGED + ".sig.ed25519": base64.b64encode(bytes(64)).decode()}, BAD_SIGNATURE)):
        shutil.rmtree("b", ignore_errors=True)
        changed = json.dumps({**manifest, "annotations": {**manifest["annotations"], **change}}).encode()
        entry.update({"digest": put_blob("out", changed), "size": len(changed)})
        with open("out/index.json", "w", encoding="utf-8") as f:
            json.dump(index, f)
        good("init", "--insecure", "--hash=sha256", "b")
        good("oci", "pull", "--repo=b", "--seal=ignore", "oci:out:t", "app")
        verify(status, repo="b")


@test
def seal_by_a_command_and_wrong_usage():
    good("oci", "seal", "--repo=r", "--public=trust/keys.d/vendor.pem",
         "--sign-command=cat > m && openssl pkeyutl -sign -rawin -inkey vendor.pem -in m", "app")
    verify(OK, "(vendor.pem)")
    for options in ([], ["--key=vendor.pem", "--sign-command=x"], ["--sign-command=x"], ["--key=vendor.pem", "--inline", "--compression=zstd"]):
        expect(run("oci", "seal", "--repo=r", *options, "app")[0], USAGE)
    rc, _, err = run("oci", "seal", "--repo=r", "--key=vendor.pem", "other")
    expect(rc, FAILED)
    has(err, "no such container image")
    expect(run("oci", "verify", "--repo=r", "other")[0], FAILED)


@test
def seal_of_an_image_whose_bytes_are_others_is_refused():
    image = seal()["id"].split(":")[1]
    path = f"r/objects/{image[:2]}/{image[2:]}"
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(2000)
        f.write(b"xxxx")
    verify(OTHER_IMAGE, "digest")


@test
def push_warns_that_signatures_do_not_fit_another_compression():
    seal()
    rc, _, err = run("oci", "push", "--repo=r", "--compression=zstd", "app", "oci:out:t")
    expect(rc, OK)
    has(err, "are not sent: sign it again")
    seal("--compression=zstd")
    expect(loaded("oci", "push", "--repo=r", "--compression=zstd", "--json", "app", "oci:out:z")["referrers"], 1)


@test
def seal_of_an_index_needs_the_digest_of_one_image():
    """The tag would be that of the sealed image."""
    good("oci", "pull", "--repo=r", "--all-platforms", "--keep-blobs", f"oci:{GOLDEN}/index:latest", "i")
    tag = os.readlink("r/streams/refs/oci/i")
    for options in ((), ("--inline",)):
        has(refused("oci", "seal", "--repo=r", "--key=vendor.pem", *options, "i"), "got the index of several platforms")
    seal(name="@" + loaded("oci", "inspect", "--repo=r", "--platform=linux/arm64", "i")["manifest_digest"])
    expect(os.readlink("r/streams/refs/oci/i"), tag)
    expect(loaded("oci", "push", "--repo=r", "--all-platforms", "--json", "i", "oci:out:t")["referrers"], 1)


if __name__ == "__main__":
    sys.exit(main(TESTS))
