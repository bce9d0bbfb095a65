#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What mount.composefs says before it mounts: usage, options, messages, status. No root.

    mount_composefs_test.py MOUNT.COMPOSEFS
"""
import os
import subprocess
import sys
import tempfile

PREFIX = "mount.composefs: "
USAGE = "usage: mount.composefs [-t type] [-o opt[,opts..]] IMAGE MOUNTPOINT\n"
DIGEST = "0" * 64

# Title, arguments, what standard error begins with, and whether usage follows it. IMAGE has a good
# header, DIR is a directory without fs-verity.
ROWS = [
    ("another type", ["-t", "ext4", "-o", "basedir=DIR", "IMAGE", "DIR"],
     PREFIX + "Unsupported fs type 'ext4'\n", False),
    ("an unknown letter", ["-x", "IMAGE", "DIR"], PREFIX + "invalid option -- 'x'\n", True),
    ("a letter without its value", ["IMAGE", "DIR", "-o"],
     PREFIX + "option requires an argument -- 'o'\n", True),
    ("no operand", [], PREFIX + "No source path specified\n", True),
    ("one operand", ["-o", "basedir=DIR", "IMAGE"], PREFIX + "No mount path specified\n", True),
    ("three operands", ["-o", "basedir=DIR", "IMAGE", "DIR", "DIR"], PREFIX + "Too many arguments\n", True),
    ("no basedir", ["IMAGE", "DIR"], PREFIX + "No object dirs specified\n", True),
    ("no basedir among options", ["IMAGE", "DIR", "-o", "ro"], PREFIX + "No object dirs specified\n", True),
    ("an unknown option", ["-o", "basedir=DIR,zap", "IMAGE", "DIR"],
     PREFIX + "Unsupported option zap\n", False),
    ("an unknown option that looks like digest, with -s", ["-s", "-o", "basedir=DIR,digset=00", "IMAGE", "DIR"],
     PREFIX + "Unsupported option digset: it looks like one that makes the mount stricter, so it is not ignored\n", False),
    ("control characters of a name, which do not reach the terminal",
     ["-o", "basedir=DIR", "/no\x1b[31mne\n", "DIR"],
     PREFIX + "Failed to open /no\\x1b[31mne\\x0a: No such file or directory\n", False),
    ("an option without its value", ["-o", "basedir", "IMAGE", "DIR"],
     PREFIX + "No value specified for basedir option\n", False),
    ("a bad basedir", ["-o", "basedir=DIR::DIR", "IMAGE", "DIR"],
     PREFIX + "Value for basedir option has incorrect format\n", False),
    ("upperdir alone", ["-o", "basedir=DIR,upperdir=DIR", "IMAGE", "DIR"],
     PREFIX + "Both workdir and upperdir must be specified if used\n", False),
    ("an empty digest", ["-o", "basedir=DIR,digest=", "IMAGE", "DIR"],
     PREFIX + "digest: expected 64 (sha256) or 128 (sha512) hex digits, got \"\"\n", False),
    ("a short digest", ["-o", "basedir=DIR,digest=00", "IMAGE", "DIR"],
     PREFIX + "digest: expected 64 (sha256) or 128 (sha512) hex digits, got \"00\"\n", False),
    ("a bad digest before a missing image", ["-o", "basedir=DIR,digest=00", "DIR/none", "DIR"],
     PREFIX + "digest: expected 64", False),
    ("a missing user namespace", ["-o", "basedir=DIR,idmap=DIR/none", "IMAGE", "DIR"],
     PREFIX + "Failed to open userns DIR/none: No such file or directory\n", False),
    ("a missing image", ["-o", "basedir=DIR/none", "DIR/none", "DIR/none"],
     PREFIX + "Failed to open DIR/none: No such file or directory\n", False),
    ("an image without fs-verity", ["-o", f"basedir=DIR,digest={DIGEST}", "IMAGE", "DIR"],
     PREFIX + "Failed to mount composefs IMAGE: Image has no fs-verity", False),
    ("no fs-verity before a bad header", ["-o", f"basedir=DIR,digest={DIGEST}", "TEXT", "DIR"],
     PREFIX + "Failed to mount composefs TEXT: Image has no fs-verity", False),
    ("a file that is no image", ["-o", "basedir=DIR", "TEXT", "DIR"],
     PREFIX + "Failed to mount composefs TEXT: not a composefs image\n", False),
    ("a directory as image", ["-o", "basedir=DIR", "DIR", "DIR"],
     PREFIX + "Failed to mount composefs DIR: image header: read: Is a directory\n", False),
    ("a pipe as image", ["-o", "basedir=DIR", "PIPE", "DIR"],
     PREFIX + "Failed to mount composefs PIPE: image header: read: Illegal seek\n", False),
    ("a pipe as image, with a digest", ["-o", f"basedir=DIR,digest={DIGEST}", "PIPE", "DIR"],
     PREFIX + "Failed to mount composefs PIPE: Image has no fs-verity", False),
    ("objects that cannot be verified", ["-o", "basedir=/proc,verity", "IMAGE", "DIR"],
     PREFIX + "Failed to mount composefs IMAGE: object directory /proc: its filesystem has no fs-verity", False),
]


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def check(program, folder, arguments, begins, usage):
    for word, path in (("IMAGE", "image.cfs"), ("TEXT", "text"), ("PIPE", "pipe"), ("DIR", "dir")):
        arguments = [a.replace(word, f"{folder}/{path}") for a in arguments]
        begins = begins.replace(word, f"{folder}/{path}")
    done = subprocess.run([program] + arguments, capture_output=True, text=True, check=False, timeout=60,
                          executable=program)
    if done.returncode != 1 or done.stdout:
        return f"status {done.returncode}, standard output {done.stdout!r}"
    text = done.stderr.replace(program + ": ", PREFIX)
    if not text.startswith(begins):
        return f"expected {begins!r}, got {text!r}"
    rest = text[len(begins):]
    if usage and not rest.startswith(USAGE):
        return f"no usage in {text!r}"
    if not usage and (USAGE in text or text.count("\n") != 1 or not text.endswith("\n")):
        return f"expected one line, got {text!r}"
    return None


def check_help(program):
    done = subprocess.run([program, "-h"], capture_output=True, text=True, check=False)
    if done.returncode or done.stdout or not done.stderr.startswith(USAGE):
        return f"status {done.returncode}, {done.stdout!r}, {done.stderr!r}"
    return None


def check_fake(program, folder):
    """-f does all but the mount, as mount(8) requires; -s ignores unknown options."""
    done = subprocess.run([program, "-fsnv", "-o", f"basedir={folder}/dir,zap", f"{folder}/image.cfs",
                           f"{folder}/dir"], capture_output=True, text=True, check=False)
    return done.stderr or (f"status {done.returncode}" if done.returncode else None)


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/dir")
        write(f"{folder}/image.cfs", bytes.fromhex("9a6278d001000000") + bytes(24))
        write(f"{folder}/text", b"x" * 4096)
        os.mkfifo(f"{folder}/pipe")
        results = [(title, check(program, folder, *rest)) for title, *rest in ROWS]
        results.append(("-h prints usage and succeeds", check_help(program)))
        results.append(("-f and -s", check_fake(program, folder)))
    for number, (title, failure) in enumerate(results, 1):
        print(f"{'not ok' if failure else 'ok'} {number} - {title}")
        if failure:
            print(f"# {failure}")
    print(f"1..{len(results)}")
    return any(failure for _, failure in results)


if __name__ == "__main__":
    sys.exit(main())
