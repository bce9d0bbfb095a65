#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs sign and verify, with openssl as the witness; every refusal has its own status.

    sign_test.py COMPOSEFS MKCOMPOSEFS
"""
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from facts import ensure, expect, fact, run_facts_afresh  # pylint: disable=wrong-import-position
from faults import can_inject  # pylint: disable=wrong-import-position

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
SECURITY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "security.md")
OK, FAILED, USAGE = 0, 1, 2
(UNSIGNED, MALFORMED, NO_KEY, BAD_SIGNATURE, REVOKED, OTHER_IMAGE, OTHER_ORDER, OTHER_NAME, ROLLED_BACK,
 NO_VERITY, OTHER_ALGORITHM) = range(10, 21)


def call(*args, data=None):
    done = subprocess.run(args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def openssl(*args, data=None):
    status, out, err = call("openssl", *args, data=data)
    ensure(status == 0, err)
    return out


def verify(*args):
    status, out, err = call(COMPOSEFS, "verify", *args)
    return status, out.decode(), err


def sign(*args, data=None):
    status, out, err = call(COMPOSEFS, "sign", *args, data=data)
    expect(status, OK, err)
    return out


def put(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def get(path):
    with open(path, "rb") as f:
        return f.read()


class Place:
    """Two images, the keys of a vendor and of a stranger; the vendor's is trusted."""

    def __init__(self):
        for image in ("a.cfs", "b.cfs"):
            put("tree/file", image.encode())
            subprocess.run([MKCOMPOSEFS, "tree", image], check=True)
        for name in ("vendor", "stranger"):
            openssl("genpkey", "-algorithm", "ed25519", "-out", name + ".pem")
            put(name + ".pub", openssl("pkey", "-in", name + ".pem", "-pubout"))
        put("keys/keys.d/vendor.pub", get("vendor.pub"))
        self.id = openssl("pkey", "-in", "vendor.pem", "-pubout", "-outform", "der")[-32:].hex()


TRUSTED = "--trusted=keys/keys.d"
STATEMENT = ("--statement=os.statement", "--name=os", "--version=7")


@fact
def signature_is_the_one_that_openssl_makes(_):
    sign("--key=vendor.pem", "a.cfs")
    put("message", sign("--print-to-sign", "a.cfs"))
    expect(get("message")[:12], b"FSVerity\x01\x00\x20\x00")
    expect(len(get("message")), 44)
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", "vendor.pem", "-in", "message", "-out", "theirs")
    expect(get("a.cfs.sig"), get("theirs"))
    openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "vendor.pub", "-in", "message",
            "-sigfile", "a.cfs.sig")


@fact
def signed_image_is_verified_and_the_key_named(place):
    sign("--key=vendor.pem", "a.cfs")
    status, out, err = verify(TRUSTED, "a.cfs")
    expect((status, err), (OK, ""))
    ensure(f"signed by {place.id} (vendor.pub)\n" in out, out)
    found = json.loads(verify(TRUSTED, "--json", "a.cfs")[1])
    expect((found["status"], found["key"], found["key_file"]), ("verified", place.id, "vendor.pub"))
    ensure(found["images"][0]["id"].startswith("sha256:"))


@fact
def signing_again_changes_nothing_another_key_adds_its_own(_):
    sign("--key=vendor.pem", "a.cfs")
    alone = get("a.cfs.sig")
    sign("--key=vendor.pem", "a.cfs")
    expect(get("a.cfs.sig"), alone)
    sign("--key=stranger.pem", "a.cfs")
    expect(get("a.cfs.sig")[:64], alone)
    expect(len(get("a.cfs.sig")), 128)
    expect(verify(TRUSTED, "a.cfs")[0], OK)


@fact
def signatures_lie_by_digest_and_key_in_a_directory(place):
    sign("--key=stranger.pem", "--signatures=signatures", "a.cfs")
    expect(verify(TRUSTED, "--signatures=signatures", "a.cfs")[0], UNSIGNED)
    made = json.loads(sign("--key=vendor.pem", "--signatures=signatures", "--json", "a.cfs"))
    digest = made["images"][0]["id"].split(":")[1]
    expect(made["signature"], f"signatures/{digest}/{place.id}.ed25519")
    expect(len(get(made["signature"])), 64)
    expect(verify(TRUSTED, "--signatures=signatures", "a.cfs")[0], OK)
    expect(verify(TRUSTED, "--signatures=signatures", "b.cfs")[0], UNSIGNED)
    expect(verify(TRUSTED, "--signatures=none", "a.cfs")[0], UNSIGNED)
    os.mkdir("empty")
    expect(verify("--trusted=empty", "--signatures=signatures", "a.cfs")[0], NO_KEY)


