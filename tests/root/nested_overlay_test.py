#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A tree with layers of its own, as a host with a container store has: what they delete stays deleted where a mount
of the image has the lower layers of an overlay mount.

    nested_overlay_test.py MKCOMPOSEFS MOUNT.COMPOSEFS [COMPOSEFS]

Needs root.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, run_facts_each_in

PROGRAMS = [os.path.abspath(a) for a in sys.argv[1:]]
SAFE = ("repo-1", "repo-1-sha256", "oci-1", "oci-1-sha256", "ipe-1-sha256", "honest-df-1-sha256")
BOTH = ("trusted", "user")


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    ensure(done.returncode == 0, f"{' '.join(args)}: {done.stderr}")
    return done.stdout.strip()


def write(path, text=""):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


class Place:
    """The layers, a store, and where things are mounted."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="nested-overlay-test-", dir=os.getcwd())
        os.chdir(self.top)
        for name in ("m", "merged", "tree/usr"):
            os.makedirs(name)
        for name in ("opaque/hidden", "opaque/gone", "whiteout/gone", "whiteout/stays", "link/gone", "link/stays", "plain/hidden"):
            write(f"tree/low/{name}", "deleted" if name.split("/")[1] in ("hidden", "gone") else "")
        for name in ("opaque/new", "whiteout/new", "link/new", "plain/new"):
            write(f"tree/up/{name}")
        os.mknod("tree/up/whiteout/gone", 0o20000)
        os.mknod("tree/up/opaque/gone", 0o20000)
        os.link("tree/up/whiteout/gone", "tree/up/link/gone")  # as overlayfs makes them

    def mark(self, kind):
        for name in ("opaque", "plain"):
            try:
                os.setxattr(f"tree/up/{name}", f"{kind}.overlay.opaque", b"y")
            except OSError as why:
                raise Skip(f"no xattrs {kind}.overlay: {why}") from why

    def image(self, profile):
        run(PROGRAMS[0], f"--profile={profile}", "--digest-store=store", "tree", "image")

    def mount(self):
        run(PROGRAMS[1], "-o", "basedir=store,allow-suid,allow-dev", "image", "m")

    def merged(self, layers, kind):
        """What an overlay mount of the layers shows: the files of each directory that can be read."""
        options = f"lowerdir={layers}/up:{layers}/low" + (",userxattr" if kind == "user" else "")
        run("mount", "-t", "overlay", "-o", options, "overlay", "merged")
        shown = {}
        for folder in sorted(os.listdir("merged")):
            shown[folder] = sorted(n for n in os.listdir(f"merged/{folder}") if os.path.lexists(f"merged/{folder}/{n}"))
        return shown

    def unmount(self):
        for name in ("merged", "m"):
            LIBC.umount2(os.path.join(self.top, name).encode(), 2)

    def close(self):
        self.unmount()
        os.chdir("/")
        shutil.rmtree(self.top)


RIGHT = {"link": ["new", "stays"], "opaque": ["new"], "plain": ["new"], "whiteout": ["new", "stays"]}


@fact
def layers_on_disk_show_nothing_that_they_deleted(place):
    for kind in BOTH:
        place.mark(kind)
        expect(place.merged("tree", kind), RIGHT, kind)
        place.unmount()


@fact
def layers_in_an_image_for_repositories_show_nothing_that_they_deleted(place):
    for kind in BOTH:
        place.mark(kind)
    for profile in SAFE:
        place.image(profile)
        place.mount()
        for kind in BOTH:
            expect(place.merged("m", kind), RIGHT, f"{profile}, {kind}")
            LIBC.umount2(b"merged", 2)
        # Not as a name that cannot be looked up, either.
        expect(sorted(os.listdir("m/up/opaque")), ["new"], profile)
        place.unmount()


@fact
def opaque_marks_of_trusted_and_user_overlay_are_kept(place):
    for kind in BOTH:
        place.mark(kind)
        for profile in ("repo-1", "oci-1"):
            place.image(profile)
            place.mount()
            expect(place.merged("m", kind), RIGHT, f"{profile}, {kind}")
            place.unmount()
        for name in ("opaque", "plain"):
            os.removexattr(f"tree/up/{name}", f"{kind}.overlay.opaque")


@fact
def image_of_a_repository_shows_nothing_that_its_layers_deleted(place):
    if len(PROGRAMS) < 3:
        raise Skip("built without repositories")
    place.mark("trusted")
    run(PROGRAMS[2], "init", "--insecure", "repo")
    os.symlink(PROGRAMS[2], "cfsctl")
    for number, program in enumerate((PROGRAMS[2], "./cfsctl")):
        run(program, "create-image", "--repo=repo", "tree", f"os/{number}")
        run(PROGRAMS[2], "mount", "--repo=repo", f"os/{number}", "m")
        expect(place.merged("m", "trusted"), RIGHT, program)
        place.unmount()


@fact
def image_as_by_mkcomposefs_1_0_shows_what_its_layers_deleted(place):
    """What the warning is about; a kernel that shows it no more makes it needless."""
    place.mark("trusted")
    for profile in ("mkcomposefs-1.0", "mkcomposefs-1.0-v1"):
        done = subprocess.run([PROGRAMS[0], f"--profile={profile}", "--digest-store=store", "tree", "image"], capture_output=True,
                              text=True, check=True)
        ensure("warning: /up/opaque: the image loses the deletions of this directory" in done.stderr, done.stderr)
        place.mount()
        expect(place.merged("m", "trusted")["opaque"], ["hidden", "new"], profile)
        place.unmount()


if __name__ == "__main__":
    enter_namespace()
    if tuple(int(n) for n in os.uname().release.split(".")[:2]) < (6, 8):
        print("1..0 # SKIP Linux before 6.8 has no escaped xattrs of overlayfs, or other marks")
        sys.exit(0)
    sys.exit(run_facts_each_in(Place))
