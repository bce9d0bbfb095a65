#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A newcomer on a clean Debian: the commands of the README from the clone to the removal, as they stand there.

    newcomer_test.py SOURCE SUITE

The commands are the indented blocks of "Try it" and "Install". All run but "make check", which takes much longer and
is what CI runs. The last commit is cloned. It takes minutes, so it runs only with $COMPOSEFS_TEST_PACKAGE or
$COMPOSEFS_TEST_LONG.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from chroot import Chroot, base_of, may_take_minutes, own_namespace  # noqa: E402 pylint: disable=wrong-import-position
from debian import output  # noqa: E402 pylint: disable=wrong-import-position
from facts import Skip, expect, fact, has, run_facts, skip_program  # noqa: E402 pylint: disable=wrong-import-position

SOURCE = os.path.abspath(sys.argv[1])
PLACE = "/tmp/newcomer"


def commands(section):
    """The indented lines of a section of the README, without comments and without sudo: the newcomer is root."""
    with open(SOURCE + "/README.md", encoding="utf-8") as f:
        text = re.search(rf"^## {section}\n(.*?)^## ", f.read(), re.S | re.M)[1]
    lines = [line.split("#")[0].strip() for line in re.findall(r"^    (\S.*)", text, re.M)]
    return [re.sub(r"^sudo ", "", line).replace("URL-OF-THIS-REPOSITORY", "/src.git") for line in lines]


@fact
def blocks_of_try_it_run_as_printed(chroot):
    chroot.run(*"apt-get -qq update".split())
    tried = commands("Try it")
    expect([line for line in tried if not line.startswith(("apt-get", "git clone", "make"))], [])
    for line in tried:
        if line == "make check":
            continue
        folder = PLACE if os.path.exists(chroot.root + PLACE + "/composefs") is False else PLACE + "/composefs"
        done = chroot.run("sh", "-ec", line, cwd=folder)
        if line == "make quickstart":
            has(done.stdout, "All equal")


@fact
def blocks_of_install_run_as_printed(chroot):
    installed = commands("Install")
    expect(installed[:2], ["make PREFIX=/usr", "make install"])
    chroot.before = chroot.files()
    for line in installed[:2]:
        chroot.run("sh", "-ec", line, cwd=PLACE + "/composefs")
    for program, path in (("mkcomposefs", "/usr/bin"), ("composefs", "/usr/bin"), ("mount.composefs", "/usr/sbin")):
        expect(chroot.run("sh", "-c", f"command -v {program}").stdout.strip(), f"{path}/{program}")


@fact
def pages_print_what_they_show(chroot):
    failed = []
    for page in ["README.md", *sorted(glob.glob("doc/*.md", root_dir=SOURCE)), *sorted(glob.glob("doc/jobs/*.md", root_dir=SOURCE))]:
        done = chroot.run("python3", "tests/cli/page_test.py", page, "/usr/bin", cwd=PLACE + "/composefs", check=False)
        failed += [f"{page}: {line}" for line in done.stdout.splitlines() if not line.startswith(("ok", "1.."))]
    expect(failed, [])


@fact
def uninstall_leaves_nothing_behind(chroot):
    chroot.run("make", "uninstall", cwd=PLACE + "/composefs")
    expect(sorted(path for path in chroot.files() - chroot.before if "composefs" in path and not path.endswith("__pycache__")), [])


def main():
    reason = may_take_minutes("git")
    if reason:
        return skip_program(reason)
    own_namespace()
    with tempfile.TemporaryDirectory(prefix="composefs-newcomer-", dir="/var/tmp") as top:
        try:
            chroot = Chroot(os.path.join(top, "root"), base_of(sys.argv[2]))
        except Skip as skip:
            return skip_program(str(skip))
        try:
            os.makedirs(chroot.root + PLACE)
            output("git", "-c", "safe.directory=*", "clone", "-q", "--bare", "--no-local", SOURCE, chroot.root + "/src.git")
            return run_facts(chroot)
        finally:
            subprocess.run(["umount", "--recursive", chroot.root], check=False)


if __name__ == "__main__":
    sys.exit(main())
