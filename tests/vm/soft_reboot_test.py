#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs boot soft-reboot under systemd: two images of a tree of debootstrap, of which the first starts the second.

    soft_reboot_test.py SUITE PROGRAM...

It takes minutes and a tree of debootstrap, so it runs with $COMPOSEFS_TEST_LONG or $COMPOSEFS_TEST_LOADER alone. The kernel of
this machine has no fs-verity, so nothing is verified here; vm-boot is about that.
"""
import os
import subprocess
import sys
import tempfile

import initrds_test
import kernels
import loader_test
import machine
import vm_test
from facts import Skip
from chroot import Chroot, base_of, own_namespace  # found by the path that initrds_test adds

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = "[composefs]\nallow-insecure = yes\n"
UNIT = "[Service]\nType=oneshot\nExecStart=/usr/lib/soft-system\n"
AT = ("--root=disk", "--boot=disk/loader", "--run=none")


def fill_tree(root, programs):
    """What both images have beside the packages."""
    put = initrds_test.put
    put(root, "usr/bin/composefs", source=programs["composefs"], mode=0o755)
    put(root, "usr/lib/soft-system", source=os.path.join(HERE, "boot", "soft-system"), mode=0o755)
    put(root, "etc/systemd/system/soft-system.service", UNIT)
    os.makedirs(f"{root}/etc/systemd/system/multi-user.target.wants", exist_ok=True)
    os.symlink("../soft-system.service", f"{root}/etc/systemd/system/multi-user.target.wants/soft-system.service")
    put(root, "etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    put(root, "etc/composefs/prepare-root.conf", CONFIG)
    os.makedirs(f"{root}/sysroot")
    for name in ("vmlinuz", "initramfs.img"):  # QEMU starts the real ones
        put(root, f"usr/lib/modules/6/{name}", name)


def install_both(folder, root, composefs):
    """The state disk; the digest of the first image."""
    def call(*args):
        done = subprocess.run([composefs, *args], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"composefs {' '.join(args)}: expected status 0, got {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    vm_test.make_disk(f"{folder}/state", 1024, ["mkfs.ext4", "-q", "-F"])
    os.mkdir(f"{folder}/disk")
    subprocess.run(["mount", "-o", "loop", f"{folder}/state", f"{folder}/disk"], check=True)
    os.makedirs(f"{folder}/disk/loader/loader/entries")
    call("init", "--insecure", "--algorithm=sha256", "disk/composefs")
    for version in "12":
        initrds_test.put(root, "usr/lib/version", version)
        call("create-image", "--one-file-system", "--repo=disk/composefs", root, "os/" + version)
        call("boot", "install", *AT, "--insecure", "os/" + version)
    digest = os.path.basename(os.readlink(f"{folder}/disk/composefs/images/refs/os/1"))
    subprocess.run(["umount", f"{folder}/disk"], check=True)
    return digest


def run(top, suite, programs):
    kernel = kernels.Kernel(suite + "-backports")
    chroot = Chroot(os.path.join(top, "chroot"), base_of(suite, "-initrd", initrds_test.PACKAGES))
    folder = os.path.join(top, "machine")
    os.mkdir(folder)
    fill_tree(chroot.root, programs)
    digest = install_both(folder, chroot.root, programs["composefs"])
    root = loader_test.archive(kernel, "loader-initrd", [programs["composefs-prepare-root"]])
    root.folder("etc")
    root.folder("etc/composefs")
    root.file("etc/composefs/prepare-root.conf", CONFIG.encode())
    root.write(f"{folder}/root")
    cmdline = f"{machine.CMDLINE} no_timer_check systemd.firstboot=no composefs.digest=?v1-sha256-12:{digest}"
    done = machine.start(folder, kernel.image, [], ["state"], vm_test.SILENCE, cmdline)
    return vm_test.tell(done, kernel.version.split("+")[0])


def main():
    if not os.environ.get("COMPOSEFS_TEST_LONG") and not os.environ.get("COMPOSEFS_TEST_LOADER"):
        print("1..0 # SKIP COMPOSEFS_TEST_LOADER is not set")
        return 0
    if os.geteuid():
        print("1..0 # SKIP needs root")
        return 0
    own_namespace()
    programs = {os.path.basename(p): os.path.abspath(p) for p in sys.argv[2:]}
    with tempfile.TemporaryDirectory(prefix="soft-reboot-test-", dir="/var/tmp") as top:
        try:
            return run(top, sys.argv[1], programs)
        except Skip as why:
            print(f"1..0 # SKIP {why}")
            return 0
        finally:
            subprocess.run(["umount", "-R", "-l", f"{top}/chroot/root"], capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