@fact
def damaged_signature_does_not_affect_the_others(place):
    put("keys/keys.d/stranger", get("stranger.pub"))
    put("keys/keys.d/vendor-again", get("vendor.pub"))
    for name in ("vendor", "stranger"):
        made = json.loads(sign(f"--key={name}.pem", "--signatures=signatures", "--json", "a.cfs"))["signature"]
    for damaged in (b"", bytes(63), bytes(64), bytes(65)):
        put(made, damaged)
        status, out, err = verify(TRUSTED, "--signatures=signatures", "a.cfs")
        expect((status, err), (OK, ""), len(damaged))
        ensure(f"signed by {place.id} " in out, out)
    os.unlink(made.rpartition("/")[0] + f"/{place.id}.ed25519")
    for damaged in (b"", bytes(63), bytes(65)):
        put(made, damaged)
        status, _, err = verify(TRUSTED, "--signatures=signatures", "a.cfs")
        expect(status, MALFORMED, len(damaged))
        ensure(".ed25519: expected" in err, err)


@fact
def key_may_be_elsewhere(_):
    message = sign("--print-to-sign", "a.cfs")
    put("message", message)
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", "vendor.pem", "-in", "message", "-out", "theirs")
    sign("--attach=theirs", "--public=vendor.pub", "a.cfs")
    expect(verify(TRUSTED, "a.cfs")[0], OK)
    os.unlink("a.cfs.sig")
    sign("--attach=-", "--public=vendor.pub", "a.cfs", data=get("theirs"))
    expect(verify(TRUSTED, "a.cfs")[0], OK)
    os.unlink("a.cfs.sig")
    sign("--sign-command=openssl pkeyutl -sign -rawin -inkey vendor.pem -in /dev/stdin",
         "--public=vendor.pub", "a.cfs")
    expect(verify(TRUSTED, "a.cfs")[0], OK)


@fact
def invalid_foreign_signature_is_not_attached(_):
    for how in ("--sign-command=openssl pkeyutl -sign -rawin -inkey stranger.pem -in /dev/stdin",
                "--sign-command=echo too short", "--sign-command=cat", "--sign-command=false", "--attach=a.cfs"):
        status, _, err = call(COMPOSEFS, "sign", how, "--public=vendor.pub", "a.cfs")
        expect(status, FAILED, how)
        ensure(err.startswith("composefs sign: "), err)
        ensure(not os.path.exists("a.cfs.sig"), how)


@fact
def statement_is_made_signed_and_verified_with_several_images_in_their_order(_):
    sign("--key=vendor.pem", *STATEMENT, "a.cfs", "b.cfs")
    lines = get("os.statement").decode().splitlines()
    expect(lines[:3], ["composefs-statement 1", "name os", "version 7"])
    expect(len(lines), 5)
    status, out, err = verify(TRUSTED, "--statement=os.statement", "--name=os", "a.cfs", "b.cfs")
    expect((status, err), (OK, ""))
    ensure("name os, version 7\n" in out, out)
    found = json.loads(verify(TRUSTED, "--json", "--statement=os.statement", "a.cfs", "b.cfs")[1])
    expect((found["name"], found["version"], len(found["images"])), ("os", 7, 2))


@fact
def statement_is_made_here_and_signed_elsewhere(_):
    message = sign("--print-to-sign", *STATEMENT, "a.cfs")
    expect(message, get("os.statement"))
    openssl("pkeyutl", "-sign", "-rawin", "-inkey", "vendor.pem", "-in", "os.statement", "-out", "theirs")
    sign("--attach=theirs", "--public=vendor.pub", "--statement=os.statement", "a.cfs")
    expect(verify(TRUSTED, "--statement=os.statement", "a.cfs")[0], OK)
    status, _, err = call(COMPOSEFS, "sign", "--key=vendor.pem", "--statement=os.statement", "b.cfs")
    expect(status, FAILED)
    ensure("not about image" in err, err)


