#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Trees as people have them: with the store inside, with deletions of their own, with times before 1970, with
what an image cannot show.

    trees_test.py MKCOMPOSEFS COMPOSEFS_INFO COMPOSEFS
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import empty, ensure, expect, fact, run_facts  # noqa: E402  pylint: disable=wrong-import-position

MKCOMPOSEFS, INFO, COMPOSEFS = (os.path.abspath(a) for a in sys.argv[1:4])
ROOT = "/ 4096 40755 2 0 0 0 1.0 - - -\n"


def run(*args, **kw):
    done = subprocess.run(args, capture_output="stdout" not in kw, timeout=120, check=False, **kw)
    return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()


def good(*args):
    """Standard output and standard error."""
    rc, out, err = run(*args)
    ensure(rc == 0, f"status {rc}: {err}")
    return out, err


def make(*args):
    return good(MKCOMPOSEFS, *args)


def names(image):
    return [line.split("\t")[0].rstrip("/") for line in good(INFO, "ls", image)[0].splitlines()]


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def make_source():
    write("src/a", "a" * 100)
    write("src/sub/b", "b")


def warnings(err):
    return [line.split("warning: ", 1)[1] for line in err.splitlines() if "warning: " in line and "fs-verity" not in line]


def dump_of(text, *args):
    """The dump of the image that is made of a dump, and what was said."""
    write("in.dump", ROOT + text)
    _, err = make(*args, "--from-file", "in.dump", "out.cfs")
    return good(INFO, "dump", "out.cfs")[0], warnings(err)


# --- what is written meanwhile ---------------------------------------------------------------------------

@fact
def store_inside_the_source_is_left_out_and_named():
    make_source()
    digests = []
    for _ in range(2):
        out, err = make("--print-digest", "--digest-store=src/sub/store", "src", "out.cfs")
        digests.append(out)
        expect(names("out.cfs"), ["/a", "/sub", "/sub/b"])
        expect(warnings(err), ["src/sub/store: left out of the image, because it is the object store"])
    expect(digests[0], digests[1])


@fact
def image_cache_and_standard_output_inside_the_source_are_left_out_and_named():
    make_source()
    for _ in range(2):
        _, err = make("--cache=src/sub/cache", "src", "src/sub/out.cfs")
    expect(warnings(err), ["src/sub/cache: left out of the image, because it is the digest cache",
                           "src/sub/out.cfs: left out of the image, because it is the image"])
    expect(names("src/sub/out.cfs"), ["/a", "/sub", "/sub/b"])
    os.unlink("src/sub/cache")
    os.unlink("src/sub/out.cfs")
    with open("src/digest", "wb") as f:
        rc, _, err = run(MKCOMPOSEFS, "--print-digest", "src", "out.cfs", stdout=f, stderr=subprocess.PIPE)
    expect((rc, warnings(err)), (0, ["src/digest: left out of the image, because it is standard output"]))
    expect(names("out.cfs"), ["/a", "/sub", "/sub/b"])


@fact
def messages_inside_the_source_are_left_out_and_named():
    make_source()
    with open("src/log", "wb") as f:
        expect(run(MKCOMPOSEFS, "src", "out.cfs", stdout=subprocess.DEVNULL, stderr=f)[0], 0)
    with open("src/log", encoding="utf-8") as f:
        expect(warnings(f.read()), ["src/log: left out of the image, because it is standard error"])
    with open("src/log", "ab") as f:
        expect(run(MKCOMPOSEFS, "src", "out.cfs", stdout=f, stderr=f)[0], 0)
    expect(names("out.cfs"), ["/a", "/sub", "/sub/b"])


@fact
def names_that_merely_look_like_the_image_stay():
    make_source()
    write("src/out.cfs", "x")
    make("src", "src/sub/out.cfs")
    expect(names("src/sub/out.cfs"), ["/a", "/out.cfs", "/sub", "/sub/b"])


@fact
def source_that_is_the_store_is_packed_with_a_warning():
    make_source()
    make("--digest-store=store", "src", "out.cfs")
    _, err = make("--digest-store=store", "store", "out.cfs")
    expect(warnings(err), ["store: the source is the object store, which becomes part of the image"])


@fact
def repository_inside_the_source_is_left_out_everywhere():
    make_source()
    good(COMPOSEFS, "init", "--insecure", "src/repo")
    first, err = good(COMPOSEFS, "create-image", "--repo=src/repo", "src", "os/1")
    expect(warnings(err), ["src/repo: left out of the image, because it is the repository"])
    expect(good(COMPOSEFS, "create-image", "--repo=src/repo", "src", "os/2")[0], first)
    out, err = good(COMPOSEFS, "compute-id", "--repo=src/repo", "src")
    expect((out.strip(), warnings(err)), (first.strip(), ["src/repo: left out of the image, because it is the repository"]))
    expect(good(COMPOSEFS, "diff", "--repo=src/repo", "os/1", "dir:src")[1], "")


# --- results that cannot be printed ------------------------------------------------------------------------

