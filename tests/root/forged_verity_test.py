#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A FUSE server answers the ioctl for a digest and serves other bytes: no program accepts it.

    forged_verity_test.py MKCOMPOSEFS MOUNT_COMPOSEFS LCFS_MOUNT [COMPOSEFS]

Needs root and /dev/fuse; works in a mount namespace of its own.
"""
import errno
import os
import shutil
import subprocess
import sys

from forging_fs import ForgingFs
from scene import Scene, Skip, ensure, enter_namespace, expect, fact, run, run_facts_each_in, skip_all

MKCOMPOSEFS, MOUNT, LCFS_MOUNT = (os.path.abspath(path) for path in sys.argv[1:4])
COMPOSEFS = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None


class Forged(Scene):
    """Below real: the evil image under the name of the good one, and the objects of both. At shown, a
    server gives the evil image the digest of the good one."""

    def __init__(self):
        super().__init__(MKCOMPOSEFS, MOUNT)
        self.server = None
        for kind in ("good", "evil"):
            with open(self.path(self.made(kind), "file"), "w", encoding="ascii") as f:
                f.write(kind * 1000)
        self.real, self.shown = self.made("real"), self.made("shown")
        self.digest = run(self.mkcomposefs, "--print-digest", f"--digest-store={self.made('real', 'objects')}",
                          self.path("good"), self.path("good.cfs")).strip()
        self.image(self.path("evil"), "real/image.cfs", self.path("real", "objects"))
        self.serve(self.real, lambda path: bytes.fromhex(self.digest))

    def serve(self, root, digest_of):
        try:
            self.server = ForgingFs(root, self.shown, digest_of)
        except OSError as failure:
            raise Skip(f"cannot mount a FUSE filesystem: {failure.strerror}") from failure

    def close(self):
        for mounted in reversed(self.mounts()):
            if mounted.type != "fuse":
                subprocess.run(["umount", "-l", mounted.point], check=False)
        if self.server:
            self.server.close()
        super().close()

    def fails(self, *command):
        """What a program says that must fail, and must leave no mount."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        ensure(done.returncode, f"{' '.join(command)} succeeded: {done.stdout}")
        expect([m.type for m in self.mounts()], ["fuse"], "mounts")
        return done.stdout + done.stderr


@fact
def the_test_server_forges_digests(scene):
    """Else the other facts show nothing."""
    asked = subprocess.run([sys.executable, "-c", FSVERITY_MEASURE, f"{scene.shown}/image.cfs"],
                           capture_output=True, text=True, check=True)
    expect(asked.stdout.strip(), scene.digest, "digest that the server forges")
    with open(f"{scene.shown}/image.cfs", "rb") as shown, open(scene.path("real", "image.cfs"), "rb") as real:
        expect(shown.read(), real.read(), "bytes")


FSVERITY_MEASURE = """
import fcntl, sys
answer = bytearray(b"\\0\\0\\x40\\0" + bytes(64))
with open(sys.argv[1], "rb") as f:
    fcntl.ioctl(f, 0xc0046686, answer)
print(answer[4:36].hex())
"""


@fact
def mount_composefs_refuses_a_forged_digest(scene):
    said = scene.fails(MOUNT, "-o", f"basedir={scene.shown}/objects,digest={scene.digest}",
                       f"{scene.shown}/image.cfs", scene.mnt)
    ensure("Image has no fs-verity" in said, said)


@fact
def mount_composefs_refuses_forged_objects(scene):
    """The image is not asked for, the objects are."""
    said = scene.fails(MOUNT, "-o", f"basedir={scene.shown}/objects,verity", f"{scene.shown}/image.cfs", scene.mnt)
    ensure("its filesystem has no fs-verity" in said, said)


@fact
def the_library_refuses_a_forged_digest(scene):
    said = scene.fails(LCFS_MOUNT, f"{scene.shown}/image.cfs", scene.mnt, f"{scene.shown}/objects", scene.digest)
    expect(said, f"{errno.ENOTTY}\n{errno.ENOTTY}\n", "errno by path and by descriptor")


@fact
def the_file_that_is_mounted_is_the_one_that_was_opened_first(scene):
    """Its name leads to the good image once, and from then on to the evil one."""
    scene.server.close()
    os.symlink("x", scene.path("real", "link"))
    targets = [scene.path("good.cfs"), scene.path("real", "image.cfs")]
    scene.server = ForgingFs(scene.real, scene.shown, lambda path: None, targets)
    scene.mount(f"{scene.shown}/link", f"basedir={scene.real}/objects,nosuid")
    with open(f"{scene.mnt}/file", encoding="ascii") as f:
        expect(f.read(), "good" * 1000)
    expect([m.source for m in scene.mounts() if m.type == "overlay"], [scene.path("good.cfs")], "source")
    expect(os.readlink(f"{scene.shown}/link"), targets[1], "where it leads to now")


@fact
def a_signed_image_with_a_forged_digest_is_not_mounted_and_not_verified(scene):
    if not COMPOSEFS:
        return
    key, trusted = scene.path("key.pem"), scene.made("trusted")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    run("openssl", "pkey", "-in", key, "-pubout", "-out", f"{trusted}/key.pub")
    run(COMPOSEFS, "sign", f"--key={key}", scene.path("good.cfs"))
    shutil.copy(scene.path("good.cfs.sig"), scene.path("real", "image.cfs.sig"))
    said = scene.fails(MOUNT, "-o", f"basedir={scene.shown}/objects,signed,trusted={trusted}",
                       f"{scene.shown}/image.cfs", scene.mnt)
    ensure("Image has no fs-verity" in said, said)
    verify = [COMPOSEFS, "verify", f"--trusted={trusted}", f"{scene.shown}/image.cfs"]
    said = scene.fails(*verify, "--require-verity")
    ensure("has no fs-verity" in said, said)
    said = scene.fails(*verify)  # of the bytes
    ensure("no signature by a trusted key" in said, said)


@fact
def a_repository_with_forged_digests_counts_as_one_without_verity(scene):
    if not COMPOSEFS:
        return
    repo, mirror = f"--repo={scene.path('repo')}", f"--repo={scene.shown}"
    run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", scene.path("repo"))
    image = run(COMPOSEFS, "create-image", repo, scene.path("good"), "os").strip().split(":")[1]
    other = run(COMPOSEFS, "create-image", repo, scene.path("evil")).strip().split(":")[1]
    objects = scene.path("repo", "objects")
    os.replace(f"{objects}/{other[:2]}/{other[2:]}", f"{objects}/{image[:2]}/{image[2:]}")
    scene.server.close()
    scene.serve(scene.path("repo"), lambda path: bytes.fromhex(
        path.removeprefix("objects/").replace("/", "") if path.startswith("objects/") else image))
    said = scene.fails(COMPOSEFS, "mount", mirror, "os", scene.mnt)
    ensure(f"expected the fs-verity digest sha256:{image}, got sha256:{other}" in said, said)
    said = scene.fails(COMPOSEFS, "mount", mirror, "--require-verity", "os", scene.mnt)
    ensure("expected fs-verity" in said, said)
    said = scene.fails(COMPOSEFS, "fsck", mirror)
    ensure(other in said, said)


enter_namespace()
if not os.path.exists("/dev/fuse"):
    skip_all("no /dev/fuse")
sys.exit(run_facts_each_in(Forged))
