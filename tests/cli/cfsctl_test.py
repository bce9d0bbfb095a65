#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The main tool under the name of composefs-rs's program. What is expected here, the suite peer compares with cfsctl 0.9.4
itself (tests/peer/stand_in_test.py).

    cfsctl_test.py COMPOSEFS MKCOMPOSEFS COMPOSEFS_INFO MOUNT_COMPOSEFS

The last three lie beside the first one, and are started from there.
"""
import json
import os
import shutil
import subprocess
import sys

from repo import COMPOSEFS, DAMAGED, FAILED, USAGE, expect, good, has, main, make, refused, run, snapshot, write

MKCOMPOSEFS = os.path.abspath(sys.argv[2])


def cfsctl(*args, stdin=None):
    if not os.path.lexists("cfsctl"):
        os.symlink(COMPOSEFS, "cfsctl")
    return run(*args, stdin=stdin, program="./cfsctl")


def well(*args, stdin=None):
    """What is printed by a command that must succeed."""
    rc, out, err = cfsctl(*args, stdin=stdin)
    expect((args, rc, err), (args, 0, err))
    return out


def meta(repo):
    with open(f"{repo}/meta.json", encoding="ascii") as f:
        return json.load(f)


def insecure_is_accepted_in_front_of_any_command():
    make()
    os.mkdir("tree/usr")
    for args in (("images", "--json"), ("list-images", "--json"), ("gc", "-n"), ("fsck",), ("image-objects", "refs/os/1"),
                 ("compute-id", "tree"), ("dump-files", "refs/os/1", "/a")):
        expect(well("--insecure", "--repo", "r", *args), well("--repo", "r", *args))
    well("--insecure", "--repo", "new", "init")
    expect(run("--insecure", "--repo=r", "images")[0], USAGE)
    expect(cfsctl("images", "--insecure", "--repo", "r")[0], USAGE)
    # A value is not an option.
    expect(cfsctl("--repo", "--insecure", "images")[0], FAILED)


def init_takes_its_algorithm_from_its_own_option_alone():
    well("--hash", "sha256", "--insecure", "--repo", "a", "init")
    well("--hash=sha512", "--repo", "b", "init", "--insecure", "--algorithm", "fsverity-sha256-12")
    expect([meta(r)["algorithm"] for r in "ab"], ["fsverity-sha512-12", "fsverity-sha256-12"])


def init_reports_what_it_created():
    kind = "  algorithm: fsverity-sha256-12\n  verity:    not required (insecure)\n"
    args = ("init", "--insecure", "--algorithm", "fsverity-sha256-12", "r")
    expect(well(*args), f"Initialized composefs repository at r\n{kind}")
    expect(well(*args), "Repository already initialized at r\n")
    expect(well(*args, "--ensure"), "Repository already initialized at r (existing configuration preserved)\n")


def init_takes_an_existing_directory_as_it_is():
    os.mkdir("d")
    os.chmod("d", 0o755)
    with open("d/file", "w", encoding="ascii"):
        pass
    well("init", "--insecure", "d")
    expect((oct(os.stat("d").st_mode & 0o7777), sorted(os.listdir("d"))), ("0o755", ["file", "meta.json"]))


def init_prefers_its_operand():
    well("--repo", "a", "init", "--insecure", "b")
    well("--user", "init", "--insecure", "c")
    expect(sorted(os.listdir(".")), ["b", "c", "cfsctl"])
    expect(run("--repo", "a", "init", "--insecure", "b")[0], FAILED)


def init_ensure_accepts_another_format_but_no_other_algorithm():
    well("init", "--insecure", "--algorithm", "fsverity-sha256-12", "--erofs-version", "2", "r")
    before = snapshot("r")
    ensure = ("init", "--ensure", "--algorithm", "fsverity-sha256-12")
    for args in (("r",), ("--insecure", "r"), ("--erofs-version", "1", "r")):
        has(well(*ensure, *args), "(existing configuration preserved)")
    for args in (("init", "--ensure", "r"), ("init", "--ensure", "--algorithm", "fsverity-sha512-12", "r")):
        rc, out, err = cfsctl(*args)
        expect((rc, out), (FAILED, ""))
        has(err, "expected fsverity-sha512-12, got fsverity-sha256-12")
    good("init", "--ensure", "r")
    has(refused("init", "--ensure", "--algorithm=fsverity-sha512-12", "r"), "got fsverity-sha256-12")
    expect(snapshot("r"), before)


def values_in_front_are_checked_for_every_command():
    make()
    for args, said in ((("--hash", "bogus"), "--hash: expected sha256 or sha512, got bogus"),
                       (("--erofs-version=3",), "--erofs-version: expected 0, 1 or 2, got 3")):
        rc, out, err = cfsctl("--repo", "r", *args, "images")
        expect((rc, out, err), (USAGE, "", f"cfsctl: {said}\n"))
    expect(cfsctl("--no-repo", "gc"), (FAILED, "", "cfsctl: --no-repo: gc needs a repository\n"))


def old_repository(algorithm="fsverity-sha256-12"):
    """r, as it was when there was no meta.json; what it says now."""
    make(algorithm)
    with open("r/meta.json", "rb") as f:
        text = f.read()
    os.unlink("r/meta.json")
    return text


def a_repository_without_meta_json_gets_one_by_its_objects():
    for algorithm in ("fsverity-sha256-12", "fsverity-sha512-12"):
        text = old_repository(algorithm)
        rc, out, err = cfsctl("--repo", "r", "images", "--json")
        expect((rc, [i["name"] for i in json.loads(out)["images"]]), (0, ["os/1"]))
        expect(err, f"cfsctl: repository r had no meta.json; created it for {algorithm}, without fs-verity, like its objects\n")
        with open("r/meta.json", "rb") as f:
            expect(f.read(), text)
        expect(os.stat("r/meta.json").st_mode & 0o7777, 0o644)
        expect(cfsctl("--repo", "r", "images", "--json")[2], "")
        expect(json.loads(well("--repo", "r", "fsck", "--json"))["errors"], [])
        shutil.rmtree("r")
        shutil.rmtree("tree")


def every_command_upgrades_a_repository():
    old_repository()
    os.mkdir("tree/usr")
    shutil.copytree("r", "old", symlinks=True)
    for args in (("gc",), ("fsck",), ("image-objects", "refs/os/1"), ("dump-files", "refs/os/1", "/a"), ("create-image", "tree"),
                 ("compute-id", "tree"), ("create-dumpfile", "tree")):
        shutil.rmtree("r")
        shutil.copytree("old", "r", symlinks=True)
        has(cfsctl("--repo", "r", *args)[2], "had no meta.json")
        expect(os.path.exists("r/meta.json"), True)


def no_upgrade_and_our_own_name_change_nothing():
    old_repository()
    before = snapshot("r")
    for rc, out, err in (cfsctl("--no-upgrade", "--repo", "r", "images"), run("--repo=r", "images")):
        expect((rc, out), (FAILED, ""))
        has(err, "not a repository: it has no meta.json")
    expect(snapshot("r"), before)


def a_directory_without_objects_is_not_upgraded():
    os.makedirs("r/objects/aa")
    for path, text in (("r/objects/aa/foreign", "x"), ("r/objects/bb", "x")):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    os.symlink("aa", "r/objects/cc")
    os.mkdir("empty")
    before = snapshot("r")
    for repo in ("r", "empty"):
        rc, out, err = cfsctl("--repo", repo, "images")
        expect((rc, out), (FAILED, ""))
        has(err, "it has neither a meta.json nor objects")
    expect((snapshot("r"), snapshot("empty")), (before, {}))
    os.mkdir("link")
    os.symlink("../r/objects", "link/objects")
    has(cfsctl("--repo", "link", "images")[2], "objects: symbolic link in the path")


def unreadable_objects_do_not_count_as_an_empty_repository():
    old_repository()
    for name in os.listdir("r/objects"):
        os.chmod(f"r/objects/{name}", 0)
    who = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}  # root could read it
    for path in (".", "r", "r/objects"):
        os.chown(path, *(who.values() or (-1, -1)))
    done = subprocess.run(["cfsctl", "--repo", "r", "images"], executable=COMPOSEFS, capture_output=True, text=True, check=False, **who)
    expect((done.returncode, done.stdout), (FAILED, ""))
    has(done.stderr, "Permission denied")
    expect(os.path.exists("r/meta.json"), False)


def compute_id_asks_the_default_repository():
    make()
    os.mkdir("tree/usr")
    os.makedirs("home/.var/lib")
    os.rename("r", "home/.var/lib/composefs")
    who = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}  # that of root is elsewhere
    for top, folders, names in os.walk("."):
        for name in [top] + [os.path.join(top, n) for n in folders + names]:
            os.chown(name, *(who.values() or (-1, -1)), follow_symlinks=False)

    def length(name, *args):
        done = subprocess.run([name, *args, "compute-id", "tree"], executable=COMPOSEFS, capture_output=True, text=True, check=False,
                              env={**os.environ, "HOME": f"{os.getcwd()}/home"}, **who)
        expect(done.returncode, 0)
        return len(done.stdout.strip())

    expect([length("cfsctl"), length("cfsctl", "--user"), length("cfsctl", "--no-repo"), length("composefs")], [64, 64, 128, len("sha512:") + 128])
    shutil.rmtree("home/.var")
    expect(length("cfsctl"), 128)


def a_new_name_is_kept_unchanged():
    make()
    os.mkdir("tree/usr")
    made = well("--repo", "r", "create-image", "tree", "refs/x").strip()
    with open("r/images/refs/refs/x", "rb") as f:
        image = f.read()
    expect(well("--repo", "r", "import-image", "refs/y", stdin=image).strip(), made)
    expect(sorted(os.listdir("r/images/refs/refs")), ["x", "y"])
    expect(cfsctl("--repo", "r", "image-objects", "refs/x")[0], FAILED)
    expect(well("--repo", "r", "image-objects", "refs/refs/x"), well("--repo", "r", "image-objects", "refs/refs/y"))
    expect(good("create-image", "--repo=r", "tree", "refs/z") != "" and sorted(os.listdir("r/images/refs")), ["os", "refs", "z"])


def an_image_without_its_objects_is_imported():
    make()
    with open("r/images/refs/os/1", "rb") as f:
        image = f.read()
    well("init", "--insecure", "--algorithm", "fsverity-sha256-12", "new")
    rc, out, err = cfsctl("--repo", "new", "import-image", "x", stdin=image)
    expect((rc, out), (0, good("image-objects", "--repo=r", "os/1") and out))
    has(err, "warning: 3 objects of the image are missing")
    has(cfsctl("--repo", "new", "fsck")[1], "missing objects: 3\n")
    expect(run("import-image", "--repo=new", "y", stdin=image)[0], FAILED)
    expect(cfsctl("--repo", "new", "import-image", "y", stdin=b"no image")[0], FAILED)


def images_lists_names_alone():
    make()
    expect(len(json.loads(well("--repo", "r", "images", "--json"))["images"]), 1)
    good("untag", "--repo=r", "os/1")
    expect(json.loads(well("--repo", "r", "images", "--json")), {"images": []})
    expect(well("--repo", "r", "images"), "No images found\n")
    expect(len(json.loads(good("images", "--repo=r", "--json"))["images"]), 1)


def gc_keeps_roots_and_reports_what_it_removed():
    made = make()
    good("untag", "--repo=r", "os/1")
    none = "Objects: 0 removed (0 bytes)\n"
    for root in (made, made.split(":")[1]):
        expect(well("--repo", "r", "gc", "-r", root), none)
        expect(good("gc", "--repo=r", "-r", root).split(":")[0], "removed")
    rc, out, err = cfsctl("--repo", "r", "gc", "-n", "-r", "nothing")
    expect((rc, out.splitlines()[0]), (0, "Dry run (no files deleted):"))
    expect(out.splitlines()[1].startswith("Objects: 4 removed ("), True)
    expect(err, "cfsctl gc: root: nothing: no image and no stream has this name\n")
    has(refused("gc", "--repo=r", "-r", "nothing"), "root nothing: no image and no stream has this name")
    expect(well("--repo", "r", "gc").splitlines()[1:], ["Pruned symlinks: 1 images, 0 streams"])
    expect(well("--repo", "r", "gc"), none)


def a_root_that_cannot_be_read_is_an_error():
    made = make().split(":")[1]
    os.unlink(f"r/images/{made}")
    os.symlink("/etc", f"r/images/{made}")
    good("untag", "--repo=r", "os/1")
    before = snapshot("r/objects")
    rc, out, err = cfsctl("--repo", "r", "gc", "-r", made)
    expect((rc, out), (FAILED, ""))
    has(err, f"images/{made}: ")
    expect(snapshot("r/objects"), before)


def a_root_may_be_a_name():
    make()
    for name in ("os/1", "refs/os/1"):
        expect(well("--repo", "r", "gc", "-r", name), "Objects: 0 removed (0 bytes)\n")
    write("tree/new", "x" * 1000)
    good("create-image", "--repo=r", "tree", "os/2")
    good("gc", "--repo=r", "--keep=1", "-r", "refs/os/1")
    expect(len(json.loads(good("images", "--repo=r", "--json"))["images"]), 2)


def fsck_reports_what_is_wrong():
    make()
    expect(well("--repo", "r", "fsck"), "meta.json: ok\nobjects: 4/4 ok\nstreams: 0/0 ok\nimages: 1/1 ok\nstatus: ok\n")
    expect(well("--repo", "r", "fsck", "--metadata-only").splitlines()[1], "objects: 0/0 ok")
    gone = well("--repo", "r", "dump-files", "--backing-path-only", "refs/os/1", "/a").split()[1]
    os.unlink(f"r/objects/{gone}")
    rc, out, err = cfsctl("--repo", "r", "fsck")
    expect((rc, err), (FAILED, "cfsctl fsck: repository integrity check failed\n"))
    has(out, "missing objects: 1\nstatus: 1 error(s)\n  - fsck: image-missing-object: ")
    report = json.loads(well("--repo", "r", "fsck", "--json"))
    expect([e.split(": ")[:2] for e in report["errors"]], [["fsck", "image-missing-object"]])
    expect(report["ok"], False)
    expect(run("fsck", "--repo=r")[0], DAMAGED)


def dumps_have_no_size_for_directories():
    make()
    os.mkdir("tree/usr")
    for args in (("--repo", "r", "dump-files", "refs/os/1", "/dir"), ("--no-repo", "create-dumpfile", "tree")):
        lines = [line.split() for line in well(*args).splitlines()]
        expect({line[1] for line in lines if line[2].startswith("40")}, {"0"})
    expect(good("dump-files", "--repo=r", "os/1", "/dir").split()[1] == "0", False)
    for option in ((), ("--backing-path-only",)):
        expect(well("--repo", "r", "dump-files", *option, "refs/os/1"), "")
        expect(cfsctl("--repo", "r", "dump-files", *option, "refs/none")[:2], (FAILED, ""))


def insecure_repositories_are_marked_in_the_kernel_argument():
    for path in ("usr", "boot", "sysroot"):
        os.makedirs(f"tree/{path}")
    plain = well("--no-repo", "compute-karg", "tree")
    expect(well("--insecure", "--no-repo", "compute-karg", "tree"), plain.replace("=v1", "=?v1"))
    expect("=?v1" in well("--insecure", "--no-repo", "compute-karg", "tree"), True)


def list_images_is_images():
    make()
    expect(well("--repo", "r", "list-images"), good("images", "--repo=r", "--format={{.Digest}}\\t{{.Name}}").replace("sha256:", ""))
    expect(well("help", "list-images").splitlines()[0], "Usage: cfsctl list-images [OPTIONS] [IMAGE]...")
    expect(run("--repo", "r", "images", "os/1", program="./cfsctl")[0], USAGE)


def programs_that_cfsctl_contains_are_commands():
    make()
    for front in ((), ("--insecure", "--repo", "r", "--hash", "sha256")):
        expect(well(*front, "mkcomposefs", "--print-digest", "tree", "x.cfs"), run("--print-digest-only", "tree", program=MKCOMPOSEFS)[1])
        has(well(*front, "composefs-info", "ls", "x.cfs"), "/dir/b\t@ ")
        expect(well(*front, "composefs-info", "missing-objects", "--basedir", "r/objects", "x.cfs"), "")
    rc, _, err = cfsctl("mount.composefs", "x.cfs", "none")
    expect(rc, FAILED)
    has(err, "No object dirs specified")
    expect(run("mkcomposefs", "tree", "x.cfs")[0], USAGE)


def programs_that_are_not_installed_are_reported():
    os.mkdir("bin")
    with open(COMPOSEFS, "rb") as of, open("bin/cfsctl", "wb") as to:
        to.write(of.read())
    os.chmod("bin/cfsctl", 0o755)
    path = os.environ.pop("PATH")
    os.environ["PATH"] = "/nonexistent"
    try:
        expect(run("mkcomposefs", "a", "b", program="bin/cfsctl"), (FAILED, "", "cfsctl: mkcomposefs: No such file or directory\n"))
    finally:
        os.environ["PATH"] = path


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values()) if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("cfsctl", "well", "meta", "old_repository")]))
