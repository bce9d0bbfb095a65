#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Container images run by real runtimes, crun and runc: an image of busybox, bundles, writable layers.

    oci_run_test.py COMPOSEFS

Needs root and a static busybox; works in a mount namespace of its own.
"""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import debian  # noqa: E402  pylint: disable=wrong-import-position
from scene import LIBC, Skip, ensure, enter_namespace, evict, expect, fact, has, mounts, resident, run_facts_each_in, skip_all

COMPOSEFS = os.path.abspath(sys.argv[1])
RUNTIMES = ("crun", "runc")
TOOLS = ("sh", "id", "env", "pwd", "cat", "touch", "grep", "echo", "wc")
IMAGE_TYPE = "application/vnd.oci.image."
UNIFIED = "/sys/fs/cgroup/unified"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "composefs-tests")


def find_busybox():
    for path in glob.glob(os.path.expanduser("~/.cache/composefs-tests/busybox/bin/busybox")) + ["/bin/busybox", "/usr/bin/busybox"]:
        if os.path.isfile(path):
            with open(path, "rb") as f:
                if b"ld-linux" not in f.read(4096):
                    return path
    return None


def start(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def good(*command):
    done = start(*command)
    ensure(done.returncode == 0, f"{command}: status {done.returncode}: {done.stderr}")
    return done.stdout


def refused(*command):
    """The last line of a command that must fail: warnings come after errors, which come first."""
    done = start(COMPOSEFS, *command)
    expect(done.returncode, 1, f"status of {command}, which said {done.stderr}")
    return done.stderr.splitlines()[0]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Layout:
    """An OCI image layout with one image."""

    def __init__(self, path):
        self.path = path
        os.makedirs(f"{path}/blobs/sha256")

    def blob(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": IMAGE_TYPE + kind, "digest": f"sha256:{digest}", "size": len(data)}

    def add(self, tree, config):
        tar = subprocess.run(["tar", "-C", tree, "--numeric-owner", "--sort=name", "-cf", "-", "."], check=True, capture_output=True).stdout
        layer = self.blob(tar, "layer.v1.tar")
        document = {"os": "linux", "architecture": "amd64", "config": config, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
        manifest = {"schemaVersion": 2, "layers": [layer], "config": self.blob(json.dumps(document).encode(), "config.v1+json")}
        descriptor = self.blob(json.dumps(manifest).encode(), "manifest.v1+json")
        write(f"{self.path}/index.json", json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
        write(f"{self.path}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')


class Place:
    """A folder below the working directory (a disk: EROFS cannot mount a file of a tmpfs), a tree and a repository."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="oci-run-", dir=os.getcwd())
        self.tree, self.bundle, self.repo = (f"{self.dir}/{name}" for name in ("tree", "b", "r"))
        for name in ("bin", "proc", "dev", "sys", "run", "usr", "data", "srv/app"):
            os.makedirs(f"{self.tree}/{name}")
        shutil.copy(find_busybox(), f"{self.tree}/bin/busybox")
        for name in TOOLS:
            os.symlink("busybox", f"{self.tree}/bin/{name}")
        write(f"{self.tree}/etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/srv/app:/bin/sh\n")
        write(f"{self.tree}/etc/group", "app:x:1001:\nmore:x:1002:app\n")
        write(f"{self.tree}/data/file", "kept\n")
        good(COMPOSEFS, "init", "--insecure", self.repo)

    def pull(self, **config):
        config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["true"], **config}
        layout = Layout(tempfile.mkdtemp(prefix="layout-", dir=self.dir) + "/l")
        layout.add(self.tree, config)
        return good(COMPOSEFS, "oci", "pull", f"--repo={self.repo}", f"oci:{layout.path}", "app").strip()

    def make(self, *arguments):
        """Writes the bundle; config.json."""
        good(COMPOSEFS, "oci", "bundle", f"--repo={self.repo}", "app", self.bundle, *arguments)
        return json.loads(read(f"{self.bundle}/config.json"))

    def run(self, runtime):
        if not shutil.which(runtime):
            raise Skip(f"{runtime} is not installed")
        return good(runtime, "run", f"--bundle={self.bundle}", f"composefs-test-{os.getpid()}")

    def close(self):
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir):
                LIBC.umount2(mounted.point.encode(), 2)
        # A directory of this machine can be mounted there.
        ensure(not any(mounted.point.startswith(self.dir) for mounted in mounts()), "a mount is left")
        shutil.rmtree(self.dir)


def with_each_runtime(function):
    """A fact for each runtime."""
    for runtime in RUNTIMES:
        def one(place, runtime=runtime):
            function(place, runtime)
        one.__name__ = f"{function.__name__}_with_{runtime}"
        fact(one)
    return function


@with_each_runtime
def a_program_runs_as_the_user_of_its_image(place, runtime):
    place.pull(User="app", Env=["A=b c"], WorkingDir="/srv/app", Cmd=["id; pwd; env; cat /data/file"])
    place.make()
    lines = place.run(runtime).splitlines()
    expect(lines[0].split(" groups=")[0], "uid=1000(app) gid=1001(app)")
    ensure("1002(more)" in lines[0], lines[0])
    expect(lines[1], "/srv/app")
    ensure("A=b c" in lines and "HOME=/srv/app" in lines, lines)
    ensure(any(line.startswith("PATH=/usr/local/sbin:") for line in lines), lines)
    expect(lines[-1], "kept")


