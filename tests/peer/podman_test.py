#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Debian's podman with our mkcomposefs: an image that it pulls from a registry becomes the same composefs
images as with Debian's mkcomposefs, and shows the same tree when it is mounted and run.

    podman_test.py CACHE_DIR MKCOMPOSEFS CC...

podman starts itself again, so it cannot run through a loader: the unpacked packages become the root
directory, in a mount namespace of our own, of what is started here. MKCOMPOSEFS is mounted over Debian's.
"""
import contextlib
import glob
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile

import peer
import registry

CACHE, MKCOMPOSEFS, CC = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3:]
IMAGE, MANY = "test/image:1", "test/many:1"
STORAGE = '''[storage]
driver = "overlay"
graphroot = "/made/{name}/graph"
runroot = "/made/{name}/run"
[storage.options.pull_options]
enable_partial_images = "true"
use_hard_links = "false"
convert_images = "true"
[storage.options.overlay]
use_composefs = "true"
'''
REGISTRY = '''version: 0.1
storage:
  filesystem:
    rootdirectory: /made/registry
http:
  addr: 127.0.0.1:{port}
'''
# Runs in the container: says what it sees of the tree.
PROGRAM = r'''
#include <stdio.h>
#include <sys/stat.h>
int main(void)
{
	static const char *const names[] = {"/data/f65", "/data/f300000", "/data/hard", "/data/gone", "/replaced/old"};
	for (int i = 0; i < 5; i++) {
		struct stat st;
		unsigned long sum = 0;
		FILE *f = fopen(names[i], "r");
		for (int c; f && (c = getc(f)) != EOF;)
			sum = sum * 31 + (unsigned)c;
		if (stat(names[i], &st) < 0)
			printf("%s none\n", names[i]);
		else
			printf("%s %o %u %lu\n", names[i], st.st_mode, st.st_uid, sum);
	}
	return 0;
}
'''


def enter_namespace():
    if os.geteuid():
        raise peer.Skip("needs root")
    if os.environ.get("COMPOSEFS_TEST_NAMESPACE"):
        return
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if not shutil.which("unshare") or subprocess.run(unshare + ["true"], check=False).returncode:
        raise peer.Skip("cannot make a mount namespace")
    os.environ["COMPOSEFS_TEST_NAMESPACE"] = "1"
    os.execvp(unshare[0], unshare + [sys.executable] + sys.argv)


# --- the image -----------------------------------------------------------------------------


def program(tmp):
    source, path = os.path.join(tmp, "show.c"), os.path.join(tmp, "show")
    with open(source, "w", encoding="ascii") as f:
        f.write(PROGRAM)
    try:
        peer.output(*CC, "-O1", "-static", source, "-o", path)
    except AssertionError as why:
        raise peer.Skip(f"no static program can be made: {why}") from why
    with open(path, "rb") as f:
        return f.read()


def lower_layer(show):
    rng, layer = random.Random(1), registry.Layer()
    layer.directory("bin")
    layer.add("bin/show", data=show, mode=0o755)
    for name in ("data", "replaced", "empty", "opaque"):
        layer.directory(name, mode=0o751)
    for size in (0, 1, 64, 65, 4095, 4096, 5001, 300000):
        layer.add(f"data/f{size}", data=rng.randbytes(size))
    layer.add("data/twin", data=b"same" * 100)
    layer.add("data/other-twin", data=b"same" * 100)
    layer.add("data/suid", data=b"x" * 100, mode=0o4755)
    layer.add("data/hard", tarfile.LNKTYPE, link="data/f5001")
    layer.add("data/symlink", tarfile.SYMTYPE, link="f65", mode=0o777)
    layer.add("data/long", tarfile.SYMTYPE, link="/" + "long/" * 150, mode=0o777)
    layer.add("data/fifo", tarfile.FIFOTYPE)
    layer.add("data/none", tarfile.CHRTYPE, mode=0o600)  # a whiteout of overlayfs
    layer.add("data/null", tarfile.CHRTYPE, device=(1, 3), mode=0o666)
    layer.add("data/attributes", data=b"a" * 1000, xattrs=[("user.a", "1"), ("user.long", "v" * 500)])
    layer.directory("data/attributes.d", xattrs=[("user.d", "\N{GREEK SMALL LETTER ALPHA}")])
    layer.add("data/sp ace\\ =\N{GREEK SMALL LETTER ALPHA}", data=b"y" * 200)
    layer.directory("data/" + "d" * 200)
    for name in ("data/gone", "replaced/old", "opaque/hidden"):
        layer.add(name, data=b"z" * 300)
    return layer.bytes()


def upper_layer():
    """Takes away, replaces and hides what the lower one has. (podman 5.8 keeps the names with ".wh." as files when it
    makes composefs images; here it counts that it does so with either mkcomposefs.)"""
    layer = registry.Layer()
    layer.directory("data", mode=0o755)
    layer.add("data/.wh.gone")
    layer.add("data/f65", data=b"another" * 30, mode=0o600)
    layer.add(".wh.replaced")
    layer.directory("opaque")
    layer.add("opaque/.wh..wh..opq")
    layer.add("opaque/shown", data=b"s" * 128)
    return layer.bytes()


def many_layer():
    rng, layer = random.Random(2), registry.Layer()
    for i in range(3000):
        if i % 100 == 0:
            layer.directory(f"d{i // 100}")
        layer.add(f"d{i // 100}/f{i}", data=rng.randbytes(rng.randrange(200)))
    return layer.bytes()


# --- podman --------------------------------------------------------------------------------


class Root:
    """The unpacked packages as a root directory, with /made for everything that is made. All of it stands on a
    tmpfs: once that is unmounted the directory is empty, and nothing that was mounted there can be removed."""

    def __init__(self, packages, top):
        self.path, self.work = os.path.join(top, "root"), os.path.join(top, "made")
        os.makedirs(self.path)
        os.makedirs(os.path.join(self.work, "var"))
        self.mount("-t", "tmpfs", "tmpfs", self.path)
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + name, os.path.join(self.path, name))
        for source, name in ((f"{packages}/usr", "usr"), (f"{packages}/etc", "etc"), (f"{self.work}/var", "var"),
                             (self.work, "made"), ("/dev", "dev")):
            self.mount("--rbind", source, self.made(name))
        for kind, name in (("proc", "proc"), ("sysfs", "sys")):
            self.mount("-t", kind, kind, self.made(name))
        # crun requires this form, whichever the machine has.
        self.mount("-t", "cgroup2", "cgroup2", os.path.join(self.path, "sys/fs/cgroup"))
        for name in ("run", "tmp"):
            self.made(name)

    @staticmethod
    def mount(*args):
        peer.output("mount", *args)

    def made(self, name):
        path = os.path.join(self.path, name)
        os.mkdir(path)
        return path

    def close(self):
        peer.output("umount", "--recursive", "--lazy", self.path)
        os.rmdir(self.path)
        shutil.rmtree(self.work)

    def command(self, program, *args):
        return ["chroot", self.path, f"/usr/bin/{program}", *args]

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w", encoding="ascii") as f:
            f.write(text)


class Podman:
    """podman with a storage of its own. mkcomposefs: what stands in the place of Debian's, or None."""

    def __init__(self, root, name, mkcomposefs, port):
        self.root, self.name, self.mkcomposefs = root, name, mkcomposefs
        self.source = f"127.0.0.1:{port}/"
        os.makedirs(os.path.join(root.work, name))
        root.write(f"{name}/storage.conf", STORAGE.format(name=name))
        self.env = {"PATH": "/usr/bin:/usr/sbin", "HOME": "/made", "LC_ALL": "C", "TMPDIR": "/tmp",
                    "CONTAINERS_STORAGE_CONF": f"/made/{name}/storage.conf"}

    def run(self, *args):
        where = os.path.join(self.root.path, "usr/bin/mkcomposefs")
        if self.mkcomposefs:
            self.root.mount("--bind", self.mkcomposefs, where)
        try:
            return peer.output(*self.root.command("podman", *args), env=self.env).decode().strip()
        finally:
            if self.mkcomposefs:
                peer.output("umount", where)

    def pull(self, image):
        self.run("pull", "--quiet", "--tls-verify=false", self.source + image)

    def blobs(self):
        """{name: bytes} of the composefs images that it made, one a layer."""
        top, found = os.path.join(self.root.work, self.name, "graph/overlay"), {}
        for path in glob.glob(f"{top}/*/composefs-data/*"):
            with open(path, "rb") as f:
                found[os.path.relpath(path, top)] = f.read()
        return found

    def mounted(self, image):
        """What is seen of the tree of a mounted image."""
        where = self.run("image", "mount", self.source + image)
        try:
            return seen(self.root.path + where)
        finally:
            self.run("image", "umount", self.source + image)

    def container(self, image):
        return self.run("run", "--rm", "--network=none", "--cgroups=disabled", "--pull=never", self.source + image)


