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
COMPOSEFS = os.path.abspath(sys.argv[1])
HAS_PKCS7 = os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-pkcs7"))
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


def pkcs7_test(function):
    """As above, with certificates of an RSA key: vendor, which is trusted, and stranger."""
    def with_certificates():
        make_certificate("vendor")
        make_certificate("stranger")
        shutil.copy("vendor.crt", "trust/keys.d")
        os.remove("trust/keys.d/vendor.pem")
        function()
    with_certificates.__name__ = function.__name__
    if HAS_PKCS7:
        test(with_certificates)


def make_certificate(name, *options):
    openssl("req", "-x509", "-newkey", *(options or ("rsa:2048",)), "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-subj", f"/CN={name}")


def seal_pkcs7(*options, signer="vendor", repo="r"):
    return loaded("oci", "seal", f"--repo={repo}", "--json", f"--key={signer}.key", f"--cert={signer}.crt", *options, "app")


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
    verify(MALFORMED, "expected one signature of the image, got several", repo="b")

    def other_digest(manifest):
        manifest["layers"][2]["annotations"][MERGED] = "12"
    change_seal(other_digest)
    verify(MALFORMED, "hex digits", repo="b")

    def other_type(manifest):
        manifest["layers"][2]["mediaType"] = "text/plain"
    change_seal(other_type)
    verify(MALFORMED, "expected the type of a signature, got", repo="b")

    def pkcs7(manifest):
        for layer in manifest["layers"]:
            data = b"\x30\x82\x01\x00" + 256 * b"x"
            layer.update({"mediaType": "application/vnd.composefs.signature.v1+pkcs7", "digest": put_blob("out", data), "size": len(data)})
    change_seal(pkcs7)
    verify(MALFORMED if HAS_PKCS7 else OTHER_ALGORITHM, "PKCS#7: expected one signature in DER" if HAS_PKCS7 else "is not installed",
           repo="b")


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


@pkcs7_test
def seal_by_pkcs7_is_verified_by_a_trusted_certificate():
    result = seal_pkcs7()
    verify(OK, f"app: verified, {result['id']}", f"signed by {result['key']} (vendor.crt)")
    der = subprocess.run("openssl x509 -in vendor.crt -noout -pubkey | openssl pkey -pubin -outform der", shell=True,
                         check=True, capture_output=True).stdout
    expect(result["key"], hashlib.sha256(der).hexdigest())
    found = loaded("oci", "verify", "--repo=r", "--trusted=trust/keys.d", "--json", "app")
    expect((found["key"], found["key_file"], found["artifact_digest"]), (result["key"], "vendor.crt", result["artifact_digest"]))
    openssl("x509", "-in", "vendor.crt", "-outform", "der", "-out", "trust/keys.d/vendor.der")
    os.remove("trust/keys.d/vendor.crt")
    verify(OK, "(vendor.der)")
    good("oci", "push", "--repo=r", "app", "oci:out:t")
    good("init", "--insecure", "--hash=sha256", "b")
    good("oci", "pull", "--repo=b", "oci:out:t", "app")
    verify(OK, "(vendor.der)", repo="b")


@pkcs7_test
def seal_by_pkcs7_has_the_form_of_the_specification():
    result = seal_pkcs7()
    good("oci", "push", "--repo=r", "app", "oci:out:t")
    layers = json.loads(blob("out", result["artifact_digest"]))["layers"]
    expect({layer["mediaType"] for layer in layers}, {"application/vnd.composefs.signature.v1+pkcs7"})
    expect([list(layer["annotations"]) for layer in layers], [[MANIFEST], [CONFIG], [MERGED]])
    for layer in layers:
        (digest,) = layer["annotations"].values()
        with open("message", "wb") as f:
            f.write(b"FSVerity\x01\0\x20\0" + bytes.fromhex(digest))
        with open("signature", "wb") as f:
            f.write(blob("out", layer["digest"]))
        openssl("cms", "-verify", "-binary", "-inform", "der", "-in", "signature", "-content", "message", "-certfile", "vendor.crt",
                "-CAfile", "vendor.crt", "-purpose", "any", "-out", "/dev/null")


