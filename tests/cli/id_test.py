#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Every verb that takes an image takes its name, its ID and 8 or more digits of the ID, and does the same with each.

    id_test.py COMPOSEFS MKCOMPOSEFS GOLDEN     GOLDEN: tests/golden/oci
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from repo import COMPOSEFS, FAILED, OK, Skip, ensure, expect, good, has, main, make_tree, once, run, write

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "root"))
from scene import enter_namespace  # noqa: E402  pylint: disable=wrong-import-position

MKCOMPOSEFS, GOLDEN = os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3])
ID = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")
# Images of an empty directory with these modification times have IDs that begin with the same 8 digits.
TWINS, TWIN_DIGITS = (1700033703, 1700064911), "3a0617f0"

# What follows "composefs". IMAGE: the name in all its forms.
VERBS = [
    "images IMAGE", "images --filter=since=IMAGE", "inspect IMAGE", "tag IMAGE new", "rm IMAGE", "cat IMAGE /a", "export IMAGE -", "extract IMAGE out",
    "dump-files IMAGE /", "image-objects IMAGE", "du IMAGE", "ls IMAGE", "fsck IMAGE", "diff IMAGE other", "diff other IMAGE",
    "explain IMAGE other", "scrub IMAGE", "prefetch --from=r IMAGE", "sign --print-to-sign IMAGE", "verify --trusted=keys IMAGE", "mount IMAGE mnt",
    "copy --from=r IMAGE", "boot install --root=state --boot=boot IMAGE", "boot upgrade --root=state --boot=boot IMAGE",
]
# The first two read image files, and know no repository; record finds its image as mount does, and needs a newer kernel.
LEFT_OUT = ["ipe-policy", "sign-objects", "record"]
CONTAINERS = [
    "inspect IMAGE", "inspect --manifest IMAGE", "tag IMAGE new", "mount IMAGE mnt", "push IMAGE oci:layout:x", "export IMAGE oci:layout:x",
    "bundle --no-mount --read-write IMAGE bundle", "compute-id IMAGE", "dump IMAGE", "copy --from=r --name=new IMAGE", "seal --key=key IMAGE",
    "verify --trusted=keys IMAGE", "fsck IMAGE",
]


def verbs(*family):
    text = good(*family, "--help").partition("\nExample:")[0] if family == () or family[0] in good("--help") else ""
    return re.findall(r"^  ([a-z][a-z-]+)  ", text, re.M)


@once
def make_place():
    """A repository with two images and a container image, an empty one, and two images with the same first digits."""
    make_tree()
    good("init", "--insecure", "--algorithm=sha256", "r")
    good("init", "--insecure", "--algorithm=sha256", "empty")
    good("create-image", "--repo=r", "tree", "other")
    write("tree/more", "x" * 1000)
    good("create-image", "--repo=r", "tree", "os/1")
    for when in TWINS:
        write("dump", f"/ 0 40755 2 0 0 0 {when}.0 - - -\n")
        subprocess.run([MKCOMPOSEFS, "--from-file", "dump", "image"], check=True)
        good("import-image", "--repo=r", f"twin/{when}", "image")
    for name in ("keys", "mnt", "state", "boot/loader/entries"):
        os.makedirs(name)
    if "oci" in verbs():
        good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic", "app")
    if "sign" in verbs():
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", "key", "-pubout", "-out", "keys/key.pem"], check=True)


def typed(line, name):
    """Runs a line with this name for the image, and undoes what it did."""
    family, verb, *rest = line.split() if line.startswith(("oci ", "boot ")) else ["", *line.split()]
    repo = "empty" if verb == "copy" else "r"
    shutil.copytree(repo, "kept", symlinks=True)
    done = run(*([family] if family else []), verb, f"--repo={repo}", *[w.replace("IMAGE", name) for w in rest])
    if verb == "mount" and done[0] == OK:
        good("umount", "mnt")
    shutil.rmtree(repo)
    os.rename("kept", repo)
    for made in ("out", "layout", "bundle"):
        shutil.rmtree(made, ignore_errors=True)
    return done


