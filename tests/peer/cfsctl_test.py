#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Repositories shared with composefs-rs's own program, cfsctl: each works on what the other made.

    cfsctl_test.py COMPOSEFS

cfsctl is the one that $CFSCTL names, or is in $PATH, or is built of its crate (composefs-ctl); skips where that cannot be done.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import crate  # noqa: E402  pylint: disable=wrong-import-position
from facts import Skip, ensure, expect, fact, place_in_memory, run_facts  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS = os.path.abspath(sys.argv[1])
PLAIN = "--no-propagate-usr-to-root"

try:
    CFSCTL, ABSENT = crate.cfsctl(), None
except Skip as reason:
    CFSCTL, ABSENT = None, reason
DISK = os.getcwd()  # for mounts: EROFS cannot mount a file of a tmpfs


def top_in_memory():
    """Both programs sync their filesystem many times, with all that others wrote there. The disk, where tmpfs has no
    xattrs of users (Linux before 6.6)."""
    top = place_in_memory()
    try:
        with tempfile.NamedTemporaryFile(dir=top) as f:
            os.setxattr(f.name, "user.note", b"a value")
    except OSError:
        return DISK
    return top or DISK


TOP = top_in_memory()


def output(*args, **kw):
    done = subprocess.run(args, capture_output=True, check=False, **kw)
    if done.returncode:
        raise AssertionError(f"{' '.join(args)}: expected status 0, got {done.returncode}: {done.stderr.decode()[:600]}")
    return done.stdout.decode()


def ours(*args, **kw):
    return output(COMPOSEFS, *args, **kw)


def theirs(*args, **kw):
    return output(CFSCTL, *args, **kw)


def make_tree(top):
    os.makedirs(f"{top}/dir/deep")
    for i in range(200):
        with open(f"{top}/dir/{i}", "wb") as f:
            f.write(bytes([i]) * (i * 97))
    with open(f"{top}/large", "wb") as f:
        f.write(os.urandom(3 << 20))
    os.link(f"{top}/large", f"{top}/dir/deep/again")
    os.symlink("../large", f"{top}/dir/link")
    os.mkfifo(f"{top}/fifo")
    os.setxattr(f"{top}/large", "user.note", b"a value")
    os.chmod(f"{top}/dir/7", 0o4751)


class Place:
    def __init__(self, algorithm="sha256", form="1"):
        self.algorithm, self.form = algorithm, form
        make_tree("tree")

    def init(self, program, repo):
        return program("init", "--insecure", f"--algorithm=fsverity-{self.algorithm}-12", f"--erofs-version={self.form}", repo)


def repositories(top=TOP):
    """One of each kind that both write."""
    for algorithm in ("sha256", "sha512"):
        for form in ("0", "1"):
            with tempfile.TemporaryDirectory(dir=top) as tmp:
                os.chdir(tmp)
                yield Place(algorithm, form)
            os.chdir("/")


def sound(repo):
    expect(json.loads(theirs("--repo", repo, "fsck", "--json"))["errors"], [], "what cfsctl finds")
    expect(json.loads(ours("fsck", f"--repo={repo}", "--json"))["errors"], [], "what composefs finds")


@fact
def meta_json_is_the_same_byte_for_byte():
    for place in repositories():
        place.init(ours, "a")
        place.init(theirs, "b")
        with open("a/meta.json", "rb") as a, open("b/meta.json", "rb") as b:
            expect(a.read(), b.read(), f"meta.json of {place.algorithm}, format {place.form}")
        place.init(ours, "b")
        place.init(theirs, "a")


@fact
def the_same_directory_has_the_same_id():
    for place in repositories():
        place.init(ours, "a")
        place.init(theirs, "b")
        ids = {ours("create-image", "--repo=a", "tree").strip(), theirs("--repo", "b", "create-image", PLAIN, "tree").strip(),
               ours("--repo=b", "create-image", "tree").strip(), theirs("--repo", "a", "create-image", PLAIN, "tree").strip()}
        expect(len(ids), 1, f"ids of {place.algorithm}, format {place.form}: {ids}")
        args = ("--hash", place.algorithm, "--erofs-version", place.form)
        expect(ours(*args, "compute-id", "tree").partition(":")[2], theirs("--no-repo", *args, "compute-id", PLAIN, "tree"))