@pkcs7_test
def seal_by_pkcs7_inline_stands_beside_one_of_ed25519():
    result = seal_pkcs7("--inline")
    verify(OK, "(vendor.crt), inline")
    expect(sorted(inspect("manifest")["config"]["annotations"]), [CONFIG, CONFIG + ".sig"])
    seal("--inline")
    verify(OK, f"signed by {result['key']} (vendor.crt), inline")
    make_key("vendor", "trust/keys.d")
    os.remove("trust/keys.d/vendor.crt")
    verify(NO_KEY, "configuration: PKCS#7: expected a trusted certificate")
    seal("--inline")
    verify(OK, "(vendor.pem), inline")


@pkcs7_test
def seal_by_pkcs7_with_ecdsa_and_sha512():
    make_certificate("curve", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    shutil.copy("curve.crt", "trust/keys.d")
    seal_pkcs7(signer="curve")
    verify(OK, "(curve.crt)")
    good("init", "--insecure", "b")
    good("oci", "pull", "--repo=b", f"oci:{GOLDEN}/basic:latest", "app")
    seal_pkcs7(repo="b", signer="curve")
    verify(OK, "(curve.crt)", repo="b")


@pkcs7_test
def seal_by_pkcs7_of_a_stranger_or_a_revoked_key_is_refused():
    seal_pkcs7(signer="stranger")
    verify(BAD_SIGNATURE, "PKCS#7: no signature by a trusted key")
    os.makedirs("none/keys.d")
    verify(NO_KEY, "expected a trusted certificate", options=("--trusted=none/keys.d",))
    seal_pkcs7()
    verify(OK)
    openssl("req", "-x509", "-key", "vendor.key", "-out", "again.crt", "-subj", "/CN=another name")
    os.makedirs("trust/revoked.d")
    shutil.copy("again.crt", "trust/revoked.d")
    verify(REVOKED, "signed by a key that is revoked")
    seal_pkcs7("--inline", signer="stranger")
    verify(NO_KEY, "expected a trusted certificate that is not revoked")
    shutil.copy("stranger.crt", "trust/keys.d")
    verify(OK, "(stranger.crt)")


@pkcs7_test
def seal_by_pkcs7_of_another_image_is_refused():
    seal_pkcs7()

    def exchange(manifest):
        a, b = manifest["layers"][1:3]
        a["digest"], b["digest"], a["size"], b["size"] = b["digest"], a["digest"], b["size"], a["size"]
    change_seal(exchange)
    verify(BAD_SIGNATURE, "no signature by a trusted key", repo="b")

    def announce(manifest):
        manifest["layers"][2]["annotations"][MERGED] = 64 * "1"
    change_seal(announce)
    verify(OTHER_IMAGE, "image: signed is another one", repo="b")


def change_signatures(make):
    """Replaces each signature by what make(path of the message) returns."""
    def change(manifest):
        for layer in manifest["layers"]:
            (digest,) = layer["annotations"].values()
            with open("message", "wb") as f:
                f.write(b"FSVerity\x01\0\x20\0" + bytes.fromhex(digest))
            data = make("message")
            layer.update({"digest": put_blob("out", data), "size": len(data)})
    change_seal(change)


def make_pkcs7(*options, signer="vendor"):
    def make(message):
        openssl("smime", "-sign", "-binary", "-outform", "der", "-in", message, "-signer", f"{signer}.crt", "-inkey",
                f"{signer}.key", "-out", "signature", *options)
        with open("signature", "rb") as f:
            return f.read()
    return make


@pkcs7_test
def seal_by_pkcs7_in_another_form_is_refused():
    seal_pkcs7()
    plain = make_pkcs7("-noattr", "-nocerts")
    change_signatures(plain)
    verify(OK, "(vendor.crt)", repo="b")
    change_signatures(make_pkcs7("-noattr"))
    verify(OK, "(vendor.crt)", repo="b")
    for make, status, message in (
            (make_pkcs7("-nocerts"), MALFORMED, "expected no signed attributes"),
            (make_pkcs7("-noattr", "-nocerts", "-nodetach"), MALFORMED, "expected a detached signature"),
            (make_pkcs7("-noattr", "-nocerts", "-md", "sha1"), BAD_SIGNATURE, "no signature by a trusted key"),
            (lambda message: plain(message) + b"x", MALFORMED, "expected one signature in DER"),
            (lambda message: plain(message)[:-1], MALFORMED, "expected one signature in DER"),
            (lambda message: make_certificate_der(), MALFORMED, "expected one signature in DER"),
            (lambda message: envelope(message), MALFORMED, "expected signed data"),
            (lambda message: plain(message)[:-1] + bytes([plain(message)[-1] ^ 1]), BAD_SIGNATURE, "no signature by a trusted key")):
        change_signatures(make)
        verify(status, message, repo="b")


@pkcs7_test
def seal_by_pkcs7_of_a_kind_of_key_that_the_kernel_does_not_know_is_refused():
    openssl("dsaparam", "-out", "parameters", "1024")
    make_certificate("dsa", "dsa:parameters")
    shutil.copy("dsa.crt", "trust/keys.d")
    seal_pkcs7()
    change_signatures(make_pkcs7("-noattr", "-nocerts", signer="dsa"))
    verify(BAD_SIGNATURE, "no signature by a trusted key (certificates: 2)", repo="b")


def make_certificate_der():
    openssl("x509", "-in", "vendor.crt", "-outform", "der", "-out", "der")
    with open("der", "rb") as f:
        return f.read()


def envelope(message):
    openssl("smime", "-encrypt", "-aes256", "-binary", "-outform", "der", "-in", message, "-out", "envelope", "vendor.crt")
    with open("envelope", "rb") as f:
        return f.read()


@pkcs7_test
def seal_by_pkcs7_names_a_file_that_is_not_one_certificate():
    seal_pkcs7()
    with open("vendor.crt", encoding="utf-8") as f, open("stranger.crt", encoding="utf-8") as g:
        both = f.read() + g.read()
    for text in (both, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with open("trust/keys.d/two.crt", "w", encoding="utf-8") as f:
            f.write(text)
        verify(MALFORMED, "two.crt: expected one certificate, PEM or DER")
    with open("trust/keys.d/two.crt", "wb") as f:
        f.write(make_certificate_der() + b"x")
    verify(MALFORMED, "two.crt: expected one certificate, PEM or DER")


@pkcs7_test
def seal_by_pkcs7_needs_its_helper_and_others_do_not():
    """A seal that cannot be verified does not affect another one."""
    seal_pkcs7()
    os.makedirs("bin")
    shutil.copy(COMPOSEFS, "bin/composefs")

    def verify_alone():
        done = subprocess.run(["bin/composefs", "oci", "verify", "--repo=r", "--trusted=trust/keys.d", "app"], check=False,
                              capture_output=True, text=True, env={**os.environ, "PATH": "/usr/bin:/bin"})
        return done.returncode, done.stdout + done.stderr
    rc, text = verify_alone()
    expect(rc, OTHER_ALGORITHM)
    has(text, "composefs-pkcs7 is not installed")
    make_key("vendor", "trust/keys.d")
    seal()
    rc, text = verify_alone()
    expect(rc, OK, text)


@pkcs7_test
def seal_by_pkcs7_with_wrong_usage_or_keys():
    for options in (["--key=vendor.key", "--cert=vendor.crt", "--sign-command=x"], ["--cert=vendor.crt"],
                    ["--sign-command=x", "--public=y", "--cert=vendor.crt"]):
        expect(run("oci", "seal", "--repo=r", *options, "app")[0], USAGE)
    rc, _, err = run("oci", "seal", "--repo=r", "--key=vendor.key", "--cert=stranger.crt", "app")
    expect(rc, FAILED)
    has(err, "stranger.crt: not the certificate of vendor.key")
    rc, _, err = run("oci", "seal", "--repo=r", "--key=vendor.pem", "--cert=vendor.crt", "app")
    expect(rc, FAILED)
    has(err, "expected an RSA or ECDSA key")


if __name__ == "__main__":
    sys.exit(main(TESTS))
