#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Real mounts by mount.composefs, one TAP line a fact.

    mount_test.py MKCOMPOSEFS MOUNT.COMPOSEFS

Needs root; works in a mount namespace of its own.
"""
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import time

from scene import (LIBC, Moments, Scene, Skip, UserNamespace, ensure, enter_namespace, evict, expect, fact, has,
                   mount_call, resident, run, run_facts, umount)

CLONE_NEWNS, MNT_DETACH = 0x20000, 2
BIG = random.Random(1).randbytes(3 << 20)
ACL_ACCESS = "system.posix_acl_access"
ACL_DEFAULT = "system.posix_acl_default"


def acl(*entries):
    """A POSIX ACL as the kernel stores it: entries of tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def make_tree(top):
    """One of everything that a filesystem can hold."""
    os.makedirs(f"{top}/dir/deeper")
    write(f"{top}/empty", b"")
    write(f"{top}/small", b"a few bytes\n")
    write(f"{top}/big", BIG)
    write(f"{top}/dir/setuid", b"#!/bin/true\n" * 100, 0o4755)
    write(f"{top}/dir/setgid", b"#!/bin/false\n" * 100, 0o2750)
    write(f"{top}/dir/secret", b"only root may read this\n" * 100, 0o600)
    os.chmod(f"{top}/dir/deeper", 0o1777)
    os.symlink("../big", f"{top}/dir/link")
    os.symlink("x" * 4000, f"{top}/dir/long-link")
    os.mknod(f"{top}/dir/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(f"{top}/dir/disk", stat.S_IFBLK | 0o660, os.makedev(259, 1048575))
    os.mkfifo(f"{top}/dir/fifo", 0o640)
    os.mknod(f"{top}/dir/socket", stat.S_IFSOCK | 0o755)
    write(f"{top}/dir/\u00fcmlaut \\ and, \t: more\n", b"name\n" * 100)
    os.chown(f"{top}/dir/secret", 1000, 2000)
    os.lchown(f"{top}/dir/link", 70000, 4000000000)
    os.setxattr(f"{top}/big", "user.text", b"value")
    os.setxattr(f"{top}/big", "user.empty", b"")
    os.setxattr(f"{top}/small", "trusted.binary", bytes(range(256)))
    os.setxattr(f"{top}/dir", "trusted.overlay.opaque", b"y")
    os.setxattr(f"{top}/dir/setgid", "security.capability", bytes.fromhex(
        "0100000200040000000000000000000000000000"))
    os.setxattr(f"{top}/small", ACL_ACCESS, acl(
        (1, 6, 0xffffffff), (2, 4, 1234), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)))
    os.setxattr(f"{top}/dir/deeper", ACL_DEFAULT, acl(
        (1, 7, 0xffffffff), (4, 5, 0xffffffff), (32, 0, 0xffffffff)))
    for number, name in enumerate(("small", "dir/setuid", "dir/fifo", "dir", ".")):
        os.utime(f"{top}/{name}", ns=(0, (1000 + number) * 10**9 + 123456789))
    os.utime(f"{top}/dir/link", ns=(0, -5 * 10**9 + 1), follow_symlinks=False)


def describe(path):
    """Everything that can be seen of one file."""
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    names = sorted(n for n in os.listxattr(path, follow_symlinks=False) if n != "security.selinux")
    return {
        "mode": oct(st.st_mode), "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
        "size": st.st_size if kind != stat.S_IFDIR else None,
        "nlink": st.st_nlink if kind != stat.S_IFDIR else None,
        "rdev": st.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else None,
        "target": os.readlink(path) if kind == stat.S_IFLNK else None,
        "content": read(path) if kind == stat.S_IFREG else None,
        "xattrs": {n: os.getxattr(path, n, follow_symlinks=False) for n in names},
    }


def all_paths(top):
    found = ["."]
    for folder, folders, names in os.walk(top):
        rel = os.path.relpath(folder, top)
        found += [os.path.normpath(os.path.join(rel, n)) for n in folders + names]
    return sorted(found)


def same_trees(got, expected):
    expect(all_paths(got), all_paths(expected), "names")
    for path in all_paths(expected):
        new, old = describe(os.path.join(got, path)), describe(os.path.join(expected, path))
        for key, value in old.items():
            expect(new[key], value, f"{key} of {path}")


