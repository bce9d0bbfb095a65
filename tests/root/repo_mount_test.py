#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Repositories and real mounts, one TAP line a fact.

    repo_mount_test.py COMPOSEFS [SECONDS]

Needs root; works in a mount namespace of its own. SECONDS, or $COMPOSEFS_TEST_SECONDS: how long all work at once
(default 5).
"""
import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import repo_crash_test  # noqa: E402  pylint: disable=wrong-import-position
from scene import (LIBC, Skip, ensure, enter_namespace, expect, fact, has, mount_call, mounts, remark, run,
                   run_facts_each_in, umount)

COMPOSEFS = os.path.abspath(sys.argv[1])
SECONDS = float(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("COMPOSEFS_TEST_SECONDS", "5"))


def composefs(*args):
    return run(COMPOSEFS, *args)


def gc(repo, *args):
    return json.loads(composefs("gc", f"--repo={repo}", "--json", *args))


def sound(repo):
    report = json.loads(composefs("fsck", f"--repo={repo}", "--json"))
    expect((report["ok"], report["errors"]), (True, []), "fsck")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


class Place:
    """A folder below the working directory (a disk: EROFS cannot mount a file of a tmpfs) with a tree, and its image in a
    repository under the name os/1."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="repo-test-", dir=os.getcwd())
        self.repo, self.tree, self.mnt = (os.path.join(self.dir, name) for name in ("r", "tree", "mnt"))
        os.mkdir(self.mnt)
        for name in ("a", "dir/b"):
            write(f"{self.tree}/{name}", name * 1000)
        composefs("init", "--insecure", "--algorithm=sha256", self.repo)
        self.add("os/1")

    def add(self, name):
        return composefs("create-image", f"--repo={self.repo}", self.tree, name).strip()

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


@fact
def an_image_is_mounted_by_name_and_by_id_and_unmounted(place):
    made = composefs("create-image", f"--repo={place.repo}", place.tree).strip()
    for name in ("os/1", "refs/os/1", made, made.split(":")[1]):
        composefs("mount", f"--repo={place.repo}", name, place.mnt)
        expect(read(f"{place.mnt}/a"), "a" * 1000)
        ensure(os.statvfs(place.mnt).f_flag & os.ST_RDONLY, "it is writable")
        composefs("umount", place.mnt)
        expect(os.listdir(place.mnt), [])


@fact
def a_mount_that_is_in_use_is_unmounted_only_lazily(place):
    composefs("mount", f"--repo={place.repo}", "os/1", place.mnt)
    with open(f"{place.mnt}/a", encoding="ascii") as used:
        refused = subprocess.run([COMPOSEFS, "umount", place.mnt], capture_output=True, text=True, check=False)
        expect((refused.returncode, refused.stderr.count("\n")), (1, 1))
        ensure("--lazy" in refused.stderr, refused.stderr)
        composefs("umount", "--lazy", place.mnt)
        expect(len(used.read()), 1000)


