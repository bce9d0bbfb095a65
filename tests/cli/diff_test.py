#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What differs between two trees of any kind, and why.

    diff_test.py COMPOSEFS MKCOMPOSEFS
"""
import glob
import json
import os
import subprocess
import sys

from repo import COMPOSEFS, expect, good, has, main, run, write

MKCOMPOSEFS = os.path.abspath(sys.argv[2])
SAME, DIFFERENT, TROUBLE = range(3)


def differ(*args, status=DIFFERENT, stdin=None):
    """What diff or explain prints."""
    rc, out, err = run(*args, stdin=stdin)
    expect((rc, err), (status, ""))
    return out


def trouble(*args, stdin=None):
    """The one sentence that is said."""
    rc, out, err = run(*args, stdin=stdin)
    expect((rc, out, err.count("\n")), (TROUBLE, "", 1))
    return err


def image(source, name, *options):
    subprocess.run([MKCOMPOSEFS, "--hardlinks", *options, source, name], check=True)
    return name


def read(name):
    with open(name, "rb") as f:
        return f.read()


def make():
    """A tree t with its image t.cfs; the same times everywhere, so that nothing depends on a clock."""
    write("t/a", "a" * 1000)
    write("t/dir/small", "x")
    os.symlink("a", "t/link")
    os.link("t/a", "t/linked")
    settle()
    image("t", "t.cfs")


def settle():
    for path in ("t/a", "t/dir/small", "t/link", "t/dir", "t"):
        os.utime(path, (7, 7), follow_symlinks=False)


def each_kind_of_side_is_the_same_tree():
    make()
    dump = good("create-dumpfile", "--hash=sha256", "t")
    write("t.dump", dump)
    sides = ["t", "t/", "dir:t", "t.cfs", "image:t.cfs", "t.dump", "dump:t.dump"]
    for a in sides:
        for b in sides:
            expect(differ("diff", a, b, status=SAME), "the trees are the same: 6 entries\n")
    expect(differ("diff", "-", "t", status=SAME, stdin=dump.encode()), "the trees are the same: 6 entries\n")
    expect(differ("diff", "t", "-", status=SAME, stdin=read("t.cfs")), "the trees are the same: 6 entries\n")
    os.symlink("t", "to-t")
    differ("diff", "to-t", "t.cfs", status=SAME)


def dumps_of_either_algorithm_are_read():
    make()
    for algorithm in ("sha256", "sha512"):
        differ("diff", "-", "t", status=SAME, stdin=good("create-dumpfile", "--hash=" + algorithm, "t").encode())


def images_of_a_repository_go_by_name_and_id():
    make()
    good("init", "--insecure", "--algorithm=sha256", "r")
    made = good("create-image", "--repo=r", "t", "os/1").strip()
    for name in ("os/1", "refs/os/1", made, "repo:os/1"):
        differ("diff", "--repo=r", name, "t", status=SAME)
    os.mkdir("os")
    write("os/1", "/ 0 40755 1 0 0 0 7.0 - - -\n")
    has(differ("diff", "--repo=r", "os/1", "t"), "/a\tentry\t-\tfile\n")
    differ("diff", "--repo=r", "repo:os/1", "t", status=SAME)


def contents_are_compared_by_the_algorithm_of_the_other_side():
    make()
    good("init", "--insecure", "--algorithm=sha512", "r")
    good("create-image", "--repo=r", "t", "os/1")
    for sides in (("t", "os/1"), ("os/1", "t")):
        differ("diff", "--repo=r", *sides, status=SAME)
    has(differ("diff", "--repo=r", "os/1", "t.cfs"), "/a\tdigest\tsha512:")
    has(differ("explain", "--repo=r", "os/1", "t.cfs"), "another hash algorithm: contents of 1 file could not be compared\n")
    write("t/a", "b" * 1000)
    settle()
    has(differ("diff", "--repo=r", "os/1", "t"), "/a\tcontent\tsha512:")


def lines_have_path_field_old_and_new():
    make()
    os.chmod("t/a", 0o4711)
    write("t/dir/small", "y")
    write("t/new", "")
    os.remove("t/link")
    settle_what_is_there()
    expect(differ("diff", "t.cfs", "t").splitlines(), [
        "/a\tmode\t0644\t4711", '/dir/small\tcontent\t"x"\t"y"', "/link\tentry\tsymlink\t-", "/new\tentry\t-\tfile",
        "7 entries: 1 only in A, 1 only in B, 2 changed, 3 the same"])


def settle_what_is_there():
    for path in ("t/a", "t/dir/small", "t/dir", "t/new", "t"):
        if os.path.exists(path):
            os.utime(path, (7, 7))


def contents_of_a_directory_are_printed_as_digests():
    make()
    write("t/a", "b" * 1000)
    settle()
    line = differ("diff", "t.cfs", "t").splitlines()[0].split("\t")
    expect(line[:2], ["/a", "content"])
    expect([v[:7] for v in line[2:]], ["sha256:", "sha256:"])
    image("t", "new.cfs")
    expect(differ("diff", "t.cfs", "new.cfs").splitlines()[0].split("\t"), line)


def json_has_the_same_content_without_truncation():
    make()
    write("t/dir/small", "z" * 1000)
    settle()
    image("t", "new.cfs", "--inline-max=2000")
    got = json.loads(differ("diff", "--json", "t.cfs", "new.cfs"))
    expect({k: got[k] for k in ("same", "entries", "only_in_a", "only_in_b", "changed", "not_compared")},
         {"same": False, "entries": 6, "only_in_a": 0, "only_in_b": 0, "changed": 2, "not_compared": 0})
    expect(got["differences"], [
        {"path": "/a", "field": "stored", "old": "outside", "new": "inside"},
        {"path": "/dir/small", "field": "size", "old": "1", "new": "1000"},
        {"path": "/dir/small", "field": "content", "old": '"x"', "new": '"' + "z" * 1000 + '"'}])
    has(differ("diff", "t.cfs", "new.cfs"), '\t"' + "z" * 64 + '..."\n')
    expect(json.loads(differ("diff", "--json", "t", "t", status=SAME))["differences"], [])


def stat_counts_by_field_and_type():
    make()
    write("t/dir/small", "z" * 9)
    settle()
    got = json.loads(differ("diff", "--json", "--stat", "t.cfs", "t"))
    row = {"directories": 0, "files": 1, "symlinks": 0, "others": 0, "bytes_a": 1, "bytes_b": 9}
    expect((got["stat"], "differences" in got), ({"size": row, "content": row}, False))
    lines = differ("diff", "--stat", "t.cfs", "t").splitlines()
    expect([l.split()[:5] for l in lines[1:3]], [["size", "0", "1", "0", "0"], ["content", "0", "1", "0", "0"]])
    has(lines[3], "6 entries: ")


def hostile_names_are_escaped_in_text():
    make()
    dump = "/ 0 40755 1 0 0 0 7.0 - - -\n/\\x1b[2J\\n 0 100644 1 0 0 0 7.0 - - - \\x1b]0;=\\x07\n"
    for command in (("diff",), ("explain",), ("diff", "--json"), ("explain", "--json")):
        out = differ(*command, "-", "t.cfs", stdin=dump.encode())
        expect([c for c in out if not c.isprintable() and c not in "\t\n"], [])
        has(out, "\\x1b[2J")
    has(trouble("diff", "\x1b[2J", "t"), "\\x1b[2J")


def an_error_is_one_line_and_status_2():
    make()
    has(trouble("diff", "t.cfs", "nothing"), "nothing: no such file, nor in a repository")
    has(trouble("diff", "image:nothing", "t"), "nothing: No such file")
    has(trouble("diff", "dir:t.cfs", "t"), "t.cfs")
    has(trouble("diff", "dump:t.cfs", "t"), "t.cfs: line 1: ")
    has(trouble("explain", "image:t", "t"), "t: ")
    has(trouble("diff", "-", "dump:-"), "standard input")
    data = read("t.cfs")
    for name, damaged in (("cut", data[:1500]), ("junk", b"junk" * 5000), ("bad", data[:1200] + b"\xff" * 64 + data[1264:])):
        with open(name, "wb") as f:
            f.write(damaged)
        has(trouble("diff", name, "t"), name + ": ")
        has(trouble("explain", "t", name), name + ": ")
    good("init", "--insecure", "--algorithm=sha256", "r")
    has(trouble("diff", "--repo=r", "os/2", "t"), 'no such image: "os/2"')
    expect(run("diff", "t")[0], TROUBLE)
    expect(run("explain", "t", "t", "t")[0], TROUBLE)


def a_file_shorter_than_its_size_is_an_error():
    """Files of sysfs have the size of a page. The kernel may drop an unused inode there and create it again, with new times: then
    the scan notices, and there is nothing to see here."""
    found = [f for f in glob.glob("/sys/module/*/parameters/*") if os.stat(f).st_mode & 0o444 == 0o444 and os.stat(f).st_size == 4096]
    if not found:
        return
    place, name = os.path.split(found[0])
    dump = f"/ 0 40755 1 0 0 0 0.0 - - -\n/{name} 4096 100644 1 0 0 0 0.0 - - {'ab' * 32}\n"
    said = "changed while it was read"
    for _ in range(10):
        if "changed while it was read" in said:
            said = trouble("diff", "-", place, stdin=dump.encode())
    if "changed while it was read" not in said:
        has(said, f"{place}/{name}: changed while it was compared")


def differences_of_small_trees_are_bounded():
    """Xattrs of a few bytes, each told with a path of 25 KB: 600 MB of lines."""
    dump, path = b"/ 0 40755 1 0 0 0 0.0 - - -\n", b""
    for _ in range(100):
        path += b"/" + b"\xff" * 255
        dump += path + b" 0 40755 1 0 0 0 0.0 - - -\n"
    for name in b"abc":
        xattrs = b"".join(b" %04d=1" % i for i in range(2000))
        dump += path + b"/%c 0 100644 1 0 0 0 0.0 - - -" % name + xattrs + b"\n"
    with open("a.dump", "wb") as f:
        f.write(dump)
    with open("b.dump", "wb") as f:
        f.write(dump.replace(b"=1", b"=2"))
    for option in ("--json", "--one-file-system"):
        done = subprocess.run([COMPOSEFS, "diff", option, "a.dump", "b.dump"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        expect(done.returncode, TROUBLE)
        has(done.stderr, "differences exceed 268861440 bytes, the limit for trees with so few entries")
    has(differ("diff", "--stat", "a.dump", "b.dump"), "\nxattr                0        6000 ")


def many_causes_are_counted():
    dump = "/ 0 40755 1 0 0 0 0.0 - - - kept=1 " + " ".join(f"x{i}=1" for i in range(150)) + "\n"
    write("b.dump", "/ 0 40755 1 0 0 0 0.0 - - - kept=1\n/f 0 100644 1 0 0 0 0.0 - - -\n")
    write("a.dump", dump + dump.replace("/ 0 40755", "/f 0 100644", 1))
    expect(differ("explain", "a.dump", "b.dump").splitlines()[-1], "and 51 more causes")
    expect(len(json.loads(differ("explain", "--json", "a.dump", "b.dump"))["causes"]), 151)


def a_full_disk_is_an_error():
    make()
    for command in ("diff", "explain"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([COMPOSEFS, command, "t.cfs", "t"], stdout=full, capture_output=False,
                                  stderr=subprocess.PIPE, check=False)
        expect((done.returncode, done.stderr.count(b"\n")), (TROUBLE, 1))


def explain_prints_causes_with_examples():
    make()
    image("t", "epoch.cfs", "--use-epoch")
    got = differ("explain", "t.cfs", "epoch.cfs").splitlines()
    has(got[0], "A: t.cfs: image, 6 entries, format 0, canonical, sha256:")
    expect(got[2:4], ["all mtimes of B are 0: 5 entries", "    /\tmtime\t7.000000000\t0.000000000"])
    subprocess.run([MKCOMPOSEFS, "t", "flat.cfs"], check=True)
    has(differ("explain", "t.cfs", "flat.cfs"), "hard links flattened in B: 1 group, 1 entry\n    /linked\tlink\t/a\t-\n")
    os.chmod("t", 0o700)
    has(differ("explain", "t.cfs", "t"), "the root directory's own metadata: mode alone\n")
    got = json.loads(differ("explain", "--json", "t.cfs", "t"))
    expect((got["same"], got["a"]["canonical"], got["b"]["kind"]), (False, True, "directory"))
    expect(got["causes"], [{"cause": "root", "side": None, "type": "directory", "count": 1, "groups": 0, "text": "the root directory's own metadata: mode",
                          "first": [{"path": "/", "field": "mode", "old": "0755", "new": "0700"}]}])


def explain_reports_formats_and_writers():
    make()
    image("t", "v1.cfs", "--min-version=1")
    has(differ("explain", "t.cfs", "v1.cfs"), "the same tree: format version 0 in A, 1 in B\n")
    expect(json.loads(differ("explain", "--json", "t.cfs", "v1.cfs"))["formats_differ"], True)
    data = bytearray(read("v1.cfs"))
    data[1024 + 48] ^= 1  # the UUID, which says nothing about the tree
    with open("other.cfs", "wb") as f:
        f.write(data)
    got = differ("explain", "v1.cfs", "other.cfs")
    has(got, "the same tree: the writer differs\n    B differs from what mkcomposefs makes of its tree: ")
    has(got, "    the first different byte is at offset 1072\n")
    has(differ("explain", "other.cfs", "t"), "the writer differs\n    A differs from")
    expect(differ("explain", "t.cfs", "t", status=SAME).splitlines()[2:], ["nothing differs"])
    expect(json.loads(differ("explain", "--json", "t.cfs", "t.cfs", status=SAME))["same"], True)


def explain_reports_where_inodes_with_several_names_are_kept():
    for name, lines in (("x", ("/a 0 100644 2 0 0 0 0.0 - - -", "/b 0 @100644 2 0 0 0 0.0 /a - -")),
                        ("y", ("/b 0 100644 2 0 0 0 0.0 - - -", "/a 0 @100644 2 0 0 0 0.0 /b - -"))):
        write(name + ".dump", "\n".join(("/ 0 40755 1 0 0 0 0.0 - - -",) + lines) + "\n")
        image(name + ".dump", name + ".cfs", "--from-file")
    differ("diff", "x.cfs", "y.cfs", status=SAME)
    expect(differ("explain", "x.cfs", "y.cfs").splitlines()[2:],
         ["hard links: 1 group kept at other names, the first at /a in A, at /b in B"])
    differ("explain", "y.cfs", "y.dump", status=SAME)


if __name__ == "__main__":
    sys.exit(main([v for name, v in list(globals().items()) if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and name not in ("differ", "trouble", "image", "read", "make", "settle", "settle_what_is_there")]))