def plain(done, names):
    """What a command did, with the same text for all forms of the name."""
    status, *texts = done
    for name in sorted(names, key=len, reverse=True):
        texts = [text.replace(name, "IMAGE").replace("@IMAGE", "IMAGE") for text in texts]
    texts = [re.sub(r"\x00+|\d{4}-\d\d-\d\dT[\d:.]+Z?|\b1[78]\d{8}\b", "", text) for text in texts]
    return status, *texts


def takes_digits(line):
    """Where one looks first for something else that this place has not."""
    return is_built(line) and not line.startswith("boot upgrade")


def is_built(line):
    family, verb = line.split()[:2] if line.startswith(("oci ", "boot ")) else ("", line.split()[0])
    if verb == "mount" and os.geteuid() != 0:
        return False
    return verb in (verbs(family) if family else verbs())


def check_forms(line, name, others):
    expected = plain(typed(line, name), [name, *others])
    ensure("no such" not in expected[2], f"{line} with {name}: {expected}")
    for form in others:
        got = plain(typed(line, form), [name, *others])
        if got != expected:
            raise AssertionError(f"{line} with {form}: expected {expected!r:.500}, got {got!r:.500}")


def refusal(line, name, *parts):
    status, out, err = typed(line, name)
    ensure(status in (1, 2) and out == "" and err.count("\n") == 1, f"{line} with {name}: {status} {out!r:.200} {err!r}")
    for part in parts:
        has(err, part)


def every_verb_that_takes_an_image_is_in_the_table():
    for family, table, left_out in (((), VERBS, LEFT_OUT), (("oci",), CONTAINERS, []), (("boot",), [v[5:] for v in VERBS if v.startswith("boot ")], [])):
        covered = {line.split()[0] for line in table}
        for verb in verbs(*family):
            usage = good(*family, verb, "--help").partition("\n\n")[0]
            ensure(verb in covered or verb in left_out or not re.search(r"\bIMAGE\b", usage), f"{family} {verb}: {usage}")


def every_verb_takes_the_forms_of_an_id():
    make_place()
    image = good("images", "--repo=r", "-q", "--no-trunc", "os/1").strip()
    digits = image.split(":")[1]
    for line in filter(is_built, VERBS):
        check_forms(line, "os/1", [image, digits, f"sha256:{digits[:12]}", digits[:12], digits[:8], digits[:12].upper()])


def every_verb_refuses_digits_that_do_not_tell():
    make_place()
    for line in filter(takes_digits, VERBS):
        refusal(line, TWIN_DIGITS, f'image ID "{TWIN_DIGITS}": ambiguous, 2 images: sha256:{TWIN_DIGITS}')
        refusal(line, f"sha256:{TWIN_DIGITS}", "ambiguous, 2 images: ")
        if "since" not in line:
            refusal(line, TWIN_DIGITS[:7], f'no such image: "{TWIN_DIGITS[:7]}": to shorten an ID, give 8 digits or more')
            refusal(line, "0123456789ab", 'neither a name nor the beginning of an ID: "0123456789ab"')


def a_reference_is_needed_where_one_is_changed():
    make_place()
    image = good("images", "--repo=r", "-q", "--no-trunc", "os/1").strip()
    for name in (image, image.split(":")[1], image.split(":")[1][:12]):
        for verb in ("untag", "log"):
            refusal(f"{verb} IMAGE", name, f'expected a reference, got an image ID: "{name}"')


def a_name_has_precedence_over_digits():
    make_place()
    digits = good("images", "--repo=r", "-q", "--no-trunc", "os/1").strip().split(":")[1][:12]
    good("tag", "--repo=r", "other", digits)
    expect(good("inspect", "--repo=r", "--format={{.ID}}", digits), good("inspect", "--repo=r", "--format={{.ID}}", "other"))


# --- container images ---------------------------------------------------------------------------------


def needs_containers():
    if "oci" not in verbs():
        raise Skip("built without container images")
    make_place()
    return json.loads(good("oci", "inspect", "--repo=r", "app"))