def memory_group(name):
    """A new control group for memory: its folder, and the names of its limit and its peak."""
    for top, limit, peak in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
                             ("/sys/fs/cgroup", "memory.max", "memory.peak")):
        group = f"{top}/{name}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        if os.path.exists(f"{group}/{limit}") and os.path.exists(f"{group}/{peak}"):
            return group, limit, peak
        os.rmdir(group)
    raise Skip("no control group for memory can be made")


@fact
def a_mounted_tree_is_the_tree_that_was_packed(scene):
    make_tree(scene.path("tree"))
    scene.image(scene.path("tree"), "tree.cfs", scene.path("objects"))
    scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')}")
    same_trees(scene.mnt, scene.path("tree"))
    listing = ["ls", "-lRn", "--time-style=full-iso"]
    drop = [line for line in run(*listing, cwd=scene.mnt).splitlines()
            if not line.startswith(("d", "total"))]
    expect(drop, [line for line in run(*listing, cwd=scene.path("tree")).splitlines()
                  if not line.startswith(("d", "total"))], "ls -lR")


@fact
def a_mount_is_an_overlay_of_its_own_and_nothing_else_shows(scene):
    scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')}")
    mounted = scene.mounts()
    expect([(m.point, m.type, m.source) for m in mounted], [(scene.mnt, "overlay", scene.path("tree.cfs"))])
    ensure({"metacopy=on", "redirect_dir=on"} <= mounted[0].options, mounted[0].options)
    umount(scene.mnt)
    scene.nothing_left()


@fact
def hard_links_share_an_inode(scene):
    top = scene.made("hard")
    write(f"{top}/one", BIG)
    os.link(f"{top}/one", f"{top}/two")
    scene.image(top, "hard.cfs", scene.path("objects"), "--hardlinks")
    scene.mount(scene.path("hard.cfs"), f"basedir={scene.path('objects')}")
    one, two = os.stat(f"{scene.mnt}/one"), os.stat(f"{scene.mnt}/two")
    expect((one.st_ino, one.st_nlink), (two.st_ino, 2))
    same_trees(scene.mnt, top)


def object_of(scene, size):
    """An object of that size, almost all of it a hole: its path in the store, and its digest."""
    digest = f"{random.Random(size).getrandbits(256):064x}"
    path = f"{digest[:2]}/{digest[2:]}"
    folder = scene.made("objects", digest[:2])
    with open(f"{folder}/{digest[2:]}", "wb") as f:
        f.seek(size - 4)
        f.write(b"end\n")
    return path, digest


@fact
def files_above_4_gib_and_holes_come_through(scene):
    size = (5 << 30) + 12345
    path, digest = object_of(scene, size)
    scene.image_of_dump("large.cfs", "/ 4096 40755 2 0 0 0 0.0 - - -",
                        f"/large {size} 100644 1 0 0 0 0.0 {path} - {digest}")
    scene.mount(scene.path("large.cfs"), f"basedir={scene.path('objects')}")
    with open(f"{scene.mnt}/large", "rb") as f:
        expect(os.fstat(f.fileno()).st_size, size)
        f.seek(size - 5)
        expect(f.read(), b"\0end\n")
        f.seek(4 << 30)
        expect(f.read(4096), bytes(4096))
        ensure(os.lseek(f.fileno(), 0, os.SEEK_DATA) > 4 << 30, "the hole is data")


@fact
def a_whiteout_is_kept_for_mounts_stacked_above(scene):
    top, below, merged = scene.made("whiteout"), scene.made("below"), scene.made("merged")
    os.mknod(f"{top}/gone", stat.S_IFCHR | 0o000, os.makedev(0, 0))
    for name in ("gone", "stays"):
        write(f"{below}/{name}", b"below")
    scene.image(top, "whiteout.cfs", scene.path("objects"))
    scene.mount(scene.path("whiteout.cfs"), f"basedir={scene.path('objects')}")
    expect(os.listdir(scene.mnt), ["gone"])
    mount_call("overlay", merged, "overlay", f"lowerdir={scene.mnt}:{below}")
    expect(os.listdir(merged), ["stays"])


@fact
def acls_decide_where_the_image_has_them(scene):
    scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')}")

    def may_read(uid):
        command = f"import os; os.setgroups([]); os.setgid(77); os.setuid({uid}); open('small')"
        return subprocess.run([sys.executable, "-c", command], cwd=scene.mnt, check=False,
                              stderr=subprocess.DEVNULL).returncode == 0
    ensure(may_read(1234), "the user that the ACL names is refused")
    ensure(not may_read(1235), "another user may read")