@fact
def the_same_root_of_a_container_has_the_same_id():
    for place in repositories():
        os.makedirs("tree/usr/bin")
        os.makedirs("tree/run/lock")
        os.link("tree/large", "tree/run/large")
        os.setxattr("tree/usr", "user.of", b"usr")
        os.chmod("tree/usr", 0o711)
        os.utime("tree/usr", ns=(0, 1_500_000_000_123_456_789))
        os.symlink(COMPOSEFS, "cfsctl")
        args = ("--no-repo", "--hash", place.algorithm, "--erofs-version", place.form, "compute-id")
        for more in ((), ("--xattrs", "keep-user-xattrs"), (PLAIN,)):
            expect(output("./cfsctl", *args, *more, "tree"), theirs(*args, *more, "tree"), f"{place.algorithm} {place.form} {more}")
        os.makedirs("tree/boot/efi")
        os.mkdir("tree/sysroot")
        os.link("tree/large", "tree/boot/efi/large")
        for more in ((), (PLAIN,), ("--xattrs", "keep-user-xattrs")):
            expect(output("./cfsctl", *args, "--bootable", *more, "tree"), theirs(*args, "--bootable", *more, "tree"), f"bootable {more}")
        profile = "oci-1" if place.algorithm == "sha512" else "oci-1-sha256"
        if place.form == "1":
            expect(ours("compute-id", f"--profile={profile}", "tree").partition(":")[2], theirs(*args, "tree"))


GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "oci", "selinux")
LINES = ["/.* any", "/usr(/.*)? usr", "/usr/bin/[^/]* -- bin", "/usr/bin/[^/]+ -l link", "/usr/lib6?4(/.*)? lib", "/usr/(bin|lib64)/(?!x)[^/]* ahead",
         "/usr/bin/x|/usr/lib64/y either", "/usr/bin/x)|(/usr/bin/y -- odd", "/usr/bin/\\.x+ dots", "/usr/bin/..z bytes", "/usr/lib64 -d dir",
         "/usr/bin/h.* hard", "/real/.* real", "/usr/bin/y <<none>>", "(?i)/USR/BIN/.* case", "/usr/bin/[]|]x class"]