@fact
def run_that_cannot_print_its_digest_leaves_no_image():
    make_source()
    write("old.cfs", "old")
    for image in ("new.cfs", "old.cfs"):
        with open("/dev/full", "wb") as full:
            rc, _, err = run(MKCOMPOSEFS, "--print-digest", "src", image, stdout=full, stderr=subprocess.PIPE)
        expect((rc, "standard output: No space left on device" in err), (1, True), err)
    ensure(not os.path.exists("new.cfs"), "there is an image")
    with open("old.cfs", encoding="ascii") as f:
        expect(f.read(), "old")


@fact
def image_whose_id_cannot_be_printed_is_in_the_repository_and_a_later_run_prints_it():
    """An ID is printed when its image is durable, so the failure of the output comes too late to remove the image."""
    make_source()
    make("src", "in.cfs")
    for number, (command, *operands) in enumerate((("create-image", "src", "os/1"), ("create-image", "--json", "src", "os/1"),
                                                   ("import-image", "--missing-ok", "os/1", "in.cfs"))):
        repo = f"repo{number}"
        good(COMPOSEFS, "init", "--insecure", repo)
        with open("/dev/full", "wb") as full:
            rc, _, err = run(COMPOSEFS, command, f"--repo={repo}", *operands, stdout=full, stderr=subprocess.PIPE)
        expect((rc, "standard output: No space left on device" in err), (1, True), err)
        ids = good(COMPOSEFS, "images", "--quiet", "--no-trunc", f"--repo={repo}")[0]
        expect((ids.count("\n"), os.path.lexists(f"{repo}/images/refs/os/1")), (1, True))
        out, _ = good(COMPOSEFS, command, f"--repo={repo}", *operands)
        expect(json.loads(out)["id"] + "\n" if "--json" in operands else out, ids)
        expect(good(COMPOSEFS, "images", "--quiet", "--no-trunc", f"--repo={repo}")[0], ids)


# --- deletions -----------------------------------------------------------------------------------------------

DELETIONS = ("/a 0 40755 2 0 0 0 1.0 - - - trusted.overlay.opaque=y\n/a/new 1 100644 1 0 0 0 1.0 - x -\n/a/w 0 20000 2 0 0 0 1.0 - - -\n"
             "/b 0 40755 2 0 0 0 1.0 - - -\n/b/w 0 @20000 2 0 0 0 1.0 /a/w - -\n")


@fact
def directories_that_lose_deletions_are_named_and_keep_their_bytes():
    out, said = dump_of(DELETIONS)
    expect([line.split(":")[0] for line in said], ["/a", "/b"])
    ensure("the image loses the deletions of this directory" in said[0], said[0])
    ensure("/a/w 0 20000 " in out and "trusted.overlay.opaque=x" in out, out)
    _, said = dump_of("".join(f"/d{i:02} 0 40755 2 0 0 0 1.0 - - - trusted.overlay.opaque=y\n/d{i:02}/w 0 20000 1 0 0 0 1.0 - - -\n"
                              for i in range(13)))
    expect((len(said), said[-1]), (11, "and 3 more such directories"))


@fact
def profiles_for_repositories_keep_deletions():
    for profile in ("repo-1", "oci-1", "ipe-1", "honest-df-1"):
        usr = "/usr 0 40755 2 0 0 0 1.0 - - -\n"
        out, said = dump_of(DELETIONS + usr, f"--profile={profile}")
        expect(said, [], profile)
        lines = {line.split(" ")[0]: line for line in out.splitlines()}
        expect(sorted(lines), ["/", "/a", "/a/new", "/b", "/b/w", "/usr"], profile)
        ensure(lines["/a"].endswith(" trusted.overlay.opaque=y user.overlay.opaque=y"), out)
        ensure(lines["/b"].endswith(" trusted.overlay.opaque=x user.overlay.opaque=x"), out)
        ensure(lines["/b/w"].startswith("/b/w 0 20000 1 "), out)
        good(COMPOSEFS, "fsck", "--canonical", "out.cfs")


@fact
def explain_names_what_writers_make_of_deletions_and_of_times_before_1970():
    write("in.dump", ROOT + DELETIONS + "/old 0 100644 1 0 0 0 -9.5 - - -\n")
    for profile, name in (("mkcomposefs-1.0-dump", "mkcomposefs-1.0-dump"), ("repo-1-sha256", "repo-1-sha256")):
        make(f"--profile={profile}", "--from-file", "in.dump", f"{profile}.cfs")
        digest = good(INFO, "measure-file", f"{profile}.cfs")[0].strip()
        ensure(name in good(COMPOSEFS, "explain", f"--expected={digest}", "in.dump")[0], name)
    rc, out, _ = run(COMPOSEFS, "explain", "repo-1-sha256.cfs", "mkcomposefs-1.0-dump.cfs")
    expect(rc, 1)
    ensure("1 directory opaque in A, in B marked as holding whiteouts: what was deleted there shows again" in out, out)
    ensure("the first time of A is the smallest as an unsigned number" in out, out)
    said = json.loads(run(COMPOSEFS, "explain", "--json", "repo-1-sha256.cfs", "mkcomposefs-1.0-dump.cfs")[1])
    expect((said["times_differ"], "deletions" in [c["cause"] for c in said["causes"]]), (True, True))
    write("in.dump", ROOT + "/old 0 100644 1 0 0 0 -9.5 - - -\n")
    make("--min-version=1", "--from-file", "in.dump", "before.cfs")
    digest = good(INFO, "measure-file", "before.cfs")[0].strip()
    out = good(COMPOSEFS, "explain", f"--expected={digest}", "in.dump")[0]
    ensure("the profile mkcomposefs-1.0-v1\n" in out and "repo-1" not in out, out)