@fact
def idmap_shifts_the_owners(scene):
    namespace = UserNamespace(100000)
    try:
        scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')},idmap={namespace.path}")
    finally:
        namespace.close()
    expect(os.stat(f"{scene.mnt}/big").st_uid, 100000)
    st = os.stat(f"{scene.mnt}/dir/secret")
    expect((st.st_uid, st.st_gid), (101000, 102000))
    expect(read(f"{scene.mnt}/big"), BIG)


@fact
def an_upper_directory_takes_what_is_written(scene):
    options = (f"basedir={scene.path('objects')},upperdir={scene.made('upper')},"
               f"workdir={scene.made('work')}")
    before = {p: read(scene.path("objects", p)) for p in all_paths(scene.path("objects"))
              if os.path.isfile(scene.path("objects", p)) and "large" not in p
              and os.stat(scene.path("objects", p)).st_size < 1 << 24}
    scene.mount(scene.path("tree.cfs"), options)
    write(f"{scene.mnt}/new", b"new")
    with open(f"{scene.mnt}/big", "r+b") as f:
        f.write(b"changed")
    os.unlink(f"{scene.mnt}/empty")
    os.rename(f"{scene.mnt}/dir", f"{scene.mnt}/moved")
    os.chmod(f"{scene.mnt}/moved/secret", 0o640)
    for _ in range(2):
        expect(read(f"{scene.mnt}/new"), b"new")
        expect(read(f"{scene.mnt}/big"), b"changed" + BIG[7:])
        expect(sorted(os.listdir(scene.mnt)), ["big", "moved", "new", "small"])
        expect(read(f"{scene.mnt}/moved/secret"), b"only root may read this\n" * 100)
        umount(scene.mnt)
        scene.mount(scene.path("tree.cfs"), options)
    for path, data in before.items():
        expect(read(scene.path("objects", path)), data, f"object {path}")


@fact
def read_only_holds_with_an_upper_directory_too(scene):
    scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')},ro,"
                f"upperdir={scene.path('upper')},workdir={scene.path('work')}")
    ensure("ro" in scene.mounts()[0].attributes)
    try:
        write(f"{scene.mnt}/new", b"")
    except OSError as failure:
        expect(failure.errno, 30, "errno")
    else:
        raise AssertionError("expected a read-only mount, got one that can be written")


@fact
def generic_options_become_mount_attributes(scene):
    scene.mount(scene.path("tree.cfs"), f"basedir={scene.path('objects')},nosuid,nodev,noexec,"
                "noatime,nodiratime,nosymfollow,_netdev,x-systemd.automount")
    attributes = scene.mounts()[0].attributes
    ensure({"nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"} <= attributes, attributes)
    umount(scene.mnt)
    scene.mount(scene.path("tree.cfs"), "nosuid,suid,allow-suid,allow-dev,noatime,relatime", arguments=[
        "-o", f"basedir={scene.path('objects')}", "-n", "-t", "composefs"])
    attributes = scene.mounts()[0].attributes
    ensure("relatime" in attributes and not attributes & {"nosuid", "nodev", "noatime"}, attributes)


@fact
def setuid_and_devices_of_unverified_images_have_no_effect_by_default(scene):
    basedir = f"basedir={scene.path('objects')}"
    for options, found, told in (
            ("", {"nosuid", "nodev"}, "nosuid,nodev: "), (",tryverity", {"nosuid", "nodev"}, "nosuid,nodev: "),
            (",suid,dev", {"nosuid", "nodev"}, "nosuid,nodev: "), (",nosuid", {"nosuid", "nodev"}, None),
            (",nosuid,nodev", {"nosuid", "nodev"}, None), (",allow-suid", {"nodev"}, None),
            (",allow-dev", {"nosuid"}, "nosuid: "), (",allow-suid,allow-dev", set(), None),
            (",allow-suid,nosuid,allow-dev", {"nosuid"}, None)):
        done = subprocess.run([scene.mount_program, "-o", basedir + options, scene.path("tree.cfs"), scene.mnt],
                              capture_output=True, text=True, check=True)
        expect(scene.mounts()[0].attributes & {"nosuid", "nodev"}, found, options)
        expect(done.stderr.count("\n"), int(told is not None), "lines said")
        ensure(not told or f"is not verified, so it is mounted {told}" in done.stderr, done.stderr)
        umount(scene.mnt)


