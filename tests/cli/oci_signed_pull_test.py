#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs oci pull --require-signature: an image gets its tag when a trusted key has signed it, and not before.

    oci_signed_pull_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import os
import shutil
import subprocess
import sys

from repo import FAILED, OK, expect, good, has, loaded, main, run

GOLDEN = os.path.abspath(sys.argv[2])
ID = "sha256:ca4c0cedfe7cf4e19090b65126e5b2ccc2e7fb4eef2af2a1bcdebe7488d5790b"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make_key(name, folder):
    openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
    os.makedirs(folder, exist_ok=True)
    openssl("pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{folder}/{name}.pem")


def make_layouts():
    """Layouts of one image: not signed, signed by vendor, by a stranger, and inline by vendor."""
    make_key("vendor", "trust/keys.d")
    make_key("stranger", "others")
    for layout, options in (("unsigned", None), ("signed", ["--key=vendor.pem"]), ("strange", ["--key=stranger.pem"]),
                            ("inline", ["--key=vendor.pem", "--inline"])):
        good("init", "--insecure", "--hash=sha256", "source")
        good("oci", "pull", "--repo=source", f"oci:{GOLDEN}/basic:latest", "app")
        if options:
            good("oci", "seal", "--repo=source", *options, "app")
        good("oci", "push", "--repo=source", "app", f"oci:{layout}:t")
        shutil.rmtree("source")
    good("init", "--insecure", "--hash=sha256", "r")


def pull(layout, *options):
    return run("oci", "pull", "--repo=r", "--require-signature", "--trusted=trust/keys.d", *options, f"oci:{layout}:t", "app")


def refused(layout, *parts, options=()):
    """It has no tag, and nothing is left of it after a collection."""
    rc, out, err = pull(layout, *options)
    expect((rc, out), (FAILED, ""), err)
    for part in ("app: not tagged: ", *parts):
        has(err, part)
    expect(loaded("oci", "images", "--repo=r", "--json")["images"], [])
    good("gc", "--repo=r", "--grace=0s")
    expect([n for _, _, names in os.walk("r/objects") for n in names], [])


def signed_images_are_pulled():
    make_layouts()
    for layout in ("signed", "inline"):
        rc, out, err = pull(layout)
        expect((rc, out.strip(), err), (OK, ID, ""))
        expect([image["name"] for image in loaded("oci", "images", "--repo=r", "--json")["images"]], ["app"])
        good("oci", "verify", "--repo=r", "--trusted=trust/keys.d", "app")
        good("oci", "rm", "--repo=r", "app")


def images_without_a_trusted_signature_get_no_tag():
    make_layouts()
    refused("unsigned", "expected a signature, got none")
    refused("strange", "no signature by a trusted key")
    os.makedirs("trust/revoked.d")
    shutil.copy("trust/keys.d/vendor.pem", "trust/revoked.d")
    refused("signed", "revoked")


def a_tag_stays_with_the_image_that_was_verified():
    make_layouts()
    expect(pull("signed")[0], OK)
    before = loaded("oci", "inspect", "--repo=r", "app")
    rc, _, err = run("oci", "pull", "--repo=r", "--require-signature", "--trusted=trust/keys.d", f"oci:{GOLDEN}/whiteouts:latest", "app")
    expect(rc, FAILED)
    has(err, "app: not tagged: expected a signature, got none")
    expect(loaded("oci", "inspect", "--repo=r", "app"), before)


def options_that_do_not_fit():
    good("init", "--insecure", "--hash=sha256", "r")
    for options, part in ((["--trusted=trust"], "--trusted needs --require-signature"),
                          (["--require-signature", "--all-platforms"], "expected --require-signature or --all-platforms, got both")):
        rc, _, err = run("oci", "pull", "--repo=r", *options, f"oci:{GOLDEN}/basic:latest", "app")
        expect(rc, FAILED)
        has(err, part)


if __name__ == "__main__":
    sys.exit(main([signed_images_are_pulled, images_without_a_trusted_signature_get_no_tag, a_tag_stays_with_the_image_that_was_verified,
                   options_that_do_not_fit]))
