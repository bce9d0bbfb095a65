#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Where a repository cannot be written, every command that writes says so in one sentence, and nothing has changed.

    repo_refuse_test.py COMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, mounts, run, run_facts_each_in

COMPOSEFS = os.path.abspath(sys.argv[1])
NOBODY = "65534"


def composefs(*args):
    return run(COMPOSEFS, *args)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def make_tree(tree, seed):
    for name in ("a", "dir/b"):
        write(f"{tree}/{name}", (name + seed) * 1000)


class Place:
    """A repository at/r in which each command has something to do, and beside it what they need for that."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="composefs-refuse-")
        os.chmod(self.dir, 0o755)
        self.at = f"{self.dir}/at"
        os.mkdir(self.at)

    def fill(self):
        """To be called when at is what it shall be."""
        repo, backup = f"{self.at}/r", f"{self.dir}/backup"
        for seed in "123":
            make_tree(f"{self.dir}/tree{seed}", seed)
        composefs("init", "--insecure", "--algorithm=sha256", repo)
        for name in "12":
            composefs("create-image", f"--repo={repo}", f"{self.dir}/tree{name}", f"os/{name}")
        shutil.copytree(repo, backup, symlinks=True)
        composefs("create-image", f"--repo={backup}", f"{self.dir}/tree3", "os/3")
        with open(f"{backup}/images/refs/os/3", "rb") as f, open(f"{self.dir}/image", "wb") as to:
            to.write(f.read())
        make_tree(f"{self.dir}/garbage", "garbage")
        composefs("create-image", f"--repo={repo}", f"{self.dir}/garbage")
        make_tree(f"{self.dir}/stray", "stray")
        stray = composefs("create-image", f"--repo={repo}", f"{self.dir}/stray").strip().split(":")[1]
        os.unlink(f"{repo}/images/{stray}")
        damaged = composefs("dump-files", f"--repo={repo}", "--backing-path-only", "os/2", "/a").split()[1]
        with open(f"{repo}/objects/{damaged}", "r+b") as f:
            f.write(b"damaged")
        self.key = f"{self.dir}/key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], capture_output=True, check=False)
        if os.path.exists(self.key):
            os.chmod(self.key, 0o644)

    def writers(self):
        """The command lines of all that write."""
        repo = f"--repo={self.at}/r"
        yield "init", "--insecure", f"{self.at}/new"
        yield "create-image", repo, f"{self.dir}/tree3", "os/3"
        yield "import-image", repo, "--missing-ok", "os/3", f"{self.dir}/image"
        yield "tag", repo, "os/1", "x"
        yield "untag", repo, "os/1"
        yield "gc", repo
        yield "repair", repo, f"--from={self.dir}/backup"
        if os.path.exists(self.key) and "\n  sign " in composefs("--help"):
            yield "sign", f"--key={self.key}", f"--signatures={self.at}/r/signatures", f"{self.dir}/image"

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def snapshot(top):
    """Every name below top, with what it is. The lock of collectors says nothing."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            if name != ".lock-gc":
                found[path] = (st.st_mode, st.st_size if not os.path.isdir(path) else 0, st.st_uid,
                               os.readlink(path) if os.path.islink(path) else None)
    return found


def refused(place, reason, *args, program=(COMPOSEFS,)):
    """It fails with this reason, in one line besides what gc lets stay, and has changed nothing."""
    before = snapshot(place.at)
    done = subprocess.run([*program, *args], capture_output=True, text=True, check=False)
    said = [l for l in done.stderr.splitlines() if "warning:" not in l and "stays:" not in l]
    expect((args[0], done.returncode, len(said)), (args[0], 1, 1), f"{done.stdout}{done.stderr}")
    ensure(reason in said[0] and said[0].startswith("composefs " + args[0]), said[0])
    expect(snapshot(place.at), before, f"after {args[0]}")


def is_as_it_was(place):
    named = json.loads(composefs("images", f"--repo={place.at}/r", "--json"))["images"]
    expect(sorted(i["names"] for i in named), [[], ["os/1"], ["os/2"]])
    done = subprocess.run([COMPOSEFS, "fsck", f"--repo={place.at}/r", "--json"], capture_output=True, check=False)
    expect(len(json.loads(done.stdout)["errors"]), 1, "what fsck finds besides the damaged object")


@fact
def a_full_disk_is_reported_in_one_line_and_gc_still_works(place):
    disk = f"{place.dir}/disk"
    with open(disk, "wb") as f:
        f.truncate(8 << 20)
    run("mkfs.ext4", "-q", "-N", "128", disk)
    run("mount", "-o", "loop", disk, place.at)
    place.fill()
    with open(f"{place.at}/full", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    try:
        for i in range(200):
            write(f"{place.at}/{i}", "")
    except OSError:
        pass
    for args in place.writers():
        if args[0] not in ("untag", "gc"):
            refused(place, "No space left on device", *args)
    is_as_it_was(place)
    composefs("untag", f"--repo={place.at}/r", "os/2")
    found = json.loads(composefs("gc", f"--repo={place.at}/r", "--json"))
    expect((found["images_removed"], found["objects_removed"]), (2, 9))
    composefs("fsck", f"--repo={place.at}/r")


@fact
def a_read_only_mount_is_reported_in_one_line_and_reading_works(place):
    place.fill()
    run("mount", "--bind", place.at, place.at)
    run("mount", "-o", "remount,bind,ro", place.at)
    for args in place.writers():
        refused(place, "Read-only file system", *args)
    is_as_it_was(place)
    for args in (("gc", "--dry-run"), ("ls", "os/1"), ("image-objects", "os/1"), ("transaction", "--", "true")):
        composefs(args[0], f"--repo={place.at}/r", *args[1:])


@fact
def missing_permission_is_reported_in_one_line(place):
    if not shutil.which("setpriv"):
        raise Skip("needs setpriv")
    place.fill()
    program = f"{place.dir}/composefs"
    shutil.copy(COMPOSEFS, program)
    unprivileged = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program)
    for args in place.writers():
        refused(place, "Permission denied", *args, program=unprivileged)
    for args in (("images",), ("fsck",), ("ls", "os/1"), ("cat", "os/1", "/a")):
        refused(place, "Permission denied", args[0], f"--repo={place.at}/r", *args[1:], program=unprivileged)
    run("chmod", "-R", "a+rX", f"{place.at}/r")  # to read is now permitted
    for args in place.writers():
        refused(place, "Permission denied", *args, program=unprivileged)
    is_as_it_was(place)
    expect(run(*unprivileged, "cat", f"--repo={place.at}/r", "os/1", "/a"), "a1" * 1000)


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
