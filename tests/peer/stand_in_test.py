#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Our main tool under the name cfsctl beside composefs-rs's own: each command, each option, side by side in a place that is the
same. Where cfsctl(1) lists a difference, what is the same is compared.

    stand_in_test.py COMPOSEFS MKCOMPOSEFS COMPOSEFS_INFO MOUNT_COMPOSEFS

The last three lie beside the first. For cfsctl see cfsctl_test.py.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import crate  # noqa: E402  pylint: disable=wrong-import-position
from facts import Skip, ensure, expect, fact, run_facts_each_in  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS = os.path.abspath(sys.argv[1])
SIDES = ("theirs", "ours")

try:
    CFSCTL, ABSENT = crate.cfsctl(), None
except Skip as reason:
    CFSCTL, ABSENT = None, reason


class Place:
    """A folder for each side: tree, r (a repository of sha256 with tree as os/1), x.cfs (its image, by mkcomposefs)."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.top = self.folder.name
        os.symlink(COMPOSEFS, f"{self.top}/cfsctl")
        self.program = {"theirs": CFSCTL, "ours": f"{self.top}/cfsctl"}
        os.mkdir(f"{self.top}/theirs")
        os.chdir(f"{self.top}/theirs")
        for path in ("usr/bin", "dir/deep", "boot", "sysroot"):
            os.makedirs(f"tree/{path}")
        for path, size in (("usr/bin/tool", 3000), ("dir/deep/file", 700), ("a", 70000), ("small", 5)):
            with open(f"tree/{path}", "wb") as f:
                f.write(path.encode() * (size // len(path)))
        os.symlink("a", "tree/link")
        for top, folders, names in os.walk("tree", topdown=False):
            for name in folders + names:
                os.utime(os.path.join(top, name), ns=(0, 1_600_000_000_000_000_000), follow_symlinks=False)
        os.utime("tree", ns=(0, 1_600_000_000_000_000_000))
        for args in (("init", "--insecure", "--algorithm", "fsverity-sha256-12", "r"), ("--repo", "r", "create-image", "tree", "os/1")):
            subprocess.run([CFSCTL, *args], check=True, capture_output=True)
        shutil.copytree(f"{self.top}/theirs", f"{self.top}/ours", symlinks=True)
        os.chdir("/")

    def close(self):
        self.folder.cleanup()

    def run(self, side, *args, stdin=b""):
        done = subprocess.run([self.program[side], *args], cwd=f"{self.top}/{side}", input=stdin, capture_output=True, check=False,
                              timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def both(self, *args, stdin=b""):
        """(status, output) of theirs and of ours."""
        return [self.run(side, *args, stdin=stdin)[:2] for side in SIDES]

    def alike(self, *args, stdin=b"", form=lambda out: out):
        """Both end with the same status and print the same; the status."""
        theirs, ours = self.both(*args, stdin=stdin)
        expect((ours[0], form(ours[1])), (theirs[0], form(theirs[1])), " ".join(args))
        return ours[0]

    def well(self, *args, **kw):
        expect(self.alike(*args, **kw), 0, f"status of {' '.join(args)}")

    def fails(self, *args, status=1):
        expect([rc for rc, _ in self.both(*args)], [status, status], f"statuses of {' '.join(args)}")

    def path(self, side, below):
        return f"{self.top}/{side}/{below}"

    def same_repository(self, repo):
        found = [{p: os.readlink(self.path(s, p)) if os.path.islink(self.path(s, p)) else os.path.isdir(self.path(s, p))
                  for p in self.below(s, repo)} for s in SIDES]
        expect(found[1], found[0], f"what is in {repo}")
        texts = []
        for side in SIDES:
            with open(self.path(side, f"{repo}/meta.json"), "rb") as f:
                texts.append(f.read())
        expect(texts[1], texts[0], f"{repo}/meta.json")

    def below(self, side, repo):
        top = self.path(side, "")
        return [os.path.join(d, n)[len(top):] for d, ds, ns in os.walk(self.path(side, repo)) for n in ds + ns
                if n not in (".lock-gc", "streams") and not os.path.join(d, n).startswith(self.path(side, f"{repo}/log"))]


def lines(out):
    return sorted(out.splitlines())


def removed(out):
    """What gc tells but the bytes, which are those on disk here."""
    return re.sub(r"\(\d+ bytes\)", "", out)


def names(out):
    return sorted((i["name"], i["digest"]) for i in json.loads(out)["images"])


@fact
def init(place):
    for args in (("i",), ("--algorithm", "fsverity-sha256-12", "j"), ("--erofs-version", "0", "k"), ("--erofs-version=2", "l")):
        for _ in range(2):
            place.well("init", "--insecure", *args)
        place.same_repository(args[-1])
    place.fails("init", "--insecure", "--algorithm", "fsverity-sha256-12", "i")
    place.fails("init", "--insecure", "--erofs-version", "0", "i")
    for algorithm in ("bogus", "fsverity-sha256-16", "fsverity-md5-12"):
        place.fails("init", "--insecure", "--algorithm", algorithm, "m", status=2)
    place.fails("init", "a", "b", status=2)


@fact
def init_takes_an_existing_directory_as_it_is(place):
    for side in SIDES:
        os.mkdir(place.path(side, "d"), 0o755)
        with open(place.path(side, "d/file"), "wb"):
            pass
    place.well("init", "--insecure", "d")
    place.well("init", "--insecure", "new/d")
    place.same_repository("d")
    for path in ("d", "new", "new/d"):
        expect(*[oct(os.stat(place.path(side, path)).st_mode) for side in reversed(SIDES)], f"mode of {path}")


@fact
def init_ensure(place):
    place.well("init", "--ensure", "--insecure", "--algorithm", "fsverity-sha256-12", "r")
    place.well("init", "--ensure", "--insecure", "--algorithm", "fsverity-sha256-12", "--erofs-version", "2", "r")
    place.well("init", "--ensure", "--insecure", "new")
    place.fails("init", "--ensure", "--insecure", "r")
    place.fails("init", "--ensure", "--insecure", "--algorithm", "fsverity-sha512-12", "r")
    place.same_repository("r")
    place.same_repository("new")


@fact
def init_with_options_in_front(place):
    place.well("--insecure", "init", "a")
    place.well("--insecure", "--repo", "b", "init")
    place.well("--hash", "sha256", "init", "--insecure", "c")
    place.well("--erofs-version", "2", "init", "--insecure", "d")
    place.well("--erofs-version", "2", "init", "--insecure", "--erofs-version", "1", "e")
    place.well("--repo", "no", "init", "--insecure", "f")
    for repo in "abcdef":
        place.same_repository(repo)


@fact
def reset_metadata(place):
    place.well("init", "--insecure", "--reset-metadata", "--algorithm", "fsverity-sha256-12", "r")
    place.same_repository("r")
    place.well("--repo", "r", "images", "--json", form=json.loads)


@fact
def options_in_front_of_any_command(place):
    for args in (("images", "--json"), ("list-images", "--json"), ("images", "--json", "--no-trunc")):
        for front in ((), ("--insecure",), ("--hash", "sha256"), ("--hash=sha256",), ("--erofs-version", "0"), ("--no-upgrade",)):
            place.well(*front, "--repo", "r", *args, form=names)
            place.well("--repo=r", *front, *args, form=names)
    place.fails("--repo", "r", "--hash", "sha512", "images")
    place.fails("--repo", "r", "--hash", "md5", "images", status=2)
    place.fails("--repo", "r", "--erofs-version", "3", "images", status=2)
    place.fails("--repo", "r", "--require-verity", "images")
    place.fails("--repo", "r", "--no-repo", "images")
    place.fails("--repo", "none", "images")
    place.fails("--repo", "r", "nothing", status=2)
    place.fails("--repo", "r", status=2)
    place.fails("--repo", "r", "--nothing", "images", status=2)
    for command in ("gc", "images"):
        place.fails("--repo", "r", command, "operand", status=2)
    for command in ("gc", "images", "fsck"):
        place.fails("--repo", "r", command, "--nothing", status=2)


@fact
def a_repository_without_meta_json(place):
    for side in SIDES:
        os.unlink(place.path(side, "r/meta.json"))
        shutil.copytree(place.path(side, "r"), place.path(side, "s"), symlinks=True)
        os.makedirs(place.path(side, "empty/objects"))
    place.fails("--no-upgrade", "--repo", "r", "images")
    place.fails("--repo", "empty", "images")
    place.well("--repo", "r", "images", "--json", form=names)
    place.same_repository("r")
    place.fails("--repo", "s", "--require-verity", "images")
    place.fails("--repo", "s", "--hash", "sha512", "images")
    place.well("--insecure", "--repo", "s", "create-image", "tree")
    place.same_repository("s")


@fact
def create_image(place):
    for args in (("tree",), ("tree", "x"), ("tree", "refs/x"), ("--no-propagate-usr-to-root", "tree", "plain"), ("--bootable", "tree", "boot"),
                 ("--xattrs", "keep-user-xattrs", "tree", "deep/name")):
        place.well("--repo", "r", "create-image", *args)
        place.well("--insecure", "--repo", "r", "--erofs-version", "0", "create-image", *args)
    place.same_repository("r")
    place.fails("--repo", "r", "create-image", "none")
    place.fails("--repo", "r", "create-image", status=2)
    place.fails("--repo", "r", "create-image", "tree", "os")


@fact
def import_image(place):
    with open(place.path("theirs", "r/images/refs/os/1"), "rb") as f:
        image = f.read()
    place.well("init", "--insecure", "--algorithm", "fsverity-sha256-12", "new")
    for repo in ("r", "new"):
        for name in ("i", "refs/j", "deep/k"):
            place.well("--insecure", "--repo", repo, "import-image", name, stdin=image)
        place.same_repository(repo)
    place.fails("--repo", "r", "import-image", status=2)


@fact
def what_is_computed(place):
    front = [("--no-repo",), ("--repo", "r"), ()] + [("--insecure", "--no-repo", "--hash", h, "--erofs-version", v)
                                                     for h in ("sha256", "sha512") for v in "01"]
    for args in front:
        for more in ((), ("--bootable",), ("--no-propagate-usr-to-root",), ("--xattrs=keep-user-xattrs",)):
            place.well(*args, "compute-id", *more, "tree")
            place.well(*args, "create-dumpfile", *more, "tree")
        for more in ((), ("--no-propagate-usr-to-root",)):
            place.well(*args, "compute-karg", *more, "tree")
    place.fails("--no-repo", "compute-id", "none")
    place.fails("--no-repo", "compute-id", status=2)


@fact
def what_is_in_an_image(place):
    made = os.path.basename(os.readlink(place.path("theirs", "r/images/refs/os/1")))
    for name in ("refs/os/1", made):
        place.well("--insecure", "--repo", "r", "image-objects", name, form=lines)
        place.well("--repo", "r", "dump-files", name, "/a", "/dir", "/small", "/link")
        place.well("--repo", "r", "dump-files", "--backing-path-only", name, "/a", "/small", "/dir/deep/file")
        place.well("--repo", "r", "dump-files", name)
        place.well("--repo", "r", "dump-files", "--backing-path-only", name)
    for command in ("image-objects", "dump-files", "cat"):
        place.fails("--repo", "r", command, "refs/none")
        place.fails("--repo", "r", command, "0" * 64)
        place.fails("--repo", "r", command, status=2)
    place.fails("--repo", "r", "dump-files", "refs/os/1", "/none")
    place.fails("--repo", "r", "dump-files", "--backing-path-only", "refs/os/1", "/dir")


@fact
def images(place):
    place.well("--repo", "r", "create-image", "--no-propagate-usr-to-root", "tree", "b/2")
    place.well("--repo", "r", "images", "--json", form=names)
    for side in SIDES:
        shutil.rmtree(place.path(side, "r/images/refs"))
    place.well("--repo", "r", "images", "--json", form=names)
    place.well("--repo", "r", "images")


@fact
def gc(place):
    place.well("--repo", "r", "create-image", "--no-propagate-usr-to-root", "tree", "b/2")
    made = os.path.basename(os.readlink(place.path("theirs", "r/images/refs/os/1")))
    for side in SIDES:
        os.unlink(place.path(side, "r/images/refs/os/1"))
    for args in (("-n",), ("--dry-run",), ("-r", made), ("--root", made, "-n"), ("-r", "nothing", "-n"), ("-r", made, "-r", "b/2")):
        place.well("--insecure", "--repo", "r", "gc", *args, form=removed)
    for _ in range(2):
        place.well("--repo", "r", "gc", form=removed)
    for side in SIDES:
        expect(place.run(side, "--repo", "r", "fsck")[0], 0, "fsck")
    for side in SIDES:
        shutil.rmtree(place.path(side, "r/images/refs"))
    place.well("--repo", "r", "gc", form=removed)
    expect([sum(len(ns) for _, _, ns in os.walk(place.path(s, "r/objects"))) for s in SIDES], [0, 0], "objects")


@fact
def fsck(place):
    for args in (("fsck",), ("fsck", "--metadata-only")):
        place.well("--insecure", "--repo", "r", *args)
    keys = set(json.loads(place.run("theirs", "--repo", "r", "fsck", "--json")[1]))
    place.well("--repo", "r", "fsck", "--json", form=lambda out: {k: v for k, v in json.loads(out).items() if k in keys})
    gone = place.run("theirs", "--repo", "r", "dump-files", "--backing-path-only", "refs/os/1", "/a")[1].split()[1]
    for side in SIDES:
        os.unlink(place.path(side, f"r/objects/{gone}"))
    place.alike("--repo", "r", "fsck", form=lambda out: [l for l in out.splitlines() if re.match("meta|objects|streams|missing|status", l)])
    place.fails("--repo", "r", "fsck", "--metadata-only")
    theirs, ours = [json.loads(out) for _, out in place.both("--repo", "r", "fsck", "--json")]
    for key in ("ok", "has_metadata", "objects_checked", "objects_corrupted", "missing_objects"):
        expect(ours[key], theirs[key], key)
    expect([e.split(": ")[:2] for e in ours["errors"]], [e.split(": ")[:2] for e in theirs["errors"]], "errors")
    place.well("--repo", "r", "fsck", "--json", form=lambda out: json.loads(out)["ok"])


@fact
def mount_refuses(place):
    place.fails("--repo", "r", "mount", "refs/none", "tree")
    place.fails("--repo", "r", "mount", "refs/os/1", "none")
    place.fails("--repo", "r", "mount", "refs/os/1", status=2)


@fact
def mkcomposefs(place):
    for args in (("tree", "x.cfs"), ("--print-digest", "tree", "x.cfs"), ("--print-digest-only", "tree"), ("--use-epoch", "tree", "-"),
                 ("--skip-xattrs", "--skip-devices", "tree", "-"), ("--user-xattrs", "tree", "-"), ("--min-version=1", "--max-version=1", "tree", "-"),
                 ("--digest-store=store", "--threads=1", "tree", "-"), ("--hardlinks", "tree", "-")):
        for side in SIDES:
            with open(place.path(side, "out"), "wb") as out:
                expect(subprocess.run([place.program[side], "mkcomposefs", *args], cwd=place.path(side, ""), stdout=out, check=False,
                                      stderr=subprocess.PIPE).returncode, 0, f"{side}: {args}")
        for name in ("out", "x.cfs"):
            with open(place.path("theirs", name), "rb") as a, open(place.path("ours", name), "rb") as b:
                ensure(a.read() == b.read(), f"{args}: another {name}")
    expect([sorted(n for _, _, ns in os.walk(place.path(s, "store")) for n in ns) for s in SIDES[1:]],
           [sorted(n for _, _, ns in os.walk(place.path(s, "store")) for n in ns) for s in SIDES[:1]], "store")


@fact
def composefs_info(place):
    for side in SIDES:
        expect(place.run(side, "mkcomposefs", "tree", "x.cfs")[0], 0, "status")
    for args in (("ls", "x.cfs"), ("ls", "--filter", "dir", "x.cfs"), ("objects", "x.cfs"), ("missing-objects", "--basedir", "r/objects", "x.cfs"),
                 ("missing-objects", "--basedir", "tree", "x.cfs"), ("measure-file", "x.cfs", "tree/a")):
        place.well("composefs-info", *args)
    place.well("composefs-info", "dump", "x.cfs", form=lambda out: re.sub(r"(?m)^(\S+) \d+ 4", r"\1 0 4", out))
    place.fails("composefs-info", "ls", "none")


@fact
def mount_composefs(place):
    place.fails("mount.composefs", "none", "tree")
    place.fails("mount.composefs", "-o", "basedir=r/objects", "none", "tree")


if __name__ == "__main__":
    if not CFSCTL:
        print(f"1..0 # SKIP {ABSENT}")
        sys.exit(0)
    sys.exit(run_facts_each_in(Place))