def seen(top):
    """{path: all that stat, readlink, listxattr and read tell of it}."""
    found = {}
    for folder, folders, names in os.walk(top):
        for path in [folder] + [os.path.join(folder, name) for name in folders + names]:
            st = os.lstat(path)
            row = [st.st_mode, st.st_uid, st.st_gid, st.st_rdev, st.st_mtime_ns]
            row.append(sorted((key, os.getxattr(path, key, follow_symlinks=False))
                              for key in os.listxattr(path, follow_symlinks=False)))
            if not stat.S_ISDIR(st.st_mode):
                row += [st.st_size, st.st_nlink]
            if stat.S_ISLNK(st.st_mode):
                row.append(os.readlink(path))
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    row.append(f.read())
            found[os.path.relpath(path, top)] = row
    return found


# --- facts ---------------------------------------------------------------------------------


def on_debians_side(function, *args):
    """What Debian's podman cannot do here with Debian's own mkcomposefs (the kernel is too old, a container may not
    be made) says nothing of ours."""
    try:
        return function(*args)
    except AssertionError as why:
        raise peer.Skip(" ".join(str(why).split())) from why


class Test:
    def __init__(self, root, port):
        self.debian = Podman(root, "debian", None, port)
        self.ours = Podman(root, "ours", MKCOMPOSEFS, port)
        self.neither = Podman(root, "neither", "/dev/null", port)

    def runs_it(self):
        """With something else in the place of mkcomposefs there are no images: so the others are its."""
        try:
            self.neither.pull(IMAGE)
        except AssertionError as why:
            if "mkcomposefs" not in str(why):
                raise
        peer.expect(self.neither.blobs(), {}, "composefs images")

    def same_images(self, image, versions):
        """versions: of the format, of all images so far; a whiteout makes it 1."""
        on_debians_side(self.debian.pull, image)
        self.ours.pull(image)
        expected, got = self.debian.blobs(), self.ours.blobs()
        peer.expect(sorted(got), sorted(expected), "names")
        peer.expect(sorted(int.from_bytes(blob[12:16], "little") for blob in expected.values()), versions, "versions")
        for name, blob in expected.items():
            peer.ensure(got[name] == blob, f"{name}: bytes differ")

    def same_tree(self, image, has):
        expected, got = on_debians_side(self.debian.mounted, image), self.ours.mounted(image)
        for name in has:
            peer.ensure(name in expected, f"{name} is not seen")
        peer.expect(sorted(got), sorted(expected), "names")
        for name, row in expected.items():
            peer.expect(got[name], row, name)

    def same_container(self):
        expected = on_debians_side(self.debian.container, IMAGE)
        peer.ensure("/data/f65 100600" in expected, expected)
        peer.expect(self.ours.container(IMAGE), expected, "it prints")

    def facts(self):
        yield "podman makes composefs images with what it finds as mkcomposefs", self.runs_it
        yield "two layers become the same composefs images", lambda: self.same_images(IMAGE, [0, 1])
        yield "the mounted image shows the same tree", lambda: self.same_tree(
            IMAGE, ("data/f300000", "data/hard", "data/attributes.d", "opaque/shown"))
        yield "a container sees the same", self.same_container
        yield "an image of 3,000 files", lambda: self.same_images(MANY, [0, 0, 1])
        yield "its mounted tree", lambda: self.same_tree(MANY, ("d29/f2999",))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_registry(root):
    """The process of a registry, and its port. Another program may take a free port before the registry does; the
    registry ends then."""
    for _ in range(10):
        port = free_port()
        root.write("registry.yml", REGISTRY.format(port=port))
        with open(os.path.join(root.work, "registry.log"), "wb") as log:
            server = subprocess.Popen(root.command("docker-registry", "serve", "/made/registry.yml"), stdout=log, stderr=log)
        there = registry.Registry(port)
        while server.poll() is None:
            with contextlib.suppress(OSError):
                there.wait(1)
                return server, there
    raise AssertionError("expected a registry that listens, got one that ends")


def serve(root):
    """A registry with the images: the process that serves them, and its port."""
    show = program(root.work)
    server, there = start_registry(root)
    try:
        for image, tars in ((IMAGE, [lower_layer(show), upper_layer()]), (MANY, [many_layer()])):
            there.push(*image.split(":"), tars)
    except BaseException:
        server.kill()
        raise
    return server, there.port


def facts():
    enter_namespace()
    os.makedirs(CACHE, exist_ok=True)
    packages = peer.packages(CACHE, "composefs", "docker-registry", "podman")
    top = tempfile.mkdtemp(prefix="podman-", dir=CACHE)
    root = Root(packages, top)
    try:
        server, port = serve(root)
        try:
            yield from Test(root, port).facts()
        finally:
            server.terminate()
            server.wait()
    finally:
        root.close()
        os.rmdir(top)


peer.main(facts)