def stopped_at_fsopen(place, *args):
    """The command, stopped behind its first fsopen(2): strace, and the ID of the process."""
    log, lines = f"{place.dir}/log", []
    strace = subprocess.Popen(["strace", "-o", log, "-f", "-E", "ASAN_OPTIONS=detect_leaks=0", "-e", "trace=fsopen", "-e",
                               "inject=fsopen:signal=SIGSTOP:when=1", *args], stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        lines = read(log).splitlines() if os.path.exists(log) else []
        if any("stopped by SIGSTOP" in line for line in lines):
            return strace, int(lines[0].split()[0])
        time.sleep(0.05)
    strace.kill()
    raise AssertionError(f"expected a stop at fsopen, got {lines}: {strace.communicate()[1]}")


def copy_with_other_content(objects, to):
    shutil.copytree(objects, to)
    for path in glob.glob(f"{to}/*/*"):
        if os.path.getsize(path) == 1000:
            write(path, "evil" * 250)


@fact
def a_symlink_in_the_place_of_the_object_directory_is_not_followed(place):
    objects, evil = f"{place.repo}/objects", f"{place.dir}/evil"
    copy_with_other_content(objects, evil)
    os.rename(objects, f"{place.dir}/aside")
    os.symlink(evil, objects)
    done = subprocess.run([COMPOSEFS, "mount", f"--repo={place.repo}", "os/1", place.mnt], capture_output=True, text=True,
                          check=False)
    expect((done.returncode, os.listdir(place.mnt)), (1, []), done.stderr)
    ensure("objects" in done.stderr and "symbolic link" in done.stderr, done.stderr)


@fact
def an_object_directory_that_is_replaced_during_the_mount_does_not_count(place):
    objects, evil = f"{place.repo}/objects", f"{place.dir}/evil"
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    copy_with_other_content(objects, evil)
    strace, pid = stopped_at_fsopen(place, COMPOSEFS, "mount", f"--repo={place.repo}", "os/1", place.mnt)
    os.rename(objects, f"{place.dir}/aside")
    os.symlink(evil, objects)
    os.kill(pid, signal.SIGCONT)
    expect(strace.wait(60), 0)
    expect(read(f"{place.mnt}/a"), "a" * 1000)


def differences(place, *args):
    done = subprocess.run([COMPOSEFS, "diff", f"--repo={place.repo}", "--json", *args], capture_output=True, text=True, check=False)
    ensure(done.returncode < 2, done.stderr)
    return json.loads(done.stdout)["differences"]


@fact
def a_mounted_image_is_the_same_tree_as_the_image(place):
    os.link(f"{place.tree}/a", f"{place.tree}/linked")
    os.symlink("a", f"{place.tree}/link")
    os.mknod(f"{place.tree}/null", 0o020600, os.makedev(1, 3))
    os.setxattr(f"{place.tree}/a", "user.x", b"y")
    place.add("os/2")
    composefs("mount", f"--repo={place.repo}", "os/2", place.mnt)
    expect(differences(place, "os/2", place.mnt), [])
    expect(differences(place, place.mnt, place.tree), [])
    found = differences(place, "os/1", place.mnt)
    expect([d["path"] for d in found if d["field"] == "entry"], ["/link", "/linked", "/null"])


def shown(point):
    """The size and the use of a filesystem as df has them."""
    done = subprocess.run(["df", "--output=size,pcent", point], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[1].split()


@fact
def df_shows_no_size_of_an_image_with_0_blocks(place):
    write(f"{place.tree}/small", "x")
    place.add("full")
    composefs("create-image", f"--repo={place.repo}", "--profile=honest-df-1-sha256", place.tree, "honest")
    for name, use in (("full", "100%"), ("honest", "-")):
        image = os.path.realpath(f"{place.repo}/images/refs/{name}")
        for mount in ((COMPOSEFS, "mount", f"--repo={place.repo}", name), ("mount", "-t", "erofs", "-o", "ro,loop", image)):
            run(*mount, place.mnt)
            remark(f"{name}, {os.path.basename(mount[0])}: df shows {shown(place.mnt)}")
            expect(shown(place.mnt)[1], use, f"use of {name}")
            expect(os.statvfs(place.mnt).f_blocks == 0, name == "honest", f"{name} has no blocks")
            expect(read(f"{place.mnt}/small"), "x")
            if mount[0] == COMPOSEFS:
                expect(differences(place, place.tree, place.mnt), [])
            umount(place.mnt)


@fact
def mounts_in_a_directory_are_compared_by_default(place):
    os.mkdir(f"{place.tree}/inner")
    place.add("os/2")
    expect(LIBC.mount(b"none", f"{place.tree}/inner".encode(), b"tmpfs", 0, b""), 0)
    write(f"{place.tree}/inner/x", "x")
    expect([d["path"] for d in differences(place, "os/2", place.tree) if d["field"] == "entry"], ["/inner/x"])
    expect([d["path"] for d in differences(place, "--one-file-system", "os/2", place.tree) if d["field"] == "entry"], [])


@fact
def setuid_programs_and_devices_count_where_nothing_is_verified_only_when_that_is_allowed(place):
    image = place.add("os/1").split(":")[1]
    restraints = {"--allow-suid": os.ST_NOSUID, "--allow-dev": os.ST_NODEV}
    for name in ("os/1", image):
        for allowed in ((), ("--allow-suid",), ("--allow-dev",), ("--allow-suid", "--allow-dev")):
            composefs("mount", f"--repo={place.repo}", *allowed, name, place.mnt)
            flags = os.statvfs(place.mnt).f_flag
            expect({o: bool(flags & bit) for o, bit in restraints.items()}, {o: o not in allowed for o in restraints}, name)
            composefs("umount", place.mnt)


@fact
def a_writable_layer_takes_what_is_written(place):
    for name in ("up", "work"):
        os.mkdir(os.path.join(place.dir, name))
    composefs("mount", f"--repo={place.repo}", f"--upperdir={place.dir}/up", f"--workdir={place.dir}/work", "--read-write",
              "os/1", place.mnt)
    write(f"{place.mnt}/new", "new")
    umount(place.mnt)
    expect(read(f"{place.dir}/up/new"), "new")


@fact
def owners_are_mapped_and_others_are_not(place):
    os.chown(f"{place.tree}/dir", 5, 6)
    os.chown(f"{place.tree}/dir/b", 70000, 0)
    place.add("os/2")
    composefs("mount", f"--repo={place.repo}", "--idmap=0:100000:65536", f"--changes={place.dir}/c", "os/2", place.mnt)
    owners = {name: (os.stat(f"{place.mnt}/{name}").st_uid, os.stat(f"{place.mnt}/{name}").st_gid) for name in (".", "dir", "dir/b")}
    expect(owners, {".": (100000, 100000), "dir": (100005, 100006), "dir/b": (65534, 100000)})
    expect(os.stat(f"{place.dir}/c/upper").st_uid, 100000, "owner of the new writable layer")
    os.chmod(f"{place.mnt}/dir", 0o700)
    expect(os.stat(f"{place.dir}/c/upper/dir").st_uid, 100005, "owner of a copy in the writable layer")
    umount(place.mnt)


@fact
def a_damaged_image_is_not_mounted(place):
    image = os.path.join(place.repo, "images", os.readlink(f"{place.repo}/images/refs/os/1").rsplit("/", maxsplit=1)[-1])
    with open(os.path.realpath(image), "r+b") as f:
        f.seek(4096)
        f.write(b"\xff\xff")
    done = subprocess.run([COMPOSEFS, "mount", f"--repo={place.repo}", "os/1", place.mnt], capture_output=True, text=True,
                          check=False)
    expect(done.returncode, 1)
    ensure("expected the fs-verity digest" in done.stderr, done.stderr)


def held_elsewhere(place, *mount):
    """A process with a private mount namespace, in which it is mounted; it reads for as long as
    its standard input is open."""
    script = 'composefs=$1; point=$2; shift 2; "$@" || exit; echo ready; read -r _; cat "$point"/a; ls "$point"/dir'
    return subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", COMPOSEFS, place.mnt, *mount],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def stays_while_mounted(place, *mount):
    """The image os/1 has lost its name, and stays for as long as it is mounted in another namespace."""
    with held_elsewhere(place, *mount) as holder:
        if holder.stdout.readline() != "ready\n":
            raise Skip("it cannot be mounted here")
        expect(os.listdir(place.mnt), [], "what is seen here")
        composefs("untag", f"--repo={place.repo}", "os/1")
        for args in (("--dry-run",), ()):
            found = gc(place.repo, *args)
            expect((found["images_in_use"], found["objects_removed"], found["images_removed"]), (1, 0, 0))
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3")
        out = holder.communicate("\n", timeout=60)[0]
        ensure(out.startswith("a" * 1000) and out.endswith("b\n"), f"read there: {out[-80:]!r}")
    for _ in range(1000):  # the kernel lets go of a namespace in its own time
        found = gc(place.repo)
        if found["images_in_use"] == 0:
            break
        time.sleep(0.05)
    expect((found["images_in_use"], found["objects_removed"], found["images_removed"]), (0, 3, 1))


@fact
def an_image_mounted_in_another_namespace_is_not_collected(place):
    stays_while_mounted(place, COMPOSEFS, "mount", f"--repo={place.repo}", "os/1", place.mnt)


@fact
def an_image_mounted_through_a_loop_device_is_not_collected(place):
    """Not by us: by hand, and EROFS alone."""
    image = glob.glob(f"{place.repo}/images/*")
    image = next(i for i in image if not i.endswith("/refs"))
    with held_elsewhere(place, "mount", "-t", "erofs", "-o", "loop,ro", image, place.mnt) as holder:
        if holder.stdout.readline() != "ready\n":
            raise Skip("no loop devices")
        composefs("untag", f"--repo={place.repo}", "os/1")
        expect(gc(place.repo)["images_in_use"], 1)
        holder.communicate("\n", timeout=60)


@fact
def a_full_disk_is_reported_in_one_line_and_changes_nothing(place):
    disk, at = f"{place.dir}/disk", f"{place.dir}/full"
    os.mkdir(at)
    with open(disk, "wb") as f:
        f.truncate(8 << 20)
    run("mkfs.ext4", "-q", disk)
    run("mount", "-o", "loop", disk, at)
    composefs("init", "--insecure", "--algorithm=sha256", f"{at}/r")
    composefs("create-image", f"--repo={at}/r", place.tree, "os/1")
    with open(f"{place.tree}/large", "wb") as f:
        f.write(b"x" * (16 << 20))
    done = subprocess.run([COMPOSEFS, "create-image", f"--repo={at}/r", place.tree, "os/2"], capture_output=True, text=True,
                          check=False)
    expect(done.returncode, 1)
    said = [l for l in done.stderr.splitlines() if "warning" not in l]
    expect(len(said), 1)
    ensure("No space left" in said[0], said[0])
    sound(f"{at}/r")
    expect(len(json.loads(composefs("images", f"--repo={at}/r", "--json"))["images"]), 1)
    gc(f"{at}/r")
    os.unlink(f"{place.tree}/large")
    write(f"{place.tree}/garbage", "garbage" * 1000)
    composefs("create-image", f"--repo={at}/r", place.tree)
    run("mount", "-o", "remount,ro", at)
    for args in (("create-image", place.tree, "os/3"), ("tag", "os/1", "x"), ("untag", "os/1"), ("gc",)):
        done = subprocess.run([COMPOSEFS, args[0], f"--repo={at}/r", *args[1:]], capture_output=True, text=True, check=False)
        expect((args[0], done.returncode, done.stderr.count("\n")), (args[0], 1, 1))
        ensure("Read-only file system" in done.stderr, done.stderr)
    sound(f"{at}/r")
    composefs("ls", f"--repo={at}/r", "os/1")
    run("umount", at)


# --- killed ---------------------------------------------------------------------------------

MOUNT_CALLS = "fsopen,fsconfig,fsmount,open_tree,move_mount,mount_setattr,mount,umount2,ioctl,memfd_create,mkdir,rmdir"


def left(place):
    """What may be left behind: mounts here, loop devices, folders that mounting makes."""
    loops = subprocess.run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], capture_output=True, text=True,
                           check=False).stdout
    return ([m.point for m in mounts() if m.point.startswith(place.dir)], loops.count(place.dir),
            sorted(glob.glob("/tmp/.composefs.*")))