def manifests_with_the_same_digits():
    """Two manifests, that of the image basic with an annotation, whose digests begin with the same 8 digits."""
    with open(f"{GOLDEN}/basic/index.json", encoding="utf-8") as f:
        digest = json.load(f)["manifests"][0]["digest"].split(":")[1]
    with open(f"{GOLDEN}/basic/blobs/sha256/{digest}", encoding="utf-8") as f:
        front = f.read().rstrip()[:-1].encode() + b',"annotations":{"n":"'
    seen, first = {}, hashlib.sha256(front)
    for n in range(10 ** 7):
        rest, h = b'%d"}}' % n, first.copy()
        h.update(rest)
        digits = h.hexdigest()[:8]
        if digits in seen:
            return digits, front + seen[digits], front + rest
        seen[digits] = rest
    raise AssertionError("expected two manifests with the same 8 digits, got none")


def pull_manifest(text, tag):
    """Stores a container image with this manifest."""
    shutil.copytree(f"{GOLDEN}/basic", "twin", symlinks=True)
    digest = hashlib.sha256(text).hexdigest()
    with open(f"twin/blobs/sha256/{digest}", "wb") as f:
        f.write(text)
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{digest}", "size": len(text)}
    write("twin/index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    good("oci", "pull", "--repo=r", "oci:twin", tag)
    shutil.rmtree("twin")


def every_oci_verb_takes_the_forms_of_a_digest():
    digest = needs_containers()["manifest_digest"]
    digits = digest.split(":")[1]
    forms = ["@" + digest, digest, digits, "@" + digits[:12], f"sha256:{digits[:12]}", digits[:12], digits[:8]]
    for line in filter(is_built, ("oci " + line for line in CONTAINERS)):
        if "seal" not in line:  # its signatures have random salts, and only a tag moves to what was signed
            check_forms(line, "app", forms)
    if "seal" in verbs("oci"):
        for form in forms:
            good("oci", "seal", "--repo=r", "--key=key", form)
        expect([l.split()[0] for l in good("oci", "images", "--repo=r").splitlines()[1:]], ["app"])


def every_oci_verb_refuses_digits_that_do_not_tell():
    image = needs_containers()["id"]
    digits, *texts = manifests_with_the_same_digits()
    for number, text in enumerate(texts):
        pull_manifest(text, f"twin{number}")
    for line in filter(is_built, ("oci " + line for line in CONTAINERS)):
        for form in (digits, "@" + digits, "@sha256:" + digits):
            refusal(line, form, f'digest "{digits}": ambiguous, 2 container images: sha256:{digits}')
        for form in (digits[:7], "@" + digits[:7], "sha256:" + digits[:7]):
            refusal(line, form, f'no such container image: "{form}": to shorten a digest, give 8 digits or more')
        refusal(line, "0123456789ab", 'neither a tag nor the beginning of a digest: "0123456789ab"')
        for form in (image, image.split(":")[1], image.split(":")[1][:12]):
            refusal(line, form, f'no such container image: "{form}" is an image, for commands such as "composefs mount"')
        refusal(line, "@nonsense", "expected @ and a digest, or 8 or more of its digits")


def a_tag_has_precedence_over_digits_without_an_at_sign():
    digits = needs_containers()["manifest_digest"].split(":")[1][:12]
    _, text, _ = manifests_with_the_same_digits()
    pull_manifest(text, digits)
    of = {form: json.loads(good("oci", "inspect", "--repo=r", form))["manifest_digest"] for form in ("app", digits, "@" + digits)}
    expect(of[digits], "sha256:" + hashlib.sha256(text).hexdigest())
    expect(of["@" + digits], of["app"])


def a_tag_is_needed_where_one_is_removed():
    digits = needs_containers()["manifest_digest"].split(":")[1]
    for form in (digits, digits[:12], "sha256:" + digits):
        refusal("oci rm IMAGE", form, f'expected a tag, got a digest: "{form}"')
    refusal("oci rm IMAGE", "none", 'no such tag: "none"')
    refusal("oci copy --from=r IMAGE", digits[:12], "an image without a tag needs --name=TAG")


def an_index_and_its_images_have_digests():
    needs_containers()
    good("oci", "pull", "--repo=r", "--all-platforms", f"oci:{GOLDEN}/index", "all")
    index = json.loads(good("oci", "images", "--repo=r", "--json"))
    names = [i for i in index["images"] if i["name"] == "all"]
    digest = next(d[len("oci-index-"):] for d in os.listdir("r/streams") if d.startswith("oci-index-"))
    for form in (digest, digest.split(":")[1][:12], "@" + digest):
        good("oci", "tag", "--repo=r", form, "again")
        expect(len([i for i in json.loads(good("oci", "images", "--repo=r", "--json"))["images"] if i["name"] == "again"]), len(names))
        good("oci", "rm", "--repo=r", "again")
    one = names[-1]["manifest_digest"].split(":")[1]
    expect(json.loads(good("oci", "inspect", "--repo=r", one[:12]))["manifest_digest"], names[-1]["manifest_digest"])


def layers_and_streams_have_digests():
    layer = needs_containers()["layers"][0]["diff_id"]
    digits = layer.split(":")[1]
    for form in (layer, digits, f"sha256:{digits[:12]}", digits[:8]):
        expect(good("oci", "layer", "--repo=r", form), good("oci", "layer", "--repo=r", layer))
    refusal("oci layer IMAGE", digits[:7], f'8 or more of its digits, got "{digits[:7]}"')
    refusal("oci layer IMAGE", "00000000", 'no such layer: "00000000"')
    name = f"oci-layer-{layer}"
    expect(good("cat", "--repo=r", name[:-50]), good("cat", "--repo=r", name))
    refusal("cat IMAGE", "oci-layer-sha256:0123456", "no stream oci-layer-sha256:0123456")
    os.symlink(os.readlink(f"r/streams/{name}"), f"r/streams/{name[:-1]}{'0' if name[-1] != '0' else '1'}")
    refusal("cat IMAGE", name[:-10], f'stream "{digits[:-10]}": ambiguous, 2 streams: {layer[:-10]}')
    refusal("oci layer IMAGE", digits[:-10], f'digest "{digits[:-10]}": ambiguous, 2 layers: {layer[:-10]}')


# --- how IDs are printed --------------------------------------------------------------------------------


def tables_print_12_digits_and_all_with_no_trunc():
    make_place()
    good("untag", "--repo=r", "os/1")  # du prints the ID of an image without a name
    lines = [line for line in ("images", "log other", "du", "oci images", "status") if is_built(line)]
    if os.geteuid() == 0:
        good("mount", "--repo=r", "other", "mnt")
    try:
        for line in lines:
            words = [line] if line == "status" else [*line.split(), "--repo=r"]
            short, whole = good(*words), good(*words, "--no-trunc")
            ids = ID.findall(whole)
            ensure(len(ids) > 0 or (line == "status" and os.geteuid() != 0), f"{line}: {whole}")
            ensure(not ID.search(short), f"{line}: {short}")
            for name in ids:
                has(short, name.split(":")[1][:12])
                ensure(name.split(":")[1][:13] not in short, f"{line}: {short}")
    finally:
        if os.geteuid() == 0:
            good("umount", "mnt")


def bare_digits(text):
    """Digits of a digest that have no algorithm in front."""
    return re.findall(r"(?<![0-9a-f:])(?:[0-9a-f]{128}|[0-9a-f]{64})(?![0-9a-f])", text)


def whole_ids_have_their_algorithm_in_front_in_text_and_json():
    make_place()
    lines = ["images --no-trunc", "images -q --no-trunc", "inspect os/1", "log --no-trunc other", "image-objects os/1", "explain os/1 other", "compute-id tree",
             "create-image tree", "create-image --json tree", "tag --json os/1 new", "rm --json os/1", "gc --dry-run", "du --no-trunc", "fsck", "oci images --no-trunc",
             "oci inspect app", "oci compute-id app"]
    lines += [f"{line} --json" for line in ("images", "inspect os/1", "log other", "image-objects os/1", "explain os/1 other", "du", "gc --dry-run", "oci images")]
    for line in filter(is_built, lines):
        status, out, err = run("compute-id", "tree") if line.startswith("compute-id") else typed(line, "")
        ensure(status in (OK, FAILED) and not err, f"{line}: {status} {err}")
        expect(bare_digits(out), [], line)


if __name__ == "__main__":
    if os.geteuid() == 0:
        enter_namespace()
    sys.exit(main([v for v in list(globals().values()) if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("again", "verbs", "typed", "plain", "is_built", "takes_digits", "check_forms", "refusal", "needs_containers",
                                          "manifests_with_the_same_digits", "pull_manifest", "bare_digits")]))
