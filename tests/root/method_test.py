#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs mount --method: every method shows the same, for root, in a user namespace and for an ordinary user.

    method_test.py COMPOSEFS

Needs root, and gives it up. Works in a mount namespace of its own.
"""
import errno
import json
import mmap
import os
import shutil
import stat
import subprocess
import sys
import tempfile

from rootless import NOBODY, as_nobody, describe, kill_servers, open_device, servers_of, unmount_below
from scene import LIBC, Skip, ensure, enter_namespace, expect, fact, has, mounts, run, run_facts_each_in, skip_all, wait_until

COMPOSEFS = os.path.abspath(sys.argv[1])
METHODS = ("kernel", "overlay-fuse", "fuse")


class Place:
    """A repository with the image os/1 that belongs to an ordinary user, a copy of the program, a mount point."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="method-test-", dir=os.getcwd())
        self.program, self.repo, self.point = self.path("composefs"), self.path("r"), self.path("mnt")
        shutil.copy(COMPOSEFS, self.program)
        self.fill_tree(self.path("tree"))
        os.mkdir(self.point)
        for path in (self.dir, self.point):
            os.chown(path, NOBODY, NOBODY)
            os.chmod(path, 0o755)
        self.user("init", "--insecure", "--algorithm=sha256", "r")
        self.id = run(self.program, "create-image", f"--repo={self.repo}", self.path("tree"), "os/1", cwd=self.dir).strip()
        run("chown", "-R", str(NOBODY), self.repo)
        open_device(self.path("device"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def fill_tree(self, tree):
        os.makedirs(f"{tree}/d/sub")
        os.makedirs(f"{tree}/empty")
        for i in range(200):
            with open(f"{tree}/d/f{i}", "w", encoding="ascii") as f:
                f.write("x" * (i * 37))
        with open(f"{tree}/large", "wb") as f:
            f.write(os.urandom(3 << 20))
        os.link(f"{tree}/large", f"{tree}/d/sub/hard")
        os.link(f"{tree}/d/f3", f"{tree}/d/sub/small")
        os.symlink("d/f7", f"{tree}/link")
        os.mkfifo(f"{tree}/fifo")
        os.setxattr(f"{tree}/large", "user.a", b"value")
        os.setxattr(f"{tree}/d", "user.b", b"")
        shutil.copy("/bin/true", f"{tree}/true")
        os.chmod(tree, 0o755)

    def mount(self, method, *args, at="mnt"):
        run(self.program, "mount", f"--method={method}", "--repo=r", *args, "os/1", at, cwd=self.dir)

    def user(self, *args, namespace=False):
        """The output of the program for the ordinary user."""
        done = as_nobody(self.program, *args, cwd=self.dir, namespace=namespace)
        expect((done.returncode, done.stderr), (0, ""), " ".join(args))
        return done.stdout

    def in_namespace(self, script, *args):
        done = as_nobody("sh", "-ec", script, self.program, *args, cwd=self.dir, namespace=True)
        if "unshare failed" in done.stderr:
            raise Skip("no user namespaces")
        if "takes no data layers with userxattr" in done.stderr:
            raise Skip("this kernel has no data layers with userxattr")
        return done

    def servers(self):
        return servers_of(self.program)

    def ended(self):
        wait_until(lambda: not self.servers(), "end of the servers")

    def close(self):
        unmount_below(self.dir)
        kill_servers(self.program)
        shutil.rmtree(self.dir)


def need_helper():
    if not shutil.which("fusermount3"):
        raise Skip("no fusermount3")


@fact
def every_method_shows_the_same(place):
    seen = {}
    for method in METHODS:
        place.mount(method, "--allow-suid", "--allow-dev")
        seen[method] = describe(place.point)
        run(place.program, "umount", place.point)
        place.ended()
    ensure(len(seen["kernel"]) > 200, len(seen["kernel"]))
    for method in METHODS[1:]:
        for path in set(seen["kernel"]) | set(seen[method]):
            expect(seen[method].get(path), seen["kernel"].get(path), f"{method}: {path}")


@fact
def user_sees_the_same_in_a_namespace_and_through_fusermount3(place):
    need_helper()
    listing = "find . -printf '%P %y %m %n %s %T@ %l\\n' | sort; find . -type f | sort | xargs sha256sum"
    place.mount("kernel")
    expected = run("sh", "-c", listing, cwd=place.point)
    run(place.program, "umount", place.point)
    done = place.in_namespace('"$0" mount --repo=r os/1 mnt; cd mnt; ' + listing)
    expect((done.returncode, done.stderr, done.stdout), (0, "", expected))
    place.user("mount", "--repo=r", "os/1", "mnt")
    done = as_nobody("sh", "-c", "cd mnt; " + listing, cwd=place.dir)
    expect((done.returncode, done.stderr, done.stdout), (0, "", expected))
    place.user("umount", "mnt")


@fact
def verbose_says_which_method_and_why(place):
    need_helper()
    for run_it, method, why in (
            (lambda *a: subprocess.run(a, capture_output=True, text=True, check=True, cwd=place.dir), "kernel", "may mount EROFS"),
            (lambda *a: place.in_namespace('exec "$@"', *a), "overlay-fuse", "EROFS needs root"),
            (lambda *a: as_nobody(*a, cwd=place.dir), "fuse", "overlayfs needs root")):
        err = run_it(place.program, "-v", "mount", "--repo=r", "os/1", "mnt").stderr
        has(err, f"composefs mount: method {method}: ")
        has(err, why)
        if method == "kernel":
            run(place.program, "umount", place.point)
    place.user("umount", "mnt")


@fact
def a_method_that_is_not_possible_is_refused_with_the_reason(place):
    for method, args, why in (("kernel", [], "mounting EROFS needs root"), ("overlay-fuse", [], "user and mount namespace"),
                              ("auto", ["--changes=c"], "a read-write mount needs overlayfs"),
                              ("fuse", ["--changes=c"], "a read-write mount needs overlayfs")):
        done = as_nobody(place.program, "mount", f"--method={method}", "--repo=r", *args, "os/1", "mnt", cwd=place.dir)
        expect((done.returncode, done.stdout), (1, ""), method)
        has(done.stderr, why)
        ensure(not os.path.ismount(place.point))
        expect(place.servers(), [])


@fact
def server_of_a_layer_ends_with_its_mount_and_with_the_namespace(place):
    place.mount("overlay-fuse")
    expect(len(place.servers()), 1, "servers")
    expect(os.listdir(os.path.join("/proc", str(place.servers()[0]), "root")), [], "the root directory of the server")
    run("umount", place.point)
    place.ended()
    done = place.in_namespace('"$0" mount --repo=r os/1 mnt; pgrep -cx composefs || true; cat mnt/d/f1')
    expect((done.returncode, done.stderr), (0, ""))
    ensure(done.stdout.endswith("x" * 37), done.stdout)
    place.ended()


@fact
def server_of_a_layer_keeps_no_other_filesystem_busy(place):
    other = place.path("other")
    os.mkdir(other)
    run("mount", "-t", "tmpfs", "other", other)
    device = os.stat(other).st_dev
    place.mount("overlay-fuse")
    server, = place.servers()
    with open(f"/proc/{server}/mountinfo", encoding="ascii") as f:
        ensure(f"{os.major(device)}:{os.minor(device)} " not in f.read(), "the server has a copy of the mount")
    run("umount", other)


@fact
def mount_of_a_killed_server_can_be_unmounted(place):
    for method in METHODS[1:]:
        place.mount(method)
        os.kill(place.servers()[0], 9)
        place.ended()
        try:
            os.listdir(os.path.join(place.point, "d"))
            raise AssertionError("expected that listdir fails, got entries")
        except OSError as why:  # ENOTCONN, ECONNABORTED or EIO, depending on what overlayfs was doing
            ensure(why.errno, why)
        run(place.program, "umount", place.point)
        ensure(not os.path.ismount(place.point))


WRITES = """
"$0" mount --method=$1 --repo=r --changes=changes os/1 mnt
echo more >> mnt/d/f90
echo new > mnt/new
rm mnt/d/f91
mv mnt/d/f92 mnt/moved
chmod 600 mnt/large
tail -c 5 mnt/d/f90
ls mnt/d | wc -l
"$0" umount mnt
"$0" mount --method=$1 --repo=r --changes=changes os/1 mnt
cat mnt/new
stat -c %a mnt/large
sha256sum < mnt/large
"$0" umount mnt
"""


@fact
def writable_layer_keeps_changes(place):
    with open(place.path("tree/large"), "rb") as f:
        digest = subprocess.run(["sha256sum"], stdin=f, capture_output=True, text=True, check=True).stdout
    expected = f"more\n199\nnew\n600\n{digest}"
    for method in METHODS[:2]:
        expect(run("sh", "-ec", WRITES, place.program, method, cwd=place.dir), expected, method)
        shutil.rmtree(place.path("changes"))
    done = place.in_namespace(WRITES, "auto")
    expect((done.returncode, done.stderr, done.stdout), (0, "", expected))
    expect(os.stat(place.path("changes/upper")).st_mode & 0o7777, 0o755)
    place.ended()


def gc(place):
    done = as_nobody(place.program, "gc", "--repo=r", "--json", cwd=place.dir)
    expect(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)["images_in_use"]


@fact
def gc_keeps_the_objects_of_a_live_mount(place):
    need_helper()
    place.user("mount", "--repo=r", "os/1", "mnt")
    place.user("untag", "--repo=r", "os/1")
    expect(gc(place), 1, "images in use")
    done = as_nobody("sha256sum", "mnt/large", cwd=place.dir)
    expect(done.returncode, 0, done.stderr)
    place.user("umount", "mnt")
    place.ended()
    expect(gc(place), 0, "images in use after the unmount")
    expect([n for _, _, names in os.walk(place.path("r/objects")) for n in names], [])


@fact
def gc_keeps_the_objects_of_a_mount_in_a_namespace(place):
    done = place.in_namespace('"$0" mount --repo=r os/1 mnt; "$0" untag --repo=r os/1; "$0" gc --repo=r --json; sha256sum mnt/large')
    expect(done.returncode, 0, done.stderr)
    has(done.stdout, '"images_in_use":1')
    place.ended()
    wait_until(lambda: gc(place) == 0, "no image in use after the end of the namespace")


DAMAGED = """
"$0" mount --method=$1 --verify=first-open --repo=r os/1 mnt
cat mnt/d/f100
cat mnt/large > copy || echo refused
"$0" umount mnt
"""


@fact
def every_method_verifies_objects_at_their_first_open(place):
    for folder, _, names in os.walk(place.path("r/objects")):
        for name in names:
            if os.path.getsize(os.path.join(folder, name)) == 3 << 20:
                with open(os.path.join(folder, name), "r+b") as f:
                    first = f.read(1)
                    f.seek(0)
                    f.write(bytes([first[0] ^ 1]))
    expected = "x" * 3700 + "refused\n"
    for method in METHODS:
        run("chown", "-R", "0", place.repo)  # an object that another user can write is not verified
        done = subprocess.run(["sh", "-ec", DAMAGED, place.program, method], cwd=place.dir, capture_output=True, text=True, check=False)
        expect((done.returncode, done.stdout), (0, expected), f"{method}: {done.stderr}")
        place.ended()
        run("chown", "-R", str(NOBODY), place.repo)
        os.unlink(place.path("copy"))
        done = place.in_namespace(DAMAGED, method) if method != "kernel" else done
        expect((done.returncode, done.stdout), (0, expected), f"{method}: {done.stderr}")
        place.ended()


def change_object(place, at):
    """Changes a byte of the object of the large file, whose other bytes stay."""
    for folder, _, names in os.walk(place.path("r/objects")):
        for name in names:
            if os.path.getsize(os.path.join(folder, name)) == 3 << 20:
                with open(os.path.join(folder, name), "r+b") as f:
                    f.seek(at)
                    byte = f.read(1)
                    f.seek(at)
                    f.write(bytes([byte[0] ^ 1]))


def read_at(path, at):
    """One byte of a file, or the name of the error."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        return os.pread(fd, 1, at)
    except OSError as why:
        return errno.errorcode[why.errno]
    finally:
        os.close(fd)


LAZY = """
"$0" mount --method=$1 --lazy=origin --repo=r os/1 mnt
cat mnt/large > copy
"$0" umount mnt
"""


@fact
def every_method_fetches_missing_objects(place):
    run("cp", "-a", "r", "origin", cwd=place.dir)
    with open(place.path("tree/large"), "rb") as f:
        content = f.read()
    for method in METHODS[1:]:
        removed = remove_large_object(place)
        done = place.in_namespace(LAZY, method)
        expect((done.returncode, done.stderr), (0, ""), method)
        place.ended()
        with open(place.path("copy"), "rb") as f:
            expect(f.read(), content, method)
        ensure(os.path.exists(removed), f"{method}: the object is in the repository")
        os.unlink(place.path("copy"))


def remove_large_object(place):
    for folder, _, names in os.walk(place.path("r/objects")):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.getsize(path) == 3 << 20:
                os.unlink(path)
                return path
    raise AssertionError("expected the object of the large file, got none")


@fact
def every_read_is_verified_if_that_is_wanted(place):
    with open(place.path("tree/large"), "rb") as f:
        content = f.read()
    run(place.program, "mount", "--verify=every-read", "--allow-suid", "--allow-dev", "--repo=r", "os/1", "mnt", cwd=place.dir)
    found, = json.loads(run(place.program, "status", "--json", place.point))["mounts"]
    expect((found["method"], found["verified_by"]), ("fuse", "every-read"))
    with open(place.path("mnt/large"), "rb", buffering=0) as f:
        expect(f.read(1), content[:1])
        change_object(place, (2 << 20) + 5)
        expect(read_at(place.path("mnt/large"), 2 << 20), "EIO", "the block that was changed after the open")
        expect(read_at(place.path("mnt/large"), (2 << 20) + 4096), content[(2 << 20) + 4096:][:1], "the next block")
    change_object(place, (2 << 20) + 5)
    seen = describe(place.point)
    run(place.program, "umount", place.point)
    place.ended()
    place.mount("kernel", "--allow-suid", "--allow-dev")
    expect(seen, describe(place.point), "what every-read shows")


@fact
def object_that_was_damaged_before_cannot_be_opened_with_every_read(place):
    need_helper()
    change_object(place, 7)
    place.user("mount", "--verify=every-read", "--repo=r", "os/1", "mnt")
    read = "cat mnt/d/f100; cat mnt/large > /dev/null || echo refused"
    done = as_nobody("sh", "-c", read, cwd=place.dir)
    expect(done.stdout, "x" * 3700 + "refused\n", done.stderr)
    place.user("umount", "mnt")


@fact
def every_read_excludes_other_methods(place):
    for option in ("--method=kernel", "--method=overlay-fuse", "--lazy=r", "--changes=c"):
        done = subprocess.run([place.program, "mount", "--verify=every-read", option, "--repo=r", "os/1", "mnt"], cwd=place.dir,
                              capture_output=True, text=True, check=False)
        ensure(done.returncode in (1, 2), option)
        expect(place.servers(), [], option)


@fact
def status_shows_the_method(place):
    need_helper()
    place.user("mount", "--repo=r", "os/1", "mnt")
    found, = json.loads(place.user("status", "--json", "mnt"))["mounts"]
    expect((found["method"], found["id"], found["read_only"], found["verified_by"]), ("fuse", place.id, True, "id-at-mount"))
    place.user("umount", "mnt")
    done = place.in_namespace('"$0" mount --repo=r os/1 mnt; "$0" status --json mnt')
    found, = json.loads(done.stdout)["mounts"]
    expect((found["method"], found["id"], found["names"], found["objects_dirs"]),
           ("overlay-fuse", place.id, ["os/1"], [place.path("r/objects")]))
    place.mount("overlay-fuse")
    found, = json.loads(run(place.program, "status", "--json", place.point))["mounts"]
    expect((found["method"] in ("overlay-fuse", None), found["names"]), (True, ["os/1"]))


def record_place(place):
    """A directory that serves as $XDG_RUNTIME_DIR of the ordinary user."""
    os.environ["XDG_RUNTIME_DIR"] = place.path("runtime")
    os.mkdir(place.path("runtime"), 0o700)
    os.chown(place.path("runtime"), NOBODY, NOBODY)
    return place.path("runtime/composefs/mounts")


def facts_of(found, *keys):
    return tuple(found[key] for key in keys)


@fact
def status_of_a_user_tells_as_much_as_that_of_root(place):
    """With a record in $XDG_RUNTIME_DIR; only one of his own counts."""
    need_helper()
    records = record_place(place)
    keys = ("method", "id", "names", "repository", "objects_dirs", "verified_by")
    known = (place.id, ["os/1"], place.path("r"), [place.path("r/objects")], "id-at-mount")

    place.user("mount", "--method=fuse", "--repo=r", "os/1", "mnt")
    found, = json.loads(place.user("status", "--json", "mnt"))["mounts"]
    if found["since"] is None:
        raise Skip("this kernel has no unique mount IDs")
    expect(facts_of(found, *keys), ("fuse", *known))
    name, = os.listdir(records)
    for owner, known_since in ((0, False), (NOBODY, True)):
        os.chown(f"{records}/{name}", owner, -1)
        found, = json.loads(place.user("status", "--json", "mnt"))["mounts"]
        expect((found["since"] is not None, found["objects_dirs"] != []), (known_since, known_since), f"a record of {owner}")
    os.chmod(records, 0o777)
    expect(json.loads(place.user("status", "--json", "mnt"))["mounts"][0]["since"], None, "others can write the records")
    os.chmod(records, 0o700)
    place.user("umount", "mnt")
    expect(os.listdir(records), [])

    for method in ("fuse", "overlay-fuse"):
        done = place.in_namespace('"$0" mount --method=$1 --repo=r os/1 mnt; "$0" status --json mnt; "$0" umount mnt', method)
        found, = json.loads(done.stdout)["mounts"]
        expect((facts_of(found, *keys), found["since"] is not None), ((method, *known), True))
    expect(os.listdir(records), [])


@fact
def status_of_root_knows_mounts_with_a_server(place):
    for method in ("fuse", "overlay-fuse"):
        place.mount(method)
        found, = json.loads(run(place.program, "status", "--json", place.point))["mounts"]
        if found["since"] is None:
            raise Skip("this kernel has no unique mount IDs")
        expect(facts_of(found, "method", "id", "names", "repository", "objects_dirs", "verified_by"),
               (method, place.id, ["os/1"], place.path("r"), [place.path("r/objects")], "id-at-mount"))
        run(place.program, "umount", place.point)


@fact
def umount_of_a_user(place):
    need_helper()
    place.user("mount", "--repo=r", "os/1", "mnt")
    done = as_nobody(place.program, "mount", "--repo=r", "os/1", "mnt", cwd=place.dir)
    expect(done.returncode, 1)
    has(done.stderr, "this image is mounted there already")
    # The reader holds a file open until its standard input ends.
    reader = subprocess.Popen(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sh", "-c",
                               "exec 3< mnt/large; echo ready; cat; wc -c <&3"],
                              cwd=place.dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        expect(reader.stdout.readline(), "ready\n")
        done = as_nobody(place.program, "umount", "mnt", cwd=place.dir)
        expect(done.returncode, 1)
        has(done.stderr, "busy")
        has(done.stderr, "--lazy")
        place.user("umount", "--lazy", "mnt")
        ensure(not os.path.ismount(place.point))
    finally:
        read = reader.communicate()[0]
    expect(read.strip(), str(3 << 20), "bytes read after the unmount")
    place.ended()


@fact
def hundred_mounts_of_a_user_at_once(place):
    need_helper()
    script = """for i in $(seq 100); do mkdir -p many/$i; "$0" mount --repo=r os/1 many/$i; done
for i in $(seq 100); do cat many/$i/d/f1; echo; done | sort | uniq -c
for i in $(seq 100); do "$0" umount many/$i; done"""
    done = as_nobody("sh", "-ec", script, place.program, cwd=place.dir)
    expect((done.returncode, done.stderr, done.stdout.split()), (0, "", ["100", "x" * 37]))
    place.ended()
    done = place.in_namespace(script)
    expect((done.returncode, done.stderr, done.stdout.split()), (0, "", ["100", "x" * 37]))
    place.ended()


@fact
def programs_run_and_files_are_mapped(place):
    for method in METHODS[1:]:
        place.mount(method)
        expect(subprocess.run([f"{place.point}/true"], check=False).returncode, 0, method)
        with open(f"{place.point}/large", "rb") as f, open(place.path("tree/large"), "rb") as g:
            with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                ensure(mapped[:] == g.read(), f"{method}: other bytes")
        run(place.program, "umount", place.point)
    done = place.in_namespace('"$0" mount --repo=r os/1 mnt; mnt/true && echo ran')
    expect((done.returncode, done.stderr, done.stdout), (0, "", "ran\n"))


def main():
    enter_namespace()
    if not os.path.exists("/dev/fuse"):
        skip_all("no /dev/fuse")
    return run_facts_each_in(Place)


sys.exit(main())