def find_large_object(repo):
    """The object of a file of 1 MiB. The program of the image is larger."""
    found = [f"{folder}/{name}" for folder, _, names in os.walk(f"{repo}/objects") for name in names]
    (path,) = [path for path in found if os.stat(path).st_size == 1 << 20]
    return path


@with_each_runtime
def a_container_and_the_host_share_the_pages_of_an_object(place, runtime):
    """What the container read is in memory for a mount on the host, where no program has read it."""
    with open(f"{place.tree}/data/large", "wb") as f:
        f.write(os.urandom(1 << 20))
    place.pull()
    place.make("--", "wc -c </data/large")
    os.mkdir(f"{place.dir}/host")
    good(COMPOSEFS, "oci", "mount", f"--repo={place.repo}", "app", f"{place.dir}/host")
    path = find_large_object(place.repo)
    evict(path)
    expect([resident(path), resident(f"{place.dir}/host/data/large")], [(0, 256)] * 2)
    expect(place.run(runtime), "1048576\n")
    expect([resident(path), resident(f"{place.dir}/host/data/large")], [(256, 256)] * 2)


@with_each_runtime
def arguments_replace_those_of_the_image(place, runtime):
    place.pull()
    place.make("--", "echo one; exit 0", "two")
    expect(place.run(runtime), "one\n")


@with_each_runtime
def a_root_is_read_only_and_volumes_are_not(place, runtime):
    place.pull(Volumes={"/data": {}})
    place.make("--", "touch /new 2>/dev/null || echo read-only; touch /data/new && cat /data/file")
    expect(place.run(runtime), "read-only\nkept\n")


@with_each_runtime
def changes_go_to_the_upper_layer(place, runtime):
    place.pull()
    place.make("--read-write", "--", "echo changed >/data/file; touch /new; cat /data/file")
    expect(place.run(runtime), "changed\n")
    expect(read(f"{place.bundle}/upper/data/file"), "changed\n")
    ensure(os.path.exists(f"{place.bundle}/upper/new"))


@with_each_runtime
def changes_in_memory_end_with_the_mount(place, runtime):
    place.pull()
    place.make("--tmpfs", "--", "echo changed >/data/file; touch /new; cat /data/file")
    expect(place.run(runtime), "changed\n")
    expect([m.point for m in mounts() if m.point.startswith(place.dir)], [f"{place.bundle}/rootfs"])
    good(COMPOSEFS, "umount", f"{place.bundle}/rootfs")
    expect(sorted(os.listdir(place.bundle)), ["config.json", "rootfs"])
    place.make("--tmpfs", "--", "cat /data/file")
    expect(place.run(runtime), "kept\n")


@fact
def a_mount_that_fails_leaves_no_memory_behind(place):
    place.pull()
    os.makedirs(f"{place.bundle}/rootfs", 0o700)
    LIBC.mount(b"none", f"{place.bundle}/rootfs".encode(), b"tmpfs", 0, b"")
    refused("oci", "bundle", "--tmpfs", f"--repo={place.repo}", "app", place.bundle)
    LIBC.umount2(f"{place.bundle}/rootfs".encode(), 2)
    refused("oci", "bundle", "--tmpfs", "--require-signature", f"--repo={place.repo}", "app", place.bundle)
    expect([m.point for m in mounts() if m.point.startswith(place.dir)], [])
    ensure(not os.path.exists(f"{place.bundle}/memory"))
    has(refused("oci", "bundle", "--tmpfs", "--read-write", f"--repo={place.repo}", "app", place.bundle), "got both")


@with_each_runtime
def an_unverified_image_gains_no_privileges_unless_it_is_allowed(place, runtime):
    """The mount is nosuid, but runtimes mount the root again without it."""
    place.pull()
    script = ["--", "grep NoNewPrivs /proc/self/status"]
    place.make(*script)
    expect(place.run(runtime).split(), ["NoNewPrivs:", "1"])
    good(COMPOSEFS, "umount", f"{place.bundle}/rootfs")
    place.make("--allow-suid", *script)
    expect(place.run(runtime).split(), ["NoNewPrivs:", "0"])


@with_each_runtime
def missing_mount_points_need_a_writable_root(place, runtime):
    os.rmdir(f"{place.tree}/proc")
    place.pull(WorkingDir="/work")
    said = refused("oci", "bundle", f"--repo={place.repo}", "app", place.bundle)
    ensure("mount point /proc: missing in the image" in said, said)
    ensure(not os.path.exists(place.bundle))
    place.make("--read-write", "--", "pwd")
    expect(place.run(runtime), "/work\n")


