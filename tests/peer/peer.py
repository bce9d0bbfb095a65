# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Programs of Debian sid on this machine, with Debian's libcomposefs or with ours.

Packages are unpacked in a cache directory, with all that they need, libc included. Nothing is
installed; what this machine has is neither used nor changed.
"""
import hashlib
import os
import subprocess
import sys
import traceback

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import debian  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import
from debian import output  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import
from facts import Skip, ensure, expect, has  # noqa: E402  pylint: disable=wrong-import-position

SUITE = "sid"
LIBDIR = "usr/lib/x86_64-linux-gnu"


def failure(*command, **kw):
    """What a command that has to fail says."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **kw)
    if not done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: expected an error, got success")
    return done.stderr.decode("utf-8", "replace").strip()


# --- packages -----------------------------------------------------------------------------


def packages(cache, *names):
    """A directory that holds the packages unpacked, with all that they need."""
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    return debian.unpacked(cache, f"root-{key}", [SUITE], lambda apt: apt.fetch(names))


# --- running ------------------------------------------------------------------------------


class Side:
    """Debian's programs with one libcomposefs: "debian" with Debian's own, "ours" with ours."""

    def __init__(self, name, root, library=None):
        self.name, self.root = name, root
        self.path = os.path.join(root, LIBDIR)
        if library:
            self.path = f"{os.path.dirname(library)}:{self.path}"

    def command(self, program, *args):
        """program is a name of /usr/bin or /usr/sbin there, or a path."""
        path = program
        for folder in ("usr/bin", "usr/sbin"):
            if os.path.exists(os.path.join(self.root, folder, program)):
                path = os.path.join(self.root, folder, program)
        return [os.path.join(self.root, LIBDIR, "ld-linux-x86-64.so.2"), "--library-path", self.path,
                "--argv0", os.path.basename(program), path, *args]

    def run(self, program, *args, **kw):
        return output(*self.command(program, *args), **kw)

    def fails(self, program, *args, **kw):
        return failure(*self.command(program, *args), **kw)

    def library(self, program):
        """The libcomposefs that the program really gets."""
        loader = self.command(program)
        lines = output(*loader[:3], "--list", loader[5]).decode().splitlines()
        return os.path.realpath(next(line.split()[2] for line in lines if "libcomposefs" in line))


def sides(cache, library):
    """The two sides, of packages that all tests share."""
    root = packages(cache, "composefs", "libcomposefs-dev", "ostree")
    return Side("debian", root), Side("ours", root, library)


# --- TAP ----------------------------------------------------------------------------------


def main(facts):
    """Runs facts(), an iterator of titles and functions, and reports each. A Skip in the iterator
    itself skips all, one in a function skips that."""
    number, failed = 0, 0
    try:
        for title, fact in facts():
            number += 1
            try:
                fact()
                print(f"ok {number} - {title}", flush=True)
            except Skip as why:
                print(f"ok {number} - {title} # SKIP {why}", flush=True)
            except Exception as why:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {title}", flush=True)
                text = str(why) if isinstance(why, AssertionError) else traceback.format_exc()
                for line in text.splitlines():
                    print(f"# {line}", flush=True)
    except Skip as why:
        if number == 0:
            print(f"1..0 # SKIP {why}")
            return
        raise
    print(f"1..{number}")
    sys.exit(1 if failed else 0)