@fact
def a_device_node_of_an_unverified_image_does_not_open_a_disk(scene):
    """A block device that everybody may read, and a character device."""
    disk = scene.path("disk")
    write(disk, b"secret of the disk\n".ljust(1 << 20))
    loop = run("losetup", "--find", "--show", "--read-only", disk).strip()
    try:
        number = os.stat(loop).st_rdev
        null = os.makedev(1, 3)
        scene.image_of_dump("devices.cfs", "/ 4096 40755 2 0 0 0 0.0 - - -",
                            f"/disk 0 60666 1 0 0 {number} 0.0 - - -", f"/null 0 20666 1 0 0 {null} 0.0 - - -")
        for options, opened in (("", False), (",allow-suid", False), (",allow-dev", True)):
            scene.mount(scene.path("devices.cfs"), f"basedir={scene.path('objects')}{options}")
            for name, data in (("disk", b"secret"), ("null", b"")):
                try:
                    with open(f"{scene.mnt}/{name}", "rb") as f:
                        found = f.read(6)
                except PermissionError:
                    found = None
                expect(found, data if opened else None, f"{name} with {options}")
            umount(scene.mnt)
    finally:
        run("losetup", "--detach", loop)


@fact
def object_directories_are_searched_in_order_and_may_have_any_name(scene):
    first, second = scene.made("o:1,\\x"), scene.made("o2")
    one, digest = object_of(scene, 5000)
    two, digest2 = object_of(scene, 6000)
    for path, folder in ((one, first), (two, second)):
        os.makedirs(os.path.dirname(f"{folder}/{path}"))
        os.rename(scene.path("objects", path), f"{folder}/{path}")
    scene.image_of_dump("two.cfs", "/ 4096 40755 2 0 0 0 0.0 - - -",
                        f"/one 5000 100644 1 0 0 0 0.0 {one} - {digest}",
                        f"/two 6000 100644 1 0 0 0 0.0 {two} - {digest2}")
    escaped = first.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
    scene.mount(scene.path("two.cfs"), f"basedir={escaped}:{second}")
    expect(len(read(f"{scene.mnt}/one")), 5000)
    expect(len(read(f"{scene.mnt}/two")), 6000)


@fact
def two_images_share_objects_on_disk_and_in_memory(scene):
    store, other = scene.path("shared"), scene.made("mnt2")
    tops = [scene.made("image-a"), scene.made("image-b")]
    for top in tops:
        write(f"{top}/big", BIG)
        write(f"{top}/own", top.encode() * 100)
        scene.image(top, os.path.basename(top) + ".cfs", store)
    objects = [p for p in all_paths(store) if os.path.isfile(f"{store}/{p}")]
    expect(len(objects), 3, "objects of two images with one common file")
    the_object = [f"{store}/{p}" for p in objects if os.stat(f"{store}/{p}").st_size == len(BIG)][0]
    scene.mount(scene.path("image-a.cfs"), f"basedir={store}")
    scene.mount(scene.path("image-b.cfs"), f"basedir={store}", other)
    evict(the_object)
    pages = resident(f"{other}/big")[1]
    expect(resident(f"{other}/big")[0], 0, "pages in memory before")
    expect(read(f"{scene.mnt}/big"), BIG)
    expect(resident(f"{other}/big"), (pages, pages), "pages of the other mount's file")
    expect(resident(the_object), (pages, pages), "pages of the object")


@fact
def the_image_is_read_ahead_where_asked_for(scene):
    image = scene.path("names.cfs")
    scene.image_of_dump("names.cfs", "/ 4096 40755 2 0 0 0 0.0 - - -", *(
        f"/{n:06} 3 100644 1 0 0 0 0.0 - abc -" for n in range(20000)))
    for when, all_of_it in (("off", False), ("wait", True), ("async", True)):
        evict(image)
        scene.mount(image, f"basedir={scene.path('objects')},prefetch={when}")
        until = time.monotonic() + (60 if when == "async" else 0)
        while True:
            found, pages = resident(image)
            if found == pages or time.monotonic() >= until:
                break
            time.sleep(0.01)
        expect(found == pages, all_of_it, f"{found} of {pages} pages after prefetch={when}")
        umount(scene.mnt)


