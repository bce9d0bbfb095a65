#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Tar archives: export, and images of archives.

    tar_test.py COMPOSEFS GOLDEN
"""
import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

from repo import COMPOSEFS, FAILED, OK, Skip, expect, good, has, main, make, make_tree, refused, run, set_times, snapshot, write

GOLDEN = os.path.abspath(sys.argv[2])
AS_ROOT = os.geteuid() == 0


def init():
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "r")


def create(source, *options):
    return good("create-image", "--repo=r", *options, source).strip()


def run_bytes(*args, stdin=None):
    return subprocess.run([COMPOSEFS, *args], input=stdin, capture_output=True, timeout=120, check=False)


def set_xattr(path, name, value):
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError:
        pass  # this filesystem, or who runs the test, has none of these


def make_files(top):
    """Everything that a directory can hold, with names, times and owners that ustar cannot."""
    os.makedirs(top + "/sub/deep")
    os.makedirs(top + "/empty")
    for name, size in (("zero", 0), ("s64", 64), ("s65", 65), ("big", 300000)):
        with open(f"{top}/sub/{name}", "wb") as f:
            f.write(bytes(range(256))[:size] if size < 256 else os.urandom(size))
    os.symlink("../" + "t" * 500, top + "/sub/symlink")
    os.link(top + "/sub/big", top + "/another-name-of-big")
    os.link(top + "/sub/big", top + "/zz")
    os.link(top + "/sub/s64", top + "/sub/deep/s64")
    os.link(top + "/sub/symlink", top + "/sub/symlink-again", follow_symlinks=False)
    os.mkfifo(top + "/sub/fifo")
    long = top + ("/" + "n" * 255) * 2
    os.makedirs(long)
    write(long + "/" + "f" * 255, "long")
    with open(os.fsencode(top) + b"/odd \n=\\\xff", "wb") as f:
        f.write(b"odd")
    set_xattr(top + "/sub/s65", "user.k=%25=", b"v=1\n\0")
    set_xattr(top + "/sub/s65", "user.empty", b"")
    set_xattr(top + "/sub", "user.dir", b"d" * 500)
    set_xattr(top, "user.root", b"r")
    if AS_ROOT:
        os.mknod(top + "/chr", 0o20640, os.makedev(4095, 1048575))
        os.mknod(top + "/blk", 0o60660, os.makedev(8, 1))
        os.mknod(top + "/whiteout", 0o20000, 0)
        os.chown(top + "/sub/s65", 4000000000, 70000)
        set_xattr(top + "/sub", "trusted.overlay.opaque", b"y")
        set_xattr(top + "/sub/big", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12))
    os.chmod(top + "/sub/s65", 0o6755)
    os.utime(top + "/sub/zero", ns=(0, -1_500_000_000))
    os.utime(top + "/sub/s64", ns=(0, 1_234_567_890_123_456_789))
    os.utime(top + "/sub/symlink", ns=(0, -1), follow_symlinks=False)
    os.chmod(top, 0o1711)
    os.utime(top, ns=(0, -86_400_000_000_001))


def export_and_create_image_are_a_round_trip():
    init()
    make_files("d")
    made = create("d")
    good("export", "--repo=r", made, "d.tar")
    again = run_bytes("export", "--repo=r", made, "-")
    with open("d.tar", "rb") as f:
        archive = f.read()
    expect((again.returncode, again.stdout == archive), (OK, True))
    expect(create("d.tar"), made)
    for options in (["--hash=sha256"], ["--hash=sha512"]):
        expect(good("compute-id", "--no-repo", *options, "d.tar"), good("compute-id", "--no-repo", *options, "d"))
    shutil.rmtree("r")
    init()
    expect(create("d.tar"), made)
    good("fsck", "--repo=r")
    expect(good("create-dumpfile", "--no-repo", "d.tar"), good("create-dumpfile", "--no-repo", "d"))


def archives_come_from_pipes_and_compressed():
    init()
    make_files("d")
    made = create("d")
    archive = run_bytes("export", "--repo=r", made, "-").stdout
    forms = [archive, gzip.compress(archive), gzip.compress(archive[:1000]) + gzip.compress(archive[1000:]) + bytes(100)]
    if shutil.which("zstd"):
        forms.append(subprocess.run(["zstd", "-c"], input=archive, capture_output=True, check=True).stdout)
    for form in forms:
        expect(run_bytes("create-image", "--repo=r", "-", stdin=form).stdout.decode().strip(), made)
        with open("file", "wb") as f:
            f.write(form)
        expect(create("file"), made)
        expect(good("compute-id", "--repo=r", "file").strip(), made)
    for form in forms[1:]:
        with open("cut", "wb") as f:
            f.write(form[:-150])
        has(refused("create-image", "--repo=r", "cut"), "truncated")


def options_mean_the_same_for_archives():
    init()
    make_files("d")
    # Not exported: a directory with whiteouts has marks in an image that it does not have itself.
    subprocess.run(["tar", "-C", "d", *tar_flags(), "-cf", "d.tar", "."], check=True)
    for option in ("--use-epoch", "--skip-xattrs", "--user-xattrs", "--skip-unshown-xattrs", "--skip-devices",
                   "--no-hardlinks", "--erofs-version=0", "--profile=podman", "--profile=mkcomposefs"):
        rc, expected, err = run("create-image", "--repo=r", option, "d")
        got = run("create-image", "--repo=r", option, "d.tar")
        if rc == OK:
            expect((option, got[1]), (option, expected))
        else:
            has(got[2], err.split(": ", 1)[1].strip())
    has(refused("create-image", "--repo=r", "--one-file-system", "d.tar"), "d.tar: an archive has no mounts")


def skip_devices_leaves_out_their_hard_links():
    if not AS_ROOT:
        raise Skip("needs root")
    init()
    os.mkdir("d")
    os.mknod("d/dev", 0o20640, os.makedev(1, 3))
    os.link("d/dev", "d/link")
    write("d/file", "x")
    good("export", "--repo=r", create("d"), "d.tar")
    names = [l.split()[0] for l in good("dump-files", "--repo=r", create("d.tar", "--skip-devices")).splitlines()]
    expect(names, ["/", "/file"])
    device = {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}
    links = [member(f"l{i}", type=tarfile.LNKTYPE, linkname=f"d{(7 * i) % 50}") for i in range(50)]
    write_tar("m.tar", *(member(f"d{i}", **device) for i in range(50)), *links, member("l3", type=tarfile.LNKTYPE, linkname="l3"),
              member("d7", b"file"), member("keep", type=tarfile.LNKTYPE, linkname="d7"))
    names = [l.split()[0] for l in good("dump-files", "--repo=r", create("m.tar", "--skip-devices")).splitlines()]
    expect(names, ["/", "/d7", "/keep"])


# --- other programs --------------------------------------------------------------------------


def tar_flags():
    return ["--xattrs", "--xattrs-include=*", "--format=posix", "--sparse"]


def gnu_tar_reads_what_is_exported():
    init()
    make_files("d")
    made = create("d")
    good("export", "--repo=r", made, "d.tar")
    os.mkdir("x")
    options = [] if AS_ROOT else ["--no-same-owner"]
    done = subprocess.run(["tar", "-C", "x", "-xpf", "d.tar", "--xattrs", "--xattrs-include=*", "--delay-directory-restore",
                           *options], capture_output=True, text=True, check=False)
    expect((done.returncode, done.stderr if "implausibly" not in done.stderr else ""), (0, ""))
    if AS_ROOT:
        expect(create("x"), made)


def gnu_tar_writes_what_is_read():
    init()
    make_files("d")
    with open("d/sub/holes", "wb") as f:
        for offset in (0, 1 << 20, 5 << 20):
            f.seek(offset)
            f.write(b"data" * 2000)
        f.truncate(8 << 20)
    made = create("d")
    for version in ("0.0", "0.1", "1.0"):
        subprocess.run(["tar", "-C", "d", *tar_flags(), f"--sparse-version={version}", "-cf", "d.tar", "."], check=True)
        expect((version, create("d.tar")), (version, made))
    subprocess.run(["tar", "-C", "d", *tar_flags(), "--sort=name", "-cf", "sorted.tar", "."], check=True)
    expect(create("sorted.tar"), made)
    # The format of GNU has neither xattrs nor parts of a second.
    subprocess.run(["tar", "-C", "d", "--format=gnu", "--sparse", "--mtime=@0", "-cf", "gnu.tar", "."], check=True)
    expect(create("gnu.tar"), create("d", "--use-epoch", "--skip-xattrs"))


def bsdtar_agrees():
    if not shutil.which("bsdtar"):
        raise Skip("bsdtar is not installed")
    init()
    make_tree("d")
    os.link("d/a", "d/dir/hard")
    long = "d/" + "p" * 90 + "/" + "q" * 60  # more than 100 bytes; as prefix and name less
    write(long, "long" * 100)
    set_times("d")
    os.utime("d", (1, 1))
    os.utime("d/dir", ns=(0, 1_234_567_890_123_456_789))
    made = create("d", "--skip-xattrs")
    good("export", "--repo=r", made, "d.tar")
    os.mkdir("x")
    subprocess.run(["bsdtar", "-C", "x", "-xpf", "d.tar"], check=True)
    os.utime("x", (1, 1))  # bsdtar leaves the time of "." as it is
    expect(create("x", "--skip-xattrs"), made)
    for form in ("pax", "gnutar", "ustar"):
        subprocess.run(["bsdtar", "-C", "d", "--format", form, "-cf", "b.tar", "."], check=True)
        got, expected = (good("create-dumpfile", "--no-repo", source) for source in ("b.tar", "d"))
        if form != "pax":  # whole seconds
            expected = expected.replace(".123456789 ", ".0 ")
        expect((form, got), (form, expected))


def python_reads_what_is_exported():
    init()
    make_files("d")
    good("export", "--repo=r", create("d"), "d.tar")
    with tarfile.open("d.tar") as t:
        names = t.getnames()
        big = t.getmember("./another-name-of-big")
        link = t.getmember("./sub/big")
        expect((names[0], big.size, link.type, link.linkname), (".", 300000, tarfile.LNKTYPE, "./another-name-of-big"))
        expect(t.getmember("./sub/s64").linkname, "./sub/deep/s64")
        expect(t.getmember("./sub/zero").mtime, -1.5)


# --- the tree of an archive -------------------------------------------------------------------


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def write_tar(path, *members, form=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=form) as t:
        for info, content in members:
            t.addfile(info, content)


def dump(path):
    return good("create-dumpfile", "--no-repo", path)


def later_entries_replace_earlier_ones():
    write_tar("a.tar", member("f", b"old"), member("d/x", b"1"), member("d", type=tarfile.DIRTYPE, mode=0o700),
              member("l", type=tarfile.SYMTYPE, linkname="f"), member("f", b"new" * 100), member("l/y", b"2", mode=0o600))
    has(refused("compute-id", "--no-repo", "a.tar"), 'entry "l/y" at offset')
    write_tar("a.tar", member("f", b"old"), member("d/x", b"1"), member("d", type=tarfile.DIRTYPE, mode=0o700),
              member("f", b"new"), member("d/x", type=tarfile.DIRTYPE, mode=0o711))
    write_tar("b.tar", member("d", type=tarfile.DIRTYPE, mode=0o700), member("d/x", type=tarfile.DIRTYPE, mode=0o711),
              member("f", b"new"))
    expect(dump("a.tar"), dump("b.tar"))


def a_root_that_is_not_there_is_0755():
    write_tar("a.tar", member("f", b"x"))
    has(dump("a.tar").splitlines()[0], " 40755 2 0 0 0 0.0 ")
    write_tar("a.tar")
    expect(len(dump("a.tar").splitlines()), 1)


def upstream_agrees_on_golden_layers():
    os.symlink(COMPOSEFS, "cfsctl")
    with open(f"{GOLDEN}/tar/DIGESTS", encoding="utf-8") as f:
        for name, digest in (line.split() for line in f):
            rc, out, err = run("--hash=sha256", "compute-id", "--no-repo", f"{GOLDEN}/tar/{name}.tar", program="./cfsctl")
            expect((name, rc, out.strip(), err if name != "xattrs" else ""), (name, OK, digest, ""))


# --- refusals ---------------------------------------------------------------------------------


def hostile_archives_are_refused_with_entry_and_offset():
    init()
    make_tree("d")
    create("d")
    before = snapshot("r")
    with open(f"{GOLDEN}/tar/hostile/EXPECTED", encoding="utf-8") as f:
        expected = dict(line.rstrip("\n").split("\t") for line in f)
    names = sorted(n[:-4] for n in os.listdir(f"{GOLDEN}/tar/hostile") if n.endswith(".tar"))
    expect(names, sorted(expected))
    for name in names:
        has(refused("create-image", "--repo=r", f"{GOLDEN}/tar/hostile/{name}.tar", name), expected[name])
    expect(snapshot("r"), before)


def what_is_no_archive_is_refused():
    init()
    write("text", "hello\n" * 1000)
    write("short", "hello")
    write("empty", "")
    for name in ("text", "short", "empty"):
        has(refused("create-image", "--repo=r", name), f"{name}: expected a tar archive, plain or compressed")
    for name, data, part in (("xz", b"\xfd7zXZ\0", "data compressed by xz (xz -dc unpacks it)"),
                             ("bz2", b"BZh91AY&SY", "data compressed by bzip2 (bzip2 -dc unpacks it)"),
                             ("zip", b"PK\3\4", "a zip archive (unzip -d DIR unpacks it)"),
                             ("encrypted", b"Salted__", "data encrypted by openssl (openssl enc -d decrypts it)"),
                             ("squashfs", b"hsqs", "a SquashFS filesystem"),
                             ("ext4", bytes(1080) + b"\x53\xef", "an ext4 filesystem (mount it, and name a directory)")):
        with open(name, "wb") as f:
            f.write(data + bytes(4096))
        has(refused("create-image", "--repo=r", name), f"{name}: expected a tar archive, plain or compressed by gzip or zstd, got {part}")
    with open("nothing.tar", "wb") as f:
        f.write(bytes(10240))
    good("create-image", "--repo=r", "nothing.tar")
    with open("xz", "rb") as f:
        has(run("create-image", "--repo=r", "-", stdin=f.read())[2], "standard input: compression by xz is not supported")
    has(refused("create-image", "--repo=r", "none"), "none: ")


def a_bomb_is_refused():
    if not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    init()
    block = subprocess.run(["zstd", "-c"], input=bytes(1 << 20), capture_output=True, check=True).stdout
    with open("bomb", "wb") as f:
        header = tarfile.TarInfo("f")
        header.size = 1 << 40
        f.write(subprocess.run(["zstd", "-c"], input=header.tobuf(tarfile.GNU_FORMAT), capture_output=True, check=True).stdout)
        f.write(block * 100)
    rc, _, err = run("compute-id", "--no-repo", "bomb")
    expect(rc, FAILED)
    has(err, "warning: the compression ratio exceeds 1000")
    has(err, "bomb: entry \"f\" at offset 0: the archive is truncated")
    write_tar("holes.tar", member("f", pax_headers={"GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,0"}))
    has(refused("compute-id", "--no-repo", "holes.tar"), "the holes of the archive exceed 68719476736 bytes")


def a_damaged_object_is_not_exported():
    made = make()
    [big] = [l.split()[1] for l in good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").splitlines()]
    path = "r/objects/" + big
    os.chmod(path, 0o644)
    for damage in (lambda c: c[:-1] + b"?", lambda c: c[:-1], lambda c: c + b"?"):
        with open(path, "rb") as f:
            content = f.read()
        with open(path, "wb") as f:
            f.write(damage(content))
        has(refused("export", "--repo=r", made, "x.tar"), "/a: ")
        expect(os.path.exists("x.tar"), False)
        with open(path, "wb") as f:
            f.write(content)
    good("export", "--repo=r", made, "x.tar")
    os.remove(path)
    has(refused("export", "--repo=r", made, "x.tar"), "/a: ")


def sockets_are_left_out_with_a_warning():
    write("s.dump", "/ 4096 40755 2 0 0 0 0.0 - - -\n/f 1 100644 1 0 0 0 0.0 - x -\n/s 0 140644 1 0 0 0 0.0 - - -\n")
    init()
    subprocess.run([os.path.join(os.path.dirname(COMPOSEFS), "mkcomposefs"), "--from-file", "s.dump", "s.cfs"], check=True)
    good("import-image", "--repo=r", "s", "s.cfs")
    rc, _, err = run("export", "--repo=r", "s", "s.tar")
    expect(rc, OK)
    has(err, "warning: /s: left out of the archive: it is a socket")
    with tarfile.open("s.tar") as t:
        expect(t.getnames(), [".", "./f"])


def export_does_not_write_to_a_terminal():
    make()
    parent, child = os.openpty()
    done = subprocess.run([COMPOSEFS, "export", "--repo=r", "os/1", "-"], stdout=child, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    os.close(child)
    os.close(parent)
    expect(done.returncode, FAILED)
    has(done.stderr, "an archive is not written to a terminal")


def a_failed_export_leaves_the_file_as_it_was():
    make()
    write("x.tar", "precious")
    has(refused("export", "--repo=r", "none", "x.tar"), 'no such image: "none"')
    with open("x.tar", encoding="utf-8") as f:
        expect(f.read(), "precious")
    expect(sorted(os.listdir(".")), ["r", "tree", "x.tar"])


def an_interrupted_create_image_ends_without_an_image():
    init()
    make_tree("d")
    create("d")
    before = snapshot("r")
    with subprocess.Popen([COMPOSEFS, "create-image", "--repo=r", "-", "name"], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        header = tarfile.TarInfo("f")
        header.size = 100 << 20
        p.stdin.write(header.tobuf(tarfile.GNU_FORMAT) + os.urandom(3 << 20))
        p.stdin.flush()
        time.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        p.stderr.read()
        expect(p.wait(timeout=60), 143)
    expect(snapshot("r"), before)


if __name__ == "__main__":
    NOT_TESTS = {"init", "create", "run_bytes", "set_xattr", "make_files", "tar_flags", "member", "write_tar", "dump"}
    sys.exit(main([v for k, v in list(globals().items())
                   if getattr(v, "__module__", None) == "__main__" and callable(v) and k not in NOT_TESTS]))
