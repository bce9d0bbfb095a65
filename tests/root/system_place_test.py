#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The repository that root uses when none is named, in a root directory of its own.

    system_place_test.py COMPOSEFS
"""
import os
import shutil
import subprocess
import sys
import tempfile

from scene import LIBC, ensure, enter_namespace, expect, fact, mount_call, run_facts

COMPOSEFS = os.path.abspath(sys.argv[1])
MS_BIND_REC = 4096 | 16384


def bind(source, target):
    os.makedirs(target, exist_ok=True)
    if LIBC.mount(source.encode(), target.encode(), None, MS_BIND_REC, None):
        raise OSError(f"bind {source} to {target}")


class Root:
    """A root directory in memory with the programs and libraries of this machine; the tools lie in /tools."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="system-place-")
        mount_call("none", self.top, "tmpfs")
        for name in ("usr", "lib", "lib64", "proc", "dev"):
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), f"{self.top}/{name}")
            elif os.path.isdir(f"/{name}"):
                bind(f"/{name}", f"{self.top}/{name}")
        bind(os.path.dirname(COMPOSEFS), f"{self.top}/tools")

    def run(self, *args, program="composefs"):
        done = subprocess.run([program, *args], executable=f"/tools/{os.path.basename(COMPOSEFS)}", capture_output=True, text=True,
                              check=False, env={}, preexec_fn=lambda: (os.chroot(self.top), os.chdir("/")))
        return done.returncode, done.stdout, done.stderr

    def empty(self):
        for name in ("sysroot", "composefs", "var"):
            shutil.rmtree(f"{self.top}/{name}", ignore_errors=True)


@fact
def the_default_of_root_is_the_first_place_that_exists(root):
    root.empty()
    said = root.run("images")
    ensure("and at /var/lib/composefs (" in said[2], said)
    for place in ("/var/lib/composefs", "/composefs", "/sysroot/composefs"):
        expect(root.run("init", "--insecure", place)[:2], (0, f"{place}: created\n"))
        expect(root.run("init", "--insecure", "--system")[1], f"{place}: already exists\n")
        said = root.run("untag", "none")
        ensure(said[2].endswith(f"(repository {place})\n"), said)


@fact
def a_new_repository_of_the_system_is_below_var(root):
    root.empty()
    expect(root.run("init", "--insecure", "--system")[1], "/var/lib/composefs: created\n")
    root.empty()
    os.mkdir(f"{root.top}/composefs")
    expect(root.run("init", "--insecure", "--system")[1], "/composefs: created\n")


@fact
def cfsctl_has_the_place_of_composefs_rs(root):
    root.empty()
    os.makedirs(f"{root.top}/var/lib/composefs")
    expect(root.run("init", "--insecure", program="cfsctl")[1].splitlines()[0], "Initialized composefs repository at /sysroot/composefs")


if __name__ == "__main__":
    enter_namespace()
    ROOT = Root()
    STATUS = run_facts(ROOT)
    LIBC.umount2(ROOT.top.encode(), 2)  # MNT_DETACH
    os.rmdir(ROOT.top)
    sys.exit(STATUS)
