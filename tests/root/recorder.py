# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A file that remembers each write to it: what a disk held at any moment, for disks that are files (loop devices).

It is a FUSE filesystem of that one file, spoken here to /dev/fuse: see linux/fuse.h for the structures.
"""
import ctypes
import errno
import os
import struct
import threading

from scene import LIBC, mount_call

HEADER = struct.Struct("<IIQQIIIHH")
REPLY = struct.Struct("<IiQ")
READ_OR_WRITE = struct.Struct("<QQIIQII")
GETATTR, OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH, INIT = 3, 14, 15, 16, 18, 20, 25, 26
WITHOUT_REPLY = (2, 36, 42)  # forget, interrupt, forget many
BIG_WRITES, MAX_WRITE = 1 << 5, 128 << 10
ROOT_IS_A_FILE = "rootmode=100000,user_id=0,group_id=0"


class Recorder:
    """The file path, seen at the file point. writes: (offset, bytes) in the order in which they came."""

    def __init__(self, path, point):
        self.point, self.writes, self.flushes = point, [], 0
        self.file = os.open(path, os.O_RDWR)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        self.answers = {INIT: self.init, GETATTR: self.getattr, OPEN: lambda _: struct.pack("<QIi", 0, 0, 0),
                        READ: self.read, WRITE: self.write, FSYNC: self.fsync, FLUSH: lambda _: b"", RELEASE: lambda _: b""}
        mount_call("recorder", point, "fuse", f"fd={self.device},{ROOT_IS_A_FILE}")
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def close(self):
        if LIBC.umount2(self.point.encode(), 0):
            raise OSError(ctypes.get_errno(), f"unmount {self.point}")
        self.thread.join()
        os.close(self.device)
        os.close(self.file)

    def serve(self):
        while True:
            try:
                request = os.read(self.device, MAX_WRITE + 4096)
            except OSError as end:
                if end.errno == errno.ENODEV:
                    return
                raise
            self.answer(request)

    def answer(self, request):
        _, opcode, unique, *_ = HEADER.unpack_from(request)
        if opcode in WITHOUT_REPLY:
            return
        known = self.answers.get(opcode)
        body = known(request[HEADER.size:]) if known else b""
        os.write(self.device, REPLY.pack(REPLY.size + len(body), 0 if known else -errno.ENOSYS, unique) + body)

    def init(self, body):
        ahead = struct.unpack_from("<I", body, 8)[0]
        return struct.pack("<IIIIHHIIHH8I", 7, 31, ahead, BIG_WRITES, 0, 0, MAX_WRITE, 1, 0, 0, *[0] * 8)

    def getattr(self, _):
        size = os.fstat(self.file).st_size
        times = [0] * 3
        return struct.pack("<QII6Q10I", 3600, 0, 0, 1, size, size // 512, *times, *times, 0o100600, 1, 0, 0, 0, 4096, 0)

    def read(self, body):
        _, offset, size, *_ = READ_OR_WRITE.unpack_from(body)
        return os.pread(self.file, size, offset)

    def write(self, body):
        _, offset, size, *_ = READ_OR_WRITE.unpack_from(body)
        data = body[READ_OR_WRITE.size:READ_OR_WRITE.size + size]
        os.pwrite(self.file, data, offset)
        self.writes.append((offset, data))
        return struct.pack("<II", size, 0)

    def fsync(self, _):
        self.flushes += 1
        return b""
