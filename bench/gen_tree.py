#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Makes a directory to measure with: the same names and bytes for the same arguments, ever.

    gen_tree.py DIR mixed N         N files as in an operating system: most of some kilobytes, few large
    gen_tree.py DIR small N         N files of 1 to 16 KiB
    gen_tree.py DIR big N MIB       N files of MIB mebibytes
"""
import argparse
import os
import random

FILES_A_DIR = 12
BLOCK = 1 << 20


def write(path, size, number):
    """Content of its own for each file, that no filesystem can store in less."""
    rng = random.Random("content %d" % number)
    with open(path, "wb") as f:
        while size > 0:
            f.write(rng.randbytes(min(size, BLOCK)))
            size -= BLOCK


def mixed_size(rng):
    """Half of the files below 4 KiB, 2 % empty, the largest some tens of MiB."""
    return 0 if rng.random() < 0.02 else min(int(rng.lognormvariate(8.3, 1.8)), 32 << 20)


def fill(top, n, size_of):
    for i in range(n):
        folder = os.path.join(top, "%03d" % (i // FILES_A_DIR % 500), "dir-%05d" % (i // FILES_A_DIR))
        if i % FILES_A_DIR == 0:
            os.makedirs(folder)
            os.symlink("../dir-%05d" % (i // FILES_A_DIR), os.path.join(folder, "link"))
        write(os.path.join(folder, "file-%06d" % i), size_of(), i)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir")
    parser.add_argument("kind", choices=("mixed", "small", "big"))
    parser.add_argument("n", type=int)
    parser.add_argument("mib", type=int, nargs="?", default=512)
    args = parser.parse_args()
    rng = random.Random("composefs %s" % args.kind)
    os.mkdir(args.dir)
    if args.kind == "mixed":
        fill(args.dir, args.n, lambda: mixed_size(rng))
    elif args.kind == "small":
        fill(args.dir, args.n, lambda: rng.randrange(1 << 10, 16 << 10))
    else:
        for i in range(args.n):
            write(os.path.join(args.dir, "file-%d" % i), args.mib << 20, i)


if __name__ == "__main__":
    main()
