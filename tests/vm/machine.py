# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A machine without hardware virtualisation: an archive of files that is its root, disks, two serial
lines. The kernel's messages come over the first, what the tests say over the second."""
import os
import re
import shutil
import stat
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip  # noqa: E402  pylint: disable=wrong-import-position

QEMU = "qemu-system-x86_64"
# QEMU 7.2 loses flags around cmpxchg16b when it emulates: the CPU has none.
COMMAND = [QEMU, "-M", "q35", "-accel", "tcg", "-cpu", "EPYC-Rome,-cx16", "-m", "768", "-nodefaults",
           "-display", "none"]
# A line for the kernel, one for the tests; whatever goes wrong in the kernel ends the machine.
CMDLINE = "console=ttyS0 loglevel=7 panic=-1 oops=panic"
END = "END OF TESTS"
# Ends of lines, and what firmware makes of a terminal.
CONTROLS = re.compile(r"\r|\x1b\[[=?]?[0-9;]*[A-Za-z]")


class Archive:
    """A cpio archive, as the kernel unpacks it for its first root."""

    def __init__(self):
        self.data = bytearray()
        self.number = 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        self.number += 1
        name = name.encode() + b"\0"
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.data += b"\0" * (-len(self.data) % 4) + data
        self.data += b"\0" * (-len(self.data) % 4)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        self.add(name, stat.S_IFREG | mode, data)

    def copy(self, name, path):
        with open(path, "rb") as f:
            self.file(name, f.read())

    def write(self, path):
        self.add("TRAILER!!!", 0)
        with open(path, "wb") as f:
            f.write(self.data)


class Run:
    """What came of one start: the text of both lines, and whether time ran out."""

    def __init__(self, folder, late):
        self.late = late
        self.log = self.read(folder, "console")
        self.said = self.read(folder, "said")
        self.complete = END in self.said
        # The emulation may still fail at random: then the kernel dies of it, or the machine stops.
        self.crashed = not self.complete and (not late or bool(re.search(r"Oops|Kernel panic|BUG:", self.log)))

    @staticmethod
    def read(folder, name):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
            return CONTROLS.sub("", f.read())

    def tail(self):
        """The last of the kernel's log, and of what the tests said."""
        return self.log.splitlines()[-40:] + self.said.splitlines()[-10:]


def wait(process, folder, silence):
    """Until the process ends, its status; None, and the process is killed, when nothing came over the lines while it
    was looked at silence times, once a second. A busy host makes a machine slow: so it has time as long as it speaks."""
    before, silent = None, 0
    while True:
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            heard = [os.path.getsize(f"{folder}/{name}") for name in ("console", "said")]
        silent = silent + 1 if heard == before else 0
        before = heard
        if silent == silence:
            process.kill()
            process.wait()
            return None


def start(folder, image, flash, disks, silence, cmdline=CMDLINE):
    """Runs a machine with folder/root as its root archive, until it switches itself off, or says nothing for so many
    seconds. Flash is the files of its firmware, code and variables, or none; disks are folder/NAME in order: /dev/vda
    and so on. Without an image, the firmware starts what the disks have, again after each reboot."""
    if not shutil.which(QEMU):
        raise Skip(f"{QEMU} is not installed")
    command = COMMAND + ["-no-reboot", "-kernel", image, "-initrd", f"{folder}/root", "-append", cmdline] if image else list(COMMAND)
    command += ["-serial", f"file:{folder}/console", "-serial", f"file:{folder}/said"]
    for unit, path in enumerate(flash):
        command += ["-drive", f"if=pflash,unit={unit},file={path},format=raw,readonly={'off' if unit else 'on'}"]
    for disk in disks:
        command += ["-drive", f"file={folder}/{disk},if=virtio,format=raw,cache=unsafe"]
    for name in ("console", "said"):
        with open(f"{folder}/{name}", "wb"):
            pass
    with open(f"{folder}/qemu", "wb") as out, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                                               stderr=out) as process:
        status = wait(process, folder, silence)
    if status:
        with open(f"{folder}/qemu", encoding="utf-8", errors="replace") as f:
            raise AssertionError(f"{QEMU}: expected status 0, got {status}: {f.read().strip()}")
    return Run(folder, status is None)
