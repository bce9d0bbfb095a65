#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The Debian packages: built in a clean chroot, installed over those of 1.0.8 where Debian has them, used, removed.

    package_test.py SOURCE SUITE BUILD

It takes minutes and downloads a few hundred megabytes, so it runs only with $COMPOSEFS_TEST_PACKAGE or
$COMPOSEFS_TEST_LONG. The chroot is debootstrap's, kept in the cache folder; each step works in an overlay above it.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from chroot import Chroot, base_of, may_take_minutes, own_namespace  # noqa: E402 pylint: disable=wrong-import-position
from debian import output  # noqa: E402 pylint: disable=wrong-import-position
from facts import Skip, ensure, expect, fact, remark, run_facts, skip_program  # noqa: E402 pylint: disable=wrong-import-position

# Tests of tests/cli that run on the installed programs, beside all pages of doc: each within seconds, together every
# command.
USED = ["std", "messages", "composefs", "composefs-info", "repo", "repo-images", "repo-gc",
        "repo-fsck", "repo-fetch", "repo-sign", "tar", "sign", "oci", "oci-registry", "first-hour", "mistakes"]
# What these tests use beside the programs.
NEEDED = ["acl", "attr", "ca-certificates", "docker-registry", "e2fsprogs", "git", "openssl", "python3", "python3-jsonschema", "xz-utils", "zstd"]


class Scene:
    """A chroot to build in and one to install in. This process has a mount namespace of its own."""

    def __init__(self, source, suite, tests, top):
        self.source, self.tests, self.top = source, tests, top
        base = base_of(suite)
        self.build, self.clean, self.boot = (Chroot(os.path.join(top, name), base) for name in ("build", "clean", "boot"))
        self.packages = []

    def copy_source(self):
        """The files of the work tree that git knows, or all but builds when this is no clone."""
        place = os.path.join(self.build.root, "src/composefs")
        os.makedirs(place)
        if os.path.exists(os.path.join(self.source, ".git")):
            names = output("git", "-c", "safe.directory=*", "-C", self.source, "ls-files", "-z")
            take = ["--null", "--files-from=-"]
        else:
            names, take = b"", ["--exclude=./build*", "."]
        packed = output("tar", "-C", self.source, "-c", *take, input=names)
        output("tar", "-C", place, "-x", "--no-same-owner", input=packed)


@fact
def dpkg_buildpackage_builds_in_a_clean_chroot(scene):
    scene.copy_source()
    scene.build.apt("update")
    scene.build.apt("install", "build-essential", "lintian")
    scene.build.apt("build-dep", "/src/composefs")
    scene.build.run("env", "DEB_BUILD_OPTIONS=nocheck", "dpkg-buildpackage", "-b", "-us", "-uc", cwd="/src/composefs")
    found = glob.glob(os.path.join(scene.build.root, "src/*.deb"))
    scene.packages = sorted(path for path in found if "-dbgsym" not in path)
    expect(sorted(os.path.basename(path).split("_")[0] for path in scene.packages),
           ["composefs", "composefs-initramfs", "libcomposefs-dev", "libcomposefs1"])


@fact
def lintian_finds_no_error(scene):
    changes = [os.path.basename(path) for path in glob.glob(os.path.join(scene.build.root, "src/*.changes"))]
    expect(len(changes), 1, "files of changes")
    done = scene.build.run("lintian", "--allow-root", "--fail-on", "error", "/src/" + changes[0], check=False)
    remark(done.stdout.strip())
    expect(done.returncode, 0, "status of lintian")


@fact
def packages_install_over_those_of_the_release_before(scene):
    clean = scene.clean
    clean.apt("update")
    scene.before = clean.files()
    if clean.run("apt-cache", "policy", "composefs").stdout:
        clean.apt("install", "composefs", "libcomposefs1")
        ensure(not clean.run("dpkg-query", "-W", "-f", "${Version}", "composefs").stdout.startswith("1.4"))
    names = []
    for path in scene.packages:
        if "initramfs" not in path:
            shutil.copy(path, os.path.join(clean.root, "tmp"))
            names.append("/tmp/" + os.path.basename(path))
    clean.apt("install", *names)
    for program in ("mkcomposefs", "composefs-info", "composefs", "mount.composefs"):
        ensure("1.4" in clean.run(program, "--version").stdout, program)