@fact
def mount_and_umount_can_be_killed_anywhere_and_leave_all_or_nothing(place):
    before = left(place)

    def unmounted():
        if mounts_at(place):
            composefs("umount", place.mnt)

    def mounts_at(place):
        return [m.point for m in mounts() if m.point == place.mnt]

    for _ in repo_crash_test.kills(unmounted, "mount", "--allow-suid", f"--repo={place.repo}", "os/1", place.mnt, calls=MOUNT_CALLS):
        if mounts_at(place):
            expect(read(f"{place.mnt}/a"), "a" * 1000)
            composefs("umount", place.mnt)
        expect(left(place), before)

    def mounted():
        if not mounts_at(place):
            composefs("mount", "--allow-suid", f"--repo={place.repo}", "os/1", place.mnt)

    for _ in repo_crash_test.kills(mounted, "umount", place.mnt, calls=MOUNT_CALLS, least=1):
        if mounts_at(place):
            expect(read(f"{place.mnt}/a"), "a" * 1000)
    expect(left(place), before)
    sound(place.repo)


# --- all at once ----------------------------------------------------------------------------


def repeated(seconds, script, *args):
    """A shell that does the same again until the time is up, and stops at the first failure."""
    loop = f'end=$(($(date +%s%N) + {int(seconds * 1e9)})); n=0; while [ "$(date +%s%N)" -lt $end ]; do n=$((n + 1)); {script} || exit; done; echo $n'
    return subprocess.Popen(["sh", "-c", loop, "sh", COMPOSEFS, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@fact
def adders_collectors_and_mounters_at_once_lose_nothing(place):
    """10 who add images and take their names again, 2 who collect, 1 who checks, 20 who mount, read, and unmount."""
    workers = []
    for i in range(10):
        tree = f"{place.dir}/tree{i}"
        shutil.copytree(place.tree, tree)
        add = f'echo {i} $n > $3/changing; $1 create-image --repo=$2 $3 add{i}:$n >/dev/null 2>&1 && $1 untag --repo=$2 add{i}:$n'
        workers.append(("adder", repeated(SECONDS, add, place.repo, tree)))
    for _ in range(2):
        workers.append(("collector", repeated(SECONDS, '$1 gc --repo=$2 >/dev/null', place.repo)))
    workers.append(("checker", repeated(SECONDS, '$1 fsck --repo=$2 >/dev/null', place.repo)))
    for i in range(20):
        at = f"{place.dir}/mnt{i}"
        os.mkdir(at)
        mount = '$1 mount --allow-suid --repo=$2 os/1 $3 && cat $3/a $3/dir/b >/dev/null && $1 umount --lazy $3'
        workers.append(("mounter", repeated(SECONDS, mount, place.repo, at)))
    done = {}
    said = [(kind, worker, *worker.communicate(timeout=600)) for kind, worker in workers]
    for kind, worker, out, err in said:
        err = "\n".join(l for l in err.splitlines() if "waiting for " not in l and "stays" not in l)
        expect((kind, worker.returncode, err), (kind, 0, ""))
        done[kind] = done.get(kind, 0) + int(out)
    remark(", ".join(f"{n} rounds of {kind}s" for kind, n in done.items()))
    for kind in ("adder", "checker", "collector", "mounter"):
        ensure(done[kind] >= 1, f"no {kind} was done")
    sound(place.repo)
    for _ in range(100):
        if gc(place.repo)["images_in_use"] == 0:
            break
        time.sleep(0.05)
    expect(sum(len(fs) for _, _, fs in os.walk(f"{place.repo}/objects")), 3, "objects left")
    sound(place.repo)


# --- writable layers -----------------------------------------------------------------------


def mount_refused(place, *args, at=None, status=1):
    done = subprocess.run([COMPOSEFS, "mount", f"--repo={place.repo}", *args, "os/1", at or place.mnt], capture_output=True, text=True, check=False)
    expect(done.returncode, status, "status of a mount that should fail")
    return done.stderr


@fact
def owners_are_not_mapped_where_a_server_shows_the_image(place):
    for method in ("fuse", "overlay-fuse"):
        has(mount_refused(place, "--idmap=0:100000:65536", f"--method={method}"), "--idmap needs --method=kernel")
    has(mount_refused(place, "--idmap=0:100000"), "ID:HOST:COUNT")
    has(mount_refused(place, "--idmap=/dev/null"), "idmap")


@fact
def changes_are_kept_in_a_directory(place):
    changes = f"{place.dir}/changes"
    for _ in range(2):
        composefs("mount", f"--repo={place.repo}", f"--changes={changes}", "os/1", place.mnt)
        write(f"{place.mnt}/new", "new")
        expect((read(f"{changes}/upper/new"), read(f"{place.mnt}/a")), ("new", "a" * 1000))
        umount(place.mnt)
    os.chmod(changes, 0o770)
    has(mount_refused(place, f"--changes={changes}"), "to which only you can write")
    has(mount_refused(place, f"--changes={changes}", f"--upperdir={changes}", f"--workdir={changes}", status=2), "got both")


@fact
def an_upper_or_work_directory_of_another_mount_is_refused(place):
    """The kernel only warns."""
    changes, other = f"{place.dir}/changes", f"{place.dir}/other"
    os.makedirs(other)
    composefs("mount", f"--repo={place.repo}", f"--changes={changes}", "os/1", place.mnt)
    for upper, work in (("upper", "work2"), ("upper2", "work")):
        for name in (upper, work):
            os.makedirs(f"{changes}/{name}", exist_ok=True)
        said = mount_refused(place, f"--upperdir={changes}/{upper}", f"--workdir={changes}/{work}", "--read-write", at=other)
        ensure(f"in use by the mount at {place.mnt}" in said, said)
    umount(place.mnt)
    composefs("mount", f"--repo={place.repo}", f"--changes={changes}", "os/1", other)


@fact
def an_upper_directory_of_a_mount_in_another_namespace_is_refused(place):
    """Also when its path leads elsewhere there, and not when another directory has this path there."""
    changes = f"{place.dir}/changes"
    for folder in (f"{changes}/upper", f"{changes}/work"):
        os.makedirs(folder)
    for before, after, is_used in ((":", ":", True), (":", f"mount -t tmpfs none {changes}", True),
                                   (f"mount -t tmpfs none {changes} && mkdir -p {changes}/upper {changes}/work", ":", False)):
        script = (f"{before} && {COMPOSEFS} mount --repo={place.repo} --upperdir={changes}/upper --workdir={changes}/work --read-write "
                  f"os/1 {place.mnt} && {after} && echo mounted && read line")
        with subprocess.Popen(["unshare", "-m", "--propagation=private", "sh", "-c", script], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as child:
            expect(child.stdout.readline(), "mounted\n")
            if is_used:
                said = mount_refused(place, f"--upperdir={changes}/upper", f"--workdir={changes}/work", "--read-write")
                ensure(f"in use by the mount at {place.mnt} in the mount namespace of process {child.pid}" in said, said)
            else:
                composefs("mount", f"--repo={place.repo}", f"--upperdir={changes}/upper", f"--workdir={changes}/work", "--read-write", "os/1", place.mnt)
                umount(place.mnt)
            child.communicate("\n")


@fact
def an_upper_directory_is_locked_while_it_is_mounted(place):
    changes = f"{place.dir}/changes"
    os.makedirs(f"{changes}/upper")
    fd = os.open(f"{changes}/upper", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    said = mount_refused(place, f"--changes={changes}")
    os.close(fd)
    ensure(f"process {os.getpid()}" in said, said)
    composefs("mount", f"--repo={place.repo}", f"--changes={changes}", "os/1", place.mnt)


@fact
def a_work_directory_that_makes_the_kernel_mount_read_only_is_refused(place):
    for name in ("up", "w/work"):
        os.makedirs(f"{place.dir}/{name}")
    mount_call("tmpfs", f"{place.dir}/w/work", "tmpfs")
    layer = (f"--upperdir={place.dir}/up", f"--workdir={place.dir}/w")
    said = mount_refused(place, *layer, "--read-write")
    ensure("can only mount it read-only" in said, said)
    expect([m.type for m in mounts() if m.point == place.mnt], [])
    composefs("mount", f"--repo={place.repo}", *layer, "os/1", place.mnt)  # which is read-only


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
