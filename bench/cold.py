#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Cold `ls -lR` of a mounted image on a slow disk: with the image read ahead at mount, and without, in pairs.

    bench/cold.py BUILD [--entries 160k] [--iops 500] [--mbps 40] [--pairs 5] [--work DIR] [--image FILE]

Needs root. The slow disk is an ext4 filesystem on a loop device, whose reads the kernel throttles (cgroup blkio). A run begins
with nothing of it in memory: mounts the disk, mounts the image on it, lists it, and ends when the list is complete; its time is
that of the mount and of ls together. The image is mounted from the file, and through a loop device as kernels before
6.12 do. Printed are seconds, reads that reached the disk, and the time without reading ahead divided by that with it.

Traps that this avoids: dropping caches alone keeps what is dirty, so sync comes first, and the disk is unmounted in between; the loop
device below reads directly, or the pages of its file would be a cache under the disk; the throttle is set
where the threads of a second loop device are counted as well; an unused mount keeps nothing that the next run finds warm.
"""
import argparse
import collections
import contextlib
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CGROUP1 = "/sys/fs/cgroup/blkio"
CGROUP2 = "/sys/fs/cgroup"

Run = collections.namedtuple("Run", "seconds reads listed")


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def unmount(path):
    """The kernel lets go of what lies below an overlay, and of a loop device, a little later."""
    deadline = time.monotonic() + 20
    while subprocess.run(["umount", path], check=False, stderr=subprocess.DEVNULL).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError("%s: cannot be unmounted" % path)
        time.sleep(0.05)


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


@contextlib.contextmanager
def throttled(device, iops, bps):
    """With cgroup v1 this is the root group, which has the kernel threads as well; with v2 a group that we join."""
    if os.path.exists(CGROUP1):
        files = [(os.path.join(CGROUP1, "blkio.throttle.read_%s_device" % what), value)
                 for what, value in (("iops", iops), ("bps", bps))]
        for path, value in files:
            write(path, "%s %d" % (device, value))
        try:
            yield
        finally:
            for path, _ in files:
                write(path, "%s 0" % device)
        return
    group = os.path.join(CGROUP2, "composefs-bench")
    write(os.path.join(CGROUP2, "cgroup.subtree_control"), "+io")
    os.makedirs(group, exist_ok=True)
    write(os.path.join(group, "io.max"), "%s riops=%d rbps=%d" % (device, iops, bps))
    write(os.path.join(group, "cgroup.procs"), str(os.getpid()))
    try:
        yield
    finally:
        write(os.path.join(CGROUP2, "cgroup.procs"), str(os.getpid()))
        os.rmdir(group)


class Disk:
    """A slow disk with the image on it; mounted anew for each run."""

    def __init__(self, top, image):
        self.file, self.mnt = os.path.join(top, "disk"), os.path.join(top, "mnt-disk")
        os.mkdir(self.mnt)
        with open(self.file, "wb") as f:
            f.truncate(2 * os.path.getsize(image) + (64 << 20))
        run("mkfs.ext4", "-q", "-F", self.file)
        self.device = run("losetup", "--show", "--find", "--direct-io=on", self.file)
        run("mount", self.device, self.mnt)
        run("cp", image, os.path.join(self.mnt, "image"))
        run("umount", self.mnt)
        number = os.stat(self.device).st_rdev
        self.number = "%d:%d" % (os.major(number), os.minor(number))

    def reads(self):
        with open("/sys/block/%s/stat" % os.path.basename(self.device), encoding="ascii") as f:
            return int(f.read().split()[0])

    @contextlib.contextmanager
    def mounted(self):
        run("mount", "-o", "ro", self.device, self.mnt)
        try:
            os.sync()
            write("/proc/sys/vm/drop_caches", "3")
            yield os.path.join(self.mnt, "image")
        finally:
            unmount(self.mnt)

    def close(self):
        run("losetup", "--detach", self.device)


def list_cold(disk, program, way, when, mountpoint, objects):
    with disk.mounted() as image:
        reads, start = disk.reads(), time.monotonic()
        run(program, way, "basedir=%s,prefetch=%s" % (objects, when), image, mountpoint)
        try:
            listed = subprocess.run(["ls", "-lR", "."], cwd=mountpoint, check=True, stdout=subprocess.PIPE).stdout
            seconds = time.monotonic() - start
        finally:
            unmount(mountpoint)
        return Run(seconds, disk.reads() - reads, hashlib.sha256(listed).hexdigest())


def compare(disk, program, way, top, pairs):
    mountpoint, objects = os.path.join(top, "mnt"), os.path.join(top, "objects")
    runs = {"off": [], "async": []}
    for number in range(pairs):
        for when in ("async", "off") if number % 2 == 0 else ("off", "async"):
            runs[when].append(list_cold(disk, program, way, when, mountpoint, objects))
    if len({r.listed for found in runs.values() for r in found}) != 1:
        raise RuntimeError("the lists differ")
    times = sorted(off.seconds / ahead.seconds for off, ahead in zip(runs["off"], runs["async"]))
    print("| %s | %.1f | %.1f | **%.1f** (%.1f-%.1f) | %d | %d |" % (way,
        statistics.median(r.seconds for r in runs["async"]), statistics.median(r.seconds for r in runs["off"]),
        statistics.median(times), times[0], times[-1],
        statistics.median(r.reads for r in runs["async"]), statistics.median(r.reads for r in runs["off"])), flush=True)


def make_image(build, top, entries):
    dump, image = os.path.join(top, "dump"), os.path.join(top, "image")
    with open(dump, "wb") as f:
        subprocess.run([sys.executable, os.path.join(HERE, "gen_dump.py"), "files", entries], stdout=f, check=True)
    run(os.path.join(build, "tools", "mkcomposefs"), "--from-file", dump, image)
    os.unlink(dump)
    return image


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--entries", default="160k")
    parser.add_argument("--iops", type=int, default=500)
    parser.add_argument("--mbps", type=int, default=40, help="MB per second")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--work", default=None, help="where the disk is kept (default: the place of temporary files)")
    parser.add_argument("--image", help="list this one (default: one of gen_dump.py)")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root", file=sys.stderr)
        return 77
    program = os.path.join(args.build, "bench", "mount_by")
    with tempfile.TemporaryDirectory(dir=args.work) as top:
        for name in ("mnt", "objects"):
            os.mkdir(os.path.join(top, name))
        disk = Disk(top, args.image or make_image(args.build, top, args.entries))
        print("| image mounted by | s, read ahead | s, not | times | reads, read ahead | reads, not |\n|---|---|---|---|---|---|")
        try:
            with throttled(disk.number, args.iops, args.mbps * 1000000):
                for way in ("file", "loop"):
                    compare(disk, program, way, top, args.pairs)
        finally:
            disk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