@fact
def floor_rises_on_request_and_refuses_older_versions(_):
    floor = ("--statement=os.statement", "--floor=floors", "a.cfs")
    sign("--key=vendor.pem", *STATEMENT, "a.cfs")
    expect(verify(TRUSTED, *floor)[0], FAILED, "a floor file that is missing")
    expect(verify(TRUSTED, "--raise-floor", *floor)[0], OK)
    expect(get("floors"), b"7 os\n")
    shutil.copy("os.statement", "old.statement")
    shutil.copy("os.statement.sig", "old.statement.sig")
    os.unlink("os.statement.sig")
    sign("--key=vendor.pem", "--statement=os.statement", "--name=os", "--version=8", "a.cfs")
    expect(verify(TRUSTED, *floor)[0], OK)
    expect(get("floors"), b"7 os\n")
    expect(verify(TRUSTED, "--raise-floor", *floor)[0], OK)
    expect(get("floors"), b"8 os\n")
    status, _, err = verify(TRUSTED, "--raise-floor", "--statement=old.statement", "--floor=floors", "a.cfs")
    expect(status, ROLLED_BACK)
    ensure("rolled back: expected version 8 or newer, got 7" in err, err)
    expect(get("floors"), b"8 os\n")


@fact
def floor_does_not_rise_for_a_refused_statement(_):
    sign("--key=stranger.pem", *STATEMENT, "a.cfs")
    raised = ("--statement=os.statement", "--floor=floors", "--raise-floor")
    expect(verify(TRUSTED, *raised, "a.cfs")[0], BAD_SIGNATURE)
    sign("--key=vendor.pem", "--statement=os.statement", "a.cfs")
    expect(verify(TRUSTED, *raised, "b.cfs")[0], OTHER_IMAGE)
    ensure(not os.path.exists("floors"))


@fact
def revocations_count_beside_the_keys_and_beside_a_link_to_them(_):
    sign("--key=vendor.pem", "a.cfs")
    os.mkdir("place")
    os.symlink("../keys/keys.d", "place/link")
    expect(verify("--trusted=place/link", "a.cfs")[0], OK)
    for folder in ("place", "keys"):
        put(f"{folder}/revoked.d/x", get("vendor.pub"))
        for path in ("place/link", "place/link/", os.path.abspath("place/link")):
            expect(verify(f"--trusted={path}", "a.cfs")[0], REVOKED, (folder, path))
        os.unlink(f"{folder}/revoked.d/x")


@fact
def unreadable_revocations_are_an_error(_):
    sign("--key=vendor.pem", "a.cfs")
    os.symlink("none", "keys/revoked.d")
    status, out, err = verify(TRUSTED, "a.cfs")
    expect((status, out), (FAILED, ""))
    ensure("../revoked.d: No such file or directory" in err, err)
    os.unlink("keys/revoked.d")
    put("keys/revoked.d/vendor", get("vendor.pub"))
    os.symlink("none", "keys/revoked.d/0")
    status, out, err = verify(TRUSTED, "a.cfs")
    expect((status, out), (FAILED, ""))
    ensure("../revoked.d: 0: open: No such file or directory" in err, err)


@fact
def floors_that_rise_at_the_same_time_do_not_undo_each_other(_):
    names = [f"os{i}" for i in range(12)]
    for name in names:
        sign("--key=vendor.pem", f"--statement={name}", f"--name={name}", "--version=7", "a.cfs")
    running = [subprocess.Popen([COMPOSEFS, "verify", TRUSTED, f"--statement={name}", "--floor=floors", "--raise-floor", "a.cfs"],
                                stdout=subprocess.DEVNULL) for name in names]
    expect([p.wait(timeout=60) for p in running], [OK] * len(names))
    expect(sorted(get("floors").decode().splitlines()), sorted(f"7 {name}" for name in names))


def raise_floor(statement, floors):
    return [COMPOSEFS, "verify", TRUSTED, f"--statement={statement}", f"--floor={floors}", "--raise-floor", "a.cfs"]


@fact
def floors_raised_by_two_paths_to_one_file_do_not_undo_each_other(_):
    names = [f"os{i}" for i in range(24)]
    for name in names:
        sign("--key=vendor.pem", f"--statement={name}", f"--name={name}", "--version=7", "a.cfs")
    os.mkdir("real")
    os.mkdir("other")
    put("real/floors", b"")
    os.symlink("../real/floors", "other/floors")
    paths = ("real/floors", "other/floors", os.path.abspath("real/floors"))
    running = [subprocess.Popen(raise_floor(name, paths[i % 3]), stdout=subprocess.DEVNULL) for i, name in enumerate(names)]
    expect([p.wait(timeout=60) for p in running], [OK] * len(names))
    expect(sorted(get("real/floors").decode().splitlines()), sorted(f"7 {name}" for name in names))
    ensure(os.path.islink("other/floors"))


