#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs-prepare-root in an initrd of its own on a kernel of Debian: the cases of boot/deploy.sh and boot/cases.sh, then
the boot of a system from an image.

    boot_test.py SUITE PROGRAM...
"""
import os
import shutil
import subprocess
import sys
import tempfile

import kernels
import machine
import vm_test
from facts import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["virtio_pci", "virtio_blk", "loop", "erofs", "overlay", "ext4", "vfat", "nls_cp437", "nls_iso8859-1", "nls_ascii", "nls_utf8"]
PROGRAMS = ("composefs", "composefs-info", "composefs-prepare-root", "mkcomposefs", "probe")


def make_keys(root, folder):
    """An Ed25519 key; its name in a directory of signatures is its ID."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    key = os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    public = [subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", form], check=True,
                             capture_output=True).stdout for form in ("PEM", "DER")]
    root.folder("guest/keys")
    root.copy("guest/keys/key.pem", key)
    root.file("guest/keys/public.pem", public[0], 0o644)
    root.file("guest/keys/id", public[1][-32:].hex().encode(), 0o644)


def make_root(folder, kernel, programs):
    root = machine.Archive()
    for name in ("bin", "dev", "guest", "modules"):
        root.folder(name)
    root.add("dev/console", 0o20600, device=(5, 1))
    root.copy("bin/busybox", kernels.busybox())
    for program in programs:
        if os.path.basename(program) in PROGRAMS:
            root.copy("bin/" + os.path.basename(program), program)
    root.copy("init", os.path.join(HERE, "boot", "init"))
    for name in ("cases.sh", "deploy.sh", "system"):
        root.copy("guest/" + name, os.path.join(HERE, "boot", name))
    root.copy("guest/lib.sh", os.path.join(HERE, "guest", "lib.sh"))
    make_keys(root, folder)
    modules = kernel.modules(MODULES)
    for name, data in modules:
        root.file("modules/" + name, data)
    root.file("modules/order", "".join(f"{name}\n" for name, _ in modules).encode())
    root.write(os.path.join(folder, "root"))


def run(kernel, programs):
    """One start, with a disk of its own."""
    with tempfile.TemporaryDirectory(prefix="boot-test-", dir=os.getcwd()) as folder:
        make_root(folder, kernel, programs)
        vm_test.make_disk(os.path.join(folder, "ext4"), *vm_test.DISKS["ext4"])
        disks = ["ext4"]
        if shutil.which("mkfs.vfat", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            vm_test.make_disk(os.path.join(folder, "boot"), 12, ["mkfs.vfat"])
            disks.append("boot")
        return machine.start(folder, kernel.image, [], disks, vm_test.SILENCE)


def main():
    try:
        kernel = kernels.Kernel(sys.argv[1])
        for _ in range(vm_test.STARTS):
            done = run(kernel, sys.argv[2:])
            if not done.crashed:
                break
            print("# the machine died", flush=True)
        return vm_test.tell(done, kernel.version.split("+")[0])
    except Skip as why:
        print(f"1..0 # SKIP {why}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
