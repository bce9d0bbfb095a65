#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Frequent mistakes: each has one line on standard error that says what is wrong, and the right exit status.

    mistakes_test.py COMPOSEFS
"""
import contextlib
import glob
import hashlib
import http.server
import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import threading

from mistakes_table import GOLDEN, IMAGES, USES, VERBS
from repo import COMPOSEFS, FAILED, OK, USAGE, Skip, expect, good, has, main, make_tree, once, remark, run, wait_until, write

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "root"))
from scene import enter_namespace  # noqa: E402  pylint: disable=wrong-import-position

NOBODY = 65534


@once
def make_place():
    """A repository r with os/1 and os/2, another with another image, and files that are no images."""
    make_tree()
    make_tree("tree2", "2")
    for repo in ("r", "other"):
        good("init", "--insecure", "--algorithm=sha256", repo)
    good("create-image", "--repo=r", "tree", "os/1")
    good("create-image", "--repo=r", "tree2", "os/2")
    good("create-image", "--repo=other", "tree2", "foreign")
    good("export", "--repo=r", "os/1", "t.tar")
    with open("i.png", "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + bytes(8))
    write("full/file", "x")
    os.mkdir("mnt")


@contextlib.contextmanager
def mounted(place, *args, image=None):
    """Runs mount(8), or composefs mount, and unmounts the place whatever happens."""
    command = [COMPOSEFS, "mount", "--repo=r", image, place] if image else ["mount", *args]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def needs_registry():
    if not os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-registry")):
        raise Skip("composefs-registry is not built")


def mistake(line, status, *parts, repo="r", **how):
    """Runs a command that must fail with one line, and after wrong usage with one that refers to --help."""
    where = [how.pop("argument", f"--repo={repo}")] if repo is not None and not line.startswith("-") else []
    verb, *rest = shlex.split(line) if isinstance(line, str) else line
    n_verbs = 1 if verb in ("oci", "boot") and rest and "--" not in rest[0] else 0
    if status == USAGE and verb not in good("--help").split():
        where = []
    if verb in ("umount", "copy-to", "status") or (verb == "oci" and n_verbs == 0) or (verb == "init" and rest[-1:] != ["new"]):
        where = []
    done = subprocess.run([COMPOSEFS, verb, *rest[:n_verbs], *where, *rest[n_verbs:]], capture_output=how.pop("capture", True),
                          stdin=subprocess.DEVNULL, timeout=60, check=False, **how)
    lines = (done.stderr or b"").decode().splitlines()
    remark(f"{line!r}: {done.returncode} {lines}")
    if status == USAGE:
        has(lines.pop(), 'see "composefs')
    expect((done.returncode, done.stdout or b"", len(lines)), (status, b"", 1))
    expect(lines[0].startswith("composefs"), True)
    for part in parts:
        has(lines[0], part)


def a_mistyped_verb():
    make_place()
    for line, *parts in VERBS:
        mistake(line, USAGE, *parts)


def wrong_usage():
    make_place()
    for line, *parts in USES:
        mistake(line, USAGE, *parts)


def a_wrong_image_name_or_file():
    make_place()
    os.mkfifo("fifo")
    os.mknod("sock", stat.S_IFSOCK | 0o600)
    for name, magic in (("t.tar.xz", b"\xfd7zXZ\0"), ("t.tar.bz2", b"BZh91AY&SY")):
        with open(name, "wb") as f:
            f.write(magic + bytes(9000))
    shutil.copy("r/images/refs/os/1", "i.cfs")
    for line, *parts in IMAGES:
        mistake(line, FAILED, *parts)
    expect(good("images", "--repo=r", "--format={{.Name}}"), "os/1\nos/2\n")


def a_wrong_file_where_no_repository_is_named():
    make_place()
    os.mkfifo("fifo")
    for line, *parts in (("ls fifo", "fifo: expected a regular file, got a FIFO"), ("cat fifo /a", "fifo: expected a regular file, got a FIFO"),
                         ("ls r", "r: expected a regular file, got a directory"), ("fsck tree", "tree: expected a regular file, got a directory"),
                         ("images --repo=r/objects", "not a repository: it has no meta.json"), ("images --repo=t.tar", "t.tar: open: Not a directory"),
                         ("init --insecure --algorithm=sha512 r", "expected fsverity-sha512-12 with image format 1, got fsverity-sha256-12")):
        mistake(line, FAILED, *parts, repo=None)
    if good("--help").find("  verify ") >= 0:
        mistake("verify --trusted=tree os/1", FAILED, "os/1: No such file or directory (an image of a repository needs --repo=DIR)",
                repo=None)


def no_repository_anywhere():
    os.mkdir("empty")
    for line in ("images", "create-image .", "gc", "rm os/1"):
        mistake(line, FAILED, "no repository: looked for $COMPOSEFS_REPO, ", '"composefs init DIR" creates one', repo=None, cwd="empty")
    mistake("images", FAILED, "repository nowhere: ", "composefs init creates one", repo="nowhere")
    mistake("images", FAILED, 'expected a directory, got ""', repo="", argument="--repo=")
    mistake("images", FAILED, "repository none: ", repo=None, env={**os.environ, "COMPOSEFS_REPO": "none"})


def metadata_of_a_repository_that_is_not_understood():
    for name, text, part in (("empty", "", "meta.json"), ("list", "[]", "meta.json"),
                             ("v2", '{"version":2,"algorithm":"fsverity-sha256-12"}', "version: expected 1, got 2"),
                             ("warp", '{"version":1,"algorithm":"fsverity-sha256-12","features":{"incompatible":["warp"]}}', "warp"),
                             ("hash", '{"version":1,"algorithm":"fsverity-md5-12"}', "algorithm")):
        write(f"{name}/meta.json", text)
        mistake("images", FAILED, f"repository {name}: ", part, repo=name)
        mistake("gc", FAILED, f"repository {name}: ", part, repo=name)
    make_place()
    mistake("images --hash=sha512", FAILED, "repository r: expected sha512, got sha256")
    mistake("images --require-verity", FAILED, "repository r: expected fs-verity, got a repository without")
    os.unlink("r/meta.json")
    mistake("images", FAILED, "repository r: not a repository: it has no meta.json")


def an_ambiguous_beginning_of_an_id():
    make_place()
    for image in ("12" + "3" * 62, "12333333" + "4" * 56):
        os.symlink(f"../objects/12/{image[2:]}", f"r/images/{image}")
    mistake("inspect 12333333", FAILED, 'image ID "12333333": ambiguous, 2 images: sha256:1233333333333333, sha256:1233333344444444')


def a_damaged_image():
    make_place()
    image = os.path.realpath(glob.glob("r/images/refs/os/1")[0])
    os.chmod(image, 0o600)
    with open(image, "r+b") as f:
        f.seek(5000)
        f.write(b"damage")
    for line in ("export os/1 -", "image-objects os/1", "copy --from=r os/1", "extract os/1 out"):
        mistake(line, FAILED, "expected the fs-verity digest ", repo="other" if "--from" in line else "r")


def an_object_that_is_missing():
    make_place()
    content = next(iter(good("image-objects", "--repo=r", "os/1").split()))
    content = content.split(":")[-1]
    os.unlink(f"r/objects/{content[:2]}/{content[2:]}")
    gone = f'{content[:2]}/{content[2:]}: missing; "composefs repair --from=PLACE" fetches it'
    mistake("export os/1 os1.tar", FAILED, gone)
    expect(os.path.exists("os1.tar"), False)
    mistake("extract os/1 out", FAILED, gone)
    for path in ("/a", "/dir/b", "/shared"):
        if run("cat", "--repo=r", "os/1", path)[0] != OK:
            mistake(f"cat os/1 {path}", FAILED, f"{path}: objects/{gone}")
    good("init", "--insecure", "--algorithm=sha256", "empty")
    mistake("copy --from=r os/1", FAILED, content[2:], "missing in both repositories", "composefs repair", repo="empty")
    image = os.path.realpath("r/images/refs/os/2")
    os.unlink(image)
    for line in ("ls os/2", "export os/2 -", "mount os/2 mnt", "gc"):
        mistake(line, FAILED, f'{image[-62:]}: missing; "composefs repair --from=PLACE" fetches it')


def copying_between_repositories_of_other_algorithms():
    make_place()
    good("init", "--insecure", "--algorithm=sha512", "long")
    mistake("copy --from=r os/1", FAILED, "expected IDs with sha512, got sha256", "composefs export --repo=REPO IMAGE - | composefs create-image - NAME",
            repo="long")
    good("create-image", "--repo=long", "-", "os/1", stdin=good("export", "--repo=r", "os/1", "-").encode())
    expect(good("export", "--repo=long", "os/1", "-"), good("export", "--repo=r", "os/1", "-"))


def output_that_cannot_be_written():
    make_place()
    for line in ("images", "ls os/1", "cat os/1 /a", "export os/1 -", "inspect os/1", "du", "log os/1", "dump-files os/1",
                 "image-objects os/1", "--help", "images --json"):
        with open("/dev/full", "w", encoding="ascii") as full:
            verb = "" if line.startswith("-") else f" {line.split(maxsplit=1)[0]}"
            mistake(line, FAILED, f"composefs{verb}: ", "standard output: No space left on device", stdout=full,
                    stderr=subprocess.PIPE, capture=False)


def gc_while_another_process_holds_the_lock():
    make_place()
    with subprocess.Popen([COMPOSEFS, "transaction", "--repo=r", "--", "sh", "-c", "echo > held; read line"], stdin=subprocess.PIPE):
        wait_until(lambda: os.path.exists("held"), "lock")
        mistake("gc --no-wait", FAILED, "gc: repository r: others use the repository: process ")
        mistake("gc --lock-timeout=0", FAILED, "gc: repository r: others use the repository: process ")


# --- as another user, and with mounts ---------------------------------------------------------------


def no_permission():
    needs_root()
    make_place()
    os.chmod(".", 0o755)
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    mistake("images", FAILED, "repository r: ", "Permission denied", **user)
    os.chmod("r", 0o755)
    mistake("create-image full new", FAILED, "Permission denied", **user)
    mistake("tag os/1 new", FAILED, "Permission denied", **user)
    mistake("gc", FAILED, "Permission denied", **user)
    mistake("init new", FAILED, "Permission denied", repo=None, **user)
    mistake("mount --method=kernel os/1 mnt", FAILED, "needs root", **user)
    mistake("export os/1 os1.tar", FAILED, "Permission denied", **user)
    mistake("extract os/1 out", FAILED, "Permission denied", **user)


def a_repository_that_others_may_change():
    needs_root()
    make_place()
    os.chmod("r", 0o777)
    mistake("images", FAILED, "everybody can write to it", "uses it anyway", repo=None, cwd="r")
    os.chmod("r", 0o700)
    os.chown("r", NOBODY, NOBODY)
    mistake("images", FAILED, "expected the owner 0 or root", "uses it anyway", repo=None, cwd="r")


def a_wrong_mount_point():
    needs_root()
    make_place()
    mistake("mount os/1 none", FAILED, "mount point none: No such file or directory")
    mistake("mount os/1 ''", FAILED, 'mount point: expected a directory, got ""')
    mistake("mount os/1 tree/a", FAILED, "mount point tree/a: Not a directory")
    with mounted("mnt", image="os/1"):
        mistake("mount os/1 mnt", FAILED, "mount point mnt: this image is mounted there already")
        mistake("umount mnt/dir", FAILED, "expected a mount point, got a path inside the image that is mounted at ")
        with open("mnt/a", "rb"):
            mistake("umount mnt", FAILED, "--lazy unmounts it later")
    mistake("umount mnt", FAILED, "mnt: no image is mounted there")
    with mounted("mnt", "-t", "overlay", "-o", "lowerdir=tree:tree2", "none", "mnt"):
        mistake("umount mnt", FAILED, "mnt: no image is mounted there")
        mistake("status mnt", FAILED, "mnt: no image is mounted there")


def a_stale_mount():
    """The repository of a mounted image is gone: the mount is still listed, and can be unmounted."""
    needs_root()
    make_place()
    subprocess.run([COMPOSEFS, "mount", "--repo=r", "os/1", "mnt"], check=True)
    os.rename("r", "gone")
    has(good("status"), os.path.abspath("mnt"))
    mistake("mount os/1 mnt", FAILED, "mount point mnt: this image is mounted there already", repo="gone")
    shutil.rmtree("gone")
    mistake("mount os/1 mnt", FAILED, "repository r: open: No such file or directory", "composefs init creates one")
    good("umount", "mnt")
    mistake("umount mnt", FAILED, "mnt: no image is mounted there")


def a_block_device():
    needs_root()
    make_place()
    os.mknod("device", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    mistake("create-image device new", FAILED, "device: expected a directory or a tar archive, got a block device")
    mistake("import-image new device", FAILED, "device: expected a regular file, got a block device")
    mistake("fsck device", FAILED, "device: expected a regular file, got a block device", repo=None)


def a_registry_that_is_not_there():
    make_place()
    needs_registry()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # no process listens there
        place = f"127.0.0.1:{unused.getsockname()[1]}/app"
        mistake(f"oci pull {place}", FAILED, f"{place}: manifest: Failed to connect to 127.0.0.1")


def a_registry_without_tls():
    """A host that is not this machine by its name is asked by TLS."""
    needs_root()
    make_place()
    needs_registry()
    write("hosts", "127.0.0.1 localhost registry.test\n")
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with mounted("/etc/hosts", "--bind", "hosts", "/etc/hosts"):
            place = f"registry.test:{server.server_address[1]}/app"
            mistake(f"oci pull {place}", FAILED, f"{place}: manifest: ", "(--insecure-registry, or insecure in registries.conf, uses plain HTTP)")
            os.mkdir("empty")
            with mounted("/etc/ssl/certs", "--bind", "empty", "/etc/ssl/certs"):
                mistake(f"oci pull {place}", FAILED, "(expected the package ca-certificates to be installed)")
            mistake(f"oci pull --insecure-registry {place}", FAILED, f"{place}: manifest: the registry answers with status 404")
    finally:
        server.shutdown()
        server.server_close()


def an_image_for_another_machine():
    make_place()
    if "  oci " not in good("--help"):
        raise Skip("built without container images")
    shutil.copytree(os.path.dirname(GOLDEN), "golden", symlinks=True)
    with open("golden/basic/index.json", encoding="utf-8") as f:
        index = json.load(f)
    blobs = "golden/basic/blobs/sha256/"
    with open(blobs + index["manifests"][0]["digest"][7:], encoding="utf-8") as f:
        manifest = json.load(f)
    with open(blobs + manifest["config"]["digest"][7:], encoding="utf-8") as f:
        config = json.load(f)
    config["architecture"] = "s390x"
    for document, entry in ((config, manifest["config"]), (manifest, index["manifests"][0])):
        text = json.dumps(document)
        entry.update(digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(), size=len(text))
        write(blobs + entry["digest"][7:], text)
    write("golden/basic/index.json", json.dumps(index))
    status, _, err = run("oci", "pull", "--repo=r", "oci:golden/basic", "app")
    expect((status, err.count("\n")), (OK, 1), err)
    has(err, "composefs oci pull: warning: app: the image is for linux/s390x, and this machine is linux/")
    for options in (["--platform=linux/s390x"], ["-q"]):
        expect(run("oci", "pull", "--repo=r", *options, "oci:golden/basic", "app")[::2], (OK, ""))


def a_mount_point_with_files_is_no_mistake():
    """As with mount(8): they are hidden until umount, and nothing happens to them."""
    needs_root()
    make_place()
    with mounted("full", image="os/1"):
        expect(os.path.exists("full/file"), False)
    expect(os.listdir("full"), ["file"])


def no_fusermount3():
    """An ordinary user mounts by it."""
    needs_root()
    make_place()
    os.chmod(".", 0o755)
    os.mknod("fuse", stat.S_IFCHR | 0o666, os.makedev(10, 229))
    os.chmod("fuse", 0o666)
    for folder, folders, files in os.walk("r"):
        for name in [folder] + [os.path.join(folder, f) for f in folders + files]:
            os.chown(name, NOBODY, NOBODY, follow_symlinks=False)
    os.chown("mnt", NOBODY, NOBODY)
    with mounted("/dev/fuse", "--bind", "fuse", "/dev/fuse"):
        mistake("mount os/1 mnt", FAILED, "fusermount3: not found; users other than root need it to mount (package fuse3)",
                user=NOBODY, group=NOBODY, extra_groups=[], env={"PATH": "/nonexistent"})


def removing_a_mounted_image_keeps_it():
    needs_root()
    make_place()
    with mounted("mnt", image="os/1"):
        has(good("rm", "--repo=r", "os/1"), "1 image without a reference is in use and stays")
        good("gc", "--repo=r")
        expect(os.path.exists("mnt/a"), True)


def fill(path):
    """Writes until no block is free."""
    with open(path, "ab", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(bytes(4096)):
            pass
    os.sync()


def a_full_ext4():
    """Not one block is free."""
    needs_root()
    make_place()
    shutil.copy("r/images/refs/os/2", "i.cfs")
    with open("disk", "wb") as f:
        f.truncate(8 << 20)
    if not shutil.which("mkfs.ext4") or subprocess.run(["mkfs.ext4", "-q", "-m0", "disk"], check=False).returncode:
        raise Skip("mkfs.ext4 is not installed")
    os.mkdir("small")
    with mounted("small", "-o", "loop", "disk", "small"):
        good("init", "--insecure", "--algorithm=sha256", "small/r")
        good("create-image", "--repo=small/r", "full", "os/1")
        lines = ["create-image tree new", "create-image t.tar new", "import-image new i.cfs", "copy --from=other foreign"]
        for line in lines + ([f"oci pull oci:{GOLDEN} app"] if "  oci " in good("--help") else []):
            fill("small/filler")
            mistake(line, FAILED, "No space left on device", repo="small/r")
        for line in ("export os/1 small/os.tar", "extract os/1 small/out", "init small/new"):
            mistake(line, FAILED, "No space left on device")
        expect(sorted(set(os.listdir("small")) - {"lost+found"}), ["filler", "r"])
        has(good("fsck", "--repo=small/r"), "status: ok")
        good("ls", "--repo=small/r", "os/1")
        os.unlink("small/filler")
        good("create-image", "--repo=small/r", "tree2", "os/2")


def a_full_disk():
    needs_root()
    make_place()
    os.mkdir("small")
    with mounted("small", "-t", "tmpfs", "-o", "size=256k", "none", "small"):
        write("big/file", "0123456789" * 100000)
        good("init", "--insecure", "--algorithm=sha256", "small/r")
        for line in ("create-image big new", "create-image big.tar new"):
            subprocess.run(["tar", "cf", "big.tar", "big"], check=True)
            mistake(line, FAILED, "No space left on device", repo="small/r")
        good("create-image", "--repo=r", "big", "big")
        mistake("export big small/big.tar", FAILED, "No space left on device")
        mistake("extract big small/out", FAILED, "No space left on device")
        shutil.copy("r/images/refs/big", "big.cfs")
        fill("small/filler")
        mistake("import-image new big.cfs", FAILED, "No space left on device", repo="small/r")
        if "  oci " in good("--help"):
            mistake(f"oci pull oci:{GOLDEN} app", FAILED, "No space left on device", repo="small/r")
        mistake("copy --from=r big", FAILED, "No space left on device", repo="small/r")


def a_read_only_place():
    needs_root()
    make_place()
    with mounted("r", "--bind", "r", "r"):
        subprocess.run(["mount", "-o", "remount,bind,ro", "r"], check=True)
        for line in ("create-image full new", "tag os/1 new", "rm os/1", "gc", "export os/1 r/x.tar", "extract os/1 r/out", "init r/new"):
            mistake(line, FAILED, "Read-only file system")
        for line in ("create-image none", "import-image new r/images/refs/os/1", f"oci pull oci:{GOLDEN}:none"):
            mistake(line, FAILED, "repository r: objects: cannot write: Read-only file system")
        good("images", "--repo=r")


if __name__ == "__main__":
    if os.geteuid() == 0:
        enter_namespace()
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("again", "mistake", "needs_root", "needs_registry", "mounted", "fill")], in_memory=False))