@fact
def a_floor_is_raised_under_the_lock_of_the_file_itself(_):
    sign("--key=vendor.pem", *STATEMENT, "a.cfs")
    put("floors", b"6 os\n")
    os.mkdir("other")
    os.symlink("../floors", "other/floors")
    with open("floors", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(raise_floor("os.statement", "other/floors"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as waits:
            line = waits.stderr.readline()
            ensure(f"other/floors: waiting for process {os.getpid()} (" in line, line)
            put("new", b"6 os\n9 more\n")
            os.rename("new", "floors")  # what it waits for is not the file any more
            fcntl.flock(held, fcntl.LOCK_UN)
            expect(waits.wait(timeout=60), OK)
    expect(get("floors"), b"9 more\n7 os\n")


@fact
def only_a_missing_file_in_an_existing_directory_counts_as_no_floors(_):
    sign("--key=vendor.pem", *STATEMENT, "a.cfs")
    os.symlink("var/floors", "floors")
    os.symlink("none", "missing")
    os.symlink("loop", "loop")
    put("plain", b"")
    os.mkfifo("fifo")
    put("two", b"8 os\n")
    os.link("two", "names")
    for place, word in (("floors", "a dangling symbolic link"), ("none/floors", "No such file"), ("missing/floors", "No such file"),
                        ("loop", "symbolic links"), ("plain/floors", "Not a directory"), ("fifo", "regular file"), (".", "directory"),
                        ("names", "got 2 hard links")):
        before = sorted(os.listdir("."))
        status, _, err = verify(*raise_floor("os.statement", place)[2:])
        ensure(status not in (OK, USAGE), place)
        ensure(word in err and err.count("\n") == 1, err)
        expect(sorted(os.listdir(".")), before, place)
    expect((get("two"), os.readlink("floors")), (b"8 os\n", "var/floors"))


@fact
def a_signature_is_added_where_only_writers_can_lock(_):
    """As on NFS, where flock(2) gives EBADF for an exclusive lock through a descriptor for reading."""
    if not can_inject():
        return
    sign("--key=vendor.pem", "a.cfs")
    status, _, err = call("strace", "-f", "-qq", "-o", os.devnull, "-E", "ASAN_OPTIONS=detect_leaks=0",
                          "-e", "inject=flock:error=EBADF:when=1", COMPOSEFS, "sign", "--key=stranger.pem", "a.cfs")
    expect(status, OK, err)
    expect(os.path.getsize("a.cfs.sig"), 128)


@fact
def signers_at_the_same_time_lose_no_signature(_):
    keys = [f"k{i}" for i in range(16)]
    for key in keys:
        openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    os.mkdir("other")
    os.symlink("../a.cfs.sig", "other/a.cfs.sig")

    def all_sign(*paths):
        running = [subprocess.Popen([COMPOSEFS, "sign", f"--key={key}", *paths[i % len(paths)], "a.cfs"], stdout=subprocess.DEVNULL)
                   for i, key in enumerate(keys)]
        expect([p.wait(timeout=60) for p in running], [OK] * len(keys))

    all_sign(())
    data = get("a.cfs.sig")
    expect(len({data[i:i + 64] for i in range(0, len(data), 64)}), len(keys))
    put("a.cfs.sig", b"")
    all_sign((), ("--signature=other/a.cfs.sig",))
    data = get("a.cfs.sig")
    expect(len({data[i:i + 64] for i in range(0, len(data), 64)}), len(keys))
    all_sign(("--signatures=apart",))
    expect(sum(len(files) for _, _, files in os.walk("apart")), len(keys))


@fact
def a_waiting_signer_names_the_process_it_waits_for(_):
    sign("--key=vendor.pem", "a.cfs")
    with open("a.cfs.sig", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen([COMPOSEFS, "sign", "--key=stranger.pem", "a.cfs"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as waits:
            line = waits.stderr.readline()
            ensure(f"a.cfs.sig: waiting for process {os.getpid()} (" in line and f"of user {os.getuid()}" in line, line)
            fcntl.flock(held, fcntl.LOCK_UN)
            expect(waits.wait(timeout=60), OK)
    expect(len(get("a.cfs.sig")), 128)


def cut(path, length):
    put(path, get(path)[:length])


def revoke(name):
    put("keys/revoked.d/" + name, get(name + ".pub"))


def untrust():
    os.unlink("keys/keys.d/vendor.pub")


def sign_otherwise(*kind):
    """a.cfs, with a key of another kind."""
    openssl("genpkey", "-out", "other.pem", "-algorithm", *kind)
    openssl("dgst", "-sha256", "-sign", "other.pem", "-out", "a.cfs.sig", data=sign("--print-to-sign", "a.cfs"))


def sign_pkcs7():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.pem", "-out", "other.crt", "-subj", "/CN=x")
    openssl("cms", "-sign", "-binary", "-outform", "der", "-signer", "other.crt", "-inkey", "other.pem", "-out", "a.cfs.sig",
            data=sign("--print-to-sign", "a.cfs"))


STATED = ("--statement=os.statement", "a.cfs", "b.cfs")
# What is wrong; the status and the word for it; a part of the message; verify's arguments; how it comes about.
REFUSALS = [
    ("no signature", UNSIGNED, "unsigned", "expected a signature in a.cfs.sig, got none", ("a.cfs",),
     lambda: os.unlink("a.cfs.sig")),
    ("empty signature", MALFORMED, "malformed", "got an empty file", ("a.cfs",), lambda: cut("a.cfs.sig", 0)),
    ("truncated signature", MALFORMED, "malformed", "got 63 bytes", ("a.cfs",), lambda: cut("a.cfs.sig", 63)),
    ("a pipe for a signature", MALFORMED, "malformed", "expected a regular file, got a FIFO", ("a.cfs",),
     lambda: (os.unlink("a.cfs.sig"), os.mkfifo("a.cfs.sig"))),
    ("trailing data", MALFORMED, "malformed", "got 65 bytes", ("a.cfs",),
     lambda: put("a.cfs.sig", get("a.cfs.sig") + b"x")),
    ("ECDSA signature", OTHER_ALGORITHM, "other-algorithm", "got one of another kind", ("a.cfs",),
     lambda: sign_otherwise("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
    ("PKCS#7 signature", OTHER_ALGORITHM, "other-algorithm", "got one of another kind", ("a.cfs",), sign_pkcs7),
    ("RSA signature", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", ("a.cfs",),
     lambda: sign_otherwise("rsa", "-pkeyopt", "rsa_keygen_bits:2048")),
    ("no key is trusted", NO_KEY, "no-key", "got none", ("a.cfs",), untrust),
    ("signed by an untrusted key", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", ("a.cfs",),
     lambda: (os.unlink("a.cfs.sig"), sign("--key=stranger.pem", "a.cfs"))),
    ("signature of another image", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key",
     ("--signature=a.cfs.sig", "b.cfs"), lambda: None),
    ("image has changed", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", ("a.cfs",),
     lambda: put("a.cfs", get("a.cfs") + b"x")),
    ("other hash", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", ("--hash=sha512", "a.cfs"),
     lambda: None),
    ("key is revoked", REVOKED, "revoked", "vendor.pub, which is revoked", ("a.cfs",), lambda: revoke("vendor")),
    ("key is revoked elsewhere", REVOKED, "revoked", "which is revoked", ("--revoked=elsewhere", "a.cfs"),
     lambda: put("elsewhere/x", get("vendor.pub"))),
    ("statement without signature", UNSIGNED, "unsigned", "os.statement.sig, got none", STATED,
     lambda: os.unlink("os.statement.sig")),
    ("statement has changed", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", STATED,
     lambda: put("os.statement", get("os.statement").replace(b"version 7", b"version 9"))),
    ("statement is cut off", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key", STATED,
     lambda: cut("os.statement", 100)),
    ("signed, but no statement", MALFORMED, "malformed", "statement: expected a line", STATED,
     lambda: (put("os.statement", b"nonsense\n"), os.unlink("os.statement.sig"), openssl(
         "pkeyutl", "-sign", "-rawin", "-inkey", "vendor.pem", "-in", "os.statement", "-out", "os.statement.sig"))),
    ("signature of a digest for a statement", BAD_SIGNATURE, "bad-signature", "no signature by a trusted key",
     ("--signature=a.cfs.sig",) + STATED, lambda: None),
    ("statement about other images", OTHER_IMAGE, "other-image", "not about image",
     ("--statement=os.statement", "a.cfs", "a.cfs"), lambda: None),
    ("a layer is missing", OTHER_IMAGE, "other-image", "expected a statement about 1 image, got one about 2", ("--statement=os.statement", "a.cfs"),
     lambda: None),
    ("layers in another order", OTHER_ORDER, "other-order", "another order",
     ("--statement=os.statement", "b.cfs", "a.cfs"), lambda: None),
    ("statement about another name", OTHER_NAME, "other-name", "expected a statement about server, got one about os", ("--name=server",) + STATED,
     lambda: None),
    ("rolled back", ROLLED_BACK, "rolled-back", "rolled back: expected version 8 or newer, got 7", ("--floor=floors",) + STATED,
     lambda: put("floors", b"8 os\n")),
    ("damaged floors", MALFORMED, "malformed", "floors: expected lines", ("--floor=floors",) + STATED,
     lambda: put("floors", b"7 os")),
    ("image without fs-verity", NO_VERITY, "no-verity", "fs-verity", ("--require-verity", "a.cfs"), lambda: None),
    ("a key file that is none", MALFORMED, "malformed", "broken: key: expected PEM", ("a.cfs",),
     lambda: put("keys/revoked.d/broken", b"?")),
]


def refusal(what, status, word, message, args, spoil):
    def check(_):
        sign("--key=vendor.pem", "a.cfs")
        sign("--key=vendor.pem", *STATEMENT, "a.cfs", "b.cfs")
        spoil()
        got, out, err = verify(TRUSTED, *args)
        expect((got, out), (status, ""), err)
        ensure(message in err, err)
        got, out, _ = verify(TRUSTED, "--json", *args)
        expect(got, status)
        expect(json.loads(out)["status"], word)
        ensure(message in json.loads(out)["error"], out)

    check.__name__ = "refused_" + what.replace(" ", "_").replace(",", "")
    fact(check)


for row in REFUSALS:
    refusal(*row)


@fact
def refusals_are_those_that_the_documentation_lists(_):
    with open(SECURITY, encoding="utf-8") as f:
        rows = [line.split(" | ") for line in f if re.match(r"\| [12][0-9] \| [a-z-]+ \| ", line)]
    listed = {(what, int(status.strip("| ")), word) for status, word, whats, _ in rows for what in whats.split("; ")}
    expect(listed, {(what, status, word) for what, status, word, *_ in REFUSALS})


@fact
def wrong_usage_is_reported(_):
    for args in (("verify",), ("verify", "a.cfs", "b.cfs"), ("verify", "--name=x", "a.cfs"),
                 ("verify", "--raise-floor", "--statement=x", "a.cfs"), ("verify", "--hash=md5", "a.cfs"),
                 ("verify", *17 * (TRUSTED,), "a.cfs"),
                 ("sign", "a.cfs"), ("sign", "--key=vendor.pem", "--print-to-sign", "a.cfs"),
                 ("sign", "--attach=x", "a.cfs"), ("sign", "--key=vendor.pem", "--name=os", "a.cfs"),
                 ("sign", "--key=vendor.pem", "--statement=s", "--name=os", "a.cfs"),
                 ("sign", "--key=vendor.pem", "a.cfs", "b.cfs"),
                 ("sign", "--key=vendor.pem", *STATEMENT[:2], "--version=-1", "a.cfs")):
        status, _, err = call(COMPOSEFS, *args)
        expect(status, USAGE, args)
        ensure("composefs" in err and "unknown command" not in err, err)


@fact
def a_failed_signature_leaves_nothing_behind(_):
    for key in ("vendor.pub", "none.pem", "a.cfs"):
        expect(call(COMPOSEFS, "sign", "--key=" + key, "a.cfs")[0], FAILED, key)
    put("a.cfs.sig", b"not a signature")
    expect(call(COMPOSEFS, "sign", "--key=vendor.pem", "a.cfs")[0], FAILED)
    expect(get("a.cfs.sig"), b"not a signature")
    expect(call(COMPOSEFS, "sign", "--key=vendor.pem", *STATEMENT[:1], "--name=two words", "--version=1", "a.cfs")[0],
           FAILED)
    ensure(not os.path.exists("os.statement"))


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place, "openssl"))