@fact
def create_image_takes_times_before_1970_by_the_rules_of_repo_1():
    make_source()
    os.utime("src/a", ns=(0, -1_500_000_000))
    ours = good(COMPOSEFS, "compute-id", "--no-repo", "src")[0]
    expect("sha512:" + make("--profile=repo-1", "--print-digest-only", "src")[0], ours)
    ensure("sha512:" + make("--profile=ipe-1", "--print-digest-only", "src")[0] != ours, "it makes no difference here")
    good(COMPOSEFS, "init", "--insecure", "repo")
    expect(good(COMPOSEFS, "create-image", "--repo=repo", "src")[0], ours)


@fact
def copy_of_an_image_has_the_times_of_its_writer():
    for profile in ("repo-1-sha256", "mkcomposefs-1.0-v1"):
        dump_of("/old 0 100644 1 0 0 0 -9.5 - - -\n", f"--profile={profile}")
        good(os.path.join(os.path.dirname(MKCOMPOSEFS), "composefs-dump"), "out.cfs", "again.cfs")
        with open("out.cfs", "rb") as a, open("again.cfs", "rb") as b:
            expect(a.read() == b.read(), True, profile)


# --- what an image does not show -----------------------------------------------------------------------------

UNSHOWN = "btrfs.compression=zstd lustre.lov=l system.nfs4_acl=n"


@fact
def xattrs_that_no_mount_shows_are_named_and_can_be_left_out():
    text = f"/f 0 100644 1 0 0 0 1.0 - - - {UNSHOWN} user.k=v\n"
    out, said = dump_of(text)
    ensure(f"- {UNSHOWN} user.k=v\n" in out, out)
    expect([line.split(":")[0] for line in said], ["xattr btrfs.compression", "xattr lustre.lov", "xattr system.nfs4_acl"])
    ensure("(inodes: 1, the first /f)" in said[0], said[0])
    expect(dump_of(text, "--skip-unshown-xattrs"), (out.replace(UNSHOWN + " ", ""), []))
    out, said = dump_of("/f 0 100644 1 0 0 0 1.0 - - -" + "".join(f" x{i:02}=" for i in range(12)) + "\n")
    expect((len(said), said[-1]), (11, "and 2 more such xattrs"))


@fact
def profile_selects_the_xattrs_to_keep():
    make_source()
    for args in (("--profile=repo-1", "--skip-unshown-xattrs", "src", "out.cfs"),):
        rc, _, err = run(MKCOMPOSEFS, *args)
        expect((rc, "--skip-unshown-xattrs: expected either this option or --profile=repo-1" in err), (1, True), err)
    rc, _, err = run(COMPOSEFS, "compute-id", "--profile=repo-1", "--skip-unshown-xattrs", "src")
    expect((rc, "--skip-unshown-xattrs: expected either this option or --profile=repo-1" in err), (1, True), err)
    expect(good(COMPOSEFS, "compute-id", "--no-repo", "--skip-unshown-xattrs", "src")[0],
           good(COMPOSEFS, "compute-id", "--no-repo", "src")[0])


@fact
def line_of_a_dump_for_a_fifo_with_content_is_named_and_refused_in_strict_mode():
    text = "/f 5 10644 1 0 0 0 1.0 ab/cdef - -\n"
    out, said = dump_of(text)
    ensure("/f 0 10644 " in out, out)
    expect(len(said), 1)
    ensure('in.dump: line 2: size: expected none for a FIFO, got "5" (the mode is 10644; that of a file would be 100644)' in said[0], said[0])
    rc, _, err = run(MKCOMPOSEFS, "--from-file", "in.dump", "strict.cfs", env={**os.environ, "CFS_PARSE_STRICT": "1"})
    expect((rc, os.path.exists("strict.cfs"), "warning" in err), (1, False, False), err)
    ensure("in.dump: line 2: size: expected none for a FIFO" in err, err)
    _, said = dump_of("".join(f"/f{i:02} 0 10644 1 0 0 0 1.0 x - -\n" for i in range(12)))
    expect((len(said), said[-1]), (11, "and 2 more such lines"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="trees-test-") as top:
        os.chdir(top)
        status = run_facts(after=lambda: empty("."))
        os.chdir("/")
    sys.exit(status)