@fact
def reading_ahead_stays_within_the_memory_of_its_group(scene):
    """A third of the image fits: the rest replaces the pages that were read before, and no process is killed."""
    limit = 16 << 20
    group, set_limit, get_peak = memory_group("composefs-test-%d" % os.getpid())
    image = scene.path("long.cfs")
    scene.image_of_dump("long.cfs", "/ 4096 40755 2 0 0 0 0.0 - - -")
    os.truncate(image, 3 * limit)
    try:
        write(f"{group}/{set_limit}", b"%d" % limit)
        evict(image)
        run("sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh", scene.mount_program, image, scene.mnt,
            "-o", f"basedir={scene.path('objects')},prefetch=wait")
        with open(f"{group}/{get_peak}", encoding="ascii") as f:
            peak = int(f.read())
        ensure(limit // 2 < peak <= limit, f"{peak} bytes at most in a group of {limit}")
        umount(scene.mnt)
    finally:
        os.rmdir(group)


@fact
def mount_and_fstab_use_the_helper(scene):
    sbin = os.path.realpath("/sbin")
    mount_call("overlay", sbin, "overlay", f"lowerdir={sbin},upperdir={scene.made('sbin-upper')},"
               f"workdir={scene.made('sbin-work')}")
    try:
        shutil.copy(scene.mount_program, f"{sbin}/mount.composefs")
        image, objects = scene.path("tree.cfs"), scene.path("objects")
        run("mount", "-t", "composefs", image, scene.mnt, "-o", f"basedir={objects},nodev,ro")
        ensure({"nodev", "ro"} <= scene.mounts()[0].attributes, scene.mounts()[0].attributes)
        expect(read(f"{scene.mnt}/big"), BIG)
        umount(scene.mnt)
        write(scene.path("fstab"), f"{image} {scene.mnt} composefs noauto,nofail,x-initrd.mount,"
              f"_netdev,nosuid,basedir={objects} 0 0\n".encode())
        run("mount", "--fstab", scene.path("fstab"), scene.mnt)
        ensure("nosuid" in scene.mounts()[0].attributes, scene.mounts()[0].attributes)
        expect(read(f"{scene.mnt}/big"), BIG)
        umount(scene.mnt)
        run("mount", "-f", "-t", "composefs", image, scene.mnt, "-o", f"basedir={objects}")
        scene.nothing_left()
    finally:
        umount(sbin)


@fact
def without_proc_an_image_is_mounted_or_the_reason_is_reported(scene):
    """By a loop device, and by descriptors, for which the kernel must be new enough. No mount is seen here."""
    def hide():
        if LIBC.unshare(CLONE_NEWNS) or LIBC.umount2(b"/proc", MNT_DETACH):
            os._exit(99)

    done = subprocess.run(["sh", "-c", '[ ! -e /proc/self ] && "$@" && cat "$5/small"', "sh", scene.mount_program, "-vo",
                           f"basedir={scene.path('objects')},nosuid", scene.path("tree.cfs"), scene.mnt],
                          capture_output=True, text=True, check=False, preexec_fn=hide, timeout=120)
    if "overlay: descriptors" in done.stdout:
        ensure("image: loop" in done.stdout, done.stdout)
        expect((done.returncode, done.stderr), (0, ""))
        ensure(done.stdout.endswith(read(f"{scene.dir}/tree/small").decode()), done.stdout)
    else:
        ensure(done.returncode == 1 and "takes layers by path alone, and that needs /proc mounted" in done.stderr, done.stderr)
    scene.nothing_left()


@fact
def refusals_give_the_reason(scene):
    image, objects = scene.path("tree.cfs"), scene.path("objects")
    broken = scene.path("broken.cfs")
    write(broken, read(image)[:1024] + bytes(7168))
    missing = scene.path("missing")
    rows = [
        (image, f"basedir={missing}", None, [missing, "No such file or directory"]),
        (image, f"basedir={image}", None, [image, "Not a directory"]),
        (image, f"basedir={objects}", missing, ["mount point", missing, "No such file or directory"]),
        (image, f"basedir={objects}", image, ["mount point", image, "Not a directory"]),
        (broken, f"basedir={objects}", None, ["erofs: mount: Invalid argument"]),
        (image, f"basedir={objects},upperdir=/proc,workdir=/proc", None, ["overlay: "]),
        (image, f"basedir={objects},idmap={image}", None, ["idmap: "]),
    ]
    for source, options, point, texts in rows:
        message = scene.refused(source, options, point)
        for text in [f"mount.composefs: Failed to mount composefs {source}: "] + texts:
            ensure(text in message, f"{text!r} is not in {message!r}")


def on_tmpfs(scene):
    """A copy of an image where EROFS needs a loop device."""
    folder = scene.made("tmpfs")
    mount_call("tmpfs", folder, "tmpfs")
    return shutil.copy(scene.path("tree.cfs"), folder)


@fact
def a_hundred_mounts_at_once_leave_nothing(scene):
    images = [scene.path("tree.cfs"), on_tmpfs(scene)]
    points = [scene.made(f"many-{n}") for n in range(100)]
    commands = [[scene.mount_program, "-o", f"basedir={scene.path('objects')}", images[n % 2], point]
                for n, point in enumerate(points)]
    for work in (commands, [["umount", point] for point in points]):
        running = [subprocess.Popen(c, stderr=subprocess.PIPE, text=True) for c in work]
        for command, process in zip(work, running):
            error = process.communicate(timeout=120)[1]
            expect(process.returncode, 0, f"{' '.join(command)}: {error}")
        if work is commands:
            expect({m.point for m in scene.mounts() if m.type == "overlay"}, set(points), "mounts")
            expect(len(scene.loops()), 50, "loop devices while mounted")
            for point in points:
                expect(read(f"{point}/small"), b"a few bytes\n")
    scene.nothing_left()


@fact
def a_mount_killed_at_any_moment_leaves_nothing_or_a_mount(scene):
    images = [scene.path("tree.cfs"), on_tmpfs(scene)]
    begun = time.monotonic()
    scene.mount(images[0], f"basedir={scene.path('objects')}")
    usual = time.monotonic() - begun
    umount(scene.mnt)
    complete, moments = 0, Moments(usual)
    for number in range(200):
        with subprocess.Popen([scene.mount_program, "-o", f"basedir={scene.path('objects')}",
                               images[number % 2], scene.mnt], stderr=subprocess.DEVNULL) as process:
            moments.wait()
            process.kill()
        late = any(m.type == "overlay" for m in scene.mounts())
        moments.came(late)
        if late:
            complete += 1
            expect(read(f"{scene.mnt}/small"), b"a few bytes\n")
            umount(scene.mnt)
    ensure(0 < complete < 200, f"{complete} of 200 were complete: nothing was tried")
    scene.nothing_left()


@fact
def a_digest_is_measured_and_objects_are_verified(scene):
    disk, point = scene.path("verity.disk"), scene.made("verity")
    if not shutil.which("mkfs.ext4"):
        raise Skip("no mkfs.ext4")
    with open(disk, "wb") as f:
        f.truncate(64 << 20)
    run("mkfs.ext4", "-q", "-b", "4096", "-O", "verity", disk)
    run("mount", "-o", "loop", disk, point)
    try:
        verify(scene, point)
    finally:
        scene.unmount_all()


def verify(scene, point):
    image, store = f"{point}/image.cfs", f"{point}/objects"
    run(scene.mkcomposefs, f"--digest-store={store}", scene.path("tree"), image)
    digest = run(scene.mkcomposefs, "--print-digest-only", scene.path("tree")).strip()
    options = f"basedir={store},digest="
    has(scene.refused(image, options + digest), "Image has no fs-verity")
    if subprocess.run(["fsverity", "enable", image], check=False, capture_output=True).returncode:
        raise Skip("this kernel or machine has no fs-verity")
    has(scene.refused(image, options + "0" * 64), "Image has wrong fs-verity")
    scene.mount(image, options + digest)
    ensure("verity=require" in scene.mounts()[-1].options, scene.mounts()[-1].options)
    same_trees(scene.mnt, scene.path("tree"))
    umount(scene.mnt)
    the_object = [f"{store}/{p}" for p in all_paths(store) if os.path.isfile(f"{store}/{p}")
                  and os.stat(f"{store}/{p}").st_size == len(BIG)][0]
    for data, sealed in ((BIG, False), (BIG[1:], True)):
        os.unlink(the_object)
        write(the_object, data)
        if sealed:
            run("fsverity", "enable", the_object)
        for way in ("verity", "tryverity", "digest=" + digest):
            scene.mount(image, f"basedir={store},{way}")
            try:
                read(f"{scene.mnt}/big")
            except OSError as failure:
                expect(failure.errno, 5, f"errno with {way}")
            else:
                raise AssertionError(f"{way}: expected an error, got the content of another object")
            umount(scene.mnt)


def main():
    scene = Scene(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
    try:
        return run_facts(scene, after=scene.unmount_all)
    finally:
        scene.close()


if __name__ == "__main__":
    enter_namespace()
    sys.exit(main())
