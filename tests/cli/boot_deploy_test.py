#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Deployments: installed, listed, removed; what is written in which order, and what never goes.

    boot_deploy_test.py COMPOSEFS
"""
import fcntl
import json
import os
import shutil
import subprocess
import sys

from kills import can_kill, kills
from repo import COMPOSEFS, FAILED, OK, ensure, expect, good, has, main, once, refused, run, set_times, write

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


# --- install -----------------------------------------------------------------------------


def install_writes_kernel_state_name_and_entry():
    make()
    file = install("1", "--karg=root=LABEL=x", "--karg=rw", '--karg=a="b c"', "--tries=3")
    one = ids()["1"]
    expect(file, f"composefs-1.0-{one[:12]}+3.conf")
    lines = dict(entry(file))
    key = kernels()[0]
    expect(lines, {"title": "My OS 1", "version": "1.0-1", "sort-key": "composefs", "linux": f"/composefs/{key}/linux",
                   "initrd": f"/composefs/{key}/initrd",
                   "options": f'root=LABEL=x rw a="b c" composefs.digest=?v1-sha256-12:{one}'})
    both = subprocess.run(["sha256sum"], input=("kernel" * 5000 + "initrd of kernel" * 5000).encode(), capture_output=True,
                          check=True).stdout.decode().split()[0]
    expect(key, both, "the key of the kernel files")
    expect(os.readlink(f"d/state/deploy/{one}/var"), "../../os/default/var")
    expect(oct(os.stat(f"d/state/deploy/{one}/etc/upper").st_mode), "0o40755")
    expect(oct(os.stat(f"d/state/deploy/{one}/etc/work").st_mode), "0o40700")
    expect(deployments("id", "title", "version", "reference", "next", "rollback", "booted", "tries_left", "owner"),
           [(f"sha256:{one}", "My OS 1", "1", "os/1", True, False, False, 3, "composefs")])
    sound()
    good("fsck", "--repo=d/composefs")


def newest_is_first_and_kernels_are_shared():
    make()
    for version in "123":
        install(version)
    expect(deployments("version", "next", "rollback"), [("3", True, False), ("2", False, True), ("1", False, False)])
    expect(len(kernels()), 2)
    sound()
    listed = json.loads(good("boot", "list", "--boot=b", "--json"))["entries"]
    expect(sorted(e["version"] for e in listed if e["id"]), ["1.0-1", "2.0-2", "3.0-3"])
    out = good("boot", "status", *AT).splitlines()
    has(out[1], "next")
    has(out[2], "rollback")


def generation_ten_is_newer_than_nine():
    make()
    write("b/loader/entries/composefs-9.0-0123456789ab.conf", "title x\nversion 9.0\nsort-key composefs\noptions composefs=" + "a" * 64 + "\n")
    has(install("1"), "composefs-10.0-")
    expect(versions()[0], "1")


def image_is_installed_once():
    make()
    install("1")
    has(refused("boot", "install", *CHANGE, "os/1"), "is installed as composefs-1.0-")


def collection_spares_installed_images():
    make()
    install("1")
    install("2")
    ids_before = ids()
    for version in "123":
        good("untag", "--repo=d/composefs", f"os/{version}")
    good("gc", "--repo=d/composefs", "--keep=1")
    expect(sorted(os.listdir("d/composefs/images")), sorted([ids_before["1"], ids_before["2"], "refs"]))
    good("fsck", "--repo=d/composefs")
    expect(refs(), sorted([ids_before["1"], ids_before["2"]]))


def install_by_id_has_no_reference():
    make()
    good("boot", "install", *CHANGE, ids()["1"])
    expect(deployments("reference"), [(None,)])


def nothing_is_written(*args, part, code=FAILED):
    before = snapshot_all()
    rc, _, err = run("boot", "install", *args)
    expect(rc, code, err)
    has(err, part)
    expect(snapshot_all(), before)


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


def install_that_is_refused_writes_nothing():
    make()
    nothing_is_written(*AT, "os/1", part="--insecure")
    nothing_is_written(*CHANGE, "os/none", part="os/none")
    nothing_is_written(*CHANGE, "--karg=composefs=" + "0" * 64, "os/1", part="belongs to the deployment")
    nothing_is_written(*CHANGE, "--karg=a\nlinux x", "os/1", part="control characters")
    nothing_is_written(*CHANGE, "--karg=a b", "os/1", part="expected one kernel argument")
    nothing_is_written(*CHANGE, "--os=../x", "os/1", part="name of the system")
    nothing_is_written(*CHANGE, "--os=.", "os/1", part="name of the system")
    nothing_is_written(*CHANGE, "--kernel=6.13", "os/1", part="/usr/lib/modules/6.13/vmlinuz")
    nothing_is_written(*CHANGE, "--kernel=empty", "os/1", part="/usr/lib/modules/empty/vmlinuz")
    lost = good("dump-files", "--repo=d/composefs", "--backing-path-only", "os/1", "/usr/lib/modules/6.12.1/initramfs.img").split()[1]
    os.rename(f"d/composefs/objects/{lost}", "lost")
    nothing_is_written(*CHANGE, "os/1", part="is missing")
    write(f"d/composefs/objects/{lost}", "damaged")
    nothing_is_written(*CHANGE, "os/1", part="initramfs.img")


def image_with_several_kernels_needs_a_choice():
    make()
    tree("t", "4")
    tree("t", "4", kernel="second", kver="6.13.1")
    good("create-image", "--repo=d/composefs", "t", "os/4")
    nothing_is_written(*CHANGE, "os/4", part="several kernels")
    install("4", "--kernel=6.13.1")
    has(content(f"b/composefs/{kernels()[0]}/linux"), "second")


def image_without_initrd_is_refused():
    make()
    tree("t", "4")
    os.unlink("t/usr/lib/modules/6.12.1/initramfs.img")
    good("create-image", "--repo=d/composefs", "t", "os/4")
    nothing_is_written(*CHANGE, "os/4", part="expected initramfs.img")


def os_release_cannot_add_lines_to_an_entry():
    make()
    tree("t", "4")
    write("t/usr/lib/os-release", 'PRETTY_NAME="a\x01b\roptions init=/bin/sh"\nVERSION_ID=4\n')
    good("create-image", "--repo=d/composefs", "t", "os/4")
    expect(entry(install("4"))[0], ["title", "a?b?options init=/bin/sh"])


def damaged_kernel_on_the_partition_is_replaced():
    make()
    install("1")
    write(f"b/composefs/{kernels()[0]}/linux", "damaged")
    install("2")
    sound()


def links_on_the_partition_are_not_followed():
    make()
    os.mkdir("outside")
    os.symlink("../outside", "b/composefs")
    nothing_is_written(*CHANGE, "os/1", part="symbolic link")
    expect(os.listdir("outside"), [])
    os.unlink("b/composefs")
    shutil.rmtree("b/loader/entries")
    os.symlink("../../outside", "b/loader/entries")
    rc, _, err = run("boot", "install", *CHANGE, "os/1")
    expect(rc, FAILED, err)
    expect(os.listdir("outside"), [])


def links_on_the_state_disk_are_not_followed():
    make()
    os.mkdir("outside")
    os.symlink("../outside", "d/state")
    has(refused("boot", "install", *CHANGE, "os/1"), "symbolic link")
    expect(os.listdir("outside"), [])


# --- UKIs --------------------------------------------------------------------------------


def uki(path, cmdline):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from boot_list_test import pe  # pylint: disable=import-outside-toplevel
    with open(path, "wb") as f:
        f.write(pe((b".cmdline", cmdline.encode()), (b".linux", b"MZ")))


def uki_must_boot_the_image():
    make()
    uki("x.efi", f"rw composefs={ids()['2']}")
    nothing_is_written(*CHANGE, "--uki=x.efi", "os/1", part="boots another image")
    uki("x.efi", f"rw composefs={ids()['1']}")
    nothing_is_written(*CHANGE, "--uki=x.efi", "--karg=quiet", "os/1", part="kernel arguments inside")
    file = install("1", "--uki=x.efi")
    lines = dict(entry(file))
    expect(lines["efi"], f"/composefs/{kernels()[0]}/uki.efi")
    ensure("options" not in lines)
    expect(deployments("version", "next"), [("1", True)])
    install("2")
    good("boot", "rollback", *AT)
    expect(versions(), ["1", "2"])


# --- roles, rollback ---------------------------------------------------------------------


def rollback_exchanges_two_systems_and_back():
    make()
    install("1")
    install("2")
    boot("2")
    expect(deployments("version", "booted", "next", "rollback"), [("2", True, True, False), ("1", False, False, True)])
    has(good("boot", "rollback", *AT), "composefs-3.0-")
    expect(deployments("version", "booted", "next", "rollback"), [("1", False, True, False), ("2", True, False, True)])
    good("boot", "rollback", *AT)
    expect(versions(), ["2", "1"])
    expect(len(os.listdir("b/loader/entries")), 3, "entries")
    sound()


def rollback_needs_another_system():
    make()
    install("1")
    has(refused("boot", "rollback", *AT), "no other system")
    has(refused("boot", "rollback", *AT, "next"), "is the next one already")


def failed_system_is_last_and_no_target_of_rollbacks():
    make()
    install("1")
    install("2", "--tries=2")
    install("3")
    two = f"composefs-2.0-{ids()['2'][:12]}"
    os.rename(f"b/loader/entries/{two}+2.conf", f"b/loader/entries/{two}+0-2.conf")
    expect(deployments("version", "rollback", "tries_left", "tries_done"), [("3", False, None, None), ("1", True, None, None), ("2", False, 0, 2)])
    has(good("boot", "rollback", *AT, two), "+2.conf")
    expect(deployments("version", "tries_left", "tries_done")[0], ("2", 2, 0))


# --- kernel arguments --------------------------------------------------------------------


def kargs(*args):
    return good("boot", "karg", *AT, *args).strip()


def kernel_arguments_are_added_and_removed_in_a_new_entry():
    make()
    install("1")
    install("2", "--karg=root=LABEL=x", "--karg=quiet", "--karg=a=1", "--karg=a=2", "--tries=2")
    two = ids()["2"]
    argument = f"composefs.digest=?v1-sha256-12:{two}"
    expect(kargs("list"), f"root=LABEL=x quiet a=1 a=2 {argument}")
    expect(kargs("add", "console=ttyS0", 'x="a b"'), f"composefs-2.1-{two[:12]}+2.conf")
    expect(kargs("list"), f'root=LABEL=x quiet a=1 a=2 {argument} console=ttyS0 x="a b"')
    expect(kargs("rm", "a", "quiet", "x=\"a b\""), f"composefs-2.2-{two[:12]}+2.conf")
    expect(kargs("list"), f"root=LABEL=x {argument} console=ttyS0")
    expect(len(os.listdir("b/loader/entries")), 3, "entries")
    expect(deployments("version", "title", "next", "tries_left"), [("2", "My OS 2", True, 2), ("1", "My OS 1", False, None)])
    kargs("--deployment=rollback", "add", "y")
    expect(versions(), ["2", "1"])
    sound()


def kernel_arguments_that_are_refused_change_nothing():
    make()
    install("1", "--karg=quiet")
    before = snapshot_all()
    one = ids()["1"]
    for args, part in ((("rm", "loud"), "no kernel argument loud"), (("rm", "composefs.digest"), "belongs to the deployment"),
                       (("add", "composefs=" + one), "belongs to the deployment"), (("add", "a\noptions init=x"), "control characters"),
                       (("add", "a b"), "expected one kernel argument"), (("add", ""), "expected one kernel argument"),
                       (("rm", "quiet", "loud"), "no kernel argument loud")):
        has(refused("boot", "karg", *AT, *args), part)
    for args in (("add",), ("list", "x"), ("change", "x"), ()):
        expect(run("boot", "karg", *AT, *args)[0], 2)
    expect(snapshot_all(), before)
    write("b/loader/entries/bootc_x-1-1.conf", f"title B\nsort-key bootc-x-0\noptions composefs={'c' * 128}\n")
    has(refused("boot", "karg", *AT, "add", "x"), "one of bootc")
    uki("x.efi", f"rw composefs={ids()['2']}")
    install("2", "--uki=x.efi")
    has(refused("boot", "karg", *AT, f"--deployment={ids()['2']}", "add", "x"), "inside")


# --- rm, pin -----------------------------------------------------------------------------


def rm_removes_a_deployment_and_what_only_it_needs():
    make()
    for version in "123":
        install(version)
    shared = {k for k in kernels() if content(f"b/composefs/{k}/linux").startswith("kernel")}
    good("boot", "rm", *AT, ids()["3"])
    expect(versions(), ["2", "1"])
    expect(set(kernels()), shared)
    expect(refs(), sorted([ids()["1"], ids()["2"]]))
    ensure(not os.path.exists(f"d/state/deploy/{ids()['3']}"))
    sound()
    good("boot", "rm", *AT, "--force", "rollback")
    expect(set(kernels()), shared)
    sound()


def rm_never_removes_the_running_a_pinned_or_the_rollback_system():
    make()
    for version in "123":
        install(version)
    boot("3")
    has(refused("boot", "rm", *AT, "booted"), "is the running system")
    has(refused("boot", "rm", *AT, "--force", "booted"), "is the running system")
    has(refused("boot", "rm", *AT, "rollback"), "--force removes it")
    good("boot", "pin", *AT, ids()["1"])
    expect(deployments("version", "pinned"), [("3", False), ("2", False), ("1", True)])
    has(refused("boot", "rm", *AT, "--force", ids()["1"]), "is pinned")
    good("boot", "unpin", *AT, ids()["1"])
    good("boot", "rm", *AT, ids()["1"])
    expect(versions(), ["3", "2"])
    expect(deployments("reference"), [("os/3",), ("os/2",)])


def kernel_files_stay_while_an_entry_cannot_be_read():
    make()
    install("1")
    install("3")
    before = kernels()
    os.mkfifo("b/loader/entries/a.conf")
    good("boot", "rm", *AT, ids()["3"])
    expect(kernels(), before)
    os.unlink("b/loader/entries/a.conf")
    write("b/loader/entries/a.conf", f"title x\nlinux /composefs/{before[0].upper()}/linux\n")
    write("b/loader/entries/b.conf", f"title x\nlinux /composefs/{before[1]}/linux\noptions composefs=broken\n")
    install("3")
    good("boot", "rm", *AT, ids()["3"])
    expect(kernels(), before)
    os.unlink("b/loader/entries/a.conf")
    os.unlink("b/loader/entries/b.conf")
    os.mkdir("b/composefs/foreign")
    install("2")
    expect(len(kernels()), 2, "one kernel, and a directory of another program")


def entries_of_others_are_left_alone():
    make()
    bootc = f"title B\nsort-key bootc-x-0\nlinux /EFI/Linux/x/vmlinuz\noptions composefs={'c' * 128}\n"
    write("b/loader/entries/bootc_x-1-1.conf", bootc)
    install("1")
    expect(deployments("owner", "next"), [("bootc", True), ("composefs", False)])
    has(refused("boot", "rm", *AT, "--force", "bootc_x-1-1"), "one of bootc")
    has(refused("boot", "pin", *AT, "bootc_x-1-1"), "bootc")
    expect(content("b/loader/entries/bootc_x-1-1.conf"), bootc)
    expect(content("b/loader/entries/debian.conf")[:12], "title Debian")


def deployment_is_named_by_role_entry_or_id():
    make()
    install("1")
    one = ids()["1"]
    for name in ("next", one, one[:8], f"sha256:{one}", f"composefs-1.0-{one[:12]}"):
        good("boot", "pin", *AT, name)
    for name in (one[:7], "booted", "x", ""):
        has(refused("boot", "pin", *AT, name), "expected booted, next")


# --- the end of a run in the middle ------------------------------------------------------


def kept(name):
    shutil.rmtree(name, ignore_errors=True)
    os.mkdir(name)
    for top in ("b", "d"):
        shutil.copytree(top, f"{name}/{top}", symlinks=True)


def restore(name):
    for top in ("b", "d"):
        shutil.rmtree(top)
        shutil.copytree(f"{name}/{top}", top, symlinks=True)


def survives(*args, before, after):
    """Killed at each change to the disk, the command leaves one of these lists of versions, and it can be run again."""
    kept("kept")
    for n in kills(lambda: restore("kept"), "boot", *args, least=3, most=14):
        sound()
        ensure(versions() in (before, after, after + before[:1]), f"{versions()}")
        if n % 3 == 0:
            rc, _, err = run("boot", *args)
            ensure(rc == OK or "is installed as" in err or "deployment" in err or "already" in err, err)
            expect(sorted(set(versions())), sorted(set(after)))
            sound()


def install_can_be_killed_anywhere():
    make()
    install("1")
    survives("install", *CHANGE, "os/3", before=["1"], after=["3", "1"])


def rm_can_be_killed_anywhere():
    make()
    install("1")
    install("3")
    state = f"sha256:{ids()['3']}"
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "rm", *AT, ids()["3"], least=3, most=14):
        sound()
        left = [d for d in status()["deployments"] if d["id"] == state]
        if left:
            good("boot", "rm", *AT, ids()["3"])
        expect(deployments("version"), [("1",)])
        good("boot", "install", *CHANGE, "os/3")
        sound()


def rollback_can_be_killed_anywhere():
    make()
    install("1")
    install("2")
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "rollback", *AT, "composefs-1.0-" + ids()["1"][:12], least=3, most=8):
        sound()
        ensure(versions() in (["1", "2"], ["2", "1"]), str(versions()))


def karg_can_be_killed_anywhere():
    make()
    install("1")
    install("2", "--karg=quiet")
    kept("kept")
    for _ in kills(lambda: restore("kept"), "boot", "karg", *AT, "rm", "quiet", least=3, most=8):
        sound()
        expect(versions(), ["2", "1"])


def concurrent_runs_wait_for_each_other():
    make()
    runs = [subprocess.Popen([COMPOSEFS, "boot", "install", *CHANGE, f"os/{v}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # pylint: disable=consider-using-with
            for v in "123"]
    for one in runs:
        err = one.communicate()[1].decode()
        expect((one.returncode, err), (OK, ""))
    expect(sorted(versions()), ["1", "2", "3"])
    names = sorted(n.split("-")[1] for n in os.listdir("b/loader/entries") if n.startswith("composefs-"))
    expect(names, ["1.0", "2.0", "3.0"])
    sound()


def lock_that_is_held_is_reported():
    make()
    os.makedirs("d/state/deploy")
    for path, flags in (("d/state/deploy/.lock", os.O_CREAT | os.O_RDWR), ("b", os.O_RDONLY)):
        fd = os.open(path, flags)
        fcntl.flock(fd, fcntl.LOCK_EX)
        has(refused("boot", "install", *CHANGE, "--lock-timeout=0", "os/1"), f"process {os.getpid()}")
        os.close(fd)


if __name__ == "__main__":
    tests = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
             "_" in k and v.__code__.co_argcount == 0 and not v.__code__.co_flags & 4 and
             k not in ("snapshot_all", "prepared") and (can_kill() or not k.endswith("_anywhere"))]
    sys.exit(main(tests))
