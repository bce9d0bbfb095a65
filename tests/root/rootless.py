# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What the tests of mounts through FUSE share: an ordinary user, servers, all that a reader can see."""
import os
import signal
import stat
import subprocess

from scene import LIBC, mounts, run

NOBODY = 65534


def as_nobody(*command, cwd=None, namespace=False):
    """Runs a command as an ordinary user, or as root of a user and mount namespace of his."""
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if namespace:
        user += ["unshare", "--user", "--map-root-user", "--mount"]
    return subprocess.run(user + list(command), capture_output=True, text=True, check=False, cwd=cwd, timeout=300)


def open_device(device):
    """Makes /dev/fuse accessible to all, as it usually is, in this mount namespace. device: a path for the node."""
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(10, 229))
    os.chmod(device, 0o666)
    run("mount", "--bind", device, "/dev/fuse")


def servers_of(program):
    """The processes that run a program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == program:
                found.append(int(pid))
        except OSError:
            pass
    return found


def unmount_below(folder):
    for mounted in reversed(mounts()):
        if mounted.point.startswith(folder) or mounted.point == "/dev/fuse":
            LIBC.umount2(mounted.point.encode(), 2)


def kill_servers(program):
    """Of a test that failed."""
    for server in servers_of(program):
        os.kill(server, signal.SIGKILL)


def describe(top):
    """All that a reader can see of a tree. Instead of inode numbers: the first name of the same inode."""
    seen, inodes = {}, {}
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in [".", *folders, *sorted(names)]:
            path = os.path.normpath(os.path.join(folder, name))
            st = os.lstat(path)
            xattrs = sorted((k, os.getxattr(path, k, follow_symlinks=False)) for k in os.listxattr(path, follow_symlinks=False))
            content = os.readlink(path) if stat.S_ISLNK(st.st_mode) else None
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    content = f.read()
            size = 0 if stat.S_ISDIR(st.st_mode) else st.st_size
            first = inodes.setdefault((st.st_dev if stat.S_ISDIR(st.st_mode) else 0, st.st_ino), os.path.relpath(path, top))
            seen[os.path.relpath(path, top)] = (st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_rdev, size,
                                                st.st_mtime_ns, xattrs, content, first)
    return seen
