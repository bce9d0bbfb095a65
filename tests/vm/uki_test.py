#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The chain of trust from the firmware to each file: OVMF with Secure Boot, systemd-boot and a UKI that doc/examples/make-uki.sh
makes, the root that the digest in the UKI names. A UKI without signature, or changed after it, does not start.

    uki_test.py SUITE PROGRAM...

Four boots with firmware take some minutes, so it runs with $COMPOSEFS_TEST_LONG or $COMPOSEFS_TEST_LOADER alone.
"""
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import firmware
import kernels
import keys
import loader_test
import machine
import vm_test
from facts import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_UKI = os.path.join(HERE, "..", "..", "doc", "examples", "make-uki.sh")
ARGUMENTS = ["console=ttyS0", "loglevel=7", "panic=-1", "rw"]
SILENCE = 45  # a firmware that starts nothing waits for a key


def write_tree(path, programs):
    """The system as an archive, with the same times in each run."""
    with tarfile.open(path, "w") as tar:
        def add(name, mode, kind=tarfile.REGTYPE, data=b"", link=""):
            info = tarfile.TarInfo(name)
            info.mode, info.type, info.size, info.linkname = mode, kind, len(data), link
            tar.addfile(info, io.BytesIO(data))

        for place in ("bin", "boot", "dev", "etc", "proc", "run", "sbin", "sys", "sysroot", "tmp", "usr", "usr/lib", "var"):
            add(place, 0o755, tarfile.DIRTYPE)
        for name, source in (("bin/busybox", kernels.busybox()), ("bin/composefs", programs["composefs"]),
                             ("sbin/init", os.path.join(HERE, "boot", "uki-system"))):
            with open(source, "rb") as f:
                add(name, 0o755, data=f.read())
        for name in ("sh", "cat", "grep", "mount", "od", "poweroff", "sed", "sync", "umount"):
            add(f"bin/{name}", 0o777, tarfile.SYMTYPE, link="busybox")
        add("usr/version", 0o644, data=b"1\n")


def make_uki(folder, kernel, image_id, name):
    stub = os.path.join(os.path.dirname(loader_test.systemd_boot()), "linuxx64.efi.stub")
    subprocess.run([MAKE_UKI, image_id, kernel.image, f"{folder}/initrd", f"{folder}/policies.pem", f"{folder}/policies.crt",
                    f"{folder}/{name}", *ARGUMENTS], env={**os.environ, "STUB": stub}, check=True, capture_output=True)


def build(folder, kernel, programs):
    """What a build machine makes: the image ID, the initrd, UKIs and a signed boot loader."""
    keys.make_keys(folder)
    write_tree(f"{folder}/tree.tar", programs)
    loader_test.archive(kernel, "loader-initrd", [programs["composefs-prepare-root"]]).write(f"{folder}/initrd")
    composefs = programs["composefs"]
    subprocess.run([composefs, "init", "--insecure", "--algorithm=sha256", f"{folder}/repo"], check=True, capture_output=True)
    made = subprocess.run([composefs, "create-image", f"--repo={folder}/repo", f"{folder}/tree.tar"], check=True, capture_output=True,
                          text=True).stdout.strip()
    with open(f"{folder}/id", "w", encoding="ascii") as f:
        f.write(made + "\n")
    make_uki(folder, kernel, made, "uki.efi")
    make_uki(folder, kernel, "sha256:" + "a" * 64, "other.efi")
    subprocess.run(["sbsign", "--key", f"{folder}/policies.pem", "--cert", f"{folder}/policies.crt", "--output", f"{folder}/loader.efi",
                    loader_test.systemd_boot()], check=True, capture_output=True)


def install(folder, kernel, programs):
    """The disks, written by a start without firmware."""
    root = loader_test.archive(kernel, "uki-setup", [programs["composefs"]])
    root.folder("payload")
    for name in ("loader.efi", "uki.efi", "other.efi", "tree.tar", "id"):
        root.copy("payload/" + name, f"{folder}/{name}")
    root.write(f"{folder}/root")
    vm_test.make_disk(f"{folder}/state", 256, ["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "verity"])
    vm_test.make_disk(f"{folder}/boot", 200, ["mkfs.vfat", "-F", "32"])
    return machine.start(folder, kernel.image, [], ["state", "boot"], vm_test.SILENCE)


def boot(folder, silence):
    firmware.write_variables(f"{folder}/variables", read(f"{folder}/policies.der"))
    return machine.start(folder, None, [firmware.CODE, f"{folder}/variables"], ["state", "boot"], silence)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def refused(folder, what, change):
    """A line of TAP: whether the firmware refuses the UKI after a change of its bytes on the boot partition."""
    offset = f"{folder}/boot"
    listed = subprocess.run(["mdir", "-i", offset, "-/", "-b", "::/"], check=True, capture_output=True, text=True).stdout.split()
    uki = next(path for path in listed if path.endswith(".efi") and "/EFI/BOOT/" not in path.upper())
    kept = read(offset)
    subprocess.run(["mcopy", "-n", "-i", offset, uki, f"{folder}/changed.efi"], check=True)
    change(f"{folder}/changed.efi")
    subprocess.run(["mcopy", "-o", "-i", offset, f"{folder}/changed.efi", uki], check=True)
    done = boot(folder, SILENCE)
    with open(offset, "wb") as f:
        f.write(kept)
    good = "Linux version" not in done.log and "boot 1" not in done.said and re.search("Access Denied|Security Violation", done.log)
    return f"{'ok' if good else 'not ok'} - uki: {what}\n" + "".join(f"# {line}\n" for line in done.log.splitlines()[-3:])


def remove_signature(path):
    subprocess.run(["sbattach", "--remove", path], check=True, capture_output=True)


def change_digest(path):
    data = read(path)
    at = data.index(b"-12:", data.index(b"composefs.digest=")) + len(b"-12:")
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(b"0" if data[at:at + 1] != b"0" else b"1")


def run(kernel, programs):
    with tempfile.TemporaryDirectory(prefix="uki-test-", dir=os.getcwd()) as folder:
        build(folder, kernel, programs)
        done = install(folder, kernel, programs)
        if done.crashed or not done.complete or "not ok" in done.said:
            return done
        before = done.said.replace(machine.END, "")
        before += refused(folder, "the firmware refuses a UKI without signature", remove_signature)
        before += refused(folder, "the firmware refuses a UKI with another digest", change_digest)
        done = boot(folder, vm_test.SILENCE)
        done.said = before + done.said
        return done


def main():
    try:
        if not os.environ.get("COMPOSEFS_TEST_LONG") and not os.environ.get("COMPOSEFS_TEST_LOADER"):
            raise Skip("COMPOSEFS_TEST_LOADER is not set")
        if not firmware.there_is():
            raise Skip("ovmf is not installed")
        for program in ("sbsign", "sbattach", "objcopy", "mcopy", "openssl"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
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
