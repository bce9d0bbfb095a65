#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The RPM packages, built from the tarball of "make dist": this also builds and tests the tarball.

    rpm_test.py SOURCE BUILD

Debian's rpmbuild stands in for that of Fedora: it checks the spec, the build and the list of files, but not the names of
Fedora's packages. It takes minutes, so it runs only with $COMPOSEFS_TEST_PACKAGE or $COMPOSEFS_TEST_LONG.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from debian import output  # noqa: E402 pylint: disable=wrong-import-position
from facts import ensure, expect, fact, has, run_facts, skip_program  # noqa: E402 pylint: disable=wrong-import-position

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])


@fact
def tarball_has_the_files_of_the_last_commit(top):
    output("meson", "dist", "-C", BUILD, "--no-tests", "--allow-dirty", "--formats", "xztar")
    for path in glob.glob(BUILD + "/meson-dist/*.tar.xz"):
        shutil.copy(path, top)
    packed = output("tar", "-tf", glob.glob(top + "/*.tar.xz")[0]).decode().splitlines()
    names = {name.partition("/")[2] for name in packed if not name.endswith("/")}
    expect(sorted(set(output("git", "-c", "safe.directory=*", "-C", SOURCE, "ls-tree", "-r", "--name-only", "HEAD").decode().split("\n"))
                  - names - {""}), [])


@fact
def packages_are_built_from_the_tarball_and_its_tests_pass(top):
    done = subprocess.run(["rpmbuild", "-ba", "--nodeps", "--define", f"_sourcedir {top}", "--define", f"_topdir {top}/rpm",
                           SOURCE + "/packaging/composefs.spec"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    expect(done.returncode, 0, done.stdout[-3000:])
    built = sorted(os.path.basename(path).rsplit("-", 2)[0] for path in glob.glob(top + "/rpm/RPMS/*/*.rpm"))
    expect([name for name in built if "debug" not in name], ["composefs", "composefs-devel", "composefs-dracut", "composefs-libs"])


@fact
def packages_contain_programs_library_and_initrd_part(top):
    def files(name):
        paths = [path for path in glob.glob(f"{top}/rpm/RPMS/*/{name}-1*.rpm")]
        expect(len(paths), 1, f"packages {name}")
        return output("rpm", "-qlp", paths[0]).decode()
    has(files("composefs"), "/usr/bin/mkcomposefs\n")
    has(files("composefs"), "/mount.composefs\n")
    has(files("composefs-libs"), "libcomposefs.so.1\n")
    has(files("composefs-devel"), "composefs.pc\n")
    has(files("composefs-dracut"), "/composefs/composefs-prepare-root\n")
    ensure("/composefs/composefs-prepare-root\n" not in files("composefs"))  # the tab key knows it


def main():
    if not (os.environ.get("COMPOSEFS_TEST_PACKAGE") or os.environ.get("COMPOSEFS_TEST_LONG")):
        return skip_program("it takes minutes: set COMPOSEFS_TEST_PACKAGE")
    for program in ("rpmbuild", "rpm", "git"):
        if not shutil.which(program):
            return skip_program(f"{program} is not installed")
    if not os.path.exists(SOURCE + "/.git"):
        return skip_program("the source is no clone, so there is no tarball of a commit")
    with tempfile.TemporaryDirectory(prefix="composefs-rpm-", dir="/var/tmp") as top:
        return run_facts(top)


if __name__ == "__main__":
    sys.exit(main())