def make_labelled_tree(seed):
    """Which lines there are, and in which order, is by chance."""
    chance = random.Random(seed)
    for name in ("boot", "sysroot", "usr/bin", "usr/lib64", "etc/selinux/p/contexts/files", "opt/one/x"):
        os.makedirs(f"tree/{name}")
    for name in ("x", "y", ".x", "\u00e9z", "a\nb", "]x", "h1"):
        with open(f"tree/usr/bin/{name}", "w", encoding="utf-8") as f:
            f.write(name * 50)
    for name in ("h2", "i3", "h4"):
        os.link("tree/usr/bin/h1", f"tree/usr/bin/{name}")
    os.link("tree/usr/bin/h1", "tree/usr/lib64/y")
    os.symlink("x", "tree/usr/bin/l")
    with open("tree/etc/selinux/config", "w", encoding="utf-8") as f:
        f.write("# a comment\nSELINUX=enforcing\n selinuxtype = p \n")
    files = {"": chance.sample(LINES, 10), ".local": chance.sample(LINES, 2), ".homedirs": chance.sample(LINES, 2),
             ".subs": ["/opt/one /real", "/real/x /usr/bin"], ".subs_dist": ["/usr/lib64 /usr/bin"][:chance.randrange(2)]}
    for suffix, lines in files.items():
        with open(f"tree/etc/selinux/p/contexts/files/file_contexts{suffix}", "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))


@fact
def trees_with_selinux_have_the_same_labels():
    args = ("--no-repo", "--hash", "sha256", "compute-id", "--bootable")
    with tempfile.TemporaryDirectory(dir=TOP) as tmp:
        os.chdir(tmp)
        os.symlink(COMPOSEFS, "cfsctl")
        for name in ("selx", "sely"):
            output("tar", "-xf", f"{GOLDEN}/{name}.tar", "--one-top-level")
            expect(output("./cfsctl", *args, name), theirs(*args, name), name)
        for seed in range(20):
            make_labelled_tree(seed)
            expect(output("./cfsctl", *args, "tree"), theirs(*args, "tree"), f"policy of seed {seed}")
            shutil.rmtree("tree")
        os.chdir("/")


@fact
def times_before_1970_give_the_same_id():
    for place in repositories():
        os.makedirs("tree/usr/bin")
        os.symlink(COMPOSEFS, "cfsctl")
        args = ("--no-repo", "--hash", place.algorithm, "--erofs-version", place.form, "compute-id")
        for old in (("tree/large",), ("tree/usr", "tree/dir/1"), ("tree",)):
            for number, path in enumerate(old):
                os.utime(path, ns=(0, -1_500_000_000 - number))
            for more in ((), (PLAIN,)):
                expect(output("./cfsctl", *args, *more, "tree"), theirs(*args, *more, "tree"), f"{place.algorithm} {place.form} {more} {old}")


@fact
def explain_finds_what_cfsctl_makes_of_deletions():
    for place in repositories():
        if place.form == "0":
            continue
        for number, keys in enumerate((("trusted",), ("user",), ("trusted", "user"))):
            os.mkdir(f"tree/opaque{number}")
            try:
                os.mknod(f"tree/opaque{number}/gone", 0o20000)
                for key in keys:
                    os.setxattr(f"tree/opaque{number}", f"{key}.overlay.opaque", b"y")
            except OSError as why:
                raise Skip(f"no whiteouts and trusted xattrs here: {why}") from why
        expected = theirs("--no-repo", "--hash", place.algorithm, "compute-id", PLAIN, "tree").strip().split(":")[-1]
        said = json.loads(ours("explain", "--json", f"--expected={place.algorithm}:{expected}", "tree"))
        expect((said["profiles"], said["rules"]["deletions"]), ([], "lost as in cfsctl"))


@fact
def each_finds_the_repository_of_the_other_sound():
    for place in repositories():
        place.init(ours, "a")
        ours("create-image", "--repo=a", "tree", "os/1")
        place.init(theirs, "b")
        theirs("--repo", "b", "create-image", PLAIN, "tree", "os/1")
        for repo in ("a", "b"):
            sound(repo)
            named = json.loads(ours("images", f"--repo={repo}", "--json"))
            expect([{"name": name, "digest": i["id"].partition(":")[2]} for i in named["images"] for name in i["names"]],
                   json.loads(theirs("--repo", repo, "images", "--json"))["images"], "images")
            ensure(ours("image-objects", f"--repo={repo}", "os/1").split()
                 == sorted(theirs("--repo", repo, "image-objects", "refs/os/1").split()), "other objects")
            paths = ["/large", "/dir/1", "/dir/100"]
            args = ("dump-files", "--backing-path-only")
            expect(ours(*args, f"--repo={repo}", "os/1", *paths), theirs("--repo", repo, *args, "refs/os/1", *paths))
            args = ("dump-files",)
            expect(ours(*args, f"--repo={repo}", "os/1", *paths), theirs("--repo", repo, *args, "refs/os/1", *paths))
        links = [{os.path.join(d, n)[1:]: os.readlink(os.path.join(d, n)) for d, _, ns in os.walk(r) for n in ns
                  if os.path.islink(os.path.join(d, n))} for r in ("a", "b")]
        expect(links[0], links[1], "links")


@fact
def each_imports_the_image_of_the_other():
    for place in repositories():
        place.init(ours, "a")
        ours("create-image", "--repo=a", "tree", "os/1")
        with open("a/images/refs/os/1", "rb") as f:
            image = f.read()
        expect(theirs("--repo", "a", "import-image", "theirs", input=image), ours("import-image", "--repo=a", "ours", input=image))
        sound("a")


@fact
def each_mounts_what_the_other_made():
    if os.geteuid() != 0:
        raise Skip("needs root")
    for place in repositories(DISK):
        os.mkdir("mnt")
        place.init(ours, "a")
        ours("create-image", "--repo=a", "tree", "os/1")
        place.init(theirs, "b")
        theirs("--repo", "b", "create-image", PLAIN, "tree", "os/1")
        # Theirs requires fs-verity of each file that is read, whatever the repository says: names and sizes it shows anywhere.
        for command, look in (([CFSCTL, "--repo", "a", "mount", "refs/os/1", "mnt"], "test \"$(cd tree && find . -printf '%p %m %l\\n' | sort)\" = "
                               "\"$(cd mnt && find . -printf '%p %m %l\\n' | sort)\""),
                              ([COMPOSEFS, "mount", "--repo=b", "os/1", "mnt"], "diff -r --no-dereference --exclude=fifo tree mnt")):
            output("unshare", "--mount", "--propagation", "private", "sh", "-c", f'"$@" && {look} && umount mnt', "sh", *command)


@fact
def both_dry_runs_collect_the_same():
    for place in repositories():
        place.init(ours, "a")
        for name in ("os/1", "os/2"):
            ours("create-image", "--repo=a", "tree", name)
            with open(f"tree/dir/new-{name[-1]}", "w", encoding="ascii") as f:
                f.write(name * 1000)
        ours("create-image", "--repo=a", "tree")
        ours("untag", "--repo=a", "os/2")
        found = json.loads(ours("gc", "--repo=a", "--dry-run", "--json"))
        said = re.search(r"Objects: (\d+)", theirs("--repo", "a", "gc", "--dry-run")).group(1)
        expect((found["objects_removed"], found["images_removed"]), (int(said), 2))
        ours("gc", "--repo=a")
        ensure(re.search(r"Objects: 0 ", theirs("--repo", "a", "gc", "--dry-run")), "cfsctl would remove more")
        sound("a")
        ours("untag", "--repo=a", "os/1")
        theirs("--repo", "a", "gc")
        expect(json.loads(ours("gc", "--repo=a", "--json"))["objects_removed"], 0)
        sound("a")


@fact
def neither_collects_images_named_by_the_other():
    for place in repositories():
        place.init(ours, "a")
        ours("create-image", "--repo=a", "tree", "by/ours")
        with open("tree/more", "w", encoding="ascii") as f:
            f.write("more" * 1000)
        theirs("--repo", "a", "create-image", PLAIN, "tree", "by/theirs")
        for collect in (lambda: ours("gc", "--repo=a"), lambda: theirs("--repo", "a", "gc")):
            before = sorted(os.path.join(d, n) for d, _, ns in os.walk("a/objects") for n in ns)
            collect()
            expect(sorted(os.path.join(d, n) for d, _, ns in os.walk("a/objects") for n in ns), before)
            sound("a")
            expect(ours("cat", "--repo=a", "by/theirs", "/more"), "more" * 1000)
            expect(sorted(theirs("--repo", "a", "image-objects", "refs/by/ours").split()),
                   ours("image-objects", "--repo=a", "by/ours").split())


@fact
def the_locks_of_both_exclude_each_other():
    with tempfile.TemporaryDirectory(dir=TOP) as tmp:
        os.chdir(tmp)
        Place().init(ours, "a")
        with subprocess.Popen([CFSCTL, "--repo", "a", "transaction"]) as held:
            for _ in range(200):
                if subprocess.run([COMPOSEFS, "gc", "--repo=a", "--no-wait"], capture_output=True, check=False).returncode:
                    break
            else:
                raise AssertionError("expected gc to fail beside a transaction, got success")
            held.terminate()
        ours("gc", "--repo=a", "--timeout=30")
        with subprocess.Popen([COMPOSEFS, "transaction", "--repo=a"]) as held:
            for _ in range(200):
                if subprocess.run([COMPOSEFS, "gc", "--repo=a", "--no-wait"], capture_output=True, check=False).returncode:
                    break
            try:
                subprocess.run([CFSCTL, "--repo", "a", "gc"], capture_output=True, check=False, timeout=2)
            except subprocess.TimeoutExpired:
                pass
            else:
                raise AssertionError("expected cfsctl gc to wait for the transaction, got its end")
            held.terminate()
        os.chdir("/")


if __name__ == "__main__":
    if not CFSCTL:
        print(f"1..0 # SKIP {ABSENT}")
        sys.exit(0)
    sys.exit(run_facts(after=lambda: os.chdir("/")))
