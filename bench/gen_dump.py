#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Writes a dump to measure with to standard output: the same bytes for the same arguments, ever.

    gen_dump.py files N         N entries as in an operating system: directories, files, symlinks, few labels
    gen_dump.py hardlinks N     N files, and N hard links to any of them
    gen_dump.py xattrs N        N files, each with an xattr of its own
    gen_dump.py flat N          N empty files in one directory

N may end in k or M. The order is depth first and sorted, as tools write it; --shuffle mixes the entries
(directories still come before what they contain).
"""
import argparse
import hashlib
import random
import sys

FILES_A_DIR = 12
LABELS = ["system_u:object_r:%s_t:s0" % name for name in
          ("usr", "lib", "bin", "etc", "var", "locale", "man", "shell_exec", "modules_object", "cert")]


def count(text):
    unit = {"k": 1000, "M": 1000000}.get(text[-1:], 0)
    return int(text[:-1]) * unit if unit else int(text)


def digest(number):
    return hashlib.sha256(b"content %d" % number).hexdigest()


def label(rng):
    """Most files carry one of few labels: squaring prefers the first ones."""
    return " security.selinux=%s\\x00" % LABELS[int(rng.random() ** 2 * len(LABELS))]


def mtime(rng):
    return "%d.%d" % (1600000000 + rng.randrange(10 ** 8), rng.choice((0, rng.randrange(10 ** 9))))


def directory(path, rng, xattrs):
    return "%s 4096 40755 2 0 0 0 %s - - -%s" % (path, mtime(rng), xattrs)


def external(path, number, rng, xattrs):
    d = digest(number)
    return "%s %d 100%s 1 0 0 0 %s %s/%s - %s%s" % (path, 65 + int(rng.expovariate(1 / 30000)),
        rng.choice(("644", "644", "644", "755")), mtime(rng), d[:2], d[2:], d, xattrs)


def leaf(path, number, rng):
    """A file, a symlink or a small file whose content lies in the image."""
    kind = rng.random()
    if kind < 0.85:
        return external(path, number, rng, label(rng))
    if kind < 0.95:
        target = "../lib/target-%d.so.%d" % (number % 1000, number % 7)
        return "%s %d 120777 1 0 0 0 %s %s - -%s" % (path, len(target), mtime(rng), target, label(rng))
    return "%s 11 100644 1 0 0 0 %s - small\\x20%05d -%s" % (path, mtime(rng), number % 100000, label(rng))


def files(n, rng):
    """Directories of a dozen files, at most five deep."""
    yield directory("/", rng, "")
    made = 1
    stack = []
    while made < n:
        del stack[rng.randrange(len(stack) + 1):]
        del stack[4:]
        stack.append("dir-%07d" % made)
        path = "/" + "/".join(stack)
        yield directory(path, rng, label(rng))
        made += 1
        for i in range(min(n - made, int(rng.expovariate(1 / FILES_A_DIR)))):
            # Sorts before the directories that may follow in this one.
            yield leaf("%s/a-file-%03d%s" % (path, i, rng.choice((".so", ".txt", ".py", ""))), made, rng)
            made += 1


def hardlinks(n, rng):
    yield directory("/", rng, "")
    for i in range(n):
        if i % 100 == 0:
            yield directory("/a-%07d" % i, rng, "")
        yield external("/a-%07d/file-%07d" % (i // 100 * 100, i), i, rng, "")
    for i in range(n):
        if i % 100 == 0:
            yield directory("/b-%07d" % i, rng, "")
        target = rng.randrange(n)
        yield "/b-%07d/link-%07d 0 @100644 - - - - - /a-%07d/file-%07d" % (i // 100 * 100, i, target // 100 * 100, target)


def xattrs(n, rng):
    yield directory("/", rng, "")
    for i in range(n):
        if i % 100 == 0:
            yield directory("/d-%07d" % i, rng, "")
        yield external("/d-%07d/file-%07d" % (i // 100 * 100, i), i, rng,
                       "%s user.checksum=%s" % (label(rng), digest(-i)))


def flat(n, rng):
    yield directory("/", rng, "")
    for i in range(n):
        yield "/file-%08d 0 100644 1 0 0 0 %s - - -" % (i, mtime(rng))


def shuffled(lines, rng):
    """Root, directories as they came, all else in random order."""
    lines = list(lines)
    rest = [line for line in lines if line.split(" ", 3)[2] != "40755"]
    rng.shuffle(rest)
    yield from (line for line in lines if line.split(" ", 3)[2] == "40755")
    yield from rest


KINDS = {"files": files, "hardlinks": hardlinks, "xattrs": xattrs, "flat": flat}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("n", type=count)
    parser.add_argument("--shuffle", action="store_true")
    args = parser.parse_args()
    rng = random.Random("composefs %s" % args.kind)
    lines = KINDS[args.kind](args.n, rng)
    if args.shuffle:
        lines = shuffled(lines, rng)
    out = sys.stdout
    for line in lines:
        out.write(line + "\n")


if __name__ == "__main__":
    main()
