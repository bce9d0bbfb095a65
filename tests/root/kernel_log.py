# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Records of the kernel log about damaged files."""
import os
import time

from scene import Skip


def record(device, path, sequence=1, usec=None, priority=3, text="pos=0, level=-1, want_hash=sha256:00, real_hash=sha256:11"):
    """A record of the kernel log about the file, as /dev/kmsg gives it."""
    usec = int(time.monotonic() * 1e6) if usec is None else usec
    return (f"{priority},{sequence},{usec},-;fs-verity ({device}, inode {os.stat(path).st_ino}): FILE CORRUPTED! {text}\n"
            f" SUBSYSTEM=block\n")


def device_of(path):
    """The name of its filesystem in messages of the kernel."""
    number = os.stat(path).st_dev
    try:
        return os.path.basename(os.readlink(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")).replace("!", "/")
    except FileNotFoundError as why:
        raise Skip("the filesystem here has no block device") from why
