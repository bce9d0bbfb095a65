# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A FUSE server that forges fs-verity: it shows a directory as it is, and answers
FS_IOC_MEASURE_VERITY for a regular file with the digest that the test asks for. It speaks
to /dev/fuse without a library."""
import ctypes
import errno
import os
import signal
import stat
import struct

from scene import LIBC

MEASURE_VERITY = 0xc0046686
ENABLE_VERITY = 0x40806685
LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, IOCTL, BATCH_FORGET = 25, 26, 27, 28, 29, 39, 42


class ForgingFs:
    """Shows root at point. digest_of(path below root) gives the bytes of a SHA-256 digest, or None. Symbolic links
    lead to the first of targets when they are followed first, then to the next, and then always to the last."""

    def __init__(self, root, point, digest_of, targets=()):
        self.root, self.point, self.digest_of, self.targets = root, point, digest_of, list(targets)
        self.paths = {1: ""}
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        data = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        if LIBC.mount(b"forge", point.encode(), b"fuse", 0, data.encode()):
            number = ctypes.get_errno()
            os.close(self.fd)
            raise OSError(number, "mount fuse")
        self.child = os.fork()
        if self.child == 0:
            try:
                self.serve()
            finally:
                os._exit(0)
        os.close(self.fd)

    def close(self):
        LIBC.umount2(self.point.encode(), 2)
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError as failure:
                if failure.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
            if opcode in (FORGET, BATCH_FORGET):
                continue
            try:
                error, answer = 0, self.answer(opcode, node, request[40:])
            except OSError as failure:
                error, answer = failure.errno, b""
            os.write(self.fd, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)

    def real(self, node):
        return os.path.join(self.root, self.paths[node])

    def answer(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 32, 0, 0)
        if opcode == LOOKUP:
            return self.lookup(node, body.rstrip(b"\0").decode())
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(self.real(node))
        if opcode == READLINK:
            if not self.targets:
                return os.readlink(self.real(node)).encode()
            return (self.targets.pop(0) if len(self.targets) > 1 else self.targets[0]).encode()
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            with open(self.real(node), "rb") as file:
                return os.pread(file.fileno(), size, offset)
        if opcode == READDIR:
            return self.entries(node, *struct.unpack_from("<QQI", body)[1:])
        if opcode == STATFS:
            return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0)
        if opcode in (RELEASE, RELEASEDIR, FLUSH):
            return b""
        if opcode == IOCTL:
            return self.ioctl(node, struct.unpack_from("<QIIQII", body)[2])
        raise OSError(errno.ENOSYS, "not served")

    def lookup(self, node, name):
        path = os.path.join(self.paths[node], name)
        attributes = self.attributes(os.path.join(self.root, path))
        number = max(self.paths) + 1
        self.paths[number] = path
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + attributes

    def attributes(self, path):
        st = os.lstat(path)
        return struct.pack("<QQQQQQIIIIIIIIII", st.st_ino, st.st_size, st.st_blocks, int(st.st_atime),
                           int(st.st_mtime), int(st.st_ctime), 0, 0, 0, st.st_mode, st.st_nlink,
                           st.st_uid, st.st_gid, 0, 4096, 0)

    def entries(self, node, offset, size):
        out = b""
        names = [".", ".."] + sorted(os.listdir(self.real(node)))
        for at, name in enumerate(names[offset:], offset + 1):
            entry = struct.pack("<QQII", at, at, len(name.encode()), 0) + name.encode()
            entry += bytes(-len(entry) % 8)
            if len(out) + len(entry) > size:
                break
            out += entry
        return out

    def ioctl(self, node, command):
        """As ext4 answers: ENODATA for what could have a digest and has none."""
        if command == ENABLE_VERITY:
            return struct.pack("<iIII", 0, 0, 0, 0)
        if command != MEASURE_VERITY:
            raise OSError(errno.ENOTTY, "not served")
        path = self.paths[node]
        digest = None
        if stat.S_ISREG(os.lstat(self.real(node)).st_mode):
            digest = self.digest_of(path)
        if digest is None:
            raise OSError(errno.ENODATA, "no digest")
        return struct.pack("<iIIIHH", 0, 0, 0, 0, 1, len(digest)) + digest
