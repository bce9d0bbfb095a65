#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Golden vectors for the composefs image format.

    generate.py MKCOMPOSEFS [--info COMPOSEFS_INFO]    write all vectors next to this script, from the given tools
    generate.py MKCOMPOSEFS --check                    run MKCOMPOSEFS on the stored dumps and compare

The stored results were made with the upstream C tools. See README.md for the files.
"""
import gzip
import hashlib
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = [(0, 0), (0, 1), (1, 1)]
DIG = "35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"
OBJ = "35/" + DIG[2:]

CASES = {}       # name -> dump bytes
FAILS = {}       # name -> (reason, dump bytes)
STRICT = {}      # name -> (reason, dump bytes): fails only in strict mode
SAME = []        # groups of names whose images must be identical
KEEP = set()     # cases whose image and composefs-info output are stored


def esc(b, eq=False):
    if isinstance(b, str):
        b = b.encode()
    out = []
    for c in b:
        if c == 0x5c:
            out.append("\\\\")
        elif 0x21 <= c <= 0x7e and not (eq and c == 0x3d):
            out.append(chr(c))
        else:
            out.append("\\x%02x" % c)
    return "".join(out)


def line(path, mode, size=0, nlink=1, uid=0, gid=0, rdev=0, mtime="0.0", payload=None, content=None, digest=None,
         xattrs=(), raw_xattrs=""):
    if content is not None:
        size = len(content)
    f = [path if isinstance(path, str) else esc(path), size, mode if isinstance(mode, str) else "%o" % mode, nlink, uid,
         gid, rdev, mtime]
    for v in (payload, content):
        if v is None:
            f.append("-")
        else:
            e = esc(v)
            f.append("\\x2d" if e == "-" else e)
    f.append(digest or "-")
    f += [esc(k, True) + "=" + esc(v, True) for k, v in xattrs]
    return " ".join(str(x) for x in f) + raw_xattrs + "\n"


def root(**kw):
    kw.setdefault("mode", 0o40755)
    kw.setdefault("size", 4096)
    return line("/", kw.pop("mode"), **kw)


def d(path, **kw):
    kw.setdefault("mode", 0o40755)
    return line(path, kw.pop("mode"), **kw)


def f(path, **kw):
    kw.setdefault("mode", 0o100644)
    return line(path, kw.pop("mode"), **kw)


def ext(path, size, **kw):
    return f(path, size=size, payload=OBJ, digest=DIG, **kw)


def lnk(path, target, **kw):
    return line(path, 0o120777, size=len(target), payload=target, **kw)


def hard(path, target):
    return "%s 0 @100644 - - - - - %s\n" % (path if isinstance(path, str) else esc(path), esc(target))


def case(name, *parts, keep=False):
    if name in CASES:
        raise ValueError(f"{name}: expected a new name, got one that is in use")
    CASES[name] = b"".join(p if isinstance(p, bytes) else p.encode("latin-1") for p in parts)
    if keep:
        KEEP.add(name)


def fail(name, reason, *parts):
    FAILS["fail-" + name] = (reason, b"".join(p if isinstance(p, bytes) else p.encode("latin-1") for p in parts))


def strict(name, reason, *parts):
    STRICT["strict-" + name] = (reason, b"".join(p if isinstance(p, bytes) else p.encode("latin-1") for p in parts))


def text(rng, n):
    return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(n))


def build():
    rng = random.Random(20230119)
    R = root()
    case("minimal", R, keep=True)
    case("minimal-short", "/ 0 40755 2 0 0 0 0.0")
    SAME.append(["minimal", "minimal-short"])
    case("example", R,
         f("/f", content=b"hello\nwor\n", uid=1000, gid=100, mtime="1.5", xattrs=[("user.a", "b")]),
         ext("/g", 70000), keep=True)
    case("types", R,
         d("/dir"), f("/empty"), f("/inline", content=b"x"), ext("/ext", 100), lnk("/link", "dir/x"),
         line("/chr", 0o20666, rdev=259), line("/blk", 0o60660, rdev=2049), line("/fifo", 0o10600),
         line("/sock", 0o140755), line("/whiteout", 0o20000), hard("/hard", "/ext"), keep=True)
    case("root-attrs", root(mode=0o41700, uid=1000, gid=70000, nlink=9999, mtime="1700000000.123456789",
                            xattrs=[("security.selinux", "system_u:object_r:root_t:s0\0"), ("user.r", "1")]),
         d("/a", mtime="1700000000.123456789", uid=1000), f("/b", mtime="1700000001.0"), keep=True)
    sel = [("security.selinux", "system_u:object_r:usr_t:s0\0")]
    case("selinux", root(xattrs=sel), d("/usr", xattrs=sel), f("/usr/a", content=b"a", xattrs=sel),
         f("/usr/b", content=b"b", xattrs=[("security.selinux", "system_u:object_r:bin_t:s0\0")]),
         f("/usr/c", content=b"c", xattrs=[("security.selinux", "system_u:object_r:bin_t:s0\0")]),
         f("/usr/d", content=b"d", xattrs=[("security.selinux", "lonely")]))
    case("selinux-empty", root(xattrs=[("security.selinux", "")]), f("/a"))
    case("root-opaque-input", root(xattrs=[("trusted.overlay.opaque", "y"), ("trusted.overlay.origin", "zz")]), f("/a"))
    case("collide", R, f("/00", content=b"zero"), d("/7f"), d("/7f/00"), lnk("/ff", "7f"), line("/ab", 0o20000),
         hard("/cd", "/00"), f("/0"), f("/000"), f("/AA"), f("/g0"), f("/0g"), keep=True)

    # names
    parts = [R, d("/one")]
    for b in range(1, 256):
        if b in (0x2f, 0x2e):
            continue
        parts.append(f("/one/\\x%02x" % b, content=b"n"))
    parts.append(d("/two"))
    for b in range(255, 0, -1):
        if b != 0x2f:
            parts.append(f("/two/a\\x%02x" % b))
    parts.append(d("/dots"))
    for n in (b"...", b"..x", b".x", b".-", b".!", b"..!", b"..-", b"-", b"--", b" ", b"!", b"+", b",", b"0", b"\\", b"=",
              b"..\xff", b"\xff\xff", b"~", b". ", b".. "):
        parts.append(f(b"/dots/" + n))
    parts.append(d("/long"))
    for n in (1, 2, 100, 254, 255):
        parts.append(f(b"/long/" + b"n" * n))
    parts.append(d("/utf"))
    for n in ("\u00e9t\u00e9", "\u65e5\u672c\u8a9e", "e\u0301", "\U0001f4be", "\u00e9", "Z", "z", "\u00c9"):
        parts.append(f(b"/utf/" + n.encode()))
    case("names", *parts, keep=True)
    case("names-escaped", R, f("/a\\x62\\x20\\\\\\n\\r\\t", content=b"x"), lnk("/l", "a b\n=\\"))
    case("names-raw", b"/ 4096 40755 2 0 0 0 0.0 - - -\n/\x61b\\x20\\x5c\\x0a\\x0D\\x09 1 100644 1 0 0 0 0.0 - x -\n"
         b"/l 6 120777 1 0 0 0 0.0 a\\x20b\\n=\\x5c - -\n")
    SAME.append(["names-escaped", "names-raw"])
    case("raw-bytes", b"/ 4096 40755 2 0 0 0 0.0 - - -\n/\xe9\x01\x7f\xff 3 100644 1 0 0 0 0.0 - \xff\x02\t - user.\xe9=\x01\xfe\n")
    case("raw-bytes-escaped", R, f(b"/\xe9\x01\x7f\xff", content=b"\xff\x02\t", xattrs=[(b"user.\xe9", b"\x01\xfe")]))
    SAME.append(["raw-bytes", "raw-bytes-escaped"])
    case("paths-slashes", R, d("/a"), d("//a//b"), "a/b/c 0 100644 1 0 0 0 0.0 - - -\n", hard("///h", "//a///b/c/"),
         hard("/h2", "a/b/c"))
    case("paths-plain", R, d("/a"), d("/a/b"), f("/a/b/c"), hard("/h", "/a/b/c"), hard("/h2", "/a/b/c"))
    SAME.append(["paths-slashes", "paths-plain"])
    case("order-any", R, d("/z"), f("/z/q"), d("/a"), f("/m"), f("/a/z"), f("/a/b"), d("/a/c"), f("/z/a"), hard("/b", "/z/q"))
    case("order-sorted", R, d("/a"), f("/a/b"), d("/a/c"), f("/a/z"), hard("/b", "/z/q"), f("/m"), d("/z"), f("/z/a"), f("/z/q"))
    SAME.append(["order-any", "order-sorted"])

    # directories
    parts = [R, d("/big")]
    for i in range(3000):
        n = b"%05d" % (i * 7919 % 100000) + b"x" * rng.choice([0, 1, 3, 9, 20, 20, 40, 240])
        parts.append(hard(b"/big/" + n, "/t"))
    case("bigdir", *parts, f("/t", content=b"t", nlink=3001))
    parts = [R, f("/t")]
    for total in (2047, 2048, 2049, 2050, 4095, 4096, 4097, 4100, 6143, 6144, 6145, 8191, 8192, 8193):
        p = "/d%d" % total
        parts.append(d(p))
        left, i = total - 27, 0
        # names of 100 bytes: 112 each; blocks close early, so these sums are of raw cost, not of the final size
        while left > 0:
            c = 112 if left >= 112 + 13 else left
            if c > 267 or c < 13:
                break
            n = (b"%03d" % i).ljust(c - 12, b"a")[:c - 12] if c >= 15 else b"z" * (c - 12)
            parts.append(hard(p.encode() + b"/" + n, "/t"))
            left -= c
            i += 1
    case("dir-sizes", *parts)
    parts = [R]
    for i in range(120):
        parts.append(d("/e%03d" % i, mtime="%d.0" % (i % 2)))
        for j in range(rng.randrange(0, 60)):
            parts.append(f("/e%03d/%s%d" % (i, "n" * rng.randrange(1, 30), j)))
    case("dir-tails", *parts)
    case("deep", R, *[d("/" + "/".join("d%d" % k for k in range(i))) for i in range(1, 250)],
         f("/" + "/".join("d%d" % k for k in range(249)) + "/leaf", content=b"deep"))
    parts, p = [R], ""
    for i in range(30):
        p += "/" + "L" * 200
        parts.append(d(p))
    case("deep-long-path", *parts)
    case("empty-dirs", R, *[d("/x%04d" % i) for i in range(1000)])

    # inline content
    case("inline-sizes", R, *[f("/s%04d" % n, content=text(rng, n)) for n in
         (1, 2, 3, 4, 31, 32, 33, 63, 64, 65, 100, 1023, 2047, 2048, 2049, 3000, 4094, 4095, 4096, 4097, 4999, 5000)], keep=True)
    case("inline-sizes-mtime", R, *[f("/s%04d" % n, content=text(rng, n), mtime="7.%d" % n) for n in
         (1, 64, 65, 2016, 2048, 2049, 4095, 4096, 4097, 5000)])
    case("inline-binary", R, f("/all", content=bytes(range(256))), f("/dash", content=b"-"), f("/zero", content=b"\0" * 10),
         f("/nl", content=b"\n"), f("/space", content=b"   "), f("/back", content=b"\\x00"),
         "/eq 3 100644 1 0 0 0 0.0 - a=b -\n", "/empty 0 100644 1 0 0 0 0.0 -  -\n", keep=True)
    case("inline-with-payload", R, f("/p", content=b"abc", payload="some/where", digest=DIG), f("/q", payload="some/where", digest=DIG))
    case("inline-with-payload-plain", R, f("/p", content=b"abc"), f("/q"))
    SAME.append(["inline-with-payload", "inline-with-payload-plain"])
    parts = [R]
    for i in range(250):
        n = rng.choice([rng.randrange(1, 100), rng.randrange(1, 2049), rng.randrange(1900, 2100)])
        parts.append(f("/f%03d" % i, content=text(rng, n), mtime="%d.0" % rng.randrange(2),
                       xattrs=[("user.%d" % k, text(rng, rng.randrange(30))) for k in range(rng.randrange(4))]))
    case("tail-packing", *parts)
    case("content-on-other-types", R, "/d 3 40755 2 0 0 0 0.0 - abc -\n", "/c 3 20644 1 0 0 5 0.0 pay abc -\n",
         "/w 3 20644 1 0 0 0 0.0 pay abc -\n", "/l 3 120777 1 0 0 0 0.0 target abc %s\n" % DIG)

    # symlinks
    parts = [R]
    for i, n in enumerate((1, 2, 31, 32, 33, 1000, 2048, 3000, 3999, 4000, 4031, 4032, 4033, 4063, 4064, 4065, 4094, 4095)):
        parts.append(lnk("/l%02d" % i, text(rng, n), mtime="%d.0" % (i % 2)))
    case("symlinks", *parts, keep=True)
    parts = [R]
    for i in range(60):
        parts.append(lnk("/l%02d" % i, text(rng, rng.choice([10, 300, 1500, 2500, rng.randrange(3800, 4096)])),
                         mtime="%d.0" % rng.randrange(2),
                         xattrs=[("user.%d" % k, text(rng, rng.randrange(60))) for k in range(rng.randrange(3))]))
    case("symlinks-mixed", *parts)
    case("symlink-big-xattr", R, lnk("/a", "short", xattrs=[("user.x", text(rng, 5000))]),
         lnk("/b", "short", xattrs=[("user.x", text(rng, 4035))]), lnk("/c", "short", xattrs=[("user.x", text(rng, 12000))]),
         f("/d", content=b"z"))
    case("symlink-odd-size", R, line("/l", 0o120777, size=5, payload="much-longer-target"),
         "/m 99999999999 120777 1 0 0 0 0.0 t - -\n")
    case("symlink-odd-size-plain", R, lnk("/l", "much-longer-target"), lnk("/m", "t"))
    SAME.append(["symlink-odd-size", "symlink-odd-size-plain"])
    case("symlink-dash", R, lnk("/l", "-"), lnk("/m", "a b"), lnk("/n", "\xff\n"))

    # external files
    sizes = [1, 64, 65, 4095, 4096, 4097, 8191, 8192, 8193, 65536, 1 << 20, (1 << 20) + 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
             1 << 32, (1 << 32) + 1, (1 << 40) + 5, (1 << 43) - 1, 1 << 43, (1 << 43) + 1, 1 << 44, 5 << 43, (1 << 50) + 1,
             (1 << 53) - 1, 1 << 53]
    case("external-sizes", R, *[ext("/e%02d" % i, s) for i, s in enumerate(sizes)], keep=True)
    case("external-forms", R, f("/nothing", size=10), f("/payload", size=10, payload="o"), f("/digest", size=10, digest=DIG),
         f("/both", size=10, payload=OBJ, digest=DIG), f("/upper", size=10, payload=OBJ, digest=DIG.upper()),
         f("/longdigest", size=10, payload=OBJ, digest=DIG + "aabb"), f("/other", size=10, payload="x/y z", digest="00" * 32),
         f("/abs", size=10, payload="/abs/path"), f("/dash", size=10, payload="-"), f("/long", size=10, payload="p" * 4095),
         "/emptypayload 10 100644 1 0 0 0 0.0  - -\n")
    parts = [R]
    for i in range(40):
        parts.append(ext("/x%02d" % i, (1 << 53) - rng.randrange(0, 12) * (1 << 43),
                         xattrs=[("user.%d" % k, text(rng, rng.randrange(40))) for k in range(i % 4)]))
    case("external-huge-map", *parts)
    case("external-many", R, *[f("/%s" % hashlib.sha1(b"%d" % i).hexdigest()[:12], size=i * i + 1,
                                payload="%02x/%s" % (i % 256, hashlib.sha256(b"%d" % i).hexdigest()[2:]),
                                digest=hashlib.sha256(b"%d" % i).hexdigest()) for i in range(400)])

    # times, ids, numbers
    case("mtimes-mixed", root(mtime="100.5"), f("/a", mtime="100.5"), f("/b", mtime="100.4"), f("/c", mtime="99.999999999"),
         f("/d", mtime="100.6"), f("/e", mtime="99.999999999", content=b"x"))
    case("mtimes-negative", root(mtime="0.0"), f("/a", mtime="-1.0"), f("/b", mtime="-1.999999999"), f("/c", mtime="-2208988800.0"),
         f("/d", mtime="-2208988800.1"), f("/e", mtime="1.0"), keep=True)
    case("mtimes-extreme", root(mtime="9223372036854775807.999999999"), f("/a", mtime="9223372036854775808.0"),
         f("/b", mtime="18446744073709551615.4294967295"), f("/c", mtime="99999999999999999999999.4294967296"),
         f("/d", mtime="2147483648.0"), f("/e", mtime="4294967296.1"))
    case("mtimes-root-latest", root(mtime="2000.0"), d("/a", mtime="1000.0"), f("/a/b", mtime="1000.0", content=b"b"))
    case("ids", R, *[f("/u%d" % i, uid=u, gid=g, nlink=n) for i, (u, g, n) in enumerate(
        [(65535, 65535, 65535), (65536, 0, 1), (0, 65536, 1), (0, 0, 65536), (4294967295, 4294967294, 4294967295),
         (4294967296, 4294967297, 4294967296), (1000, 1000, 0), (1, 2, 3)])])
    case("numbers", R, "/a +0 0100644 +1 \t1 \v\f\r2 0 +1.+2 - - -\n", "/b 00010 000100600 007 -1 -2 0 -5.-1 p - -\n",
         "/c 0 20700777 1 99999999999999999999 18446744073709551616 4294967301 0.0 - - -\n",
         "/e -0 20644 1 0 0 4294967301 0.00 - - -\n", "/g 0 100644 1 0 0 77 1.000000001 - - -\n",
         "/h 0 37777700644 1 0 0 0 0.0 - - -\n")
    case("modes", R, *[line("/m%o" % m, m, content=(b"q" if m >> 12 == 8 else None)) for m in
         (0o100000, 0o107777, 0o104755, 0o102755, 0o101644, 0o41777, 0o47777, 0o40000, 0o10000, 0o147777)])
    case("devices", R, line("/null", 0o20666, rdev=259), line("/max", 0o20666, rdev=4294967295), line("/over", 0o60666, rdev=4294967296 + 7),
         line("/blk0", 0o60600), line("/big", 0o20600, rdev=1, size=1 << 33), line("/fifo", 0o10600, size=1 << 40),
         line("/sock", 0o140600, size=4294967295), line("/minor", 0o20600, rdev=(0x123 << 8) | 0x45 | (0x678 << 20)))

    # xattrs
    keys = ["user.a", "user.", "trusted.a", "trusted.", "security.a", "security.", "system.posix_acl_access",
            "system.posix_acl_default", "system.posix_acl_access_foo", "system.posix_acl_defaultx", "system.nfs4_acl", "system.other",
            "lustre.lov", "nodot", "x", "usera", "USER.a", "user.=", "user.sp ace", "user.new\nline", "user.\u00e9", "user.overlay.x"]
    case("xattr-prefixes", R, *[f("/k%02d" % i, xattrs=[(k, "v%d" % i)]) for i, k in enumerate(keys)],
         f("/all", xattrs=[(k, "w") for k in keys]), f("/all2", xattrs=[(k, "w") for k in reversed(keys)]), keep=True)
    case("xattr-lengths", R, *[f("/n%03d" % n, xattrs=[("user." + "k" * (n - 5), b"v" * (n % 7))]) for n in (5, 6, 7, 8, 9, 20, 100, 200, 254, 255)],
         f("/raw255", xattrs=[("r" * 255, "x")]), f("/tov", xattrs=[("trusted.overlay." + "t" * 239, "x")]),
         *[f("/v%03d" % n, xattrs=[("user.v", bytes(range(n)))]) for n in (0, 1, 2, 3, 4, 5, 63, 64, 65, 255)])
    case("xattr-big", R, f("/max", xattrs=[("user.x", text(rng, 32767 - 19 - 6))]),
         f("/two", xattrs=[("user.x", text(rng, 16000)), ("user.y", text(rng, 16715))]), f("/after", content=text(rng, 2000)))
    case("xattr-big-shared", R, f("/a", xattrs=[("user.x", b"Z" * 32742)]), f("/b", xattrs=[("user.x", b"Z" * 32742)]), f("/c", content=b"c"))
    case("xattr-max-count", R, f("/a", raw_xattrs="".join(" %s=" % (chr(97 + i // 26 % 26) + chr(97 + i % 26) + str(i // 676)) for i in range(3275))))
    many = [("user.%03d" % i, "v%d" % i) for i in range(300)]
    parts = [R]
    for n in (1, 127, 128, 129, 130, 200, 255, 256, 257, 300):
        for s in "ab":
            parts.append(f("/m%03d%s" % (n, s), content=b"c", xattrs=many[:n]))
    parts.append(f("/solo", xattrs=[("user.%03d" % i, "other%d" % i) for i in range(140)] + [("security.z", "1")]))
    parts.append(f("/mix", xattrs=many[100:260] + [("user.A%d" % i, "own") for i in range(20)] + [("user.zz%d" % i, "own") for i in range(20)]))
    case("xattr-many-shared", *parts)
    parts = [R]
    vals = [b"", b"a", b"b", b"aa", b"ab", b"b\0", b"\xff", b"\x7f", b"\xee", b"\0\0", b"\0", b"zzzz", b"a" * 50]
    for s in "ab":
        for i, v in enumerate(vals):
            parts.append(f("/%s%02d" % (s, i), xattrs=[("user.k", v), ("user.kk", v[::-1]), ("trusted.k", v), ("zz", v)]))
    case("xattr-shared-order", *parts, keep=True)
    case("xattr-duplicate", R, f("/a", xattrs=[("user.a", "1"), ("user.b", "2"), ("user.a", "3"), ("user.a", "")]), f("/b", xattrs=[("user.b", "2")]))
    case("xattr-duplicate-plain", R, f("/a", xattrs=[("user.b", "2"), ("user.a", "")]), f("/b", xattrs=[("user.b", "2")]))
    SAME.append(["xattr-duplicate", "xattr-duplicate-plain"])
    case("xattr-equals", R, "/a 0 100644 1 0 0 0 0.0 - - - user.a=b=c=\\x3d user.\\x3d=- \n")
    case("xattr-all-types", root(xattrs=[("user.t", "r")]), d("/d", xattrs=[("user.t", "d")]), lnk("/l", "x", xattrs=[("trusted.t", "l")]),
         line("/c", 0o20600, rdev=1, xattrs=[("user.t", "c")]), line("/b", 0o60600, rdev=1, xattrs=[("user.t", "d")]),
         line("/f", 0o10600, xattrs=[("user.t", "f")]), line("/s", 0o140600, xattrs=[("user.t", "s")]), ext("/e", 9, xattrs=[("user.t", "e")]))
    case("shared-table-large", R, *[f("/s%d%03d" % (k, i), xattrs=[("user.big", hashlib.sha512(b"%d" % i).digest() * 2)]) for k in (0, 1) for i in range(150)])
    case("escape-overlay", root(xattrs=[("trusted.overlay.redirect", "r")]),
         ext("/a", 10, xattrs=[("trusted.overlay.metacopy", "m"), ("trusted.overlay.redirect", "/foo"), ("trusted.overlay.overlay.metacopy", "mm"),
                               ("trusted.overlay.", "e"), ("trusted.overlay", "n"), ("trusted.overlayx", "n2"), ("user.overlay.metacopy", "u")]),
         d("/d", xattrs=[("trusted.overlay.opaque", "y"), ("trusted.overlay.overlay.opaque", "z"), ("trusted.overlay.overlay.overlay.opaque", "w")]),
         f("/i", content=b"i", xattrs=[("trusted.overlay.origin", "o")]),
         lnk("/l", "x", xattrs=[("trusted.overlay.nlink", "U+1")]), keep=True)
    case("escape-whiteout-xattr", R, d("/d", xattrs=[("trusted.overlay.whiteouts", ""), ("user.overlay.whiteouts", "")]),
         f("/d/i", content=b"i", xattrs=[("trusted.overlay.whiteout", "")]), f("/d/j", xattrs=[("trusted.overlay.whiteout", "v"), ("user.overlay.whiteout", "")]),
         lnk("/l", "x", xattrs=[("trusted.overlay.whiteout", "")]))
    case("acl-file", R, f("/a", xattrs=[("system.posix_acl_access", b"\2\0\0\0\1\0\6\0\xff\xff\xff\xff")]), keep=True)
    case("acl-dir-default-empty", R, d("/a", xattrs=[("system.posix_acl_default", "")]))
    case("acl-not", R, d("/a", xattrs=[("system.posix_acl_access_foo", "x"), ("system.nfs4_acl", "y")]))
    case("acl-root", root(xattrs=[("system.posix_acl_access", "r"), ("system.posix_acl_default", "r")]))

    # whiteouts
    case("whiteout", R, d("/d"), line("/d/w", 0o20000), keep=True)
    case("whiteout-forms", root(xattrs=[("user.k", "v")]), line("/w", 0o20644, uid=3, gid=4, nlink=2, mtime="9.9", xattrs=[("user.a", "b"), ("trusted.overlay.x", "y")]),
         d("/d", xattrs=[("user.overlay.whiteouts", ""), ("trusted.overlay.opaque", "y"), ("user.a", "b")]),
         line("/d/w1", 0o20777, size=12345), line("/d/w2", 0o27000, rdev=4294967296), f("/d/n", content=b"n"),
         d("/only"), "/only/h 0 @20644 1 0 0 0 0.0 /d/w1 - -\n", d("/blk"), line("/blk/b", 0o60644), d("/deep"), d("/deep/er"), line("/deep/er/w", 0o20000))
    case("whiteout-root-hex", R, line("/00", 0o20644), line("/fe", 0o20644, rdev=5), line("/zz", 0o20644))

    # hardlinks
    case("hardlinks", R, hard("/a-first", "/z/late"), d("/d"), f("/file", content=b"data", nlink=4, xattrs=[("user.x", "y")]), hard("/d/l1", "/file"),
         hard("/d/l2", "/d/l1"), hard("/d/l3", "/z/chain"), d("/z"), f("/z/late", content=b"late", nlink=7), hard("/z/chain", "/d/l2"),
         lnk("/sym", "tgt"), "/symh 0 @120777 1 0 0 0 0.0 /sym - -\n", line("/dev", 0o20600, rdev=7), hard("/devh", "/dev"),
         line("/fifo", 0o10600), hard("/ff", "/fifo"), "/typed 0 @140000 x y z w v /file q r s=t\n", hard("/zz", "/file"), keep=True)
    case("hardlink-primary-later", R, d("/a"), hard("/a/x", "/z"), f("/m", content=b"m"), f("/z", content=b"z", nlink=2), f("/zz", content=b"zz"))

    # mixed
    for k, n in (("mixed-1", 150), ("mixed-2", 800), ("mixed-3", 2500)):
        r = random.Random(k)
        parts, dirs, files = [root(mtime="1600000000.0", xattrs=sel)], [""], []
        for i in range(n):
            p = r.choice(dirs[-30:]) + "/" + r.choice(["lib", "bin", "f", ".c", "x-", "\\xc3\\xa9"]) + "%d" % i
            kw = dict(mtime=r.choice(["1600000000.0"] * 3 + ["1700000000.%d" % r.randrange(10**9)]), uid=r.choice([0, 0, 0, 1000, 100000]),
                      xattrs=r.choice([sel, sel, [], sel + [("user.n", str(r.randrange(20)))]]))
            t = r.randrange(10)
            if t < 2:
                dirs.append(p)
                parts.append(d(p, **kw))
            elif t < 6:
                h = hashlib.sha256(p.encode()).hexdigest()
                files.append(p)
                parts.append(f(p, size=r.randrange(65, 10**r.randrange(3, 11)), payload=h[:2] + "/" + h[2:], digest=h, **kw))
            elif t < 7:
                parts.append(f(p, content=text(r, r.randrange(1, 65)), **kw))
            elif t < 8:
                parts.append(lnk(p, text(r, r.randrange(1, 60)), **kw))
            elif t < 9:
                parts.append(f(p, **kw))
            elif files:
                parts.append("%s 0 @100644 1 0 0 0 0.0 %s - -\n" % (p, r.choice(files)))
        case(k, *parts)

    # must fail, in every version mode
    fail("empty", "no line at all", b"")
    fail("blank-line", "empty line", R, "\n")
    fail("no-root", "first line is not the root", f("/a"))
    fail("root-not-dir", "the root must be a directory", f("/"))
    fail("two-roots", "second root", R, R)
    fail("missing-parent", "parent not defined before", R, f("/a/b"))
    fail("parent-later", "parent defined after its child", R, f("/a/b"), d("/a"))
    fail("parent-is-file", "parent is a regular file", R, f("/a"), f("/a/b"))
    fail("parent-is-symlink", "parent is a symlink", R, d("/d"), lnk("/a", "d"), f("/a/b"))
    fail("duplicate", "same path twice", R, f("/a"), d("/a"))
    fail("dot", "name .", R, d("/."))
    fail("dotdot", "name ..", R, d("/a"), d("/a/.."))
    fail("dotdot-inside", ".. inside a path", R, d("/a"), f("/a/../b"))
    fail("trailing-slash", "empty last component", R, d("/a/"))
    fail("double-slash", "empty name", R, d("//"))
    fail("empty-path", "empty path", R, " 0 40755 2 0 0 0 0.0 - - -\n")
    fail("long-name", "name of 256 bytes", R, f("/" + "n" * 256))
    fail("no-type", "mode without type", R, line("/a", 0o644))
    fail("bad-type", "unknown type bits", R, line("/a", 0o30644))
    fail("mode-not-octal", "8 in an octal number", R, line("/a", "100648"))
    fail("mode-hex", "0x in a number", R, line("/a", "0x81a4"))
    fail("mode-empty", "mode is only @", R, "/a 0 @ 1 0 0 0 0.0 /b - -\n")
    fail("size-empty", "missing fields", R, "/a\n")
    fail("size-text", "not a number", R, f("/a", size="12k"))
    fail("size-space", "two spaces shift the fields", R, "/a  0 100644 1 0 0 0 0.0 - - -\n")
    fail("uid-dash", "- is no number", R, f("/a", uid="-"))
    fail("gid-text", "not a number", R, f("/a", gid="wheel"))
    fail("rdev-text", "not a number", R, f("/a", rdev="1:3"))
    fail("mtime-no-dot", "nanoseconds missing", R, f("/a", mtime="0"))
    fail("mtime-dot-end", "nanoseconds empty", R, f("/a", mtime="0."))
    fail("mtime-two-dots", "second dot", R, f("/a", mtime="0.1.2"))
    fail("embedded-nul", "raw NUL byte", R, b"/a\0 0 100644 1 0 0 0 0.0 - - -\n")
    fail("escape-end", "backslash at the end of a field", R, "/a\\ 0 100644 1 0 0 0 0.0 - - -\n")
    fail("escape-unknown", "unknown escape", R, "/a\\q 0 100644 1 0 0 0 0.0 - - -\n")
    fail("escape-octal", "octal escapes do not exist", R, "/a\\040 0 100644 1 0 0 0 0.0 - - -\n")
    fail("escape-hex-short", "one hex digit", R, "/a\\x2 0 100644 1 0 0 0 0.0 - - -\n")
    fail("escape-hex-bad", "not a hex digit", R, "/a\\x2g 0 100644 1 0 0 0 0.0 - - -\n")
    fail("content-short", "content shorter than size", R, "/a 4 100644 1 0 0 0 0.0 - abc -\n")
    fail("content-missing-field", "content field missing and size not 0", R, "/a 4 100644 1 0 0 0 0.0 p\n")
    fail("dir-size-short-line", "content field missing and size not 0, on a directory", "/ 4096 40755 2 0 0 0 0.0\n")
    fail("symlink-content-size", "content length differs from size, on a symlink", R, "/a 4 120777 1 0 0 0 0.0 abcd abc -\n")
    fail("inline-5001", "inline content above 5000", R, f("/a", content=b"x" * 5001))
    fail("symlink-empty", "empty target", R, "/a 0 120777 1 0 0 0 0.0  - -\n")
    fail("symlink-none", "no target", R, "/a 0 120777 1 0 0 0 0.0 - - -\n")
    fail("symlink-4096", "target of 4096 bytes", R, lnk("/a", "x" * 4096))
    fail("payload-4096", "backing path of 4096 bytes", R, f("/a", size=1, payload="x" * 4096))
    fail("payload-4096-dir", "payload of 4096 bytes on a directory", R, d("/a", payload="x" * 4096))
    fail("too-big", "external file above 2^53", R, ext("/a", (1 << 53) + 1))
    fail("too-big-2", "external file of 9.5e15 bytes", R, f("/a", size=9500000000000000))
    fail("xattr-no-equals", "xattr without =", R, "/a 0 100644 1 0 0 0 0.0 - - - user.a\n")
    fail("xattr-two-spaces", "empty xattr item", R, "/a 0 100644 1 0 0 0 0.0 - - -  user.a=b\n")
    fail("xattr-two-trailing-spaces", "empty xattr item", R, "/a 0 100644 1 0 0 0 0.0 - - -  \n")
    fail("xattr-empty-key", "empty key", R, "/a 0 100644 1 0 0 0 0.0 - - - =v\n")
    fail("xattr-long-key", "key of 256 bytes", R, f("/a", xattrs=[("user." + "k" * 251, "v")]))
    fail("xattr-bad-escape", "unknown escape", R, "/a 0 100644 1 0 0 0 0.0 - - - user.a=\\y\n")
    fail("xattr-budget-1", "one byte above the budget", R, f("/a", xattrs=[("user.x", b"v" * (32767 - 19 - 6 + 1))]))
    fail("xattr-budget-2", "budget exceeded by the second xattr", R, f("/a", xattrs=[("user.x", b"v" * 16000), ("user.y", b"v" * 16800)]))
    fail("xattr-line-65536", "xattr part of the line above 65535 bytes", R, "/a 0 100644 1 0 0 0 0.0 - - - user.x=" + "\\x61" * 16383 + "\n")
    fail("link-dir-mode", "hardlink with a directory mode", R, d("/d"), "/l 0 @40755 1 0 0 0 0.0 /d - -\n")
    fail("link-root-mode", "hardlink of the root with a directory mode", R, "/l 0 @40755 1 0 0 0 0.0 / - -\n")
    fail("link-no-type", "hardlink without type bits", R, f("/a"), "/l 0 @644 1 0 0 0 0.0 /a - -\n")
    fail("link-no-target", "hardlink payload is -", R, f("/a"), "/l 0 @100644 1 0 0 0 0.0 - - -\n")
    fail("link-missing", "target does not exist", R, hard("/l", "/a"))
    fail("link-dotdot", "targets are not normalised", R, d("/d"), f("/a"), hard("/l", "/d/../a"))
    fail("link-self", "links to itself", R, hard("/l", "/l"))
    fail("link-loop", "two links to each other", R, hard("/a", "/b"), hard("/b", "/a"))
    fail("link-parent", "child of a hardlink", R, f("/a"), hard("/l", "/a"), f("/l/x"))

    strict("no-newline", "last line without newline", R, f("/a")[:-1])
    strict("rdev-on-file", "rdev not 0 on a regular file", R, f("/a", rdev=5))
    strict("rdev-on-dir", "rdev not 0 on a directory", R, d("/a", rdev=5))
    strict("symlink-size", "size is not the target length", R, line("/l", 0o120777, size=3, payload="abcd"))
    strict("symlink-content", "symlink with content", R, "/l 3 120777 1 0 0 0 0.0 abc xyz -\n")


def run(tool, dump, vmin, vmax, out, strict_mode=False):
    env = dict(os.environ)
    env.pop("CFS_PARSE_STRICT", None)
    if strict_mode:
        env["CFS_PARSE_STRICT"] = "1"
    r = subprocess.run([tool, "--min-version=%d" % vmin, "--max-version=%d" % vmax, "--print-digest", "--from-file", dump, out],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=300)
    return r.returncode, r.stdout.decode().strip(), r.stderr.decode("latin-1").strip()


def path(name):
    return os.path.join(HERE, name)


def generate(tool, info):
    build()
    rows, fails = [], []
    with tempfile.TemporaryDirectory() as tmp:
        img = os.path.join(tmp, "i")
        for group in (CASES, {k: v[1] for k, v in FAILS.items()}, {k: v[1] for k, v in STRICT.items()}):
            for name, data in group.items():
                with open(path(name + ".dump"), "wb") as fh:
                    fh.write(data)
        for name in list(CASES) + list(STRICT):
            for vmin, vmax in VERSIONS:
                rc, dig, err = run(tool, path(name + ".dump"), vmin, vmax, img)
                if rc:
                    sys.exit("%s failed: %s" % (name, err))
                with open(img, "rb") as fh:
                    data = fh.read()
                rows.append((name, vmin, vmax, dig, hashlib.sha256(data).hexdigest(), len(data)))
                if name in KEEP and (vmin, vmax) in ((0, 0), (1, 1)):
                    stem = path("%s.v%d.cfs" % (name, vmin))
                    if len(data) > 65536:
                        with open(stem + ".gz", "wb") as fh:
                            fh.write(gzip.compress(data, 9, mtime=0))
                    else:
                        with open(stem, "wb") as fh:
                            fh.write(data)
                    if vmin == 1 and info:
                        for cmd in ("dump", "ls", "objects"):
                            r = subprocess.run([info, cmd, img], stdout=subprocess.PIPE, check=True)
                            with open(path("%s.v1.%s.expected" % (name, cmd)), "wb") as fh:
                                fh.write(r.stdout)
        for name, (reason, _) in FAILS.items():
            for vmin, vmax in VERSIONS:
                rc, dig, err = run(tool, path(name + ".dump"), vmin, vmax, img)
                if rc != 1:
                    sys.exit("%s: exit status %d, expected 1" % (name, rc))
            fails.append((name, "always", reason, err.split(": ", 1)[-1].encode("ascii", "replace").decode()[:80]))
        for name, (reason, _) in STRICT.items():
            rc, dig, err = run(tool, path(name + ".dump"), 0, 1, img, True)
            if rc != 1:
                sys.exit("%s: exit status %d, expected 1" % (name, rc))
            fails.append((name, "strict", reason, err.split(": ", 1)[-1][:80]))
    by = {(r[0], r[1], r[2]): r[3] for r in rows}
    for g in SAME:
        for v in VERSIONS:
            if len({by[(n,) + v] for n in g}) != 1:
                sys.exit("not the same: %s" % g)
    with open(path("DIGESTS"), "w") as fh:
        for r in rows:
            fh.write("\t".join(str(x) for x in r) + "\n")
    with open(path("FAILS"), "w") as fh:
        for r in fails:
            fh.write("\t".join(r) + "\n")
    with open(path("SAME"), "w") as fh:
        for g in SAME:
            fh.write(" ".join(g) + "\n")
    print("%d dumps, %d digests, %d failures" % (len(CASES) + len(STRICT), len(rows), len(fails)))


def check(tool):
    ok = total = 0
    with tempfile.TemporaryDirectory() as tmp:
        img = os.path.join(tmp, "i")
        for l in open(path("DIGESTS")):
            name, vmin, vmax, dig, sha, size = l.rstrip("\n").split("\t")
            total += 1
            rc, got, err = run(tool, path(name + ".dump"), int(vmin), int(vmax), img)
            if rc == 0:
                with open(img, "rb") as fh:
                    data = fh.read()
                if got == dig and hashlib.sha256(data).hexdigest() == sha and len(data) == int(size):
                    ok += 1
                    continue
            print("MISMATCH %s %s %s: rc %d %s %s" % (name, vmin, vmax, rc, got, err))
        for l in open(path("FAILS")):
            name, mode, reason, _ = l.rstrip("\n").split("\t")
            total += 1
            rc, got, err = run(tool, path(name + ".dump"), 0, 1, img, mode == "strict")
            if rc == 1:
                ok += 1
            else:
                print("MUST FAIL %s (%s): rc %d" % (name, reason, rc))
    print("%d/%d" % (ok, total))
    return ok != total


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if "--check" in sys.argv:
        sys.exit(check(sys.argv[1]))
    generate(sys.argv[1], sys.argv[sys.argv.index("--info") + 1] if "--info" in sys.argv else None)
