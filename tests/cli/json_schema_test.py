#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What each command prints with --json is what its schema in doc/schema says, and has no other keys.

    json_schema_test.py COMPOSEFS MKCOMPOSEFS SCHEMAS GOLDEN        GOLDEN: tests/golden/oci
"""
import json
import os
import re
import shutil
import subprocess
import sys

from repo import COMPOSEFS, DAMAGED, expect, good, main, make, make_tree, run, write

try:
    import jsonschema
except ImportError:
    jsonschema = None

MKCOMPOSEFS = os.path.abspath(sys.argv[2])
SCHEMAS = os.path.abspath(sys.argv[3])
GOLDEN = os.path.abspath(sys.argv[4])
SEEN = set()

# doc/json.md says so: a number in one command, a list or a text in another.
SEVERAL_TYPES = {"created", "entries", "first", "images", "kernel", "layers", "repository", "version"}


def schema_of(verb):
    with open(f"{SCHEMAS}/{verb}.json", encoding="utf-8") as f:
        return json.load(f)


def valid(verb, *args, statuses=(0,), front=("--repo=r",), stdin=None):
    """Run the command with --json, and check its output. Returns it."""
    rc, out, err = run(verb, *front, "--json", *args, stdin=stdin)
    if rc not in statuses:
        raise AssertionError(f"{verb} {args}: expected a status of {statuses}, got {rc}: {err}")
    return check(verb, args, out)


def check(verb, args, out):
    found = json.loads(out)
    try:
        jsonschema.Draft202012Validator(schema_of(verb)).validate(found)
    except jsonschema.ValidationError as reason:
        raise AssertionError(f"{verb} {args}: {reason.message} at {list(reason.absolute_path)}: {out:.1000}") from reason
    SEEN.add(verb)
    return found


def all_schemas_are_strict_and_their_keys_have_one_style():
    for name in sorted(os.listdir(SCHEMAS)):
        schema = schema_of(name.removesuffix(".json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        expect((name, schema["$schema"]), (name, "https://json-schema.org/draft/2020-12/schema"))
        check_strict(name, schema)


def one_key_has_one_type_and_words_have_hyphens():
    """In all schemas: a program that knows a key of one command knows it of the others."""
    types = {}
    for name in sorted(os.listdir(SCHEMAS)):
        collect_types(schema_of(name.removesuffix(".json")), types)
    several = {key for key, found in types.items() if len(found) > 1}
    expect(several - SEVERAL_TYPES, set())


def collect_types(part, types):
    if isinstance(part, list):
        for item in part:
            collect_types(item, types)
    if not isinstance(part, dict):
        return
    expect([word for word in part.get("enum", []) if isinstance(word, str) and "_" in word], [])
    for key, value in part.get("properties", {}).items():
        if isinstance(value, dict) and "type" in value:
            kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
            types.setdefault(key, set()).add(tuple(sorted(set(kinds) - {"null"})))
    for value in part.values():
        collect_types(value, types)


def check_strict(name, part):
    if isinstance(part, list):
        for each in part:
            check_strict(name, each)
    if not isinstance(part, dict):
        return
    if "object" in (part.get("type") or []) if isinstance(part.get("type"), list) else part.get("type") == "object":
        expect((name, part.get("additionalProperties", True) is not True), (name, True))
        for key in part.get("properties", {}):
            expect((name, key, bool(re.fullmatch("[a-z][a-z0-9_]*", key))), (name, key, True))
    for each in part.values():
        check_strict(name, each)


def repositories_images_and_references():
    make_tree()
    valid("init", "--insecure", "--algorithm=sha256", "r", front=())
    valid("init", "--insecure", "--algorithm=sha256", "r", front=())
    made = valid("create-image", "tree", "os/1")["id"]
    valid("create-image", "--user-xattrs", "tree")
    make_tree("tree2", "2")
    valid("create-image", "tree2", "os/2")
    subprocess.run([MKCOMPOSEFS, "tree", "image.cfs"], check=True, capture_output=True)
    valid("import-image", "imported", "image.cfs")
    valid("compute-id", "tree")
    valid("compute-id", "--no-repo", "--erofs-version=0", "tree", front=())
    valid("compute-karg", "tree")
    expect(valid("tag", "os/1", "latest")["id"], made)
    write(f"r/signatures/{made[7:]}/ab.ed25519", "x")
    valid("images")
    valid("images", "--size")
    valid("inspect", "os/1", "os/2")
    valid("inspect", "--size", "latest")
    valid("log", "latest")
    valid("untag", "latest")
    valid("log", "latest")
    valid("rm", "os/2")
    valid("rm", "--gc", "imported")
    valid("gc", "--dry-run")
    valid("gc")
    with open("r/images/refs/os/1", "rb"):
        valid("images")
        valid("du")


def contents_of_images():
    make()
    os.mkfifo("tree/fifo")
    good("create-image", "--repo=r", "tree", "os/1")
    make_tree("tree2", "2")
    good("create-image", "--repo=r", "tree2", "os/2")
    valid("ls", "os/1")
    valid("ls", "os/1", "/dir", "/link")
    valid("dump-files", "os/1")
    valid("create-dumpfile", "tree")
    valid("image-objects", "os/1")
    valid("extract", "os/1", "/", "out")
    good("init", "--insecure", "--algorithm=sha256", "copy")
    valid("copy", "--from=r", "os/1", "os/2", front=("--repo=copy",))
    valid("du")
    valid("du", "--pairs", "--apparent", "--no-cached")


def checks_and_repairs():
    image = make()
    valid("fsck")
    valid("fsck", "os/1")
    subprocess.run([MKCOMPOSEFS, "--digest-store=objects", "tree", "image.cfs"], check=True, capture_output=True)
    valid("fsck", "--objects=objects", "image.cfs", front=())
    valid("fsck", "--kernel=6.1", "image.cfs", front=(), statuses=(0, 5))
    write("not.cfs", "not an image" * 1000)
    valid("fsck", "not.cfs", front=(), statuses=(1, DAMAGED))
    for folder, _, names in os.walk("objects"):
        for name in names[:1]:
            os.unlink(os.path.join(folder, name))
    valid("fsck", "--objects=objects", "image.cfs", front=(), statuses=(4,))
    shutil.copytree("r", "backup", symlinks=True)
    path = f"r/objects/{image[7:9]}/{image[9:]}"
    os.chmod(path, 0o644)
    write(path, "x" * 5000)
    write("r/objects/.tmp-object-abcdefghijkl", "")
    valid("fsck", statuses=(DAMAGED,))
    valid("scrub", statuses=(DAMAGED,))
    valid("repair", "--from=backup")
    valid("scrub", "os/1")
    valid("transaction", "--", "true")
    valid("doctor", "r", front=(), statuses=(0, 5))


def comparisons():
    make()
    make_tree("tree2", "2")
    os.unlink("tree2/link")
    valid("diff", "tree", "tree", front=())
    valid("diff", "tree", "tree2", front=(), statuses=(1,))
    valid("diff", "--stat", "tree", "tree2", front=(), statuses=(1,))
    for version in "01":
        subprocess.run([MKCOMPOSEFS, f"--min-version={version}", f"--max-version={version}", "tree", f"{version}.cfs"],
                       check=True, capture_output=True)
    valid("explain", "tree", "tree2", front=(), statuses=(1,))
    valid("explain", "0.cfs", "1.cfs", front=(), statuses=(0, 1))
    expected = good("compute-id", "--profile=repo-1", "tree").strip()
    valid("explain", f"--expected={expected}", "tree", front=(), statuses=(0, 1))
    valid("explain", f"--expected=sha256:{'0' * 64}", "tree", front=(), statuses=(0, 1))
    valid("version", front=())


def mounts():
    make()
    os.mkdir("mnt")
    valid("status", front=())
    valid("prefetch", "--from=r", "os/1")
    if run("mount", "--repo=r", "os/1", "mnt")[0]:
        SEEN.update(("mount", "umount"))  # not root, or a kernel without EROFS
        return
    good("umount", "mnt")
    valid("mount", "os/1", "mnt")
    try:
        expect(len(valid("status", front=())["mounts"]) > 0, True)
        valid("inspect", "os/1")
    finally:
        valid("umount", "mnt", front=())


def signatures():
    make()
    if not shutil.which("openssl") or run("sign", "--help")[0]:
        SEEN.update(("sign", "verify"))
        return
    os.makedirs("keys/keys.d")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key"], check=True)
    valid("verify", "--trusted=keys/keys.d", "os/1", statuses=(10, 12))
    subprocess.run(["openssl", "pkey", "-in", "key", "-pubout", "-out", "keys/keys.d/key.pub"], check=True)
    valid("sign", "--key=key", "os/1")
    valid("verify", "--trusted=keys/keys.d", "os/1")
    valid("sign", "--key=key", "--statement=s", "--name=os", "--version=1", "os/1")
    valid("verify", "--trusted=keys/keys.d", "--statement=s", "os/1")


def signatures_for_the_kernel():
    make_tree()
    subprocess.run([MKCOMPOSEFS, "--digest-store=objects", "tree", "image.cfs"], check=True, capture_output=True)
    os.mkdir("none")
    valid("enable-objects", "--objects=objects", "--signatures=none", front=())
    made = subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-x509", "-out", "cert", "-subj", "/CN=x"],
                          capture_output=True, check=False) if shutil.which("openssl") else None
    helper = os.path.join(os.path.dirname(COMPOSEFS), "composefs-pkcs7")
    if not made or made.returncode or not os.path.exists(helper):
        SEEN.add("sign-objects")
        return
    valid("sign-objects", "--key=key", "--cert=cert", "--signatures=out", "image.cfs", front=())


def deployments():
    for name in ("vmlinuz", "initramfs.img"):
        write(f"system/usr/lib/modules/1/{name}", name)
    os.makedirs("system/etc")
    os.makedirs("system/var")
    good("create-image", "--repo=r", "system", "system")
    place = ("--root=disk", "--boot=efi")
    os.mkdir("disk")
    check("boot-install", (), good("boot", "install", *place, "--repo=r", "--insecure", "--json", "system"))
    check("boot-install", (), good("boot", "upgrade", *place, "--repo=r", "--insecure", "--json"))
    check("boot-status", (), good("boot", "status", *place, "--json"))
    check("boot-check", (), run("boot", "check", *place, "--repo=r", "--json")[1])  # the mount may fail here


def container_images():
    good("init", "--insecure", "--algorithm=sha256", "r")
    os.makedirs("efi/loader/entries")
    write("efi/loader/entries/a+1.conf", "title A\noptions composefs=" + "a" * 64 + "\n")
    check("boot-list", (), good("boot", "list", "--boot=efi", "--json"))
    deployments()
    if run("oci", "--help")[0]:
        return

    def oci(verb, *args, option="--json"):
        check(f"oci-{verb}", args, good("oci", verb, "--repo=r", *([option] if option else []), *args))

    oci("pull", f"oci:{GOLDEN}/basic:latest", "basic")
    oci("pull", f"oci:{GOLDEN}/basic:latest", "again")
    oci("pull", "--all-platforms", f"oci:{GOLDEN}/index:latest", "index")
    oci("push", "--all-platforms", "index", "oci:out:index")
    oci("images")
    oci("compute-id", "basic")
    oci("inspect", "basic", option=None)
    oci("fsck")
    oci("store-view", "view")
    oci("push", "basic", "oci:out:basic")
    oci("export", "basic", "oci-archive:out.tar:basic")
    oci("export", "basic", "rootfs:files.tar")
    good("init", "--insecure", "--hash=sha256", "other")
    check("oci-copy", ("basic",), good("oci", "copy", "--json", "--repo=other", "--from=r", "basic"))
    check("oci-copy", ("index",), good("oci", "copy", "--json", "--all-platforms", "--repo=other", "--from=r", "index"))
    os.mkdir("mnt")
    if run("oci", "mount", "--repo=r", "basic", "mnt")[0] == 0:
        good("umount", "mnt")
        oci("mount", "basic", "mnt")
        good("umount", "mnt")
    else:
        SEEN.add("oci-mount")  # not root, or a kernel without EROFS
    check("oci-bundle", (), good("oci", "bundle", "--repo=r", "--json", "--no-mount", "--read-write", "basic", "bundle", "--", "sh"))
    seals(oci)


def seals(oci):
    """Of container images, by a key, if there are signatures in this build."""
    if not shutil.which("openssl") or run("sign", "--help")[0]:
        SEEN.update(("oci-seal", "oci-verify"))
        return
    os.mkdir("keys.d")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key"], check=True)
    subprocess.run(["openssl", "pkey", "-in", "key", "-pubout", "-out", "keys.d/key.pub"], check=True)
    check("oci-verify", (), run("oci", "verify", "--repo=r", "--trusted=keys.d", "--json", "basic")[1])
    oci("seal", "--key=key", "basic")
    oci("verify", "--trusted=keys.d", "basic")


def commands_with_json():
    """What --help lists: "images", "oci-images"."""
    names = [(verb,) for verb in re.findall(r"^  ([a-z][a-z-]+)  ", good("--help"), re.M)]
    for family in ("oci", "boot"):
        rc, out, _ = run(family, "--help")
        names += [(family, verb) for verb in re.findall(r"^  ([a-z][a-z-]+)  ", out.partition("Verbs:")[2], re.M)] if rc == 0 else []
    return {"-".join(name) for name in names if "\n  --json " in run(*name, "--help")[1]}


def every_command_with_json_has_a_schema_and_was_run():
    SEEN.add("watch")  # a line for each damaged object of a mount: tests/root/watch_test.py
    SEEN.add("boot-upgrade" if "boot-install" in SEEN else "")
    schemas = {name.removesuffix(".json") for name in os.listdir(SCHEMAS)}
    expect(sorted(commands_with_json() - SEEN), [])
    expect(sorted(schemas - commands_with_json() - {"oci-inspect"}), [])  # which prints JSON alone


if __name__ == "__main__":
    if not jsonschema:
        print("1..0 # SKIP the package python3-jsonschema is not installed")
        sys.exit(0)
    sys.exit(main([all_schemas_are_strict_and_their_keys_have_one_style, one_key_has_one_type_and_words_have_hyphens, repositories_images_and_references, contents_of_images,
                   checks_and_repairs, comparisons, mounts, signatures, signatures_for_the_kernel, container_images,
                   every_command_with_json_has_a_schema_and_was_run]))
