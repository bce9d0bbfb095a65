#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The cases of guest/ on a kernel of Debian, in a machine without hardware virtualisation.

    vm_test.py SUITE PROGRAM...

Starts the newest kernel of a suite of Debian once, with the programs (static) in /bin, and tells
the results of all cases. Kernel and busybox are kept in a cache folder of the user.
"""
import os
import re
import subprocess
import sys
import tempfile

import firmware
import kernels
import keys
import machine
from facts import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["virtio_pci", "virtio_blk", "loop", "erofs", "overlay", "ext4", "btrfs", "xfs"]
DISKS = {
    "ext4": (64, ["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "verity"]),
    "btrfs": (128, ["mkfs.btrfs", "-q"]),
    "xfs": (300, ["mkfs.xfs", "-q"]),
    "plain": (64, ["mkfs.ext4", "-q", "-F"]),
    "sealed": (16, ["mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "verity"]),
}
STARTS = 3  # the emulation fails at random, rarely
SILENCE = 240  # seconds without a word: it hangs


def make_disk(path, mebibytes, command):
    with open(path, "wb") as f:
        f.truncate(mebibytes << 20)
    try:
        subprocess.run(command + [path], check=True, capture_output=True,
                       env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    except FileNotFoundError as why:
        raise Skip(f"{command[0]} is not installed") from why


def make_root(path, kernel, programs):
    root = machine.Archive()
    for folder in ("bin", "dev", "guest", "modules"):
        root.folder(folder)
    root.add("dev/console", 0o20600, device=(5, 1))
    root.copy("bin/busybox", kernels.busybox())
    for program in programs:
        root.copy("bin/" + os.path.basename(program), program)
    for name in os.listdir(os.path.join(HERE, "guest")):
        root.copy("init" if name == "init" else "guest/" + name, os.path.join(HERE, "guest", name))
    folder = os.path.join(os.path.dirname(path), "keys")
    for number, name in enumerate(keys.make(folder, programs)):
        if number == 0:
            root.folder("guest/keys")
        root.copy("guest/keys/" + name, os.path.join(folder, name))
    modules = kernel.modules(MODULES)
    for name, data in modules:
        root.file("modules/" + name, data)
    root.file("modules/order", "".join(f"{name}\n" for name, _ in modules).encode())
    root.write(path)


def make_firmware(folder):
    """Its variables, with the certificate for policies. Without them the machine starts without Secure Boot, and
    the cases that need it skip."""
    certificate = os.path.join(folder, "keys", "policies.der")
    if not firmware.there_is() or not os.path.exists(certificate):
        return []
    with open(certificate, "rb") as f:
        firmware.write_variables(os.path.join(folder, "variables"), f.read())
    return [firmware.CODE, os.path.join(folder, "variables")]


def run(kernel, programs):
    """One start, with disks of its own."""
    with tempfile.TemporaryDirectory(prefix="vm-test-", dir=os.getcwd()) as folder:
        make_root(os.path.join(folder, "root"), kernel, programs)
        for name, (mebibytes, command) in DISKS.items():
            make_disk(os.path.join(folder, name), mebibytes, command)
        return machine.start(folder, kernel.image, make_firmware(folder), list(DISKS), SILENCE)


def run_until_complete(kernel, programs):
    for attempt in range(1, STARTS + 1):
        done = run(kernel, programs)
        if not done.crashed:
            break
        print(f"# start {attempt} of {STARTS}: the machine died", flush=True)
    return done


def tell(done, version):
    """The results as TAP. A machine that did not come to its end is one more failure."""
    number = failed = 0
    for line in done.said.replace(machine.END + "\n", "").splitlines():
        result = re.match(r"(not )?ok - (.*)", line)
        if not result:
            print(line if line.startswith("#") else f"# {line}")
            continue
        number += 1
        failed += bool(result.group(1))
        print(f"{result.group(1) or ''}ok {number} - {version} {result.group(2)}")
    number += 1
    if done.complete:
        print(f"ok {number} - {version} the machine came to its end")
    else:
        failed += 1
        print(f"not ok {number} - {version} the machine {'hung' if done.late else 'died'}")
    if failed:
        print("".join(f"# {line}\n" for line in done.tail()), end="")
    print(f"1..{number}")
    return 1 if failed else 0


def main():
    try:
        kernel = kernels.Kernel(sys.argv[1])
        return tell(run_until_complete(kernel, sys.argv[2:]), kernel.version.split("+")[0])
    except Skip as why:
        print(f"1..0 # SKIP {why}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
