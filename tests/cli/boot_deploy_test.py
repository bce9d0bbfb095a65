#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Deployments: installed, listed, removed; what is written, and what never goes.

    boot_deploy_test.py COMPOSEFS
"""
import json
import os
import shutil
import subprocess
import sys

from deployments import (AT, CHANGE, boot, bootc, content, deployments, entry, ids, image, install, kernels, make, refs, snapshot_all,
                         sound, tree, versions)
from repo import FAILED, ensure, expect, good, has, main, refused, run, write
from pe_file import pe  # pylint: disable=wrong-import-order


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
    has(out[1], "next,insecure ")
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
    for version in "123":
        install(version)
    ids_before = ids()
    for version in "123":
        good("untag", "--repo=d/composefs", f"os/{version}")
    good("gc", "--repo=d/composefs", "--keep=1")
    expect(sorted(os.listdir("d/composefs/images")), sorted([*ids_before.values(), "refs"]))
    good("fsck", "--repo=d/composefs")
    expect(refs(), sorted(ids_before.values()))


def references_of_installed_systems_are_not_removed_by_accident():
    make()
    one = ids()["1"]
    good("tag", "--repo=d/composefs", "os/1", "boot/mine")
    good("untag", "--repo=d/composefs", "boot/mine")
    install("1")
    good("untag", "--repo=d/composefs", "os/1")
    for args in (("untag", f"boot/{one}"), ("untag", f"refs/boot/{one}"), ("rm", f"boot/{one}"), ("rm", one), ("rm", "--gc", one)):
        has(refused(args[0], "--repo=d/composefs", *args[1:]), "composefs boot rm")
    expect(refs(), [one])
    sound()
    good("rm", "--repo=d/composefs", "--force", one)
    expect(refs(), [])


def what_an_interrupted_run_left_can_be_removed():
    """A state directory is the first that is written, and the last that is removed."""
    make()
    install("1")
    install("2")
    two = ids()["2"]
    os.unlink(next(f"b/loader/entries/{n}" for n in os.listdir("b/loader/entries") if n.startswith("composefs-2")))
    expect(deployments("version", "entry")[1], (None, None))
    good("boot", "rm", *AT, two)
    expect((refs(), len(deployments("id"))), ([ids()["1"]], 1))
    os.makedirs(f"d/state/deploy/{two}/etc/upper")
    good("boot", "rm", *AT, two[:8])
    expect(len(deployments("id")), 1)


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


def kernel_may_be_in_boot_as_in_debian():
    make()
    tree("t", "4")
    os.makedirs("t/boot")
    os.rename("t/usr/lib/modules/6.12.1/vmlinuz", "t/boot/vmlinuz-6.12.1")
    os.rename("t/usr/lib/modules/6.12.1/initramfs.img", "t/boot/initrd.img-6.12.1")
    good("create-image", "--repo=d/composefs", "t", "os/4")
    install("4")
    sound()


def image_without_initrd_is_refused():
    make()
    tree("t", "4")
    os.unlink("t/usr/lib/modules/6.12.1/initramfs.img")
    good("create-image", "--repo=d/composefs", "t", "os/4")
    nothing_is_written(*CHANGE, "os/4", part="expected initramfs.img")


def image_without_directories_for_etc_and_var_is_refused():
    make()
    for name in ("etc", "var"):
        tree(f"no-{name}", "4")
        shutil.rmtree(f"no-{name}/{name}")
        good("create-image", "--repo=d/composefs", f"no-{name}", f"no/{name}")
        nothing_is_written(*CHANGE, f"no/{name}", part=f"expected a directory /{name}, got none")


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
    write(f"b/composefs/{kernels()[0]}/initrd", "x" * len("initrd of kernel" * 5000))
    good("boot", "rm", *AT, "next")
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
    with open(path, "wb") as f:
        f.write(pe((b".cmdline", cmdline.encode()), (b".linux", b"MZ")))


def uki_must_boot_the_image():
    make()
    uki("x.efi", f"rw composefs={ids()['2']}")
    nothing_is_written(*CHANGE, "--uki=x.efi", "os/1", part="got one that boots another or none")
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


def rollback_to_a_system_that_failed_must_be_asked_for_by_name():
    make()
    install("1")
    install("2", "--tries=1")
    two = f"composefs-2.0-{ids()['2'][:12]}"
    os.rename(f"b/loader/entries/{two}+1.conf", f"b/loader/entries/{two}+0-1.conf")
    expect(deployments("version", "next", "rollback"), [("1", True, False), ("2", False, False)])
    has(refused("boot", "rollback", *AT), "no other system")


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


def old_deployments_are_removed_except_those_that_are_needed():
    make()
    image("t4", "4")
    for version in "12":
        install(version)
    good("boot", "pin", *AT, "rollback")
    install("3")
    boot_one = {"version": 1, "digest": f"sha256:{ids()['2']}", "verified": False}
    write("run/composefs/booted", json.dumps(boot_one, separators=(",", ":")))
    install("4", "--keep=1")
    expect(deployments("version", "booted", "next", "rollback", "pinned"),
           [("4", False, True, False, False), ("2", True, False, True, False), ("1", False, False, False, True)])
    sound()


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


def nothing_is_removed_while_the_boot_partition_is_not_mounted():
    make()
    install("1")
    os.mkdir("empty")
    has(refused("boot", "rm", "--root=d", "--boot=empty", "--run=run", ids()["1"]), "is the boot partition mounted")
    sound()


def nothing_is_changed_while_an_entry_of_ours_cannot_be_read():
    """Its state directory would look like one that an interrupted run left."""
    make()
    install("1")
    install("3")
    file = "b/loader/entries/" + next(n for n in os.listdir("b/loader/entries") if n.startswith("composefs-2.0"))
    os.rename(file, "kept")
    os.mkfifo(file)
    for args in (("rm", *AT, ids()["3"]), ("install", *CHANGE, "os/3"), ("upgrade", *CHANGE, "os/3"), ("rollback", *AT, "composefs-1.0-" + ids()["1"][:12]),
                 ("karg", *AT, "add", "x"), ("pin", *AT, "next")):
        has(refused("boot", *args), "nothing is changed")
    rc, out, err = run("boot", "status", *AT)
    expect((rc, len(out.splitlines())), (FAILED, 3))
    has(err, "FIFO")
    os.unlink(file)
    os.rename("kept", file)
    sound()
    expect(versions(), ["3", "1"])


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


def rollback_exchanges_the_entries_of_bootc():
    make()
    bootc("9", 1, "c")
    bootc("10", 0, "d")
    before = {name: content(f"b/loader/entries/{name}") for name in os.listdir("b/loader/entries")}
    expect(deployments("version", "owner", "next", "rollback"), [("9", "bootc", True, False), ("10", "bootc", False, True)])
    expect(good("boot", "rollback", *AT), "bootc_my_os-10-1.conf\n")
    expect(deployments("version", "next", "rollback"), [("10", True, False), ("9", False, True)])
    expect(sorted(os.listdir("b/loader")), ["entries"])
    has(content("b/loader/entries/bootc_my_os-9-0.conf"), "sort-key bootc-my_os-1\n")
    expect(content("b/loader/entries/debian.conf"), before["debian.conf"])
    good("boot", "rollback", *AT)
    expect({name: content(f"b/loader/entries/{name}") for name in os.listdir("b/loader/entries")}, before)


def rollback_of_bootc_waits_for_its_upgrade_and_keeps_what_it_does_not_know():
    make()
    bootc("9", 1, "c")
    bootc("10", 0, "d")
    before = snapshot_all()
    write("run/composefs/staged-deployment", "{}")
    has(refused("boot", "rollback", *AT), "waits for the shutdown")
    os.unlink("run/composefs/staged-deployment")
    os.mkdir("b/loader/entries.staged")
    has(refused("boot", "rollback", *AT), "waits for the shutdown")
    os.rmdir("b/loader/entries.staged")
    os.mkfifo("b/loader/entries/fifo")
    has(refused("boot", "rollback", *AT), "fifo")
    os.unlink("b/loader/entries/fifo")
    write("b/loader/entries/bootc_my_os-9-0.conf", "title x\n")
    has(refused("boot", "rollback", *AT), "bootc_my_os-9-0.conf")
    os.unlink("b/loader/entries/bootc_my_os-9-0.conf")
    os.rename("b/loader/entries/bootc_my_os-10-0.conf", "b/loader/entries/bootc_my_os-10.conf")
    has(refused("boot", "rollback", *AT), "ends in -0.conf or -1.conf")
    os.rename("b/loader/entries/bootc_my_os-10.conf", "b/loader/entries/bootc_my_os-10-0.conf")
    expect(snapshot_all(), before)
    install("1")
    has(refused("boot", "upgrade", *CHANGE), "belongs to bootc")


def roles_of_deployments_are_completed():
    for verb in ("rm", "pin", "rollback", "check"):
        has(good("--complete", "boot", verb, "roll"), "rollback\twhat a rollback boots\n")


def deployment_is_named_by_role_entry_or_id():
    make()
    install("1")
    one = ids()["1"]
    for name in ("next", one, one[:8], f"sha256:{one}", f"composefs-1.0-{one[:12]}"):
        good("boot", "pin", *AT, name)
    for name in (one[:7], "x", ""):
        has(refused("boot", "pin", *AT, name), "expected booted, next")
    for name in ("booted", "rollback"):
        has(refused("boot", "pin", *AT, name), f'deployment {name}: none is; "composefs boot status" shows all')


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values()) if getattr(v, "__module__", "") == "__main__" and "_" in v.__name__ and
                   v.__code__.co_argcount == 0 and not v.__code__.co_flags & 4]))
