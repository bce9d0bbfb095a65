#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The examples of --help as they are printed, on ext4 without fs-verity, as most systems have it.

    help_examples_test.py TOOLS
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from scene import LIBC, Skip, ensure, enter_namespace, fact, mount_call, remark, run_facts, skip_all

TOOLS = os.path.abspath(sys.argv[1])
LAYOUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "oci", "boot")
DIFFERENT = 1  # what diff and explain return for trees that differ
# Lines that cannot be run as they are printed. Each is printed with its reason.
LEFT_OUT = (
    (r"https:|docker:|registry\.example", "needs the network"),
    (r" ID |sha256:\.\.\.", "has a placeholder"),
    (r"^composefs enable-objects", "needs a signature in the kernel"),
    (r"^composefs watch$", "runs until it is stopped"),
    (r"^composefs record ", "needs Linux 6.15 and /dev/fuse"),
    (r"^mount -t|^or, as|^mount\.composefs -o basedir=/composefs", "needs mount.composefs in /sbin"),
    (r"^composefs oci (pull oci|mount app)", "uses the repository of the system"),
    (r"^composefs boot ", "needs boot entries"),
    (r"^(podman|crun) ", "needs another program"),
    (r"^composefs oci bundle", "needs an image with /proc"),
    (r"^composefs umount bundle", "follows the line before it"),
    (r"^composefs(-info)? .*(\.\.\.)", "is not complete"),
)
# Where the examples write: each gets an empty tmpfs, unless the programs under test lie below it.
HIDDEN = [place for place in ("/srv", "/mnt", "/tmp") if not f"{TOOLS}/".startswith(f"{place}/")]