@fact
def a_bundle_is_private_and_its_root_is_mounted_once(place):
    place.pull()
    place.make("--no-mount")
    expect(os.stat(place.bundle).st_mode & 0o777, 0o700)
    expect([m for m in mounts() if m.point.startswith(place.dir)], [])
    place.make()
    expect([m.point for m in mounts() if m.point.startswith(place.dir)], [f"{place.bundle}/rootfs"])
    said = refused("oci", "bundle", f"--repo={place.repo}", "app", place.bundle)
    ensure("something is mounted there" in said, said)


@fact
def a_bundle_that_others_can_change_is_refused(place):
    place.pull()
    os.mkdir(place.bundle)
    os.chmod(place.bundle, 0o777)
    said = refused("oci", "bundle", f"--repo={place.repo}", "app", place.bundle)
    ensure("to which only you can write" in said, said)
    os.chmod(place.bundle, 0o700)
    os.symlink("/tmp", f"{place.bundle}/rootfs")
    said = refused("oci", "bundle", f"--repo={place.repo}", "app", place.bundle)
    ensure("rootfs: expected a directory" in said, said)
    expect(os.listdir(place.bundle), ["rootfs"])


@fact
def labels_that_act_on_the_host_are_left_out(place):
    image = place.pull(Labels={"run.oci.hooks.stdout": "/x", "a": "b"})
    done = start(COMPOSEFS, "oci", "bundle", "--json", f"--repo={place.repo}", "app", place.bundle)
    expect(json.loads(done.stdout), {"id": image, "bundle": place.bundle, "labels_left_out": ["run.oci.hooks.stdout"]})
    ensure('label "run.oci.hooks.stdout" acts on the host' in done.stderr, done.stderr)
    annotations = json.loads(read(f"{place.bundle}/config.json"))["annotations"]
    expect((annotations["a"], "run.oci.hooks.stdout" in annotations), ("b", False))


@fact
def a_user_that_the_image_does_not_have_is_refused(place):
    place.pull(User="unknown")
    said = refused("oci", "bundle", f"--repo={place.repo}", "app", place.bundle)
    ensure('user "unknown": not in /etc/passwd of the image' in said, said)


def podman_version():
    """As numbers; (): it is not installed."""
    if not shutil.which("podman"):
        return ()
    return tuple(int(number) for number in good("podman", "--version").split()[2].split(".")[:2])


def make_podman_root(place):
    """A directory that has podman 5.4, of Debian 13, and sees the files of the place. Nothing is installed: the packages
    are unpacked, in a cache."""
    root = f"{place.dir}/debian"
    os.mkdir(root)
    cache = debian.unpacked(CACHE, "podman-trixie", ["trixie"], lambda apt: apt.fetch(["podman", "crun", "conmon", "base-files", "coreutils"]))
    # A root directory that is no mount point has no pivot_root(2).
    os.makedirs(f"{root}-work")
    os.makedirs(f"{root}-upper/etc")
    write(f"{root}-upper/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    write(f"{root}-upper/etc/group", "root:x:0:\n")
    os.makedirs(f"{root}-upper{place.dir}")
    good("mount", "-t", "overlay", "-o", f"lowerdir={cache},upperdir={root}-upper,workdir={root}-work", "overlay", root)
    for name in ("/proc", "/sys", "/dev"):
        good("mount", "--rbind", name, root + name)
    good("mount", "--bind", place.dir, root + place.dir)
    for name in ("/run", "/dev/shm"):
        good("mount", "-t", "tmpfs", "tmpfs", root + name)
    return root


@fact
def podman_runs_an_image_of_a_store_view(place):
    """Podman before 5.4 does not mount composefs images."""
    enter = () if podman_version() >= (5, 4) else ("chroot", make_podman_root(place))
    place.pull()
    store = f"{place.dir}/store"
    good(COMPOSEFS, "oci", "store-view", f"--repo={place.repo}", store)
    podman = (*enter, "podman", f"--root={place.dir}/graph", f"--runroot={place.dir}/run", f"--storage-opt=additionalimagestore={store}")
    has(good(*podman, "images"), "localhost/app")
    limits = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
    expect(good(*podman, "run", "--rm", "--network=none", "--cgroups=disabled", *limits, "app", "cat /data/file"), "kept\n")


@fact
def podman_runs_an_image_that_was_pushed(place):
    enter = () if podman_version() else ("chroot", make_podman_root(place))
    place.pull()
    podman = (*enter, "podman", f"--root={place.dir}/graph", f"--runroot={place.dir}/run", "--storage-driver=vfs")
    for kind in ("gzip", "zstd"):
        good(COMPOSEFS, "oci", "push", f"--repo={place.repo}", f"--compression={kind}", "app", f"oci:{place.dir}/pushed:{kind}")
        pulled = good(*podman, "pull", "-q", f"oci:{place.dir}/pushed:{kind}").strip()
        limits = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
        expect(good(*podman, "run", "--rm", "--network=none", "--cgroups=disabled", *limits, pulled, "cat /data/file"), "kept\n")


def main():
    enter_namespace()
    if not find_busybox():
        skip_all("no static busybox")
    # crun refuses to run where cgroups v1 and v2 are mounted and v2 has controllers.
    if any(m.point == UNIFIED for m in mounts()):
        LIBC.umount2(UNIFIED.encode(), 2)
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
