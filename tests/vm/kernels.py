# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Kernels of Debian, and the modules that a test needs."""
import glob
import lzma
import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import debian  # noqa: E402  pylint: disable=wrong-import-position

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "composefs-tests")
META = "linux-image-cloud-amd64"  # depends on the newest kernel of its suite


def parts(apt):
    """The packages behind META: vmlinuz and modules are in one, or in one each."""
    found = re.findall(r"^\s*Depends: (linux-(?:image|binary|modules)-\d\S*)$",
                       apt.run("apt-cache", "depends", "--recurse", "--important", META), re.M)
    return sorted(set(found))


def busybox():
    root = debian.unpacked(CACHE, "busybox", ["bookworm"], lambda apt: apt.download(["busybox-static"]))
    return next(p for p in (f"{root}/bin/busybox", f"{root}/usr/bin/busybox") if os.path.exists(p))


class Kernel:
    """The newest kernel of a suite, fetched once."""

    def __init__(self, suite):
        root = debian.unpacked(CACHE, f"linux-{suite}", [suite], lambda apt: apt.download(parts(apt)))
        folder = glob.glob(f"{root}/lib/modules/*") + glob.glob(f"{root}/usr/lib/modules/*")
        self.folder = folder[0]  # of its modules
        self.version = os.path.basename(folder[0])
        self.image = (glob.glob(f"{root}/boot/vmlinuz-*") + [f"{folder[0]}/vmlinuz"])[0]
        self.files = {}
        for path in glob.glob(f"{folder[0]}/**/*.ko*", recursive=True):
            self.files[os.path.basename(path).split(".")[0].replace("-", "_")] = path

    def modules(self, names):
        """Names and contents of modules, each behind those that it needs. What has no file is built in."""
        done = {}

        def add(name):
            name = name.replace("-", "_")
            if name in done or name not in self.files:
                return
            done[name] = b""  # against loops
            with (lzma.open if self.files[name].endswith(".xz") else open)(self.files[name], "rb") as f:
                data = f.read()
            for wanted in re.search(rb"\0depends=([^\0]*)\0", data).group(1).decode().split(","):
                add(wanted)
            del done[name]
            done[name] = data

        for name in names:
            add(name)
        return list(done.items())
