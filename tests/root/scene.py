# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What the tests with real mounts share: a mount namespace of their own, a folder that goes
away, facts as TAP lines."""
import ctypes
import glob
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Moments, Skip, ensure, expect, fact, has, place_in_memory, remark, run_facts, run_facts_each_in, wait_until  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000
PLACES = "/tmp/.composefs.*"


def enter_namespace():
    """Starts this program again in a mount namespace of its own, once."""
    if os.environ.get("COMPOSEFS_TEST_NAMESPACE"):
        return
    if os.geteuid() != 0:
        skip_all("needs root")
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run(unshare + ["true"], check=False).returncode:
        skip_all("cannot make a mount namespace")
    os.environ["COMPOSEFS_TEST_NAMESPACE"] = "1"
    os.execvp(unshare[0], unshare + [sys.executable] + sys.argv)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


class Mounted:
    """One line of /proc/self/mountinfo."""

    def __init__(self, line):
        fields = line.split()
        tail = fields[fields.index("-") + 1:]
        self.point = fields[4].encode().decode("unicode_escape")
        self.attributes = set(fields[5].split(","))
        self.type, self.source, self.options = tail[0], tail[1], set(tail[2].split(","))


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [Mounted(line) for line in f]


def mount_call(source, target, kind, data=""):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), 0, data.encode()):
        raise OSError(ctypes.get_errno(), f"mount {kind} at {target}")


class Scene:
    """A folder below the working directory (a disk: EROFS cannot mount a file of a tmpfs) and
    the two programs."""

    def __init__(self, mkcomposefs, mount):
        self.mkcomposefs, self.mount_program = mkcomposefs, mount
        self.dir = tempfile.mkdtemp(prefix="mount-test-", dir=os.getcwd())
        self.mnt = self.made("mnt")
        self.places = set(glob.glob(PLACES))

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def made(self, *parts):
        path = self.path(*parts)
        os.makedirs(path, exist_ok=True)
        return path

    def close(self):
        self.unmount_all()
        shutil.rmtree(self.dir)

    def image(self, source, name, store, *options):
        image = self.path(name)
        run(self.mkcomposefs, *options, f"--digest-store={store}", source, image)
        return image

    def image_of_dump(self, name, *lines):
        image = self.path(name)
        run(self.mkcomposefs, "--from-file", "-", image, stdin="".join(line + "\n" for line in lines))
        return image

    def mount(self, image, options, point=None, arguments=()):
        """Mounts; the folder where it is."""
        point = point or self.mnt
        run(self.mount_program, *arguments, "-o", options, image, point)
        return point

    def refused(self, image, options, point=None):
        """The message of a mount that must fail, and must leave nothing."""
        done = subprocess.run([self.mount_program, "-o", options, image, point or self.mnt],
                              capture_output=True, text=True, check=False)
        expect(done.returncode, 1, "status of a mount that should fail")
        expect([m.point for m in self.mounts() if m.type == "overlay"], [], "mounts left")
        return done.stderr

    def mounts(self):
        return [m for m in mounts() if m.point.startswith(self.dir)]

    def unmount_all(self):
        for mounted in reversed(self.mounts()):
            LIBC.umount2(mounted.point.encode(), 2)

    def loops(self):
        found = []
        for path in glob.glob("/sys/block/loop*/loop/backing_file"):
            try:
                with open(path, encoding="utf-8") as f:
                    found += [path] if self.dir in f.read() else []
            except OSError:
                pass  # freed meanwhile
        return found

    def nothing_left(self):
        """No mount of ours, no loop device, no temporary directory. The kernel may take a moment for
        the first, and tests that run meanwhile may have directories for a moment."""
        deadline = time.monotonic() + 60
        while (self.loops() or self.new_places()) and time.monotonic() < deadline:
            time.sleep(0.02)
        expect([m.point for m in self.mounts() if m.type in ("overlay", "erofs")], [], "mounts left")
        expect(self.loops(), [], "loop devices left")
        expect(self.new_places(), set(), "temporary directories left")

    def new_places(self):
        return set(glob.glob(PLACES)) - self.places


def run(*command, stdin=None, cwd=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False,
                          timeout=120, cwd=cwd)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: expected status 0, got {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def umount(point):
    run("umount", point)


def resident(path):
    """How many pages of a file are in memory, and how many it has."""
    size = os.stat(path).st_size
    pages = -(-size // mmap.PAGESIZE)
    states = (ctypes.c_ubyte * pages)()
    fd = os.open(path, os.O_RDONLY)
    LIBC.mmap.restype = ctypes.c_void_p
    LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_long]
    at = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    os.close(fd)
    ensure(at != ctypes.c_void_p(-1).value, "mmap failed")
    rc = LIBC.mincore(ctypes.c_void_p(at), ctypes.c_size_t(size), states)
    LIBC.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))
    expect(rc, 0, "mincore")
    return sum(s & 1 for s in states), pages


def evict(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


class UserNamespace:
    """Owner 0 and up outside is first and up inside. A path for -o idmap=."""

    def __init__(self, first):
        ready, told = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.write(told, b"x" if LIBC.unshare(CLONE_NEWUSER) == 0 else b"-")
            time.sleep(600)
            os._exit(0)
        answer = os.read(ready, 1)
        os.close(ready)
        os.close(told)
        if answer != b"x":
            self.close()
            raise Skip("no user namespaces")
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/{self.child}/{kind}", "w", encoding="utf-8") as f:
                f.write(f"0 {first} 65536\n")
        self.path = f"/proc/{self.child}/ns/user"

    def close(self):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