@fact
def commands_work_as_installed(scene):
    """The suites of tests/cli, with links to the installed programs where the build has its own."""
    clean, failed = scene.clean, []
    clean.apt("install", *NEEDED)
    shutil.copytree(os.path.join(scene.build.root, "src/composefs"), os.path.join(clean.root, "tmp/composefs"), symlinks=True)
    clean.run("mkdir", "-p", "/tmp/build/tools")
    for program in glob.glob(clean.root + "/usr/*bin/*composefs*") + glob.glob(clean.root + "/usr/libexec/**/composefs-*", recursive=True):
        clean.run("ln", "-s", program[len(clean.root):], "/tmp/build/tools/")
    for test in scene.tests:
        if (test["name"] in USED or test["name"].startswith("page-")) and test["suite"] == ["composefs:cli"]:
            script, *arguments = [argument.replace(scene.build_root, "/tmp/build").replace(scene.source, "/tmp/composefs")
                                  .replace("/tmp/build/../", "/tmp/composefs/") for argument in test["cmd"][1:]]
            done = clean.run("python3", script, *arguments, cwd="/tmp/build", check=False)
            failed += [f"{test['name']}: {line}" for line in done.stdout.splitlines() if line.startswith(("not ok", "# line"))]
            ensure("ok 1" in done.stdout, f"{test['name']}: {done.stdout}")
    expect(failed, [])


def initrd_of(boot):
    """The names of the files in the only initrd."""
    path, = glob.glob(boot.root + "/boot/initrd.img-*")
    return boot.run("lsinitramfs", path[len(boot.root):]).stdout.splitlines()


@fact
def initrds_have_the_program_while_its_package_is_installed(scene):
    """The kernel's own package makes the initrd, and a trigger of dpkg makes it again."""
    boot, program = scene.boot, "usr/libexec/composefs/composefs-prepare-root"
    boot.apt("update")
    boot.apt("install", "initramfs-tools", "zstd", "linux-image-cloud-amd64")
    ensure(program not in initrd_of(boot), "before the installation")
    for path in scene.packages:
        shutil.copy(path, os.path.join(boot.root, "tmp"))
    boot.apt("install", *("/tmp/" + os.path.basename(path) for path in scene.packages if "-dev" not in path))
    names = initrd_of(boot)
    for name in (program, "scripts/local-bottom/composefs"):
        ensure(name in names, f"{name}: not in the initrd")
    for module in ("erofs", "overlay"):
        ensure([name for name in names if f"/{module}.ko" in name], f"{module}: not in the initrd")
    boot.apt("purge", "composefs-initramfs")
    expect([name for name in initrd_of(boot) if "composefs" in name], [])


@fact
def removal_leaves_nothing_behind(scene):
    clean = scene.clean
    clean.run("rm", "-rf", "/tmp/composefs", "/tmp/build")
    clean.apt("purge", "--autoremove", "composefs", "libcomposefs1", "libcomposefs-dev")
    left = sorted(path for path in clean.files() - scene.before if "composefs" in path)
    expect(left, [])


def main():
    source, suite, build_root = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
    reason = may_take_minutes()
    if reason:
        return skip_program(reason)
    own_namespace()
    tests = json.loads(output("meson", "introspect", "--tests", build_root))
    with tempfile.TemporaryDirectory(prefix="composefs-package-", dir="/var/tmp") as top:
        try:
            scene = Scene(source, suite, tests, top)
        except Skip as reason:
            return skip_program(str(reason))
        scene.build_root = build_root
        try:
            return run_facts(scene)
        finally:
            for chroot in (scene.build, scene.clean, scene.boot):
                subprocess.run(["umount", "--recursive", chroot.root], check=False)


if __name__ == "__main__":
    sys.exit(main())
