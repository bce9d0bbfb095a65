#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Paths that are not what their text says: links in /proc, and links to what is not mounted.

    places_test.py COMPOSEFS MKCOMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from scene import Skip, ensure, enter_namespace, expect, fact, mount_call, run, run_facts_each_in

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(path) for path in sys.argv[1:3])


class Place:
    """A tree, and a process in another mount namespace, which has a filesystem at there/."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="composefs-places-")
        os.makedirs(f"{self.dir}/tree")
        os.mkdir(f"{self.dir}/there")
        with open(f"{self.dir}/tree/file", "w", encoding="ascii") as f:
            f.write("content" * 1000)
        self.child = None

    def other_namespace(self):
        script = f"mount -t tmpfs none {self.dir}/there && mkdir {self.dir}/there/dir && echo && exec sleep 600"
        self.child = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdout=subprocess.PIPE)
        self.child.stdout.readline()
        return f"/proc/{self.child.pid}/root{self.dir}/there/dir"

    def close(self):
        if self.child:
            self.child.kill()
            self.child.communicate()
        shutil.rmtree(self.dir)


@fact
def a_path_into_another_mount_namespace_is_used(place):
    inside = place.other_namespace()
    run(MKCOMPOSEFS, f"--digest-store={inside}/store", f"{place.dir}/tree", f"{inside}/image")
    run(COMPOSEFS, "init", "--insecure", f"{inside}/repo")
    run(COMPOSEFS, "create-image", f"--repo={inside}/repo", f"{place.dir}/tree", "os")
    expect(sorted(os.listdir(inside)), ["image", "repo", "store"])
    expect(os.listdir(f"{place.dir}/there"), [])


@fact
def a_descriptor_of_a_directory_in_another_namespace_is_used(place):
    inside = place.other_namespace()
    fd = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        subprocess.run([MKCOMPOSEFS, f"--digest-store=/proc/self/fd/{fd}/store", f"{place.dir}/tree",
                        f"/proc/self/fd/{fd}/image"], pass_fds=[fd], check=True, stderr=subprocess.DEVNULL)
    finally:
        os.close(fd)
    expect(sorted(os.listdir(inside)), ["image", "store"])
    expect(os.listdir(f"{place.dir}/there"), [])


@fact
def an_old_repository_behind_a_link_of_another_user_is_not_upgraded(place):
    old, home, cfsctl = f"{place.dir}/old", f"{place.dir}/home", f"{place.dir}/cfsctl"
    os.symlink(COMPOSEFS, cfsctl)
    run(COMPOSEFS, "init", "--insecure", old)
    run(COMPOSEFS, "create-image", f"--repo={old}", f"{place.dir}/tree", "os")
    os.unlink(f"{old}/meta.json")
    os.mkdir(home)
    os.symlink(old, f"{home}/link")
    for path in (f"{home}/link", home):
        os.lchown(path, 12345, 12345)
    done = subprocess.run([cfsctl, f"--repo={home}/link", "--insecure", "images"], check=False, capture_output=True, text=True)
    expect((done.returncode, os.path.exists(f"{old}/meta.json")), (1, False), done.stderr)
    ensure('symbolic link "link": not followed' in done.stderr, done.stderr)
    run(cfsctl, f"--repo={old}", "--insecure", "images")
    ensure(os.path.exists(f"{old}/meta.json"), "it was not upgraded")


@fact
def default_keys_behind_a_dangling_link_are_an_error(place):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    mount_call("none", "/run", "tmpfs")
    os.chdir(place.dir)
    run(MKCOMPOSEFS, "tree", "image")
    os.mkdir("keys")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "key")
    run("openssl", "pkey", "-in", "key", "-pubout", "-out", "keys/key.pub")
    run(COMPOSEFS, "sign", "--key=key", "image")
    verify = [COMPOSEFS, "verify", "--trusted=keys", "image"]
    expect(subprocess.run(verify, check=False, capture_output=True).returncode, 0)
    os.makedirs("var/revoked.d")
    shutil.copy("keys/key.pub", "var/revoked.d")
    os.symlink(f"{place.dir}/var", "/run/composefs")
    expect(subprocess.run(verify, check=False, capture_output=True).returncode, 14)
    os.rename("var", "not-mounted")
    done = subprocess.run(verify, check=False, capture_output=True, text=True)
    expect(done.returncode, 1)
    ensure("keys: /run/composefs: No such file or directory" in done.stderr, done.stderr)


enter_namespace()
sys.exit(run_facts_each_in(Place))
