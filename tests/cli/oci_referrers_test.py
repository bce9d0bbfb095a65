#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Artifacts that refer to container images: pulled and pushed with them, with the API of registries and without.

    oci_referrers_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import hashlib
import json
import os
import sys

from registry import Registry
from repo import FAILED, OK, expect, good, has, loaded, main, run, snapshot, write

GOLDEN = os.path.abspath(sys.argv[2])
MANIFEST, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + hashlib.sha256(b"{}").hexdigest(), "size": 2}
SEAL = "application/vnd.composefs.metadata.v1"
TESTS = []


def test(function):
    """Run it with a repository r, without credentials of the user, and with a registry that has the image basic."""
    def with_registry():
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
            os.environ[name] = os.path.abspath("home")
        good("init", "--insecure", "--hash=sha256", "r")
        os.makedirs("empty/blobs")
        write("empty/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
        good("init", "--insecure", "--hash=sha256", "first")
        good("oci", "pull", "--repo=first", f"oci:{GOLDEN}/basic:latest", "app")
        with Registry("empty") as registry:
            good("oci", "push", "--repo=first", "app", f"{registry.host}/a:1")
            registry.sent.clear()
            function(registry)
    with_registry.__name__ = function.__name__
    TESTS.append(with_registry)


def subject(registry):
    body = registry.manifests["1"][1]
    return {"mediaType": MANIFEST, "digest": registry.digest_of(body), "size": len(body)}


def add(registry, content, kind="text/sbom", of=None, listed=True, put=True):
    """An artifact of the image: its descriptor. listed: in the index with the fallback tag."""
    blob = content.encode()
    registry.changed[EMPTY["digest"]] = b"{}"
    registry.changed[registry.digest_of(blob)] = blob
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": EMPTY,
                       "layers": [{"mediaType": "text/plain", "digest": registry.digest_of(blob), "size": len(blob)}],
                       "subject": of or subject(registry)}).encode()
    digest = registry.digest_of(body)
    if put:
        registry.put(digest, body)
    found = {"mediaType": MANIFEST, "digest": digest, "size": len(body), "artifactType": kind}
    if listed:
        tag = subject(registry)["digest"].replace(":", "-")
        old = json.loads(registry.manifests[tag][1])["manifests"] if tag in registry.manifests else []
        registry.put(tag, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": old + [found]}).encode(), INDEX)
    return found


def stored(repo="r"):
    top = f"{repo}/streams/refs/oci-referrers"
    return sorted(f"{s}/{a}" for s in os.listdir(top) for a in os.listdir(f"{top}/{s}")) if os.path.isdir(top) else []


def refs(registry, *found):
    return sorted(f"{subject(registry)['digest']}/{d['digest']}" for d in found)


def pull(registry, *options):
    return loaded("oci", "pull", "--repo=r", "--json", *options, f"{registry.host}/a:1", "x")


def refuse(registry, *parts):
    rc, out, err = run("oci", "pull", "--repo=r", "--referrers", f"{registry.host}/a:1", "x")
    expect((rc, out), (FAILED, ""))
    for part in parts:
        has(err, part)


# --- pulling -------------------------------------------------------------------------------


@test
def referrers_are_listed_by_the_registry(registry):
    registry.has_referrers = True
    found = [add(registry, str(n), listed=False) for n in range(3)]
    expect(pull(registry, "--referrers")["referrers"], 3)
    expect(stored(), refs(registry, *found))
    expect(run("oci", "fsck", "--repo=r")[0], OK)
    expect(run("fsck", "--repo=r")[0], OK)


@test
def referrers_are_listed_by_a_tag_without_the_api(registry):
    found = [add(registry, str(n)) for n in range(3)]
    expect(pull(registry, "--referrers")["referrers"], 3)
    expect(stored(), refs(registry, *found))


@test
def referrers_may_be_absent(registry):
    expect(pull(registry, "--referrers")["referrers"], 0)
    registry.has_referrers = True
    expect(pull(registry, "--referrers")["referrers"], 0)


@test
def referrers_are_filtered_by_type_wherever_the_registry_does_not(registry):
    registry.has_referrers = True
    add(registry, "sbom", listed=False)
    seal = add(registry, "seal", kind=SEAL, listed=False)
    for registry.filters in (True, False):
        expect(pull(registry)["referrers"], 1)
        expect(stored(), refs(registry, seal))
    expect([r[3] for r in registry.requests if "/referrers/" in r[0]], ["artifactType=application%2Fvnd.composefs.metadata.v1"] * 2)
    registry.has_referrers = False
    add(registry, "seal", kind=SEAL)
    add(registry, "sbom")
    expect(pull(registry)["referrers"], 1)


@test
def referrers_on_pages_are_all_read(registry):
    registry.has_referrers, registry.page_size = True, 2
    found = [add(registry, str(n), listed=False) for n in range(5)]
    for registry.link in ('<{path}>; rel="next"', "<{path}>;rel=next", '</other>; rel="prev", <{path}>; title="a,b"; rel="last next"'):
        registry.requests.clear()
        expect(pull(registry, "--referrers")["referrers"], 5)
        expect(len([r for r in registry.requests if "/referrers/" in r[0]]), 3)
    registry.link = f'<{registry.url}{{path}}>; rel="next"'
    expect(pull(registry, "--referrers")["referrers"], 5)
    expect(stored(), refs(registry, *found))


@test
def referrers_on_pages_without_end_are_refused(registry):
    registry.has_referrers = True

    def same_page(handler, path):
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
        handler.answer(200, body, Content_Type=INDEX, Link=f'<{path.path}?last=1>; rel="next"')
    registry.referrer_faults = [same_page] * 1000
    refuse(registry, "at most 128 pages")
    expect(len(registry.referrer_faults), 1000 - 128)


@test
def referrers_of_another_host_are_not_asked_for(registry):
    registry.has_referrers, registry.page_size, registry.auth = True, 1, "basic"
    for n in range(2):
        add(registry, str(n), listed=False)
    with Registry("empty") as other:
        registry.link = f'<{other.url}{{path}}>; rel="next"'
        rc, _, err = run("oci", "pull", "--repo=r", "--referrers", "--creds=user:secret", f"{registry.host}/a:1", "x")
        expect(rc, FAILED)
        has(err, "expected the next page on the same host")
        expect(other.requests, [])


@test
def referrers_link_that_is_malformed_is_refused(registry):
    registry.has_referrers, registry.page_size = True, 1
    for n in range(2):
        add(registry, str(n), listed=False)
    for registry.link, part in (("{path}", "Link: malformed"), ("<{path}", "Link: malformed"), ('<ftp://h{path}>; rel="next"', "expected a URL"),
                                (f'<{{path}}&{3000 * "x"}>; rel="next"', "Link: malformed")):
        refuse(registry, part)


@test
def referrers_list_of_another_kind_is_refused(registry):
    registry.has_referrers = True
    for body, kind in ((b"<html>", "text/html"), (b"{}", INDEX), (json.dumps({"schemaVersion": 2, "manifests": []}).encode(), "text/html"),
                       (b" " * (5 << 20), INDEX)):
        registry.referrer_faults = [lambda handler, _, body=body, kind=kind: handler.answer(200, body, Content_Type=kind)]
        refuse(registry, "")
    expect(loaded("oci", "images", "--json", "--repo=r")["images"][0]["name"], "x")


@test
def referrers_failure_is_a_warning_unless_they_were_asked_for(registry):
    registry.has_referrers = True
    registry.referrer_faults = [lambda handler, _: handler.error(403, "DENIED")] * 2
    rc, _, err = run("oci", "pull", "--repo=r", f"{registry.host}/a:1", "x")
    expect(rc, OK)
    has(err, "signatures of the image: the registry answers with status 403: DENIED")
    refuse(registry, "status 403: DENIED")


@test
def referrers_of_another_subject_are_left_out(registry):
    other = {**subject(registry), "digest": "sha256:" + 64 * "1"}
    add(registry, "x", of=other)
    rc, _, err = run("oci", "pull", "--repo=r", "--referrers", f"{registry.host}/a:1", "x")
    expect(rc, OK)
    has(err, "is left out: its subject is not the image")
    expect(stored(), [])


@test
def referrers_with_other_bytes_are_refused(registry):
    found = add(registry, "x")
    blob = registry.digest_of(b"x")
    registry.changed[blob] = b"y"
    refuse(registry, f"referrer {found['digest']}: {blob}: digest mismatch")
    registry.changed[blob] = b"xx"
    refuse(registry, "expected 1 bytes, got more")
    registry.changed[blob] = b"x"
    registry.manifests[found["digest"]] = (MANIFEST, registry.manifests[found["digest"]][1] + b" ")
    refuse(registry, f"referrer {found['digest']}: digest mismatch")
    expect(stored(), [])


@test
def referrers_that_are_images_are_left_out(registry):
    body = json.dumps({**json.loads(registry.manifests["1"][1]), "subject": subject(registry)}).encode()
    registry.has_referrers = True
    registry.put(registry.digest_of(body), body)
    rc, _, err = run("oci", "pull", "--repo=r", "--referrers", f"{registry.host}/a:1", "x")
    expect(rc, OK)
    has(err, "is left out: it is the image of a container")
    expect(stored(), [])


# --- pushing -------------------------------------------------------------------------------


def with_artifacts(registry, n=2):
    """The descriptors of n artifacts in the repository r, which the registry does not have any more."""
    found = [add(registry, str(k)) for k in range(n)]
    pull(registry, "--referrers")
    for name in [d["digest"] for d in found] + [subject(registry)["digest"].replace(":", "-")]:
        del registry.manifests[name]
    registry.changed.clear()
    return found


def push(to, *options):
    return loaded("oci", "push", "--repo=r", "--json", "--referrers", *options, "x", to)


def listed(registry):
    tag = subject(registry)["digest"].replace(":", "-")
    return json.loads(registry.manifests[tag][1])["manifests"]


@test
def push_of_the_same_blobs_keeps_the_manifest(registry):
    before = subject(registry)["digest"]
    pull(registry)
    expect(push(f"{registry.host}/a:1")["manifest_digest"], before)


@test
def push_lists_referrers_in_a_tag_without_the_api(registry):
    found = with_artifacts(registry)
    expect(push(f"{registry.host}/a:1")["referrers"], 2)
    expect(sorted(d["digest"] for d in listed(registry)), sorted(d["digest"] for d in found))
    expect({d["artifactType"] for d in listed(registry)}, {"text/sbom"})
    registry.sent.clear()
    push(f"{registry.host}/a:1")
    expect([r[1] for r in registry.sent if r[0] == "PUT" and "/sha256-" in r[1]], [])
    good("init", "--insecure", "--hash=sha256", "back")
    expect(loaded("oci", "pull", "--repo=back", "--json", "--referrers", f"{registry.host}/a:1", "x")["referrers"], 2)
    expect(stored("back"), stored("r"))


@test
def push_keeps_what_others_list_in_the_tag(registry):
    with_artifacts(registry, 1)
    other = add(registry, "other")
    push(f"{registry.host}/a:1")
    expect(len(listed(registry)), 2)
    expect(listed(registry)[0], other)


@test
def push_lists_its_referrer_again_when_another_client_replaced_the_list(registry):
    with_artifacts(registry, 1)
    put, lost = registry.put, []

    def lose_once(reference, body, kind=MANIFEST, name="a"):
        if kind == INDEX and not lost:
            lost.append(reference)
            put(reference, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode(), kind, name)
            return registry.digest_of(body)
        return put(reference, body, kind, name)
    registry.put = lose_once
    push(f"{registry.host}/a:1")
    expect((len(lost), len(listed(registry))), (1, 1))


@test
def push_leaves_the_list_to_a_registry_with_the_api(registry):
    found = with_artifacts(registry)
    registry.has_referrers = True
    push(f"{registry.host}/a:1")
    expect([name for name in registry.manifests if name.startswith("sha256-")], [])
    expect(sorted(d["digest"] for d in registry.referrers(subject(registry)["digest"])), sorted(d["digest"] for d in found))


@test
def push_of_referrers_to_a_layout_and_back(registry):
    with_artifacts(registry)
    expect(push("oci:out:t")["referrers"], 2)
    good("init", "--insecure", "--hash=sha256", "back")
    expect(loaded("oci", "pull", "--repo=back", "--json", "--referrers", "oci:out:t", "x")["referrers"], 2)
    expect(stored("back"), stored("r"))


@test
def push_of_referrers_of_a_manifest_that_changes_is_refused(registry):
    with_artifacts(registry)
    rc, _, err = run("oci", "push", "--repo=r", "--referrers", "--compression=zstd", "x", f"{registry.host}/a:2")
    expect(rc, FAILED)
    has(err, "2 referrers are about the manifest before its layers were compressed again")
    expect(sorted(registry.manifests), ["1", "2"])


@test
def export_refuses_referrers_where_they_cannot_be_stored(registry):
    with_artifacts(registry, 1)
    rc, _, err = run("oci", "export", "--repo=r", "--referrers", "x", "docker-archive:x.tar")
    expect(rc, FAILED)
    has(err, "referrers cannot be stored there")
    expect(os.path.exists("x.tar"), False)
    good("oci", "export", "--repo=r", "x", "docker-archive:x.tar")
    expect(loaded("oci", "export", "--repo=r", "--json", "--referrers", "x", "oci:out:t")["referrers"], 1)


@test
def copy_takes_referrers_along(registry):
    with_artifacts(registry)
    good("init", "--insecure", "--hash=sha512", "back")
    expect(loaded("oci", "copy", "--repo=back", "--from=r", "--json", "--referrers", "x")["referrers"], 2)
    expect(stored("back"), stored("r"))
    expect(run("fsck", "--repo=back")[0], OK)


# --- garbage collection --------------------------------------------------------------------


def chain_of_artifacts(registry):
    """Pull five artifacts, each the subject of the next, so that their references are listed against this order."""
    found = sorted((add(registry, str(n))["digest"] for n in range(5)), reverse=True)
    pull(registry, "--referrers")
    top = "r/streams/refs/oci-referrers"
    for of, digest in zip(found, found[1:]):
        os.mkdir(f"{top}/{of}")
        os.rename(f"{top}/{subject(registry)['digest']}/{digest}", f"{top}/{of}/{digest}")


@test
def gc_removes_referrers_with_their_subject(registry):
    chain_of_artifacts(registry)
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/xattrs:latest", "other")
    before = snapshot("r/streams")
    expect(loaded("gc", "--repo=r", "--json")["names_removed"], 0)
    expect(snapshot("r/streams"), before)
    good("oci", "rm", "--repo=r", "x")
    good("gc", "--repo=r", "--grace=1h")
    expect(len(stored()), 5)
    planned, done = loaded("gc", "--repo=r", "--json", "--dry-run"), loaded("gc", "--repo=r", "--json")
    expect({**planned, "dry_run": False}, done)
    expect((done["names_removed"], done["streams_removed"] > 5, stored()), (5, True, []))
    left = loaded("oci", "images", "--repo=r", "--json")["images"]
    expect([image["name"] for image in left], ["other"])
    expect([name for name in os.listdir("r/streams") if name.startswith("oci-manifest")],
           ["oci-manifest-" + left[0]["manifest_digest"]])
    expect(run("fsck", "--repo=r")[0], OK)
    expect(loaded("gc", "--repo=r", "--json")["objects_removed"], 0)


@test
def gc_of_a_manifest_without_its_subject_says_why(registry):
    """composefs-rs removes a manifest and leaves its referrers."""
    add(registry, "1")
    pull(registry, "--referrers")
    good("oci", "rm", "--repo=r", "x")
    os.unlink(f"r/streams/oci-manifest-{subject(registry)['digest']}")
    rc, _, err = run("gc", "--repo=r", "--dry-run")
    expect((rc, len(stored())), (OK, 1))
    has(err, f"name would be removed: oci-referrers/{subject(registry)['digest']}/")
    has(err, "no image has this subject")
    good("gc", "--repo=r")
    expect(stored(), [])


# --- artifacts by their own name -----------------------------------------------------------


def pull_named(registry, found, tag="sbom", repo="r"):
    return loaded("oci", "pull", f"--repo={repo}", "--json", f"{registry.host}/a@{found['digest']}", tag)


@test
def artifact_is_pulled_by_its_own_name_and_kept_by_its_tag(registry):
    found = add(registry, "one")
    result = pull_named(registry, found)
    expect((result["id"], result["manifest_digest"], result["layers"]), (None, found["digest"], 1))
    expect(good("oci", "pull", "--repo=r", f"{registry.host}/a@{found['digest']}", "sbom"), found["digest"] + "\n")
    expect([i["manifest_digest"] for i in loaded("oci", "images", "--json", "--repo=r")["images"]], [found["digest"]])
    good("gc", "--repo=r")
    expect((run("fsck", "--repo=r")[0], run("oci", "fsck", "--repo=r")[1]), (0, "sbom: ok\n"))
    has(run("oci", "mount", "--repo=r", "sbom", "/mnt")[2], "an artifact, of which there is no image")
    good("oci", "rm", "--repo=r", "sbom")
    good("gc", "--repo=r")
    expect(sorted(n for n in os.listdir("r/streams") if n != "refs"), [])


@test
def artifact_is_pushed_and_copied_by_its_own_name(registry):
    found = add(registry, "one")
    pull_named(registry, found)
    body = registry.manifests[found["digest"]][1]
    registry.manifests.clear()
    registry.changed.clear()
    expect(good("oci", "push", "--repo=r", "sbom", f"{registry.host}/a:sbom"), found["digest"] + "\n")
    expect(registry.manifests["sbom"], (MANIFEST, body))
    good("init", "--insecure", "--hash=sha512", "to")
    expect(good("oci", "copy", "--repo=to", "--from=r", "sbom"), found["digest"] + "\n")
    expect(good("oci", "push", "--repo=to", "sbom", "oci:out:t"), found["digest"] + "\n")
    expect(good("oci", "pull", "--repo=to", "oci:out:t", "again"), found["digest"] + "\n")
    has(run("oci", "push", "--repo=r", "sbom", "docker-archive:out.tar")[2], "expected the image of a container, got an artifact")


@test
def artifact_whose_blob_is_the_layer_of_an_image_is_refused(registry):
    """Both would have the name oci-layer-DIGEST, one as a blob and one as an archive that was split."""
    good("oci", "pull", "--repo=r", f"{registry.host}/a:1", "app")
    diff_id = loaded("oci", "inspect", "--repo=r", "app")["layers"][0]["diff_id"]
    tar = good("oci", "layer", "--repo=r", diff_id)
    found = add(registry, tar)
    expect(registry.digest_of(tar.encode()), diff_id, "the layer is text")
    has(run("oci", "pull", "--repo=r", f"{registry.host}/a@{found['digest']}", "sbom")[2], "a blob of an artifact is also the layer of an image")
    expect(run("oci", "fsck", "--repo=r")[1], "app: ok\n")


@test
def referrer_of_a_layout_with_other_bytes_is_refused(registry):
    found = add(registry, "one")
    good("oci", "pull", "--repo=r", "--referrers", f"{registry.host}/a:1", "x")
    good("oci", "push", "--repo=r", "--referrers", "x", "oci:out:t")
    good("init", "--insecure", "--hash=sha256", "to")
    with open(f"out/blobs/{found['digest'].replace(':', '/')}", "r+b") as f:
        body = f.read()
        f.seek(0)
        f.write(body.replace(b"text/sbom", b"text/sbxm"))
    rc, _, err = run("oci", "pull", "--repo=to", "--referrers", "oci:out:t", "x")
    expect(rc, FAILED)
    has(err, f"referrer {found['digest']}: digest mismatch")
    expect(stored("to"), [])


@test
def artifact_has_blobs_of_a_limited_size(registry):
    """The size is refused before anything is transferred."""
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "text/sbom", "config": EMPTY,
                       "layers": [{"mediaType": "text/plain", "digest": "sha256:" + "0" * 64, "size": 1 << 40}]}).encode()
    registry.changed[EMPTY["digest"]] = b"{}"
    digest = registry.digest_of(body)
    registry.put(digest, body)
    has(run("oci", "pull", "--repo=r", f"{registry.host}/a@{digest}", "sbom")[2], "the blob is too large")
    expect([r[0] for r in registry.requests if "0" * 64 in r[0]], [])


@test
def artifact_that_lies_or_was_changed_is_refused(registry):
    found = add(registry, "one")
    blob = registry.digest_of(b"one")
    for body, says in ((b"two", "digest mismatch"), (b"more", "got more"), (b"", "size mismatch")):
        registry.changed[blob] = body
        rc, out, err = run("oci", "pull", "--repo=r", f"{registry.host}/a@{found['digest']}", "sbom")
        expect((rc, out), (FAILED, ""))
        has(err, says if body != b"more" else "")
        expect(loaded("oci", "images", "--json", "--repo=r")["images"], [])
    registry.changed[blob] = b"one"
    has(run("oci", "pull", "--repo=r", "--seal=require-digest", f"{registry.host}/a@{found['digest']}", "sbom")[2], "expected the image of a container, got an artifact")
    pull_named(registry, found)
    os.rename(f"r/streams/oci-layer-{blob}", "aside")
    rc, out, _ = run("oci", "fsck", "--repo=r")
    expect(rc, 3)
    has(out, f"blob {blob}")
    rc, _, err = run("oci", "push", "--repo=r", "sbom", "oci:out:t")
    expect(rc, FAILED)
    has(err, blob)


if __name__ == "__main__":
    sys.exit(main(TESTS))
