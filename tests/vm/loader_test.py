#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Systems that "composefs boot" installs, started by OVMF and systemd-boot of Debian: install, upgrade, rollback, a
system that fails until its boots are used up.

    loader_test.py SUITE PROGRAM...

Six boots with firmware take some minutes, so it runs with $COMPOSEFS_TEST_LONG or $COMPOSEFS_TEST_LOADER alone.
"""
import os
import sys
import tempfile

import firmware
import kernels
import machine
import vm_test
import debian  # found by the path that kernels adds
from facts import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["virtio_pci", "virtio_blk", "loop", "erofs", "overlay", "ext4", "vfat", "nls_cp437", "nls_iso8859-1", "nls_ascii", "nls_utf8", "efivarfs"]


def systemd_boot():
    root = debian.unpacked(kernels.CACHE, "systemd-boot", ["bookworm"], lambda apt: apt.download(["systemd-boot-efi"]))
    return f"{root}/usr/lib/systemd/boot/efi/systemd-bootx64.efi"


def archive(kernel, init, programs):
    """An initrd with this init, busybox and some of our programs."""
    root = machine.Archive()
    for name in ("bin", "dev", "modules"):
        root.folder(name)
    root.add("dev/console", 0o20600, device=(5, 1))
    root.copy("bin/busybox", kernels.busybox())
    for program in programs:
        root.copy("bin/" + os.path.basename(program), program)
    root.copy("init", os.path.join(HERE, "boot", init))
    modules = kernel.modules(MODULES)
    for name, data in modules:
        root.file("modules/" + name, data)
    root.file("modules/order", "".join(f"{name}\n" for name, _ in modules).encode())
    return root


def set_up(folder, kernel, programs):
    """The disks, written by a first start."""
    archive(kernel, "loader-initrd", [programs["composefs-prepare-root"]]).write(f"{folder}/initrd")
    root = archive(kernel, "loader-setup", [programs["composefs"]])
    root.folder("payload")
    for name, path in (("vmlinuz", kernel.image), ("initrd", f"{folder}/initrd"), ("loader.efi", systemd_boot()),
                       ("system", os.path.join(HERE, "boot", "loader-system"))):
        root.copy("payload/" + name, path)
    root.write(f"{folder}/root")
    vm_test.make_disk(f"{folder}/state", 256, ["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "verity"])
    vm_test.make_disk(f"{folder}/boot", 96, ["mkfs.vfat", "-F", "32"])
    return machine.start(folder, kernel.image, [], ["state", "boot"], vm_test.SILENCE)


def run(kernel, programs):
    with tempfile.TemporaryDirectory(prefix="loader-test-", dir=os.getcwd()) as folder:
        done = set_up(folder, kernel, programs)
        if done.crashed or "not ok" in done.said:
            return done
        with open(firmware.EMPTY, "rb") as empty, open(f"{folder}/variables", "wb") as variables:
            variables.write(empty.read())
        return machine.start(folder, None, [firmware.CODE, f"{folder}/variables"], ["state", "boot"], vm_test.SILENCE)


def main():
    try:
        if not os.environ.get("COMPOSEFS_TEST_LONG") and not os.environ.get("COMPOSEFS_TEST_LOADER"):
            raise Skip("COMPOSEFS_TEST_LOADER is not set")
        if not firmware.there_is():
            raise Skip("ovmf is not installed")
        kernel = kernels.Kernel(sys.argv[1])
        programs = {os.path.basename(p): p for p in sys.argv[2:]}
        for _ in range(vm_test.STARTS):
            done = run(kernel, programs)
            if not done.crashed:
                break
            print("# the machine died", flush=True)
        return vm_test.tell(done, kernel.version.split("+")[0])
    except Skip as why:
        print(f"1..0 # SKIP {why}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
