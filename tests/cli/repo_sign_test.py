#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Signatures that lie in a repository.

    repo_sign_test.py COMPOSEFS
"""
import os
import shutil
import subprocess
import sys

from repo import USAGE, expect, good, has, loaded, main, make, make_tree, refused, run, write

ERROR, UNSIGNED, MALFORMED, BAD_SIGNATURE, REVOKED, NO_VERITY = 1, 10, 11, 13, 14, 19
TRUSTED = "--trusted=keys/keys.d"


def place():
    """A repository with os/1, keys of a vendor and a stranger, of which the vendor's is trusted; the id."""
    os.makedirs("keys/keys.d")
    for name in ("vendor", "stranger"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", name], check=True)
        subprocess.run(["openssl", "pkey", "-in", name, "-pubout", "-out", name + ".pub"], check=True)
    shutil.copy("vendor.pub", "keys/keys.d")
    return make().split(":")[1]


def sign(name, key="vendor"):
    return loaded("sign", "--repo=r", f"--key={key}", "--json", name)


def verify(name, *args):
    rc, out, err = run("verify", "--repo=r", TRUSTED, *args, name)
    return rc, out + err


def signatures():
    return sorted(os.path.join(d, f) for d, _, fs in os.walk("r/signatures") for f in fs)


def image_is_signed_by_its_name_and_verified_by_name_and_id():
    image = place()
    expect(verify("os/1"), (UNSIGNED, "composefs verify: os/1: expected a signature in r/signatures, got none\n"))
    made = sign("os/1")
    expect(made["signature"], f"r/signatures/{image}/{made['key']}.ed25519")
    expect(made["images"][0]["id"], "sha256:" + image)
    for name in ("os/1", image):
        rc, text = verify(name)
        expect(rc, 0)
        has(text, f"signed by {made['key']} (vendor.pub)")


def sign_and_verify_use_the_repository_around_and_of_the_environment():
    image = place()
    os.chdir("r")
    made = loaded("sign", "--key=../vendor", "--json", "os/1")
    expect(os.path.exists(f"signatures/{image}/{made['key']}.ed25519"), True)
    for name in ("os/1", image, image[:12]):
        has(good("verify", "--trusted=../keys/keys.d", name), f"signed by {made['key']}")
    os.chdir("..")
    os.environ["COMPOSEFS_REPO"] = os.path.abspath("r")
    try:
        has(good("verify", TRUSTED, "os/1"), f"signed by {made['key']}")
    finally:
        del os.environ["COMPOSEFS_REPO"]


def a_name_that_is_a_file_and_an_image_is_refused():
    """Anyone who can create a file beside the repository must not decide which image is verified."""
    place()
    sign("os/1")
    shutil.copy("r/images/refs/os/1", "image")
    os.chdir("r")
    write("os/1", "another")
    said = "os/1: a file, and an image of the repository "
    for line in (("verify", "--trusted=../keys/keys.d", "os/1"), ("sign", "--key=../vendor", "os/1")):
        has(refused(*line), said)
    good("verify", "--repo=.", "--trusted=../keys/keys.d", "os/1")
    good("sign", "--key=../vendor", "../image")
    expect(os.path.exists("../image.sig"), True)
    good("sign", "--key=../vendor", "./os/1")
    expect(os.path.exists("os/1.sig"), True)


def signature_behind_a_symlink_or_in_a_fifo_is_not_read():
    image = place()
    made = sign("os/1")
    directory, file = f"r/signatures/{image}", f"{made['key']}.ed25519"
    expect(verify("os/1")[0], 0)
    for path in (f"{directory}/{file}", directory, "r/signatures"):
        os.rename(path, "elsewhere")
        os.symlink(os.path.abspath("elsewhere"), path)
        rc, text = verify("os/1")
        expect(rc, ERROR)
        has(text, "symbolic link")
        os.unlink(path)
        os.rename("elsewhere", path)
    os.unlink(f"{directory}/{file}")
    os.mkfifo(f"{directory}/{file}")
    rc, text = verify("os/1")
    expect(rc, MALFORMED)
    has(text, "a regular file")
    # A directory that the user names is another matter.
    os.unlink(f"{directory}/{file}")
    sign("os/1")
    os.symlink("r/signatures", "link")
    expect(verify("os/1", "--signatures=link")[0], 0)


def several_keys_sign_an_image_and_one_that_is_trusted_is_enough():
    image = place()
    sign("os/1", "stranger")
    expect(verify("os/1")[0], UNSIGNED)
    sign("os/1")
    expect(len(signatures()), 2)
    expect(verify("os/1")[0], 0)
    shutil.copy("stranger.pub", "keys/keys.d")
    write("keys/revoked.d/x", open("vendor.pub", encoding="utf-8").read())
    expect(verify("os/1")[0], 0)
    shutil.copy("stranger.pub", "keys/revoked.d")
    rc, text = verify("os/1")
    expect(rc, REVOKED)
    has(text, "which is revoked")
    expect(sorted(os.listdir("r/signatures")), [image])


def signature_of_another_image_or_by_an_untrusted_key_is_refused():
    image = place()
    make_tree("tree2", "2")
    other = good("create-image", "--repo=r", "tree2", "os/2").strip().split(":")[1]
    made = sign("os/2")
    os.rename(f"r/signatures/{other}", f"r/signatures/{image}")
    expect(verify("os/1")[0], BAD_SIGNATURE)
    stranger = sign("os/1", "stranger")
    os.replace(stranger["signature"], f"r/signatures/{image}/{made['key']}.ed25519")
    expect(verify("os/1")[0], BAD_SIGNATURE)


def image_that_does_not_match_its_id_is_not_signed():
    image = place()
    path = f"r/objects/{image[:2]}/{image[2:]}"
    with open(path, "rb") as f:
        data = bytearray(f.read())
    data[-1] ^= 1
    os.unlink(path)
    with open(path, "wb") as f:
        f.write(data)
    refused("sign", "--repo=r", "--key=vendor", "os/1")
    expect(signatures(), [])
    expect(verify("os/1")[0], 1)


def repository_without_verity_is_refused_where_it_is_required():
    place()
    has(refused("sign", "--repo=r", "--require-verity", "--key=vendor", "os/1"), "expected fs-verity, got a repository without")
    expect(verify("os/1", "--require-verity")[0], NO_VERITY)
    expect(verify("os/9"), (1, 'composefs verify: no such image: "os/9"\n'))


def statement_about_images_of_a_repository_lies_where_it_is_named():
    place()
    good("sign", "--repo=r", "--key=vendor", "--statement=s", "--name=os", "--version=1", "os/1")
    expect(verify("os/1", "--statement=s", "--name=os")[0], 0)
    expect(signatures(), [])


def image_that_cannot_be_measured_is_not_mounted_where_a_signature_is_required():
    image = place()
    sign("os/1")
    os.mkdir("mnt")
    good("sign", "--repo=r", "--key=vendor", "--statement=s", "--name=os", "--version=1", "os/1")
    for option in ("--require-signature", TRUSTED, "--statement=s"):
        for name in ("os/1", image):
            has(refused("mount", "--repo=r", option, name, "mnt"), "signature")
    for option in ("--name=os", "--floor=f"):
        has(refused("mount", "--repo=r", TRUSTED, option, "os/1", "mnt", status=USAGE), "--name and --floor need --statement")


def gc_removes_the_signatures_of_removed_images_only():
    place()
    make_tree("tree2", "2")
    other = good("create-image", "--repo=r", "tree2", "os/2").strip().split(":")[1]
    sign("os/1")
    kept = signatures()
    sign("os/2")
    os.mkdir("r/signatures/objects")
    mine, shared = (good("image-objects", "--repo=r", name).split() for name in ("os/2", "os/1"))
    gone = next(name for name in mine if name not in shared)
    for name in (gone, shared[0]):
        write(f"r/signatures/objects/{name.split(':')[-1].replace('/', '')}.p7s", "x")
    write("r/signatures/README", "of somebody else")
    good("untag", "--repo=r", "os/2")
    before = signatures()
    good("gc", "--repo=r", "--dry-run")
    expect(signatures(), before)
    good("gc", "--repo=r")
    expect(not os.path.exists(f"r/signatures/{other}"), True)
    expect(signatures(), sorted(kept + ["r/signatures/README",
                                      f"r/signatures/objects/{shared[0].split(':')[-1].replace('/', '')}.p7s"]))
    expect(verify("os/1")[0], 0)


def fsck_accepts_signatures():
    place()
    sign("os/1")
    os.mkdir("r/signatures/objects")
    has(good("fsck", "--repo=r"), "status: ok")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("1..0 # SKIP openssl is not installed")
        sys.exit(0)
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("place", "sign", "signatures", "verify")]))
