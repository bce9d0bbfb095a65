#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What is no input file, in the place of every input of every command: a FIFO without a writer, devices, sockets,
directories, large files without content. Each is refused soon, with a message, and without memory.

    input_test.py TOOLS
"""
import functools
import os
import resource
import shutil
import socket
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, fact, run_facts_afresh  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = os.path.abspath(sys.argv[1])
SECONDS = 60  # far more than needed: to tell waiting without end from a slow machine
MEMORY = 400 << 20
DIGEST = "0" * 64


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


# The address sanitizer reserves more than any limit.
SANITIZED = b"__asan_init" in read(f"{TOOLS}/composefs")
# Without a limit of memory, standard input is read to its end.
LARGE = 512 << 20 if SANITIZED else 3 << 30


def limit():
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def call(*args, stdin=subprocess.DEVNULL, user=None):
    """Status and message; a command that waits is an error."""
    with subprocess.Popen([f"{TOOLS}/{args[0]}", *args[1:]], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=limit, user=user) as child:  # pylint: disable=subprocess-popen-preexec-fn
        try:
            _, err = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise AssertionError(f"expected {args} to end, got a program that waits") from None
        return child.returncode, err.decode(errors="replace")


@functools.lru_cache
def has_command(name):
    return call("composefs", name, "--help")[0] == 0


# Every input, with {} in its place. What is only hashed may have any size.
IMAGES = [
    "composefs-info ls {}", "composefs-info dump {}", "composefs-info objects {}", "composefs-info missing-objects {}",
    "composefs-dump {} out", "composefs-fsck {}", "composefs fsck {}", "composefs fsck --isolated {}",
    "composefs fsck --no-isolated --canonical {}", "composefs fsck --objects=store {}", "composefs ls {}", "composefs ls {} /",
    "composefs diff image:{} a.cfs", "composefs diff a.cfs image:{}", "composefs diff dump:{} a.cfs", "composefs explain image:{} a.cfs",
    "composefs explain a.cfs dump:{}", "composefs explain image:{} --expected=" + DIGEST,
    "mkcomposefs --from-file {} out", "mkcomposefs --cache={} tree out",
]
ANY = ["composefs diff {} a.cfs", "composefs diff a.cfs {}", "composefs explain {} a.cfs"]  # directories as well
HASHED = ["composefs-info measure-file {}"]
REPO = ["composefs import-image --repo=repo name {}"]
SIGNED = [
    "composefs sign --key={} a.cfs", "composefs sign --attach={} --public=key.pub a.cfs",
    "composefs sign --attach=a.cfs.sig --public={} a.cfs", "composefs sign --key=key.pem --statement={} a.cfs",
    "composefs sign --key=key.pem --signature={} a.cfs", "composefs sign --sign-command=false --public={} a.cfs",
    "composefs verify --trusted=keys --signature={} a.cfs", "composefs verify --trusted=keys --signature=s.sig --statement={} a.cfs",
    "composefs verify --trusted=keys --statement=s --signature={} a.cfs", "composefs verify --trusted=keys --statement=s --floor={} a.cfs",
    "composefs verify --trusted=keys --statement=s --floor={} --raise-floor a.cfs",
]
SIGNED_HASHED = ["composefs sign --key=key.pem {}", "composefs verify --trusted=keys {}"]
# Each fails before anything is mounted, for the one reason or the other.
MOUNTED = [
    "mount.composefs -o basedir=store {} mnt", "mount.composefs -o basedir=store,idmap={} a.cfs mnt",
    "mount.composefs -o basedir=store,signed,trusted=keys,signature={} a.cfs mnt",
    "mount.composefs -o basedir=store,signed,trusted=keys,signature=s.sig,statement={} a.cfs mnt",
    "mount.composefs -o basedir=store,signed,trusted=keys,statement=s,floor={} a.cfs mnt",
]
KERNEL_SIGNED = ["composefs ipe-policy {}", "composefs sign-objects --key={} --cert=key.pub --signatures=sigs a.cfs",
                 "composefs sign-objects --key=key.pem --cert={} --signatures=sigs a.cfs"]


class Place:
    """An image, a store, a repository, and one of each kind of thing that is no input."""

    def __init__(self):
        os.mkdir("tree")
        write("tree/f", b"x" * 100)
        os.mkdir("mnt")
        expect(call("mkcomposefs", "--digest-store=store", "tree", "a.cfs")[0], 0)
        os.mkfifo("fifo")
        os.mkdir("directory")
        with open("sparse", "wb") as f:
            f.truncate(LARGE)
        with open("sparse-dump", "wb") as f:
            f.write(b"/")
            f.truncate(LARGE)
        # The header and superblock of an image give another size.
        write("sparse-image", read("a.cfs"))
        os.truncate("sparse-image", LARGE)
        os.symlink("none", "dangling")
        os.symlink("fifo", "link-to-fifo")
        os.symlink("/dev/zero", "link-to-zero")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind("socket")
        if has_command("init"):
            expect(call("composefs", "init", "--insecure", "--repo=repo")[0], 0)
        if has_command("sign") and shutil.which("openssl"):
            make_keys()


def make_keys():
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem"], check=True)
    os.mkdir("keys")
    for place in ("key.pub", "keys/key"):
        subprocess.run(["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", place], check=True)
    expect(call("composefs", "sign", "--key=key.pem", "a.cfs")[0], 0)
    expect(call("composefs", "sign", "--key=key.pem", "--statement=s", "--name=os", "--version=1", "a.cfs")[0], 0)
    write("floor", b"0 os\n")


def inputs(large=True):
    """All inputs that this build has; large: those that are not just hashed."""
    found = IMAGES + ANY
    found += [] if large else HASHED
    if has_command("init"):
        found += REPO
    if os.path.exists("key.pem"):
        found += SIGNED + ([] if large else SIGNED_HASHED)
    return found + (KERNEL_SIGNED if os.path.exists(f"{TOOLS}/composefs-pkcs7") else [])


def refused(name, found, said, user=None):
    for text in found:
        args = text.replace("{}", name).split()
        status, err = call(*args, user=user)
        ensure(status > 0 and "Usage:" not in err, f"{args}: status {status}: {err[:300]}")
        ensure(any(part in err for part in said), f"{args}: {err[:300]}")


@fact
def a_fifo_is_refused_without_waiting_for_a_writer(_):
    for name in ("fifo", "link-to-fifo"):
        refused(name, inputs(False) if name == "fifo" else IMAGES, ["got a FIFO", "is not a regular file"])


@fact
def a_device_is_refused(_):
    found = inputs(False)
    for name in ("/dev/zero", "link-to-zero", "/dev/tty"):
        refused(name, found, ["got a character device", "is not a regular file"])


@fact
def a_socket_is_refused(_):
    refused("socket", inputs(False), ["got a socket", "is not a regular file", "No such device"])


@fact
def a_directory_is_refused(_):
    refused("directory", [i for i in inputs(False) if i not in ANY], ["irectory", "is not a regular file"])


@fact
def dangling_links_are_refused(_):
    refused("dangling", [i for i in inputs(False) if "--signature={}" not in i and "--cache" not in i],
            ["No such file", "no such file", "dangling symbolic link"])


@fact
def a_large_sparse_file_is_refused_quickly(_):
    for name in ("sparse", "sparse-dump", "sparse-image"):
        refused(name, inputs() if name == "sparse" else IMAGES, [name])


@fact
def endless_standard_input_is_refused(_):
    calls = [["composefs", "diff", "-", "a.cfs"], ["composefs", "diff", "image:-", "a.cfs"], ["composefs", "diff", "dump:-", "a.cfs"],
             ["mkcomposefs", "--from-file", "-", "out"]]
    if has_command("init"):
        calls.append(["composefs", "import-image", "--repo=repo", "name"])
    for args in calls:
        for name in ("/dev/zero", "sparse", "sparse-dump", "sparse-image"):
            with open(name, "rb") as f:
                status, err = call(*args, stdin=f)
            ensure(status > 0 and err, f"{args} < {name}: status {status}: {err}")


@fact
def an_endless_pipe_is_read_up_to_the_size_in_the_superblock(_):
    for begin, args in ((b"", ("diff", "-", "a.cfs")), (read("a.cfs"), ("diff", "-", "a.cfs")),
                        (read("a.cfs"), ("import-image", "--repo=repo", "name"))):
        if not has_command(args[0]):
            continue
        write("begin", begin)
        with subprocess.Popen(["cat", "begin", "/dev/zero"], stdout=subprocess.PIPE) as cat:
            status, err = call("composefs", *args, stdin=cat.stdout)
            cat.stdout.close()
            cat.kill()
        ensure(status > 0 and err, f"status {status}: {err}")


@fact
def mount_does_not_wait_for_a_fifo(_):
    inputs()
    for name in ("fifo", "directory", "sparse", "dangling"):
        refused(name, MOUNTED, [""])


@fact
def an_unnamed_pipe_is_read_where_a_file_is_named(_):
    for name in ("/dev/stdin", "/proc/self/fd/0"):
        with subprocess.Popen(["cat", "a.cfs"], stdout=subprocess.PIPE) as cat:
            expect(call("composefs-info", "ls", name, stdin=cat.stdout)[0], 0)
            cat.stdout.close()


@fact
def unreadable_input_is_named(_):
    if os.geteuid() != 0:
        os.chmod("a.cfs", 0)
        refused("a.cfs", IMAGES[:10], ["a.cfs: Permission denied"])


if __name__ == "__main__":
    sys.exit(run_facts_afresh(Place))
