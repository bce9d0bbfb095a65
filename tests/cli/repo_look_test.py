#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Looking into images of a repository, and what goes in and out of it.

    repo_look_test.py COMPOSEFS GOLDEN
"""
import json
import os
import shutil
import signal
import subprocess
import sys

from repo import COMPOSEFS, FAILED, USAGE, expect, good, has, loaded, main, make, make_tree, refused, run, snapshot, wait_until, write

GOLDEN = os.path.abspath(sys.argv[2])


def ids(printed):
    return [line.split(":")[1] for line in printed.split()]


def ls_knows_names_of_the_repository():
    make()
    expect([l.split("\t")[0] for l in good("ls", "--repo=r", "os/1", "/dir").splitlines()], ["/dir/b", "/dir/small"])
    has(refused("ls", "--repo=r", "os/2"), 'no such image: "os/2"')


def image_objects_are_those_of_the_files():
    make()
    found = ids(good("image-objects", "--repo=r", "os/1"))
    expect((len(found), found), (3, sorted(found)))
    expect(["sha256:" + i for i in found], loaded("image-objects", "--repo=r", "--json", "os/1"))
    for i in found:
        expect(os.path.exists(f"r/objects/{i[:2]}/{i[2:]}"), True)


def dump_files_prints_parts_of_the_tree_and_where_contents_lie():
    make()
    whole = good("dump-files", "--repo=r", "os/1")
    expect([l.split()[0] for l in whole.splitlines()], ["/", "/a", "/dir", "/dir/b", "/dir/small", "/link", "/shared"])
    part = good("dump-files", "--repo=r", "os/1", "/dir", "/a").splitlines()
    expect(sorted(part), sorted(l for l in whole.splitlines() if l.split()[0] in ("/a", "/dir", "/dir/b", "/dir/small")))
    a, small = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a", "/dir/small").splitlines()
    expect(os.path.exists("r/objects/" + a.split()[1]), True)
    expect(small, "/dir/small inline")
    has(refused("dump-files", "--repo=r", "os/1", "/none"), "/none")
    has(refused("dump-files", "--repo=r", "--backing-path-only", "os/1", "/dir"), "got a directory")


def compute_id_is_what_create_image_prints_and_stores_nothing():
    for algorithm in ("sha256", "sha512"):
        os.makedirs(algorithm)
        os.chdir(algorithm)
        made = make(f"fsverity-{algorithm}-12")
        before = snapshot("r")
        expect(good("compute-id", f"--hash={algorithm}", "tree").strip(), made)
        expect(good("--repo=r", "compute-id", "tree").strip(), made)
        expect(loaded("compute-id", "--no-repo", f"--hash={algorithm}", "--json", "tree"),
             {"id": made, "profile": {"sha256": "repo-1-sha256", "sha512": "repo-1"}[algorithm]})
        expect(snapshot("r"), before)
        expect(good("create-dumpfile", f"--hash={algorithm}", "tree"), good("dump-files", "--repo=r", "os/1"))
        other = good("compute-id", f"--hash={algorithm}", "--erofs-version=0", "tree").strip()
        expect(other == made, False)
        os.chdir("..")


def hard_links_are_kept_by_default():
    make()
    os.link("tree/a", "tree/b")
    good("create-image", "--repo=r", "tree", "linked")
    good("create-image", "--repo=r", "--no-hardlinks", "tree", "apart")
    expect([l.split()[2][0] for l in good("dump-files", "--repo=r", "linked", "/").splitlines() if l.startswith("/b ")], ["@"])
    expect([l.split()[3] for l in good("dump-files", "--repo=r", "apart", "/").splitlines() if l.startswith("/b ")], ["1"])


def cat_writes_files_and_streams():
    make()
    expect(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)
    expect(good("cat", "--repo=r", "os/1", "dir/small"), "x")
    expect(refused("cat", "--repo=r", "os/1", "/dir"), "composefs cat: /dir: expected a regular file\n")
    has(refused("cat", "--repo=r", "none"), "no stream none (to print a file of an image, give a path as well)")
    has(refused("cat", "--repo=r", "../images"), "expected one component")
    with open(f"{GOLDEN}/splitstream/layer-alpha.ss", "rb") as f:
        data = f.read()
    with open(f"{GOLDEN}/splitstream/digests.txt", encoding="ascii") as f:
        stream = {name: hexed for hexed, name in (line.split() for line in f)}["layer-alpha.ss"]
    for hexed, content in ((stream, data), (data[112:144].hex(), bytes(1000))):
        os.makedirs(f"r/objects/{hexed[:2]}", exist_ok=True)
        with open(f"r/objects/{hexed[:2]}/{hexed[2:]}", "wb") as f:
            f.write(content)
    os.makedirs("r/streams/refs/oci")
    os.symlink(f"../objects/{stream[:2]}/{stream[2:]}", "r/streams/alpha")
    os.symlink("../../alpha", "r/streams/refs/oci/x")
    for name in ("alpha", "refs/oci/x"):
        done = subprocess.run([COMPOSEFS, "cat", "--repo=r", name], capture_output=True, check=True)
        with open(f"{GOLDEN}/splitstream/layer-alpha.tar", "rb") as f:
            expect(done.stdout, f.read())
    body = data[112:144].hex()
    write(f"r/objects/{body[:2]}/{body[2:]}", "something else")
    has(run("cat", "--repo=r", "alpha")[2], "expected the fs-verity digest")


def ls_shows_modes_owners_sizes_and_times():
    make()
    os.environ["TZ"] = "UTC"
    owner = f"{os.getuid():5} {os.getgid():5}"
    os.chmod("tree/shared", 0o6751)
    os.mkfifo("tree/pipe", 0o600)
    os.utime("tree/pipe", (0, 0))
    good("create-image", "--repo=r", "tree", "os/2")
    expect(good("ls", "-l", "--repo=r", "os/2").splitlines(), [
        f"-rw-r--r--   1 {owner}       1000 2023-11-14 22:13 /a",
        f"drwxr-xr-x   2 {owner}         57 2023-11-14 22:13 /dir",
        f"lrwxrwxrwx   1 {owner}          1 2023-11-14 22:13 /link -> a",
        f"prw-------   1 {owner}          0 1970-01-01 00:00 /pipe",
        f"-rwsr-s--x   1 {owner}      15000 2023-11-14 22:13 /shared"])
    expect(good("ls", "-ld", "--repo=r", "os/2", "/dir").count("\n"), 1)
    expect([l.split()[-1] for l in good("ls", "-lR", "--repo=r", "os/2").splitlines()],
           ["/a", "/dir", "/dir/b", "/dir/small", "a", "/pipe", "/shared"])


def ls_takes_several_paths_and_follows_symlinks():
    make()
    os.symlink("/dir", "tree/abs")
    good("create-image", "--repo=r", "tree", "os/2")
    names = lambda *args: [l.split("\t")[0] for l in good("ls", "--repo=r", *args).splitlines()]  # noqa: E731
    expect(names("os/2", "/dir/b", "abs"), ["/dir/b", "/abs/b", "/abs/small"])
    expect(names("-d", "os/2", "abs"), ["/abs"])
    expect(names("-R", "os/2", "/abs/"), ["/abs/b", "/abs/small"])
    expect(names("os/2", "/abs/../dir/small"), ["/abs/../dir/small"])
    rc, out, err = run("ls", "--repo=r", "os/2", "/none", "/a")
    expect((rc, out, err), (FAILED, "/a\n", "composefs ls: /none: no such file or directory in the image\n"))


def cat_prints_files_of_an_image_file():
    make()
    shutil.copy("r/images/refs/os/1", "i.cfs")
    expect(good("cat", "--objects=r/objects", "i.cfs", "/a", "/dir/small", "/link"), "a" * 1000 + "x" + "a" * 1000)
    expect(good("cat", "i.cfs", "/dir/small"), "x")
    has(refused("cat", "i.cfs", "/a"), "--objects=DIR names the directory of objects")
    os.chdir("r")
    expect(good("cat", "../i.cfs", "/a"), "a" * 1000)
    os.chdir("..")
    has(refused("cat", "--objects=none", "i.cfs", "/a"), "none: No such file or directory")
    has(refused("cat", "--objects=tree", "i.cfs", "/a"), ": missing\n")
    has(refused("cat", "--objects=r/objects", "os/1", "/a"), "os/1: No such file or directory")
    for args in (("--objects=r/objects", "i.cfs"), ("--objects=r/objects", "--repo=r", "i.cfs", "/a")):
        has(refused("cat", *args, status=USAGE), "--objects: expected IMAGE PATH...")


def cat_compares_the_content_of_an_image_file():
    make()
    shutil.copy("r/images/refs/os/1", "i.cfs")
    shutil.copytree("r/objects", "objects")
    damaged = os.path.join("objects", json.loads(good("ls", "--json", "i.cfs", "/a"))[0]["backing_path"].lstrip("/"))
    os.chmod(damaged, 0o600)
    for text, part in (("b" * 1000, "expected the fs-verity digest"), ("a" * 999, "expected 1000 bytes, got 999")):
        write(damaged, text)
        has(refused("cat", "--objects=objects", "i.cfs", "/a"), part)
    os.unlink(damaged)
    os.symlink(os.path.abspath("tree/a"), damaged)
    has(refused("cat", "--objects=objects", "i.cfs", "/a"), "symbolic link")


def cat_prints_several_files_and_goes_on_after_a_failure():
    make()
    os.symlink("/../dir/up/../shared", "tree/dir/up")
    os.symlink("/dir/../link", "tree/far")
    good("create-image", "--repo=r", "tree", "os/2")
    expect(good("cat", "--repo=r", "os/2", "/far", "dir/small"), "a" * 1000 + "x")
    rc, out, err = run("cat", "--repo=r", "os/2", "/none", "/dir", "/dir/up", "/dir/small")
    expect((rc, out), (FAILED, "x"))
    expect([l.split(": ")[1] for l in err.splitlines()], ["/none", "/dir", "/dir/up"])


def import_image_checks_the_image():
    made = make()
    image = f"r/images/refs/os/1"
    with open(image, "rb") as f:
        data = f.read()
    expect(good("import-image", "--repo=r", "os/2", stdin=data).strip(), made)
    good("init", "--insecure", "--algorithm=sha256", "s")
    has(refused("import-image", "--repo=s", "x", image), "3 objects of the image are missing")
    has(refused("import-image", "--repo=s", "x", image), "(--missing-ok accepts this)")
    expect(good("images", "--quiet", "--repo=s"), "")
    expect(loaded("import-image", "--repo=s", "--missing-ok", "--json", "x", image), {"id": made})
    write("junk", "junk" * 5000)
    has(refused("import-image", "--repo=s", "y", "junk"), "junk: header: ")
    with open("bad", "wb") as f:
        f.write(data[:1200] + b"\xff\xff" + data[1202:])
    refused("import-image", "--repo=s", "y", "bad")
    has(refused("import-image", "--repo=s", "../y", "junk"), "name ")


def transaction_works_where_sigchld_is_ignored():
    make()
    for program, status in (("true", 0), ("false", 1)):
        expect(run("--ignore-signal=CHLD", COMPOSEFS, "transaction", "--repo=r", "--", program, program="env"), (status, "", ""))


def transaction_holds_up_gc_while_its_command_runs():
    make()
    expect(run("transaction", "--repo=r", "--", COMPOSEFS, "gc", "--repo=r", "--no-wait")[0], 1)
    expect(run("transaction", "--repo=r", "--", "sh", "-c", "exit 7")[0], 7)
    good("gc", "--repo=r", "--no-wait")
    with subprocess.Popen([COMPOSEFS, "transaction", "--repo=r"]) as held:
        wait_until(lambda: run("gc", "--repo=r", "--no-wait")[0] == 1, "gc is held up")
        held.send_signal(signal.SIGTERM)
        held.wait(timeout=120)
    good("gc", "--repo=r", "--no-wait")


def umount_requires_a_mounted_image():
    os.mkdir("dir")
    has(refused("umount", "dir"), "no image is mounted there")
    has(refused("umount", "none"), "none")


def version_is_printed():
    has(good("version"), "composefs 1.")
    expect(loaded("version", "--json")["repositories"], True)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v) and v.__name__ != "ids"]))
