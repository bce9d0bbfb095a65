# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A state disk d and a boot partition b for tests of "composefs boot"."""
import json
import os
import shutil

from repo import ensure, expect, good, has, once, set_times, write

AT = ("--root=d", "--boot=b", "--run=run")
CHANGE = (*AT, "--insecure")


def tree(name, version, kernel="kernel", kver="6.12.1"):
    """A tree that can be booted: os-release, kernel and initrd, too large to be inside the image."""
    write(f"{name}/usr/lib/modules/{kver}/vmlinuz", kernel * 5000)
    write(f"{name}/usr/lib/modules/{kver}/initramfs.img", f"initrd of {kernel}" * 5000)
    write(f"{name}/usr/lib/os-release", f'ID=my\nPRETTY_NAME="My OS {version}"\nVERSION_ID={version}\n')
    write(f"{name}/usr/lib/modules/empty/README", "no kernel")
    os.makedirs(f"{name}/var", exist_ok=True)
    write(f"{name}/etc/hostname", f"host {version}\n")
    set_times(name)


def image(name, version, **tree_args):
    """An image named os/VERSION; its digest in hex."""
    tree(name, version, **tree_args)
    made = good("create-image", "--repo=d/composefs", name, f"os/{version}").strip().split(":")[1]
    shutil.rmtree(name)
    return made


def prepared():
    """A state disk d and a boot partition b; images os/1 to os/3, of which os/3 has another kernel."""
    os.makedirs("b/loader/entries")
    os.makedirs("run/composefs")
    write("b/loader/entries/debian.conf", "title Debian\nsort-key debian\nlinux /vmlinuz\noptions root=/dev/sda1\n")
    good("init", "--insecure", "--algorithm=sha256", "d/composefs")
    image("t1", "1")
    image("t2", "2")
    image("t3", "3", kernel="another")


make = once(prepared)


def ids():
    return {name: os.readlink(f"d/composefs/images/refs/os/{name}").rsplit("/", maxsplit=1)[-1] for name in "123"}


def install(version, *args):
    return good("boot", "install", *CHANGE, *args, f"os/{version}").strip()


def status():
    return json.loads(good("boot", "status", *AT, "--json"))


def deployments(*fields):
    return [tuple(d[field] for field in fields) for d in status()["deployments"]]


def versions():
    """Of the deployments with an entry."""
    return [version for version, entry_id in deployments("version", "entry") if entry_id]


def boot(version):
    """What the initrd leaves in the running system."""
    write("run/composefs/booted", json.dumps({"version": 1, "digest": f"sha256:{ids()[version]}", "verified": False},
                                             separators=(",", ":")))


def entry(file):
    with open(f"b/loader/entries/{file}", encoding="utf-8") as f:
        return [line.split(" ", 1) for line in f.read().splitlines()]


def kernels():
    return sorted(os.listdir("b/composefs")) if os.path.isdir("b/composefs") else []


def content(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def refs():
    return sorted(os.listdir("d/composefs/images/refs/boot")) if os.path.isdir("d/composefs/images/refs/boot") else []


def sound():
    """Whatever an entry of ours names exists: kernel files as the images have them, state, the image and its name."""
    for d in status()["deployments"]:
        if d["owner"] != "composefs" or not d["entry"]:
            continue
        hexes = d["id"].split(":")[1]
        lines = dict(entry(d["file"].rsplit("/", maxsplit=1)[-1]))
        kernel = content("b" + lines["linux"])
        ensure(kernel in ("kernel" * 5000, "another" * 5000), "a kernel is damaged")
        expect(content("b" + lines["initrd"]), f"initrd of {kernel[:len(kernel) // 5000]}" * 5000)
        has(lines["options"], hexes)
        expect(sorted(os.listdir(f"d/state/deploy/{hexes}")), ["etc", "origin", "var"])
        expect(sorted(os.listdir(f"d/state/deploy/{hexes}/etc")), ["upper", "work"])
        ensure(os.path.isdir(f"d/state/deploy/{hexes}/var/"), "no /var")
        ensure(hexes in refs(), "an image has no name")
        ensure(os.path.islink(f"d/composefs/images/{hexes}"), "an image is missing")


def snapshot_all():
    """Paths and contents, without lock, log and the directory of deployments."""
    found = {}
    for top in ("b", "d"):
        for folder, folders, names in os.walk(top):
            folders[:] = [f for f in folders if os.path.join(folder, f) not in ("d/state", "d/composefs/log")]
            for name in names + [f for f in folders if os.path.islink(os.path.join(folder, f))]:
                path = os.path.join(folder, name)
                found[path] = os.readlink(path) if os.path.islink(path) else os.stat(path).st_size
    found["deployments"] = sorted(n for n in os.listdir("d/state/deploy") if n[0] != ".") if os.path.isdir("d/state/deploy") else []
    return found


def bootc(version, place, digit):
    """An entry of bootc: place 1 is the next one, 0 the one before."""
    write(f"b/loader/entries/bootc_my_os-{version}-{place}.conf",
          f"title My OS {version}\nversion {version}\nlinux /EFI/Linux/bootc_composefs-x/vmlinuz\noptions rw composefs={digit * 128}\n"
          f"sort-key bootc-my_os-{1 - place}\n")
