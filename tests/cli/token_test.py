#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Keys that never leave a token (PKCS#11), as composefs-sign(1) says: SoftHSM plays the token.

    token_test.py COMPOSEFS MKCOMPOSEFS
"""
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from facts import Skip, ensure, expect, fact, has, run_facts_afresh  # pylint: disable=wrong-import-position

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
HELPER = os.path.join(os.path.dirname(COMPOSEFS), "composefs-pkcs7")
MODULE = next(iter(glob.glob("/usr/lib/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")), "")
ENGINE = next(iter(glob.glob("/usr/lib/*/engines-3/pkcs11.so")), "")
PIN = "2718"
SIGN = (f"\n  pkcs11-tool --module {MODULE} --token-label images --login --pin env:PIN -s -m EDDSA -d 01"
        " -i /dev/stdin -o /dev/stdout")


def call(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def good(*command):
    done = call(*command)
    expect(done.returncode, 0, f"{command[0]}: {done.stderr}")
    return done.stdout


def new_token(label):
    good("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", PIN, "--pin", PIN)


def get(path):
    with open(path, "rb") as f:
        return f.read()


class Place:
    """An image; a token with an Ed25519 key, whose public key is trusted."""

    def __init__(self):
        os.mkdir("tokens")
        with open("softhsm.conf", "w", encoding="utf-8") as f:
            f.write(f"directories.tokendir = {os.getcwd()}/tokens\n")
        os.environ.update(SOFTHSM2_CONF=os.path.abspath("softhsm.conf"), PIN=PIN)
        os.makedirs("tree")
        with open("tree/program", "wb") as f:
            f.write(bytes(5000))
        good(MKCOMPOSEFS, "tree", "image.cfs")
        new_token("images")
        tool = ("pkcs11-tool", "--module", MODULE, "--token-label", "images")
        made = good(*tool, "--login", "--pin", "env:PIN", "--keypairgen", "--key-type", "EC:edwards25519", "--id", "01",
                    "--label", "vendor")
        ensure("never extractable" in made, made)
        os.mkdir("keys.d")
        good(*tool, "--read-object", "--type", "pubkey", "--id", "01", "-o", "keys.d/vendor.pub")


def sign(*arguments):
    return call(COMPOSEFS, "sign", "--public=keys.d/vendor.pub", *arguments, "image.cfs")


@fact
def image_is_signed_by_a_key_that_stays_in_its_token(_):
    done = sign("--sign-command=" + SIGN)
    expect(done.returncode, 0, done.stderr)
    expect(os.path.getsize("image.cfs.sig"), 64)
    has(good(COMPOSEFS, "verify", "--trusted=keys.d", "image.cfs"), "signed by")


@fact
def statement_is_signed_by_a_key_in_a_token(_):
    done = sign("--sign-command=" + SIGN, "--statement=os.statement", "--name=os", "--version=1")
    expect(done.returncode, 0, done.stderr)
    good(COMPOSEFS, "verify", "--trusted=keys.d", "--statement=os.statement", "--name=os", "image.cfs")


@fact
def token_that_fails_leaves_no_signature(_):
    for command in (SIGN.replace("env:PIN", "1"), SIGN.replace("-d 01", "-d 07")):
        expect(sign("--sign-command=" + command).returncode, 1)
        ensure(not os.path.exists("image.cfs.sig"))


@fact
def signatures_of_objects_by_a_token_are_those_that_sign_objects_makes(_):
    if not ENGINE or not shutil.which("fsverity") or not os.path.exists(HELPER):
        raise Skip("no fsverity, no libengine-pkcs11-openssl, or a build without libcrypto")
    good("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "objects.pem", "-out", "objects.crt",
         "-subj", "/CN=objects")
    good(COMPOSEFS, "sign-objects", "--key=objects.pem", "--cert=objects.crt", "--signatures=ours", "image.cfs")
    new_token("objects")
    good("softhsm2-util", "--import", "objects.pem", "--token", "objects", "--pin", PIN, "--id", "02", "--label", "objects")
    good("fsverity", "sign", "tree/program", "theirs", f"--pkcs11-engine={ENGINE}", f"--pkcs11-module={MODULE}",
         f"--pkcs11-keyid=pkcs11:token=objects;object=objects;type=private;pin-value={PIN}", "--cert=objects.crt")
    expect(get("theirs"), get("ours/" + os.listdir("ours")[0]))


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place, "softhsm2-util", "pkcs11-tool", "openssl"))
