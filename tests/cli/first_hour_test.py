#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The first hour with the program: every step by --repo, by $COMPOSEFS_REPO and from inside the repository.

    first_hour_test.py COMPOSEFS

As root also as an ordinary user, without the mount. All outputs that do not depend on the way are compared.
"""
import json
import os
import re
import subprocess
import sys

from repo import COMPOSEFS, FAILED, OK, USAGE, Skip, ensure, expect, has, main, make_tree, remark, set_times, write

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "root"))
from scene import enter_namespace  # noqa: E402  pylint: disable=wrong-import-position

NOBODY = 65534
WAYS = ("option", "environment", "directory")


class Hour:
    """Types commands in one way as one user. here: the directory of all files; the repository is in images."""

    def __init__(self, way, user=None):
        self.way, self.here, self.seen = way, os.getcwd(), []
        self.user = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        self.env = {"PATH": os.environ["PATH"], "TZ": "UTC"}
        if way == "environment":
            self.env["COMPOSEFS_REPO"] = f"{self.here}/images"
        self.cwd = f"{self.here}/images" if way == "directory" else self.here

    def path(self, name):
        return f"{self.here}/{name}"

    def run(self, verb, *args):
        where = [f"--repo={self.here}/images"] if self.way == "option" and verb not in ("umount", "status", "list") else []
        return subprocess.run([COMPOSEFS, verb, *where, *args], cwd=self.cwd, env=self.env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False, **self.user)

    def type(self, verb, *args, status=OK):
        """Runs a command in the repository, and returns what it prints."""
        done = self.run(verb, *args)
        expect((done.returncode, done.stderr), (status, ""))
        self.seen.append((verb, self.plain(done.stdout)))
        return done.stdout

    def plain(self, text):
        """Without what differs from run to run: the place, the width of its column, and times of now."""
        text = re.sub(r"20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d\S*)?", "TIME", text.replace(self.here, "HERE"))
        return re.sub("  +", "  ", text)


def make_hour(way, user=None):
    """A directory with two versions of a tree, which the user owns, and an empty directory for the repository."""
    for name, seed in (("tree", ""), ("tree2", "new")):
        make_tree(name, seed)
    write("tree2/added", "only in the second")
    set_times("tree2")
    os.makedirs("images")
    os.mkdir("mnt")
    if user is not None:
        for folder, folders, files in os.walk("."):
            for name in [folder] + [os.path.join(folder, f) for f in folders + files]:
                os.chown(name, user, user, follow_symlinks=False)
    return Hour(way, user)


# --- the steps --------------------------------------------------------------------------------------


def make_repository(hour):
    """In an empty directory, without options: where the filesystem has no fs-verity, the message says what to type."""
    done = hour.run("init")
    if done.returncode != OK:  # no fs-verity here
        expect((done.returncode, done.stdout, done.stderr.count("\n"), os.listdir("images")), (FAILED, "", 1, []))
        has(done.stderr, "--insecure creates it without fs-verity")
        has(hour.type("init", "--insecure"), "images: created\n")
    expect(os.stat("images").st_mode & 0o777, 0o700)
    has(hour.type("init", "--insecure"), "images: already exists\n")
    listed = hour.run("list")
    expect((listed.returncode, listed.stdout), (USAGE, ""))
    has(listed.stderr, 'unknown command; use "composefs images"')
    if hour.way != "directory":  # another directory is no repository
        said = subprocess.run([COMPOSEFS, "images"], cwd="/", env={"PATH": os.environ["PATH"], "HOME": hour.path("home")}, capture_output=True, text=True,
                              check=False, **hour.user).stderr
        ensure(said.count("\n") == 1 and said.startswith("composefs images: no repository"), said)


def create_and_look(hour):
    make_repository(hour)
    expect(hour.type("images"), "NAME  IMAGE ID  CREATED  SIZE  MOUNTED  SIGNED\n")
    first = hour.type("create-image", hour.path("tree"), "docs/1").strip()
    second = hour.type("create-image", hour.path("tree2"), "docs/2").strip()
    expect(hour.type("compute-id", hour.path("tree")).strip(), first)
    hour.type("tag", "docs/2", "docs/latest")
    rows = [line.split()[:2] for line in hour.type("images").splitlines()]
    short = [i.split(":")[1][:12] for i in (first, second)]
    expect(rows, [["NAME", "IMAGE"], ["docs/1", short[0]], ["docs/2", short[1]], ["docs/latest", short[1]]])
    has(hour.type("inspect", short[0]), f"ID:          {first}\nName:        docs/1\n")
    expect(json.loads(hour.type("inspect", "--json", "docs/1"))[0]["id"], first)
    expect([line.split()[0] for line in hour.type("ls", "docs/2").splitlines()], ["/a", "/added", "/dir/", "/link", "/shared"])
    has(hour.type("ls", "-l", "docs/2", "/added"), " 18 ")
    expect(hour.type("cat", "docs/2", "/added"), "only in the second")
    has(hour.type("log", "docs/latest"), short[1])
    return first


def compare(hour):
    text = hour.type("diff", "docs/1", "docs/2", status=FAILED)
    has(text, "/added\t")
    has(text, "/a\t")
    hour.type("diff", "docs/2", "docs/latest")
    hour.type("diff", "docs/1", hour.path("tree"))
    hour.type("du")


def take_out_and_back(hour, first):
    hour.type("export", "docs/1", hour.path("docs.tar"))
    expect(hour.type("create-image", hour.path("docs.tar"), "again").strip(), first)
    hour.type("extract", "docs/1", hour.path("out"))
    expect(hour.type("create-image", hour.path("out"), "out").strip(), first)
    expect(hour.type("untag", "again", "out"), "")


def copy_to_another(hour):
    other = f"--repo={hour.here}/other"
    there = Hour("directory", hour.user.get("user"))
    there.cwd, there.env = hour.here, {"PATH": os.environ["PATH"], "TZ": "UTC"}
    there.type("init", "--insecure", hour.path("other"))
    hour.seen.append(("copy", hour.plain(there.type("copy", other, f"--from={hour.here}/images", "docs/1", "docs/2"))))
    expect(there.type("images", other, "-q", "--no-trunc").split()[0], hour.type("images", "-q", "--no-trunc", "docs/1").strip())
    expect(there.type("fsck", other).splitlines()[-1:], hour.type("fsck").splitlines()[-1:])


def mount_and_look(hour):
    hour.type("mount", "docs/1", hour.path("mnt"))
    try:
        has(hour.type("status"), hour.path("mnt"))
        expect(hour.type("diff", "docs/1", hour.path("mnt")).startswith("the trees are the same"), True)
        has(hour.type("rm", "docs/1"), "1 image without a reference is in use and stays")
        hour.type("gc", "--quiet")
        with open("mnt/a", encoding="ascii") as f:
            expect(f.read(), "a" * 1000)
    finally:
        hour.type("umount", hour.path("mnt"))
    hour.type("gc")


def remove(hour):
    has(hour.type("rm", "docs/2"), "removed reference: docs/2\n0 objects, 0 B would be freed by")
    has(hour.type("gc", "--dry-run"), "live: ")
    hour.type("gc")
    expect(hour.type("images", "--format={{.Name}}").split()[-1], "docs/latest")
    hour.type("fsck")
    has(hour.type("fsck", "docs/latest"), ": sound, ")
    hour.type("rm", "--gc", "docs/latest")


def run_hour(way, user=None):
    hour = make_hour(way, user)
    first = create_and_look(hour)
    compare(hour)
    take_out_and_back(hour, first)
    copy_to_another(hour)
    if os.geteuid() == 0 and user is None:
        mount_and_look(hour)
    else:
        hour.type("rm", "docs/1")
        hour.type("gc")
    remove(hour)
    return hour.seen


def run_all_ways(user=None):
    """Each way in its own directory; all must print the same."""
    os.chmod(".", 0o755)
    top, seen = os.getcwd(), {}
    for way in WAYS:
        os.mkdir(way)
        os.chdir(way)
        seen[way] = run_hour(way, user)
        os.chdir(top)
        for got, expected in zip(seen[way], seen["option"]):
            if got != expected:
                remark(f"{way}: {got}")
            expect(got, expected)
        expect(len(seen[way]), len(seen["option"]))


def the_first_hour():
    run_all_ways()


def the_first_hour_of_an_ordinary_user():
    if os.geteuid() != 0:
        raise Skip("needs root, to become another user")
    run_all_ways(NOBODY)


if __name__ == "__main__":
    if os.geteuid() == 0:
        enter_namespace()
    sys.exit(main([the_first_hour, the_first_hour_of_an_ordinary_user], in_memory=False))
