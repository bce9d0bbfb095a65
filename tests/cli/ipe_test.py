#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs sign-objects, enable-objects and ipe-policy, with fsverity as the witness. What a kernel makes of
their work is for the machines of tests/vm.

    ipe_test.py COMPOSEFS MKCOMPOSEFS
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from facts import Skip, ensure, expect, fact, run_facts_afresh  # pylint: disable=wrong-import-position

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
HELPER = os.path.join(os.path.dirname(COMPOSEFS), "composefs-pkcs7")
OK, FAILED, USAGE, DAMAGED, MISSING = range(5)
ELF = b"\x7fELF" + bytes(200)
HEAD = ["policy_name=composefs policy_version=0.0.1", "DEFAULT action=ALLOW", "DEFAULT op=EXECUTE action=DENY",
        "op=EXECUTE boot_verified=TRUE action=ALLOW"]


def call(*args):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def composefs(*args):
    return call(COMPOSEFS, *args)


def good(*args):
    status, out, err = call(*args)
    expect((status, err), (OK, ""), args[1])
    return out


def put(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def digest(path):
    return good("fsverity", "digest", "--compact", path).strip()


def key(name, *kind):
    if call("openssl", "req", "-newkey", *kind, "-nodes", "-keyout", name + ".pem", "-x509", "-out", name + ".crt",
            "-subj", "/CN=" + name)[0]:
        raise Skip("openssl cannot make such a key")


class Place:
    """Programs by mode, a library by content, data, and a script that is small enough to lie in the image."""

    def __init__(self):
        put("tree/bin/program", ELF + b"1", 0o755)
        put("tree/bin/same", ELF + b"1", 0o755)
        put("tree/bin/long-script", b"#!/bin/sh\n" + b"#" * 100, 0o755)
        put("tree/lib/library.so", ELF + b"2")
        put("tree/data", b"data" * 100)
        subprocess.run([MKCOMPOSEFS, "--digest-store=objects", "tree", "image.cfs"], check=True,
                       stderr=subprocess.DEVNULL)
        self.digest = {name: digest("tree/" + name)
                       for name in ("bin/program", "bin/long-script", "lib/library.so", "data")}


def signed():
    return sorted(n[:-4] for n in os.listdir("signatures") if n.endswith(".p7s"))


SIGN = ("sign-objects", "--key=vendor.pem", "--cert=vendor.crt", "--signatures=signatures", "image.cfs")


def need_helper():
    if not os.path.exists(HELPER):
        raise Skip("composefs-pkcs7 is not built")


@fact
def objects_are_signed_as_fsverity_signs_them(place):
    need_helper()
    key("vendor", "rsa:2048")
    expect(good(COMPOSEFS, *SIGN), "4 objects signed\n")
    expect(good(COMPOSEFS, *SIGN, "--json"), '{"objects_signed":4}\n')
    expect(signed(), sorted(place.digest.values()))
    for name, value in place.digest.items():
        good("fsverity", "sign", "tree/" + name, "theirs", "--key=vendor.pem", "--cert=vendor.crt")
        expect(read(f"signatures/{value}.p7s"), read("theirs"), name)


@fact
def sha512_objects_are_signed_as_fsverity_signs_them(_):
    need_helper()
    key("vendor", "rsa:2048")
    value = good("fsverity", "digest", "--compact", "--hash-alg=sha512", "tree/data").strip()
    os.mkdir("signatures")
    done = subprocess.run([HELPER, "vendor.pem", "vendor.crt", "signatures"], input=value + "\n", text=True,
                          capture_output=True, check=False)
    expect((done.returncode, done.stderr), (OK, ""))
    good("fsverity", "sign", "tree/data", "theirs", "--hash-alg=sha512", "--key=vendor.pem", "--cert=vendor.crt")
    expect(read(f"signatures/{value}.p7s"), read("theirs"))


@fact
def signatures_by_an_ecdsa_key_are_good_for_openssl(place):
    need_helper()
    key("vendor", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    good(COMPOSEFS, *SIGN)
    put("./formatted", b"FSVerity\x01\x00\x20\x00" + bytes.fromhex(place.digest["data"]))
    check = ["openssl", "cms", "-verify", "-binary", "-inform", "der", "-content", "formatted", "-certfile",
             "vendor.crt", "-CAfile", "vendor.crt", "-purpose", "any", "-out", "/dev/null", "-in"]
    expect(call(*check, f"signatures/{place.digest['data']}.p7s")[0], OK)
    ensure(call(*check, f"signatures/{place.digest['bin/program']}.p7s")[0] != OK, "another object's signature is taken")


@fact
def only_what_can_be_executed_is_signed_when_asked(place):
    need_helper()
    key("vendor", "rsa:2048")
    good(COMPOSEFS, *SIGN, "--exec-only")
    programs = [place.digest[n] for n in ("bin/program", "bin/long-script")]
    expect(signed(), sorted(programs))
    good(COMPOSEFS, *SIGN, "--exec-only", "--objects=objects")
    expect(signed(), sorted(programs + [place.digest["lib/library.so"]]))


@fact
def key_that_cannot_sign_for_the_kernel_is_refused(_):
    need_helper()
    key("vendor", "ed25519")
    status, _, err = composefs(*SIGN)
    expect(status, FAILED)
    ensure("expected an RSA or ECDSA key" in err, err)
    key("vendor", "rsa:2048")
    key("other", "rsa:2048")
    status, _, err = composefs(*SIGN, "--cert=other.crt")
    expect(status, FAILED)
    ensure("not the certificate of vendor.pem" in err, err)
    expect(signed(), [])
    expect(composefs(*SIGN, "--key=none.pem")[0], FAILED)


@fact
def policy_by_signature_has_one_rule(_):
    lines = good(COMPOSEFS, "ipe-policy", "image.cfs").splitlines()
    expect(lines, HEAD + ["op=EXECUTE fsverity_signature=TRUE action=ALLOW"])


@fact
def policy_by_digest_has_a_rule_for_each_executable_object(place):
    lines = good(COMPOSEFS, "ipe-policy", "--mode=digest", "--objects=objects", "image.cfs").splitlines()
    expect(lines[:4], HEAD)
    programs = [place.digest[n] for n in ("bin/program", "bin/long-script", "lib/library.so")]
    expect(lines[4:], [f"op=EXECUTE fsverity_digest=sha256:{d} action=ALLOW" for d in sorted(programs)])


@fact
def policy_by_device_has_one_rule_and_the_name_and_version_that_were_given(_):
    lines = good(COMPOSEFS, "ipe-policy", "--mode=dm-verity", "--name=os", "--policy-version=1.65535.3",
                 "image.cfs").splitlines()
    expect(lines[0], "policy_name=os policy_version=1.65535.3")
    expect(lines[4:], ["op=EXECUTE dmverity_signature=TRUE action=ALLOW"])


@fact
def script_in_the_image_is_reported(_):
    expect(composefs("ipe-policy", "--check", "image.cfs"), (OK, "", ""))
    put("tree/bin/script", b"#!/bin/sh\ntrue\n", 0o755)
    put("tree/small", b"no x bit")
    good(MKCOMPOSEFS, "tree", "image.cfs")
    status, out, err = composefs("ipe-policy", "--check", "image.cfs")
    expect((status, out), (FAILED, ""))
    expect(err, "composefs ipe-policy: /bin/script: the content is in the image, not in an object: no rule allows it\n")
    status, out, err = composefs("ipe-policy", "image.cfs")
    expect((status, len(out.splitlines())), (OK, 5))
    ensure("/bin/script" in err, err)
    for option in ("--inline-max=0", "--profile=ipe-1-sha256"):
        good(MKCOMPOSEFS, option, "tree", "image.cfs")
        expect(composefs("ipe-policy", "--check", "image.cfs"), (OK, "", ""))


@fact
def a_long_path_does_not_hide_the_reason(_):
    path, dump = "", "/ 0 40755 1 0 0 0 0.0 - - -\n"
    for _ in range(20):
        path += "/" + "d" * 255
        dump += f"{path} 0 40755 1 0 0 0 0.0 - - -\n"
    put("deep.dump", f"{dump}{path}/f 1 100755 1 0 0 0 0.0 - x -\n".encode())
    good(MKCOMPOSEFS, "--from-file", "deep.dump", "deep.cfs")
    expect(composefs("ipe-policy", "--check", "deep.cfs"), (
        FAILED, "", f"composefs ipe-policy: {path[:1000]}: the content is in the image, not in an object: no rule allows it\n"))


@fact
def policy_that_no_kernel_loads_is_reported(_):
    for i in range(570):
        put(f"tree/many/{i}", ELF + b"%d" % i, 0o755)
    good(MKCOMPOSEFS, "tree", "image.cfs")
    status, _, err = composefs("ipe-policy", "--check", "--mode=digest", "image.cfs")
    expect(status, FAILED)
    size = len(composefs("ipe-policy", "--mode=digest", "image.cfs")[1])
    ensure(re.search(rf"the policy has {size} bytes; with its signature, no kernel loads more than 65535", err), err)
    expect(composefs("ipe-policy", "--check", "image.cfs")[0], OK)


@fact
def object_without_a_digest_in_the_image_is_an_error(_):
    put("./dump", b"/ 0 40755 2 0 0 0 0.0 - - -\n/x 200 100755 1 0 0 0 0.0 aa/bb - -\n")
    good(MKCOMPOSEFS, "--from-file", "dump", "image.cfs")
    status, _, err = composefs("ipe-policy", "--mode=digest", "image.cfs")
    expect(status, FAILED)
    ensure("/x: the image has no digest of the file" in err, err)


@fact
def objects_where_there_is_no_fsverity_are_not_enabled(place):
    os.mkdir("signatures")
    put(f"signatures/{place.digest['data']}.p7s", b"?")
    put("signatures/other", b"?")
    status, out, err = composefs("enable-objects", "--objects=objects", "--signatures=signatures")
    if status == DAMAGED:
        raise Skip("this filesystem has fs-verity")
    expect((status, out), (FAILED, ""))
    ensure("has no fs-verity" in err, err)


@fact
def empty_signature_is_wrong_whatever_the_file_system(place):
    os.mkdir("signatures")
    put(f"signatures/{place.digest['data']}.p7s", b"")
    status, out, err = composefs("enable-objects", "--objects=objects", "--signatures=signatures")
    expect((status, out), (DAMAGED, "0 signed, 0 pending, 0 missing, 1 wrong\n"))
    ensure("expected a signature, got nothing" in err, err)


@fact
def image_in_use_is_not_replaced(_):
    """gc finds a mounted image by its file. A second name makes the command replace the file."""
    image = digest("image.cfs")
    os.makedirs(f"objects/{image[:2]}", exist_ok=True)
    os.link("image.cfs", f"objects/{image[:2]}/{image[2:]}")
    os.mkdir("signatures")
    put(f"signatures/{image}.p7s", b"?")
    inode = os.stat("image.cfs").st_ino
    with open("image.cfs", "rb"):  # as a mount has it open
        status, _, err = composefs("enable-objects", "--objects=objects", "--signatures=signatures")
    ensure(status != OK and "image not replaced: " in err, err)
    expect(os.stat(f"objects/{image[:2]}/{image[2:]}").st_ino, inode)
    _, _, err = composefs("enable-objects", "--objects=objects", "--signatures=signatures")
    ensure("image not replaced" not in err, err)


@fact
def missing_objects_are_counted(_):
    os.mkdir("signatures")
    os.mkdir("empty")
    put("signatures/" + "00" * 32 + ".p7s", b"?")
    expect(composefs("enable-objects", "--objects=empty", "--signatures=signatures"),
           (MISSING, "0 signed, 0 pending, 1 missing, 0 wrong\n", ""))
    expect(composefs("enable-objects", "--json", "--objects=empty", "--signatures=empty"),
           (OK, '{"objects_signed":0,"objects_pending":0,"objects_missing":0,"objects_wrong":0}\n', ""))


@fact
def wrong_usage_is_reported(_):
    for args in (("sign-objects", "image.cfs"), ("sign-objects", "--key=a", "--cert=b", "--signatures=c"),
                 SIGN + ("--objects=objects",), ("ipe-policy",), ("ipe-policy", "--mode=none", "image.cfs"),
                 ("ipe-policy", "--policy-version=1.2", "image.cfs"), ("ipe-policy", "--name=a b", "image.cfs"),
                 ("ipe-policy", "--policy-version=1.2.3.4", "image.cfs"),
                 ("ipe-policy", "--policy-version=1.65536.3", "image.cfs"), ("enable-objects",),
                 ("enable-objects", "--objects=a", "--signatures=b", "image.cfs")):
        status, _, err = composefs(*args)
        expect(status, USAGE, args)
        ensure("unknown command" not in err, err)


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place, "openssl", "fsverity"))
