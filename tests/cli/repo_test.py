#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Repositories as users meet them: made, filled, named, listed.

    repo_test.py COMPOSEFS
"""
import json
import os
import re
import shutil
import subprocess
import sys

from repo import (COMPOSEFS, FAILED, OK, USAGE, expect, good, has, loaded, main, make, make_tree, mode, refused, run,
                  snapshot, write)


def init_creates_a_private_repository():
    rc, out, err = run("init", "--insecure", "a/r")
    expect((rc, out, err), (0, "a/r: created\n", ""))
    has(run("init", "--insecure", "-v", "c")[2], "without fs-verity the kernel does not verify contents")
    expect(mode("a/r"), 0o700)
    with open("a/r/meta.json", encoding="ascii") as f:
        meta = json.load(f)
    expect((meta["version"], meta["algorithm"], meta["erofs_formats"]), (1, "fsverity-sha512-12", {"default": 1}))
    expect(meta["features"]["read-only-compatible"], ["v1_erofs"])
    expect(run("init", "--insecure", "--repo=a/r"), (0, "a/r: already exists\n", ""))
    expect(loaded("init", "--insecure", "--json", "b"), {"path": "b", "created": True})


def init_closes_an_empty_directory_to_others():
    for name, given in (("open", 0o755), ("group", 0o750), ("search", 0o711), ("closed", 0o700)):
        os.mkdir(name)
        os.chmod(name, given)
        expect(good("init", "--insecure", name), f"{name}: created\n")
        expect(mode(name), 0o700)
    os.mkdir("disk")  # a new filesystem
    os.mkdir("disk/lost+found")
    good("init", "--insecure", "disk")


def init_that_fails_keeps_the_mode_of_the_directory():
    os.mkdir("d")
    os.chmod("d", 0o755)
    if run("init", "d")[0] != OK:  # there may be fs-verity here
        expect((mode("d"), os.listdir("d")), (0o755, []))


def init_refuses_a_directory_that_is_not_empty_without_force():
    write("d/file", "x")
    os.chmod("d", 0o755)
    before = snapshot("d")
    has(refused("init", "--insecure", "d"), "repository d: expected a new or empty directory, got one with file (--force uses it anyway)")
    expect((snapshot("d"), mode("d")), (before, 0o755))
    good("init", "--insecure", "--force", "d")
    expect((mode("d"), sorted(os.listdir("d"))), (0o700, ["file", "meta.json"]))


def init_refuses_an_open_directory_of_somebody_else():
    if os.geteuid() != 0:
        return  # only root can make one
    os.mkdir("d")
    os.chown("d", 1, 1)
    os.chmod("d", 0o755)
    has(refused("init", "--insecure", "d"), "expected mode 0700 or a directory of user 0, got mode 0755 and user 1")
    expect((mode("d"), os.listdir("d")), (0o755, []))


def init_without_fs_verity_gives_advice_and_leaves_nothing():
    if run("init", "a/r")[0] != OK:  # there may be fs-verity here
        has(refused("init", "a/r"), '; or --insecure creates it without fs-verity; see composefs doctor)')
        expect(os.listdir("a"), [])


def init_refuses_different_settings_and_changes_nothing():
    good("init", "--insecure", "r")
    before = snapshot("r")
    has(refused("init", "--insecure", "--algorithm=sha256", "r"), "got fsverity-sha512-12")
    has(refused("init", "--insecure", "--erofs-version=0", "r"), "format 0")
    has(refused("init", "--ensure", "--algorithm=sha256", "r"), "expected fsverity-sha256-12, got fsverity-sha512-12")
    expect(good("init", "--ensure", "--erofs-version=0", "r"), "r: already exists\n")
    expect(snapshot("r"), before)


def reset_metadata_keeps_the_objects_alone():
    made = make()
    objects = sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs)
    os.makedirs("r/streams/refs/oci")
    os.symlink("../../x", "r/streams/refs/oci/x")
    before = snapshot("r")
    has(refused("init", "--insecure", "--reset-metadata", "r"), "the objects have sha256 digests: expected sha512")
    expect(snapshot("r"), before)
    expect(good("init", "--insecure", "--reset-metadata", "--algorithm=sha256", "--erofs-version=0", "r"), "r: created\n")
    expect(sorted(os.path.join(d, f) for d, _, fs in os.walk("r/objects") for f in fs), objects)
    expect(sorted(n for n in os.listdir("r") if not n.startswith(".")), ["meta.json", "objects"])
    expect(good("images", "--quiet", "--repo=r"), "")
    expect(good("create-image", "--repo=r", "tree", "os/1").strip() == made, False)


def an_old_repository_without_meta_json_becomes_one():
    make()
    os.unlink("r/meta.json")
    has(refused("images", "--repo=r"), "it has no meta.json")
    has(refused("init", "--insecure", "r"), "the objects have sha256 digests")
    good("init", "--insecure", "--algorithm=sha256", "r")
    expect(good("images", "--repo=r", "--format={{.Name}}"), "os/1\n")


def missing_and_newer_repositories_give_a_clear_message():
    os.mkdir("none")
    has(refused("images", "--repo=none"), "not a repository: it has no meta.json")
    has(refused("images", "--repo=nowhere"), "repository nowhere: open: No such file or directory (composefs init creates one, --repo=DIR")
    write("v2/meta.json", '{"version":2,"algorithm":"fsverity-sha256-12"}')
    has(refused("images", "--repo=v2"), "version: expected 1, got 2")
    write("feature/meta.json", '{"version":1,"algorithm":"fsverity-sha256-12","features":{"incompatible":["warp"]}}')
    has(refused("images", "--repo=feature"), "warp")
    write("reading/meta.json", '{"version":1,"algorithm":"fsverity-sha256-12",'
                               '"features":{"read-only-compatible":["warp"]}}')
    expect(good("images", "--quiet", "--repo=reading"), "")
    make_tree()
    has(refused("create-image", "--repo=reading", "tree"), "warp")
    expect(sorted(os.listdir("reading")), ["meta.json"])
    has(refused("images", "--repo=a", "--system", status=USAGE), "expected one of")


def no_command_touches_a_repository_that_it_does_not_understand():
    make_tree()
    good("init", "--insecure", "sound")
    image_id = good("create-image", "--repo=sound", "tree").strip().rpartition(":")[2]
    os.rename(f"sound/objects/{image_id[:2]}/{image_id[2:]}", "file")
    reading = [("images",), ("ls", "a"), ("cat", "a"), ("cat", "a", "/b"), ("dump-files", "a"), ("image-objects", "a"), ("fsck",),
               ("fsck", "a"), ("mount", "a", "."), ("gc", "--dry-run"), ("compute-id", "tree"), ("create-dumpfile", "tree")]
    writing = [("create-image", "tree", "a"), ("import-image", "a", "file"), ("tag", "a", "b"), ("untag", "a"), ("gc",), ("repair",),
               ("transaction", "--", "true")]
    meta = '{"version":%d,"algorithm":"fsverity-sha256-12","features":{"%s":["warp"]}}'
    for name, text, said in (("newer", meta % (2, "compatible"), "version: expected 1, got 2"),
                             ("feature", meta % (1, "incompatible"), "unsupported feature warp"),
                             ("algorithm", '{"version":1,"algorithm":"fsverity-md5-12"}', "expected fsverity-sha256-12 or"),
                             ("torn", '{"version":1,', "meta.json: line 1"), ("reading", meta % (1, "read-only-compatible"), "warp")):
        write(f"{name}/meta.json", text)
        before = snapshot(name)
        for command, *args in writing + (reading if name != "reading" else []):
            has(refused(command, f"--repo={name}", *args), said)
        if name != "reading":
            has(refused("init", "--insecure", "--algorithm=sha256", name), said)
        expect(snapshot(name), before)
    expect(loaded("fsck", "--repo=reading", "--json")["ok"], True)
    expect(loaded("gc", "--repo=reading", "--json", "--dry-run")["objects_removed"], 0)
    for name in ("newer", "feature", "algorithm", "torn", "reading"):
        os.makedirs(f"{name}/objects")
        os.makedirs(f"{name}/signatures/objects")
        before = snapshot(name)
        has(refused("init", "--insecure", "--reset-metadata", "--algorithm=sha256", name), "(--force resets it anyway)")
        for args in (("sign-objects", "--key=k", "--cert=c", f"--signatures={name}/signatures/objects", "image.cfs"),
                     ("sign-objects", "--key=k", "--cert=c", f"--signatures={name}/signatures/new", "image.cfs"),
                     ("enable-objects", f"--objects={name}/objects", "--signatures=tree"),
                     ("sign", "--key=k", f"--signatures={name}/signatures", "image.cfs")):
            has(refused(*args), f"repository of {name}/")
        expect(snapshot(name), before)


def a_repository_with_unknown_features_is_reset_only_with_force():
    make()
    for name, text in (("newer", '"version":2'), ("feature", '"version":1,"features":{"incompatible":["warp"]}'),
                       ("reading", '"version":1,"features":{"read-only-compatible":["warp"]}'), ("torn", '"version')):
        shutil.copytree("r", name, symlinks=True)
        os.unlink(f"{name}/meta.json")
        write(f"{name}/meta.json", '{"algorithm":"fsverity-sha256-12",%s}' % text)
        args = ("init", "--insecure", "--reset-metadata", "--algorithm=sha256", name)
        before = snapshot(name)
        has(refused(*args), "--force")
        expect(snapshot(name), before)
        expect(good(*args, "--force"), f"{name}: created\n")
        expect(good("images", "--quiet", f"--repo={name}"), "")


def a_signature_does_not_enter_a_repository_that_it_may_only_read():
    if run("sign", "--help")[0] != OK:
        return
    make()
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], check=True)
    os.unlink("r/meta.json")
    write("r/meta.json", '{"version":1,"algorithm":"fsverity-sha256-12","features":{"read-only-compatible":["warp"]}}')
    before = snapshot("r")
    has(refused("sign", "--key=key.pem", "--repo=r", "os/1"), "warp")
    expect(good("sign", "--print-to-sign", "--repo=r", "os/1")[:8], "FSVerity")
    expect(snapshot("r"), before)
    write("r/meta.json", '{"version":1,"algorithm":"fsverity-sha256-12"}')
    good("sign", "--key=key.pem", "--repo=r", "os/1")


def require_verity_refuses_a_repository_without():
    make()
    has(refused("images", "--repo=r", "--require-verity"), "fs-verity")
    has(refused("init", "--insecure", "--require-verity", "s"), "--insecure")


def create_image_keeps_contents_image_and_name():
    for algorithm, length in (("fsverity-sha256-12", 64), ("fsverity-sha512-12", 128)):
        name = f"r{length}"
        make_tree(f"t{length}")
        good("init", "--insecure", f"--algorithm={algorithm}", name)
        printed = good("create-image", f"--repo={name}", f"t{length}", "refs/os/1").strip()
        kind, hexed = printed.split(":")
        expect((kind, len(hexed)), (f"sha{length * 4}", length))
        expect(os.readlink(f"{name}/images/{hexed}"), f"../objects/{hexed[:2]}/{hexed[2:]}")
        expect(os.readlink(f"{name}/images/refs/os/1"), f"../../{hexed}")
        objects = [os.path.join(d, f) for d, _, fs in os.walk(f"{name}/objects") for f in fs]
        expect(len(objects), 4)
        expect({mode(o) for o in objects}, {0o644})
        expect(mode(f"{name}/objects"), mode(f"{name}/images"))
        expect(good("images", f"--repo={name}", "--no-trunc", "--format={{.ID}} {{.Name}}"), f"{printed} os/1\n")
        expect(good("create-image", f"--repo={name}", f"t{length}").strip(), printed)


def build_is_create_image_and_options_may_stand_in_front():
    first = make()
    expect(good("--repo", "r", "build", "tree", "os/2").strip(), first)
    expect(good("--repo=r", "images", "--format={{.Digest}} {{.Name}}"), "".join(f"{first} os/{i}\n" for i in (1, 2)))


def a_repository_inside_the_source_is_left_out_and_reported():
    make()
    for tree, told in ((".", "./r: left out of the image, because it is the repository\n"),
                       ("r", "r: the source is the repository, which becomes part of the image\n"), ("tree", "")):
        rc, _, err = run("create-image", "--repo=r", tree)
        expect((tree, rc, told in err, "the repository" in err), (tree, OK, True, bool(told)))
    os.mkdir("re")
    expect("the repository" in run("create-image", "--repo=r", "re")[2], False)


def nothing_is_written_through_a_symlink():
    make()
    make_tree("tree2", "2")
    os.mkdir("elsewhere")
    prefixes = os.listdir("r/objects")
    for prefix in (f"{n:02x}" for n in range(256)):
        if prefix not in prefixes:
            os.symlink("../../elsewhere", f"r/objects/{prefix}")
    rc, _, err = run("create-image", "--repo=r", "tree2", "os/2")
    expect(rc, FAILED)
    has(err, ": symbolic link in the path\n")
    os.rename("r/objects", "objects")
    os.symlink("../elsewhere", "r/objects")
    has(refused("create-image", "--repo=r", "tree2", "os/2"), "repository r: objects: symbolic link in the path")
    expect(os.listdir("elsewhere"), [])
    os.unlink("r/objects")
    os.symlink("../objects", "r/objects")
    for command in (("gc",), ("du",), ("ls", "os/1"), ("cat", "os/1", "/a")):
        has(refused(command[0], "--repo=r", *command[1:]), "symbolic link in the path")


def create_image_refuses_a_bad_name_before_it_reads():
    make()
    before = snapshot("r")
    for name in ("../x", "/x", "a//b", "x\ny"):
        has(refused("create-image", "--repo=r", "nowhere", name), "name ")
    expect(snapshot("r"), before)


def the_first_digits_of_an_id_stand_for_it_in_every_command():
    made = make()
    for part in (made[:15], made[7:15], made[7:15].upper(), made[:-1]):
        for args in (("ls",), ("cat", "/a"), ("dump-files",), ("image-objects",), ("du",), ("fsck",), ("diff", "os/1"),
                     ("explain", "os/1"), ("tag", "os/2")):
            good(args[0], "--repo=r", part, *args[1:])
    good("untag", "--repo=r", "os/1", "os/2")
    expect(loaded("gc", "--repo=r", "--json", f"--root={made[7:20]}")["objects_removed"], 0)
    has(refused("gc", "--repo=r", "--root=00000000"), "no image and no stream has this name")
    good("tag", "--repo=r", made[:20], "os/1")
    other = "r/images/" + made[7:15] + "0" * 56
    os.symlink(f"../objects/{made[7:9]}/{made[9:15]}{'0' * 56}", other)
    for args in (("ls",), ("tag", "x"), ("gc",)):
        args = (args[0], "--repo=r", f"--root={made[7:15]}") if args == ("gc",) else (args[0], "--repo=r", made[7:15], *args[1:])
        err = refused(*args)
        has(err, f"image ID \"{made[7:15]}\": ambiguous, 2 images: ")
        has(err, made[:23])
    good("ls", "--repo=r", made[7:19])
    os.unlink(other)
    make_tree("tree2", "2")
    second = good("create-image", "--repo=r", "tree2", made[7:15]).strip()
    expect(loaded("tag", "--repo=r", "--json", made[7:15], "x")["id"], second)


def tag_moves_names_and_untag_removes_them():
    first = make()
    write("tree/new", "new" * 100)
    second = good("create-image", "--repo=r", "tree", "os/2").strip()
    expect(loaded("tag", "--repo=r", "--json", "os/2", "latest"), {"id": second, "name": "latest"})
    good("tag", "--repo=r", first, "latest")
    names = {name: i["id"] for i in loaded("images", "--repo=r", "--json")["images"] for name in i["names"]}
    expect(names, {"latest": first, "os/1": first, "os/2": second})
    expect(loaded("untag", "--repo=r", "--json", "latest", "refs/os/2"), {"names_removed": 2})
    has(refused("untag", "--repo=r", "latest"), 'no such image: "latest"')
    has(refused("tag", "--repo=r", "os/2", "x"), 'no such image: "os/2"')
    has(refused("tag", "--repo=r", "0" * 64, "x"), "no image sha256:0000")
    has(refused("tag", "--repo=r", "0" * 128, "x"), "the IDs of this repository are sha256")
    has(refused("tag", "--repo=r", "os/1", "os"), "directory of references")


def an_image_is_made_by_the_rules_of_a_profile_and_printed_with_its_name():
    make()
    os.chmod("tree/dir/small", 0o755)
    made = good("create-image", "--repo=r", "tree").strip()
    expect(loaded("create-image", "--repo=r", "--json", "tree"), {"id": made, "name": None, "profile": "repo-1-sha256"})
    expect(loaded("create-image", "--repo=r", "--json", "--user-xattrs", "tree")["profile"], None)
    for profile in ("mkcomposefs-1.0", "ipe-1-sha256", "honest-df-1-sha256"):
        wanted = {"id": good("compute-id", f"--profile={profile}", "tree").strip(), "name": "p", "profile": profile}
        expect(loaded("create-image", "--repo=r", "--json", f"--profile={profile}", "tree", "p"), wanted)
        expect(wanted["id"] == made, False)
    good("fsck", "--repo=r")
    has(refused("create-image", "--repo=r", "--profile=oci-1", "tree"), "profile oci-1: expected sha256 digests, got sha512")
    for option in ("--use-epoch", "--skip-xattrs", "--user-xattrs", "--no-hardlinks", "--no-propagate-usr-to-root",
                   "--erofs-version=1"):
        expect(refused("create-image", "--repo=r", "--profile=repo-1-sha256", option, "tree"),
             f"composefs create-image: {option.split('=')[0]}: expected either this option or --profile=repo-1-sha256, "
             "got both\n")
    for option in ("--hash=sha256", "--erofs-version=1", "--no-hardlinks"):
        has(refused("compute-id", "--profile=repo-1", option, "tree"), "expected either this option or --profile=repo-1, got both")


def compute_id_takes_each_option_that_decides_the_id():
    make_tree()
    os.link("tree/a", "tree/a2")
    for name in ("user.of", "trusted.of") if os.geteuid() == 0 else ("user.of",):
        os.setxattr("tree/dir/small", name, b"value")
    if os.geteuid() == 0:
        os.chmod("tree/dir/small", 0o755)
        os.mknod("tree/null", 0o20644, os.makedev(1, 3))
    good("init", "--insecure", "r")
    made = {}
    for option in ("", "--use-epoch", "--skip-xattrs", "--user-xattrs", "--skip-unshown-xattrs", "--skip-devices", "--no-hardlinks",
                   "--no-propagate-usr-to-root", "--one-file-system", "--erofs-version=0", "--profile=ipe-1"):
        options = [option] if option else []
        made[option] = good("compute-id", "--repo=r", *options, "tree")
        expect((option, made[option]), (option, good("create-image", "--repo=r", *options, "tree")))
        has(good("compute-karg", "--repo=r", *options, "tree"), made[option].split(":")[1].strip())
        good("create-dumpfile", "--repo=r", *options, "tree")
    if os.geteuid() == 0:
        expect(sorted(o for o in made if o and made[o] == made[""]),
               ["--no-propagate-usr-to-root", "--one-file-system", "--skip-unshown-xattrs"])  # nothing here concerns them
    has(refused("compute-id", "--profile=ipe-1", "--use-epoch", "tree"), "--use-epoch: expected either this option or --profile")


def the_profile_of_each_digest_is_printed_with_verbose():
    make()
    for command in (("create-image", "--repo=r", "tree"), ("compute-id", "--repo=r", "tree"), ("compute-karg", "--repo=r", "tree")):
        rc, out, err = run(*command, "-v")
        expect((rc, out.count("\n"), err.splitlines()[-1]), (0, 1, f"composefs {command[0]}: profile repo-1-sha256"))
        expect(run(*command)[2], "")
        expect("profile" in run(command[0], "-v", "--erofs-version=0", *command[1:])[2], False)
        expect("profile" in run(command[0], "-v", "--json", *command[1:])[2], False)
    os.symlink(COMPOSEFS, "cfsctl")
    expect(run("--repo", "r", "compute-id", "--no-propagate-usr-to-root", "tree", program="./cfsctl")[2], "")



def output_that_cannot_be_written_is_a_failure():
    make()
    for command in ("images", "images --json", "du --no-cached", "fsck", "fsck --json", "gc --dry-run", "doctor", "compute-id tree",
                    "image-objects os/1", "dump-files os/1", "ls os/1", "cat os/1 /a", "tag --json os/1 os/2", "version", "--help"):
        args = command.split() + (["--repo=r"] if command not in ("version", "--help") else [])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMPOSEFS, *args], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        expect((command, done.returncode), (command, FAILED))
        has(done.stderr, "No space left on device")


def an_id_is_printed_after_its_image_is_published():
    make()
    for command in (("create-image", "tree", "made"), ("import-image", "imported", "r/images/refs/os/1")):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMPOSEFS, command[0], "--repo=r", *command[1:]], stdout=full, stderr=subprocess.PIPE, check=False)
        expect(done.returncode, FAILED)
    expect([n for i in loaded("images", "--repo=r", "--json")["images"] for n in i["names"]], ["imported", "made", "os/1"])


def cfsctl_treats_a_directory_as_the_root_of_a_container():
    make()
    write("tree/usr/data", "in usr")
    os.chmod("tree/usr", 0o711)
    os.setxattr("tree/usr", "user.of", b"usr")
    os.symlink(COMPOSEFS, "cfsctl")
    rc, out, _ = run("--repo", "r", "create-image", "tree", program="./cfsctl")
    expect((rc, out), (0, good("create-image", "--repo=r", "--profile=oci-1-sha256", "tree")))
    rules = loaded("compute-id", "--repo=r", "--json", "--profile=oci-1-sha256", "tree")
    expect((rules["id"], rules["profile"]), (out.strip(), "oci-1-sha256"))
    rc, dump, _ = run("--no-repo", "create-dumpfile", "--xattrs=keep-user-xattrs", "tree", program="./cfsctl")
    expect((rc, [line.split()[2:3] + line.split()[11:] for line in dump.splitlines()][0]), (0, ["40711", "user.of=usr"]))
    rc, _, err = run("--no-repo", "compute-id", "--xattrs=none", "tree", program="./cfsctl")
    expect((rc, err), (1, 'cfsctl compute-id: --xattrs: expected allowlist-only or keep-user-xattrs, got "none"\n'))
    rc, out, _ = run("--repo", "r", "create-image", "--no-propagate-usr-to-root", "tree", program="./cfsctl")
    expect((rc, out), (0, good("create-image", "--repo=r", "tree")))


def cfsctl_takes_its_options_before_and_after_the_command():
    made = make().split(":")[1]
    os.symlink(COMPOSEFS, "cfsctl")

    def cfsctl(*args):
        rc, out, err = run(*args, program="./cfsctl")
        expect((args, rc, err), (args, 0, ""))
        return out

    front = ("--repo", "r", "--hash", "sha256", "--erofs-version", "1", "--no-upgrade")
    for args in (("image-objects", "refs/os/1"), ("dump-files", "refs/os/1", "/a"),
                 ("dump-files", "--backing-path-only", "refs/os/1", "/a")):
        expect(cfsctl(*front, *args), good(args[0], "--repo=r", *args[1:]))
    expect(json.loads(cfsctl(*front, "images", "--json", "--no-trunc")), {"images": [{"name": "os/1", "digest": made}]})
    expect(cfsctl(*front, "images"), f"{made}\tos/1\n")
    checked = {"objects_checked": 4, "objects_corrupted": 0, "streams_checked": 0, "streams_corrupted": 0, "images_checked": 1,
               "images_corrupted": 0, "broken_links": 0, "missing_objects": 0}
    expect(json.loads(cfsctl(*front, "fsck", "--json")), {"ok": True, "has_metadata": True, **checked, "errors": [], "remarks": []})
    for args in (("gc", "-n"), ("gc", "-r", made), ("gc", "--root", made, "--dry-run"), ("fsck", "--metadata-only")):
        cfsctl(*front, *args)
    plain = ("--no-propagate-usr-to-root", "--xattrs", "allowlist-only", "tree")
    for form in "01":
        args = ("--no-repo", "--hash", "sha256", "--erofs-version", form)
        expect("sha256:" + cfsctl(*args, "compute-id", *plain), good("compute-id", "--hash=sha256", f"--erofs-version={form}", "tree"))
        without_size = [re.sub(r"^(\S+) \d+ 4", r"\1 0 4", line) for line in good("create-dumpfile", "--hash=sha256", "tree").splitlines()]
        expect(cfsctl(*args, "create-dumpfile", *plain).splitlines(), without_size)
    rc, _, err = run("--repo", "r", "--hash", "sha512", "images", program="./cfsctl")
    expect(rc, 1)
    has(err, "expected sha512, got sha256")
    has(cfsctl("help", "gc"), "Usage: cfsctl gc")
    has(cfsctl("gc", "-h"), "Usage: cfsctl gc")
    has(cfsctl("help"), "Usage: cfsctl COMMAND")
    has(cfsctl("--version"), "composefs ")


def cfsctl_prepares_a_tree_for_booting_on_request():
    """The ids are those of cfsctl 0.9.4 (see the suite peer)."""
    os.symlink(COMPOSEFS, "cfsctl")
    for path in ("usr", "boot/efi", "sysroot", "run"):
        os.makedirs(f"tree/{path}")
    write("tree/usr/file", "x")
    write("tree/boot/efi/kernel", "y")
    for path in ("tree/sysroot", "tree/boot", "tree/run", "tree", "tree/usr", "tree/usr/file"):
        os.utime(path, ns=(0, 10**9 * len(path)))
    none = ("--no-repo", "--hash", "sha256")
    rc, dump, _ = run(*none, "create-dumpfile", "--bootable", "--no-propagate-usr-to-root", "tree", program="./cfsctl")
    expect((rc, [(l.split()[0], l.split()[7]) for l in dump.splitlines()]),
         (0, [("/", "4.0"), ("/boot", "8.0"), ("/run", "8.0"), ("/sysroot", "8.0"), ("/usr", "8.0"), ("/usr/file", "13.0")]))
    made = run(*none, "compute-id", "--bootable", "tree", program="./cfsctl")[1].strip()
    expect(run(*none, "compute-karg", "tree", program="./cfsctl")[1], f"composefs.digest=v1-sha256-12:{made}\n")
    expect(run(*none, "compute-id", "tree", program="./cfsctl")[1].strip() == made, False)
    has(refused("compute-id", "--bootable", "--profile=oci-1-sha256", "tree"), "--bootable: expected either this option or --profile")
    write("tree/etc/selinux/config", "SELINUXTYPE=missing\n")
    rc, out, err = run(*none, "compute-id", "--bootable", "tree", program="./cfsctl")
    expect((rc, out, err.count("\n")), (1, "", 1))
    has(err, "/etc/selinux/")


def an_image_may_have_another_format_than_the_repository():
    make()
    for form in "01":
        expect(good("create-image", "--repo=r", f"--erofs-version={form}", "tree").strip(),
             good("compute-id", "--hash=sha256", f"--erofs-version={form}", "tree").strip())
    has(refused("create-image", "--repo=r", "--erofs-version=2", "tree", status=USAGE), "--erofs-version: expected a number from 0 to 1, got \"2\"")


def compute_karg_prints_the_argument_that_an_initrd_reads():
    make_tree()
    for name in ("sha256", "sha512"):
        made = good("compute-id", f"--hash={name}", "tree").strip().partition(":")[2]
        expect(good("compute-karg", f"--hash={name}", "tree"), f"composefs.digest=v1-{name}-12:{made}\n")
        expect(loaded("compute-karg", f"--hash={name}", "--json", "tree"), {"karg": f"composefs.digest=v1-{name}-12:{made}"})


def ls_prints_each_entry_as_json():
    make()
    found = {e["path"]: e for e in loaded("ls", "--repo=r", "--json", "os/1")}
    expect({p: e["type"] for p, e in found.items()}, {"/a": "file", "/dir": "directory", "/link": "symlink", "/shared": "file"})
    expect(found["/link"]["target"], "a")
    place = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").split()[1]
    expect((found["/a"]["size"], found["/a"]["backing_path"], found["/a"]["object"]), (1000, place, "sha256:" + place.replace("/", "")))
    expect([e["path"] for e in loaded("ls", "--repo=r", "--json", "--directory", "os/1")], ["/"])
    rc, out, _ = run("ls", "--repo=r", "--json", "os/1", "/none")
    expect((rc, json.loads(out)), (1, []))


def dump_files_prints_each_entry_as_json():
    make()
    expect([e["path"] for e in loaded("dump-files", "--repo=r", "--json", "os/1")],
         ["/", "/a", "/dir", "/dir/b", "/dir/small", "/link", "/shared"])
    os.utime("tree/a", ns=(0, 1234567890123456789))
    good("create-image", "--repo=r", "tree", "os/1")
    found = loaded("dump-files", "--repo=r", "--json", "os/1", "/a", "/dir")
    expect([e["path"] for e in found], ["/a", "/dir", "/dir/b", "/dir/small"])
    expect((found[0]["mtime"], found[0]["mtime_nsec"]), (1234567890, 123456789))
    expect(loaded("ls", "--repo=r", "--json", "os/1", "/a"), found[:1])
    expect(loaded("create-dumpfile", "--repo=r", "--json", "tree"), loaded("dump-files", "--repo=r", "--json", "os/1"))


def transaction_reports_the_lock_and_passes_the_status_on():
    make()
    expect(run("transaction", "--repo=r", "--json", "--", "sh", "-c", "exit 7")[:2], (7, '{"locked":true}\n'))


def the_help_of_every_command_has_an_example():
    listed = [l.split()[0] for l in good("--help").partition("\nExample:")[0].splitlines() if l.startswith("  ")]
    for command in listed:
        text = good(command, "--help")
        has(text, f"Usage: composefs {command} ")
        has(text, "\nExample:\n  composefs ")
        has(text, "\nExit status: ")
        expect("\n  --json " in text, command not in ("cat", "export", "ipe-policy", "record", "oci", "boot"), command)  # data, verbs
        expect(run(command, "--none-such-option")[0], USAGE)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)]))