def shell(script, cwd, ok=(0,)):
    env = {**os.environ, "PATH": f"{TOOLS}:/usr/sbin:/sbin:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    ensure(done.returncode in ok, f"{script}: status {done.returncode}: {done.stderr}")
    return done


STAGE = """
mkdir -p tree/etc/ssh tree/usr/bin tree/dir changed/etc small/etc
echo 'NAME=example' >tree/etc/os-release
echo root:x:0:0::/: >tree/etc/passwd
head -c 5000 /dev/zero >tree/usr/bin/tool
chmod 0755 tree/usr/bin/tool
cp -a tree/. changed/
head -c 9000 /dev/zero >changed/usr/bin/tool
echo small >small/etc/os-release
composefs init --insecure repo
for name in docs os/1 os/7; do composefs create-image --repo=repo tree $name; done
composefs create-image --repo=repo changed os/2
mkcomposefs --digest-store=objects tree image.cfs
mkcomposefs --digest-store=objects tree old.cfs
mkcomposefs --digest-store=objects changed new.cfs
mkcomposefs small os.cfs
for name in os/5 os/6 os/latest; do composefs create-image --repo=repo tree $name; done
composefs create-image --repo=repo changed os/latest
mkdir -p /srv/tree /srv/root
cp -a tree/. /srv/tree/
cp -a tree/. /srv/root/
mkdir -p /srv/root/boot /srv/root/sysroot
mkcomposefs --print-digest-only /srv/tree >published.digest
printf '#!/bin/sh\\n' >import-all
chmod 0755 import-all
tar -C tree -cf - . | zstd -q >rootfs.tar.zst
tar -C tree -czf rootfs.tar.gz .
cp -a LAYOUT layout
composefs oci pull --repo=repo oci:layout:latest app
composefs oci tag --repo=repo app app:1
mkdir keys.d
openssl genpkey -algorithm ed25519 -out key.pem
openssl pkey -in key.pem -pubout -out keys.d/key
"""
BEFORE = {
    "oci verify": "composefs oci seal --repo=repo --key=key.pem app",
    "status": "composefs mount --repo=repo docs /mnt",
    "umount": "composefs mount --repo=repo docs /mnt",
    "verify": "composefs sign --key=key.pem image.cfs",
    "sign-objects": "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=test -days 9 2>/dev/null",
}


def examples(program, *command):
    """The lines below "Example:"."""
    done = subprocess.run([f"{TOOLS}/{program}", *command, "--help"], capture_output=True, text=True, check=True)
    found = [l.strip() for block in re.findall(r"^Example:\n((?:  .*\n)+)", done.stdout, re.M) for l in block.splitlines()]
    return [l for l in found if not is_left_out(l)]


def is_left_out(line):
    reason = next((reason for pattern, reason in LEFT_OUT if re.search(pattern, line)), None)
    if reason:
        remark(f"left out, {reason}: {line}")
    return reason is not None


class Disk:
    """A new ext4 without the feature verity, in which every command begins with the same files."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="examples-test-", dir=os.getcwd())
        with open(f"{self.top}/disk", "wb") as f:
            f.truncate(200 << 20)
        self.point = f"{self.top}/point"
        os.mkdir(self.point)
        done = subprocess.run("mkfs.ext4 -q -O ^verity disk && mount -o loop disk point", shell=True, cwd=self.top,
                              env={**os.environ, "PATH": f"/usr/sbin:/sbin:{os.environ['PATH']}"}, capture_output=True, check=False)
        if done.returncode:
            shutil.rmtree(self.top)
            skip_all(f"no ext4 on a loop device: {done.stderr.decode().strip()}")
        for place in HIDDEN:
            mount_call("none", place, "tmpfs")
        self.stage()

    def stage(self):
        os.mkdir(f"{self.point}/docs")
        with open(f"{self.point}/docs/README", "w", encoding="ascii") as f:
            f.write("long " * 1000)
        if LIBC.mount(f"{self.point}/docs".encode(), b"/usr/share/doc", None, 4096, None):
            raise OSError("bind /usr/share/doc")
        os.mkdir(f"{self.point}/stage")
        shell(STAGE.replace("LAYOUT", LAYOUT), f"{self.point}/stage")
        self.clean()

    def fresh(self):
        shutil.rmtree(f"{self.point}/here", ignore_errors=True)
        shutil.copytree(f"{self.point}/stage", f"{self.point}/here", symlinks=True)
        return f"{self.point}/here"

    def clean(self):
        while LIBC.umount2(b"/mnt", 2) == 0 and os.path.ismount("/mnt"):
            pass
        mount_call("none", "/mnt", "tmpfs")
        for place in ("backup", "usb"):
            os.mkdir(f"/mnt/{place}")
            shutil.copytree(f"{self.point}/stage/repo", f"/mnt/{place}/repo", symlinks=True)
        shutil.rmtree("/tmp/ssh", ignore_errors=True)

    def close(self):
        for place in ("/usr/share/doc", *HIDDEN, self.point):
            LIBC.umount2(place.encode(), 2)
        shutil.rmtree(self.top)


@fact
def the_first_steps_work_as_printed(disk):
    place = f"{disk.point}/first"
    os.mkdir(place)
    script = "\n".join(examples("composefs"))
    shell(script, place)
    ensure(os.listdir("/mnt") == ["README"], os.listdir("/mnt"))
    disk.clean()


def commands():
    """Each command, and each verb of oci."""
    return [(name,) for name in list_verbs()] + [("oci", name) for name in list_verbs("oci")]


def list_verbs(*family):
    text = subprocess.run([f"{TOOLS}/composefs", *family, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*)  +\S", text.partition("\nExample:")[0], re.M)


@fact
def the_examples_of_each_command_work_as_printed(disk):
    n_lines = 0
    for command in commands():
        for line in examples("composefs", *command):
            name = " ".join(command)
            if name == "sign-objects" and not os.path.exists(f"{TOOLS}/composefs-pkcs7"):
                continue
            shell(BEFORE.get(name, ""), place := disk.fresh())
            shell(line, place, (0, DIFFERENT) if name in ("diff", "explain") else (0,))
            disk.clean()
            n_lines += 1
    ensure(n_lines > 45, f"{n_lines} examples")


@fact
def the_examples_of_the_other_programs_work_as_printed(disk):
    for program in ("mkcomposefs", "composefs-info", "composefs-dump", "composefs-fsck"):
        for line in examples(program):
            shell(line, disk.fresh())


@fact
def init_without_insecure_says_what_to_do(disk):
    done = subprocess.run([f"{TOOLS}/composefs", "init", "sealed"], cwd=disk.point, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        raise Skip("this kernel sets the feature")
    for part in ("tune2fs -O verity /dev/loop" if "lacks the feature" in done.stderr else "CONFIG_FS_VERITY", "or --insecure creates it without fs-verity",
                 "see composefs doctor"):
        ensure(part in done.stderr, done.stderr)


if __name__ == "__main__":
    enter_namespace()
    DISK = Disk()
    try:
        STATUS = run_facts(DISK)
    finally:
        DISK.close()
    sys.exit(STATUS)
