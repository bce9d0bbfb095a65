#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Profiles as users of mkcomposefs and composefs explain meet them.

    profile_test.py MKCOMPOSEFS COMPOSEFS_INFO COMPOSEFS SOURCE_ROOT
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, fact, run_facts  # noqa: E402  pylint: disable=wrong-import-position

MKCOMPOSEFS, INFO, COMPOSEFS, SOURCE = (os.path.abspath(a) for a in sys.argv[1:5])
GOLDEN = os.path.join(SOURCE, "tests", "golden", "profiles")


def run(*args):
    done = subprocess.run(args, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def make(*args):
    """What mkcomposefs prints on standard output."""
    rc, out, err = run(MKCOMPOSEFS, *args)
    ensure(rc == 0, err)
    return out


def digest(profile, *args):
    return make(f"--profile={profile}", "--print-digest-only", *args).strip()


def explain(tree, expected, *args):
    """Status, standard output."""
    rc, out, err = run(COMPOSEFS, "explain", f"--expected={expected}", *args, tree)
    expect(err, "")
    return rc, out


def refused(*args):
    rc, out, err = run(MKCOMPOSEFS, *args)
    lines = err.splitlines()
    expect((rc, out), (1, ""), err)
    expect(lines[1:] in ([], ['see "mkcomposefs --help"']), True, err)
    return lines[0] + "\n"


def names():
    """As the program lists them to who asks for another."""
    return refused("--profile=?", "--print-digest-only", "tree").strip().split("expected one of ")[1].split(", ")


def make_tree():
    for path, content, mode in (("usr/bin/run", "#!", 0o755), ("usr/bin/large", "x" * 65, 0o755), ("usr/lib/data", "y" * 64, 0o644),
                                ("run/pid", "1234", 0o644), ("etc/long", "z" * 4097, 0o600)):
        os.makedirs(os.path.dirname(f"tree/{path}"), exist_ok=True)
        with open(f"tree/{path}", "w", encoding="ascii") as f:
            f.write(content)
        os.chmod(f"tree/{path}", mode)
    os.link("tree/run/pid", "tree/etc/pid")
    os.link("tree/usr/bin/large", "tree/usr/bin/again")
    os.utime("tree/usr", ns=(0, 1_500_000_000_123_456_789))
    os.utime("tree", ns=(0, 1_600_000_000_987_654_321))


@fact
def golden_dumps_have_their_digests():
    with open(f"{GOLDEN}/DIGESTS", encoding="ascii") as f:
        rows = [line.split() for line in f]
    for profile, dump, wanted in rows:
        expect(digest(profile, "--from-file", f"{GOLDEN}/{dump}.dump"), wanted, f"{profile} of {dump}")
    expect({row[0] for row in rows}, set(names()))


@fact
def profile_names_give_the_digest_of_their_rules():
    plain, first = make("--print-digest-only", "tree").strip(), make("--min-version=1", "--print-digest-only", "tree").strip()
    expect((digest("mkcomposefs-1.0", "tree"), digest("mkcomposefs-1.0-v1", "tree")), (plain, first))
    dump = f"{GOLDEN}/rich.dump"
    expect(digest("mkcomposefs-1.0-dump", "--from-file", dump), make("--from-file", "--print-digest-only", dump).strip())


@fact
def each_profile_gives_a_directory_and_its_full_dump_one_digest():
    make("--hardlinks", "--inline-max=5000", "tree", "full.cfs")
    rc, out, err = run(INFO, "dump", "full.cfs")
    expect(rc, 0, err)
    with open("full.dump", "w", encoding="ascii") as f:
        f.write(out)
    digests = {}
    for name in names():
        if name != "mkcomposefs-1.0-dump":
            digests[name] = digest(name, "tree")
            expect(digest(name, "--from-file", "full.dump"), digests[name], name)
    expect(len(set(digests.values())), len(digests))


@fact
def digest_is_alone_on_standard_output():
    rc, out, err = run(MKCOMPOSEFS, "--profile=oci-1", "--print-digest", "tree", "oci.cfs")
    expect((rc, err), (0, "mkcomposefs: profile oci-1\n"))
    ensure(re.fullmatch("[0-9a-f]{128}\n", out), out)
    expect(run(MKCOMPOSEFS, "--profile=oci-1", "tree", "oci.cfs"), (0, "", ""))


@fact
def contents_that_a_profile_moves_out_of_the_image_are_in_the_store():
    run(MKCOMPOSEFS, "--profile=ipe-1-sha256", "--digest-store=objects", "tree", "ipe.cfs")
    rc, out, err = run(INFO, "dump", "ipe.cfs")
    expect(rc, 0, err)
    line = next(line.split(" ") for line in out.splitlines() if line.startswith("/usr/bin/run "))
    with open(f"objects/{line[8]}", encoding="ascii") as f:
        expect(f.read(), "#!")
    expect(run(INFO, "missing-objects", "--basedir=objects", "ipe.cfs"), (0, "", ""))
    with open("ipe.cfs", "rb") as f:
        ensure(b"y" * 64 in f.read(), "the small file that is no program is not in the image")


@fact
def honest_df_differs_in_the_number_of_blocks_alone():
    make("--profile=repo-1", "tree", "told.cfs")
    make("--profile=honest-df-1", "tree", "df.cfs")
    with open("told.cfs", "rb") as a, open("df.cfs", "rb") as b:
        told, df = a.read(), b.read()
    expect(int.from_bytes(told[1060:1064], "little"), len(told) // 4096)
    expect(df, told[:1060] + bytes(4) + told[1064:])


@fact
def options_that_a_profile_decides_are_refused_beside_it():
    for option in ("--use-epoch", "--skip-xattrs", "--user-xattrs", "--hardlinks", "--inline-max=64", "--min-version=0",
                   "--max-version=1"):
        said = refused("--profile=oci-1", option, "--print-digest-only", "tree")
        expect(said, f"mkcomposefs: {option.split('=')[0]}: expected either this option or --profile=oci-1, got both\n")


@fact
def tree_that_a_profile_cannot_use_is_reported_in_one_line():
    expect(refused("--profile=oci-1", "--print-digest-only", "tree/usr"),
           "mkcomposefs: /usr: expected a directory, got nothing: the root gets its metadata\n")


@fact
def explain_finds_the_profile_behind_a_digest():
    for name in ("mkcomposefs-1.0", "oci-1", "honest-df-1-sha256"):
        rc, out = explain("tree", digest(name, "tree"))
        expect((rc, out.splitlines()[0]), (0, f"tree has this digest under the profile {name}"))
    expect(explain(f"{GOLDEN}/rich.dump", digest("mkcomposefs-1.0-dump", "--from-file", f"{GOLDEN}/rich.dump"), "--json")[0], 0)
    make("tree", "image.cfs")
    said = json.loads(explain("image.cfs", digest("mkcomposefs-1.0", "tree"), "--json")[1])
    expect(said["profiles"], ["mkcomposefs-1.0", "mkcomposefs-1.0-dump"])


@fact
def explain_finds_rules_without_a_name():
    wanted = make("--hardlinks", "--use-epoch", "--min-version=1", "--inline-max=0", "--print-digest-only", "tree").strip()
    rc, out = explain("tree", "sha256:" + wanted)
    lines = out.splitlines()
    expect((rc, lines[0]), (0, "tree has this digest under no profile; the nearest is repo-1-sha256:"))
    ensure("  mtimes        0 (there: nanoseconds)" in lines and "  inline limit  0 (there: 64)" in lines, out)
    said = json.loads(explain("tree", wanted, "--json")[1])
    expect((said["expected"], said["found"], said["profiles"], said["reason"]), (f"sha256:{wanted}", True, [], None))
    expect((said["rules"]["hard_links"], said["rules"]["mtimes"], said["rules"]["blocks"]), ("kept", "0", "told"))


@fact
def explain_distinguishes_images_with_and_without_blocks():
    make("--profile=repo-1", "tree", "told.cfs")
    make("--profile=honest-df-1", "tree", "df.cfs")
    rc, out, err = run(COMPOSEFS, "explain", "told.cfs", "df.cfs")
    expect((rc, out.splitlines()[2:], err),
           (1, ["the same tree: the superblock of B has 0 blocks, see honest-df-1 in composefs-profiles(7)"], ""))
    expect(json.loads(run(COMPOSEFS, "explain", "--json", "df.cfs", "told.cfs")[1])["blocks_differ"], True)
    expect(run(COMPOSEFS, "explain", "df.cfs", "df.cfs")[0], 0)
    expect(run(COMPOSEFS, "fsck", "--canonical", "df.cfs")[0], 0)


@fact
def explain_prints_the_rules_that_did_not_match():
    rc, out = explain("tree", "0" * 64)
    expect(rc, 1)
    ensure(re.match("tree has this digest under none of 7 profiles and [0-9]+ combinations of rules\ntried: ", out), out)
    said = json.loads(explain("tree/usr", "0" * 128, "--json")[1])
    expect((said["found"], said["rules"], said["reason"]), (False, None, "/usr: expected a directory, got nothing: the root gets its metadata"))
    rc, out, err = run(COMPOSEFS, "explain", "--expected=0", "tree")
    expect((rc, out), (2, ""))
    ensure("--expected: digest: expected 64" in err, err)
    expect([run(COMPOSEFS, "explain", *args)[0] for args in (("tree",), ("--expected=" + "0" * 64, "tree", "tree"))], [2, 2])


@fact
def explain_reads_images_of_other_writers():
    foreign = os.path.join(GOLDEN, "..", "composefs-rs.v2.cfs")
    said = json.loads(explain(foreign, run(INFO, "measure-file", foreign)[1].strip(), "--json")[1])
    expect((said["found"], said["itself"]), (False, True))
    expect(run(COMPOSEFS, "diff", foreign, foreign), (0, "the trees are the same: 14 entries\n", ""))
    make("tree", "image.cfs")
    said = json.loads(explain("image.cfs", run(INFO, "measure-file", "image.cfs")[1].strip(), "--json")[1])
    expect((said["found"], said["itself"]), (True, True))


@fact
def manual_and_completion_know_all_names():
    with open(os.path.join(SOURCE, "doc/man/composefs-profiles.7.scd"), encoding="utf-8") as f:
        known = set(re.findall(r"(?<![\w-])(?:mkcomposefs|repo|oci|ipe|honest-df)-[0-9][\w.-]*(?<!\.)", f.read()))
    expect(known, set(names()))
    offered = run(COMPOSEFS, "--complete", "create-image", "--profile", "")[1].splitlines()
    expect([l.split("\t")[0] for l in offered[:-1]], names())


def main():
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        make_tree()
        failed = run_facts()
        os.chdir("/")
    return failed


if __name__ == "__main__":
    sys.exit(main())
