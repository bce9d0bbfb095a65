#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""/etc of a system after an upgrade: real overlays over /etc of the old and the new image. Needs root.

    boot_etc_test.py COMPOSEFS
"""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

from scene import (Skip, ensure, enter_namespace, expect, fact, has, mount_call, place_in_memory, run,
                   run_facts_each_in, umount)

COMPOSEFS = os.path.abspath(sys.argv[1])
AT = ("--root=d", "--boot=b", "--run=run")


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Place:
    """Images 1 and 2; image 1 is installed. etc: PATH: (text in 1, text in 2), None where there is none."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="boot-etc-", dir=place_in_memory() or os.getcwd())
        os.chdir(self.top)
        self.mounted = False

    def make(self, etc, prepare=lambda top, number: None):
        os.makedirs("b/loader/entries")
        os.makedirs("run")
        run(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "d/composefs")
        for number in (1, 2):
            top = f"t{number}"
            for path in ("usr/lib/modules/6/vmlinuz", "usr/lib/modules/6/initramfs.img"):
                write(f"{top}/{path}", path)
            write(f"{top}/usr/lib/os-release", f"VERSION_ID={number}\n")
            os.mkdir(f"{top}/var")
            for path, texts in {"kept": ("same", "same"), **etc}.items():
                if texts[number - 1] is not None:
                    write(f"{top}/etc/{path}", texts[number - 1])
            prepare(f"{top}/etc", number)
            run(COMPOSEFS, "create-image", "--repo=d/composefs", top, f"os:{number}")
        self.tag(1)
        self.boot("install", "--insecure", "--karg=rw", "os:latest")
        self.mount(1)

    @staticmethod
    def tag(number):
        run(COMPOSEFS, "tag", "--repo=d/composefs", f"os:{number}", "os:latest")

    @staticmethod
    def boot(verb, *args):
        return run(COMPOSEFS, "boot", verb, *AT, *args)

    def run_system(self, number):
        """The record that the initrd leaves."""
        write("run/composefs/booted", json.dumps({"digest": "sha256:" + self.state(number)[-64:]}, separators=(",", ":")))

    @staticmethod
    def state(number):
        return "d/state/deploy/" + os.readlink(f"d/composefs/images/refs/os:{number}").rsplit("/", maxsplit=1)[-1]

    def mount(self, number):
        """The overlay of the initrd: /etc of that system is at "etc"."""
        layer = self.state(number) + "/etc"
        os.makedirs("etc", exist_ok=True)
        if not os.listdir(f"{layer}/upper") and not os.listdir(f"{layer}/work"):
            shutil.copystat(f"t{number}/etc", f"{layer}/upper")
        mount_call("overlay", os.path.abspath("etc"), "overlay",
                   f"lowerdir=t{number}/etc,upperdir={layer}/upper,workdir={layer}/work")
        self.mounted = True

    def unmount(self):
        if self.mounted:
            umount(os.path.abspath("etc"))
        self.mounted = False

    def upgrade(self, *args):
        """Upgrade the mounted system 1 to 2, mount /etc of that; the conflicts."""
        self.tag(2)
        done = json.loads(self.boot("upgrade", "--insecure", "--json", *args))
        ensure(done["installed"], "nothing was installed")
        self.unmount()
        self.mount(2)
        return [c["path"] for c in done["etc_conflicts"]]

    def layer(self, number=2):
        top = self.state(number) + "/etc/upper"
        return sorted(os.path.relpath(os.path.join(folder, name), top)
                      for folder, folders, names in os.walk(top) for name in folders + names)

    def close(self):
        self.unmount()
        os.chdir("/")
        shutil.rmtree(self.top)


@fact
def changes_are_kept_and_other_files_are_those_of_the_new_image(place):
    place.make({"conf": ("one", "two"), "gone": ("one", None), "added": (None, "two"), "mine": ("one", "one"), "dir/file": ("one", "two")})
    write("etc/mine", "changed")
    write("etc/new", "new")
    write("etc/dir/new", "new")
    expect(place.upgrade(), [])
    expect({name: read(f"etc/{name}") for name in ("kept", "conf", "added", "mine", "new", "dir/file", "dir/new")},
           {"kept": "same", "conf": "two", "added": "two", "mine": "changed", "new": "new", "dir/file": "two", "dir/new": "new"})
    ensure(not os.path.exists("etc/gone"))
    expect(place.layer(), ["dir", "dir/new", "mine", "new"])


@fact
def the_system_before_keeps_its_etc(place):
    place.make({"conf": ("one", "two")})
    write("etc/conf", "changed")
    before = place.layer(1)
    place.upgrade()
    write("etc/conf", "changed again")
    place.unmount()
    place.mount(1)
    expect(read("etc/conf"), "changed")
    expect(place.layer(1), before)


@fact
def a_change_of_both_is_a_conflict_and_the_users_stays(place):
    place.make({"both": ("one", "two"), "same": ("one", "two"), "deleted": ("one", "two"), "gone": ("one", None), "both-new": (None, "two")})
    write("etc/both", "changed")
    write("etc/same", "two")
    write("etc/gone", "changed")
    write("etc/both-new", "mine")
    os.unlink("etc/deleted")
    expect(place.upgrade(), ["both", "both-new", "deleted", "gone"])
    expect([read(f"etc/{n}") for n in ("both", "same", "gone", "both-new")], ["changed", "two", "changed", "mine"])
    ensure(not os.path.exists("etc/deleted"))
    ensure("same" not in place.layer(), "a file that equals the new image is in the layer")


@fact
def conflicts_are_printed(place):
    place.make({"a\nb": ("one", "two")})
    write("etc/a\nb", "changed")
    place.tag(2)
    done = subprocess.run([COMPOSEFS, "boot", "upgrade", *AT, "--insecure"], capture_output=True, text=True, check=True)
    has(done.stderr, "/etc/a\\x0ab: changed here and in the new image: the change here is kept")


@fact
def a_file_that_was_written_back_is_no_change(place):
    place.make({"conf": ("one", "two"), "large": ("one" * 9000, "two" * 9000), "mode": ("one", "two")})
    for name in ("conf", "large"):
        text = read(f"etc/{name}")
        write(f"etc/{name}", "changed")
        write(f"etc/{name}", text)
    os.chmod("etc/mode", 0o600)
    os.chmod("etc/mode", 0o644)
    expect(sorted(place.layer(1)), ["conf", "large", "mode"])
    expect(place.upgrade(), [])
    expect(place.layer(), [])
    expect(read("etc/large"), "two" * 9000)


@fact
def a_deleted_file_stays_deleted(place):
    place.make({"deleted": ("one", "one"), "dir/deleted": ("one", "one"), "gone": ("one", None), "tree/a": ("one", "one")})
    for name in ("deleted", "dir/deleted", "gone"):
        os.unlink(f"etc/{name}")
    shutil.rmtree("etc/tree")
    expect(place.upgrade(), [])
    expect(sorted(os.listdir("etc")), ["dir", "kept"])
    expect(os.listdir("etc/dir"), [])
    ensure("gone" not in place.layer(), "a whiteout for nothing")


@fact
def a_directory_that_was_made_anew_hides_the_old_and_the_new_one(place):
    place.make({"dir/old": ("one", "one"), "dir/new": (None, "two")})
    shutil.rmtree("etc/dir")
    write("etc/dir/mine", "mine")
    place.upgrade()
    expect(os.listdir("etc/dir"), ["mine"])


@fact
def types_may_change_on_each_side(place):
    def prepare(top, number):
        os.makedirs(f"{top}/was-dir") if number == 1 else write(f"{top}/was-dir", "file now")
        write(f"{top}/was-file", "file") if number == 1 else os.makedirs(f"{top}/was-file")
        os.makedirs(f"{top}/used") if number == 1 else write(f"{top}/used", "file now")
        os.symlink("kept", f"{top}/link") if number == 1 else write(f"{top}/link", "file now")

    place.make({"to-link": ("one", "one"), "to-dir": ("one", "one"), "dir-to-file/x": ("one", "one")}, prepare)
    os.unlink("etc/to-link")
    os.symlink("/nowhere", "etc/to-link")
    os.unlink("etc/to-dir")
    write("etc/to-dir/file", "x")
    shutil.rmtree("etc/dir-to-file")
    write("etc/dir-to-file", "mine")
    write("etc/used/mine", "mine")
    os.chmod("etc/was-dir", 0o700)
    os.chmod("etc/was-dir", 0o755)
    expect(place.upgrade(), ["used"])
    expect(os.readlink("etc/to-link"), "/nowhere")
    expect((read("etc/to-dir/file"), read("etc/dir-to-file"), read("etc/used/mine")), ("x", "mine", "mine"))
    expect((read("etc/was-dir"), os.path.isdir("etc/was-file"), read("etc/link")), ("file now", True, "file now"))


@fact
def modes_owners_xattrs_and_times_are_kept(place):
    place.make({"conf": ("one", "one"), "only-xattr": ("one", "one"), "dir/x": ("one", "one"), "dir2/x": ("one", "one")},
               lambda top, number: os.chmod(f"{top}/dir2", 0o700 + number))
    os.setxattr("etc/only-xattr", "user.note", b"x")
    os.setxattr("etc/conf", "user.note", b"x\0y")
    os.setxattr("etc/conf", "trusted.note", b"")
    os.setxattr("etc/conf", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.chown("etc/conf", 12, 34)
    os.setxattr("etc/conf", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.chmod("etc/conf", 0o4750)
    os.chown("etc/dir", 5, 6)
    os.chmod("etc/dir", 0o1770)
    write("etc/dir2/mine", "mine")
    os.symlink("x", "etc/link")
    os.chown("etc/link", 7, 8, follow_symlinks=False)
    os.setxattr("etc/link", "trusted.l", b"l", follow_symlinks=False)
    os.mknod("etc/null", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    os.mkfifo("etc/fifo", 0o600)
    os.utime("etc/conf", (10, 10))

    def looks():
        found = {}
        for name in ("conf", "only-xattr", "dir", "link", "null", "fifo", "dir2/mine"):
            st = os.lstat(f"etc/{name}")
            found[name] = (st.st_mode, st.st_uid, st.st_gid, st.st_rdev,
                           {k: os.getxattr(f"etc/{name}", k, follow_symlinks=False) for k in os.listxattr(f"etc/{name}", follow_symlinks=False)},
                           st.st_mtime_ns)
        return found

    before = looks()
    ensure(b"\x20" in before["conf"][4]["security.capability"])
    expect(place.upgrade(), [])
    expect(looks(), before)
    expect(stat.S_IMODE(os.stat("etc/dir2").st_mode), 0o702, "mode of a directory that the new image changed")


@fact
def attributes_of_etc_itself_are_merged(place):
    place.make({}, lambda top, number: os.chmod(top, 0o750 + number))
    write("etc/new", "x")
    expect(place.upgrade(), [])
    expect(stat.S_IMODE(os.stat("etc").st_mode), 0o752)


@fact
def a_changed_mode_of_etc_stays(place):
    place.make({}, lambda top, number: os.chmod(top, 0o755))
    os.chmod("etc", 0o711)
    write("etc/new", "x")
    place.upgrade()
    expect(stat.S_IMODE(os.stat("etc").st_mode), 0o711)


@fact
def hard_links_stay_one_file(place):
    place.make({})
    write("etc/a/file", "x")
    os.link("etc/a/file", "etc/b")
    os.link("etc/a/file", "etc/a/c")
    place.upgrade()
    expect(len({os.stat(f"{place.state(2)}/etc/upper/{name}").st_ino for name in ("a/file", "b", "a/c")}), 1)


@fact
def links_and_names_of_the_user_lead_nowhere(place):
    place.make({"dir/file": ("one", "one")})
    write("outside/secret", "secret")
    os.symlink(os.path.abspath("outside"), "etc/out")
    os.symlink("../../../../../../../outside", "etc/up")
    names = ["new\nline", "-rf", "\x1b[31m", "ü", "a b", "..x", "." * 200, "x" * 255]
    for name in names:
        write(f"etc/{name}", name)
    with open(b"etc/\xff\xfe", "wb"):
        pass
    expect(place.upgrade(), [])
    expect((os.readlink("etc/out"), os.readlink("etc/up")), (os.path.abspath("outside"), "../../../../../../../outside"))
    expect([read(f"etc/{name}") for name in names], names)
    ensure(os.path.exists(b"etc/\xff\xfe"))
    expect(os.listdir("outside"), ["secret"])


@fact
def a_directory_of_the_layer_that_becomes_a_link_is_not_followed(place):
    """An attacker who owns a directory below /etc."""
    place.make({"dir/file": ("one", "one")})
    write("outside/secret", "secret")
    place.unmount()
    os.symlink(os.path.abspath("outside"), f"{place.state(1)}/etc/upper/dir")
    place.tag(2)
    place.boot("upgrade", "--insecure")
    expect(place.layer(), ["dir"])
    ensure(os.path.islink(f"{place.state(2)}/etc/upper/dir"))


def refused(part):
    done = subprocess.run([COMPOSEFS, "boot", "upgrade", *AT, "--insecure"], capture_output=True, text=True, check=False)
    expect(done.returncode, 1, done.stderr)
    has(done.stderr, part)


@fact
def a_layer_that_refers_to_the_old_image_is_refused(place):
    place.make({"dir/file": ("one", "two"), "conf": ("one", "one")})
    layer = place.state(1) + "/etc/upper"
    write("etc/conf", "x")
    place.unmount()
    place.tag(2)
    for key, value in (("metacopy", b""), ("redirect", b"other"), ("whiteout", b"y")):
        os.setxattr(f"{layer}/conf", f"trusted.overlay.{key}", value)
        refused(f"/etc/conf: it has the xattr trusted.overlay.{key}")
        os.removexattr(f"{layer}/conf", f"trusted.overlay.{key}")
    ensure(not os.path.exists(place.state(2)), "a refused upgrade left a state directory")
    expect([n for n in os.listdir("d/state/deploy") if n[0] == "."], [".lock"])
    place.boot("upgrade", "--insecure")


@fact
def a_layer_that_is_too_deep_is_refused(place):
    place.make({})
    os.makedirs("etc/" + "d/" * 99)
    place.tag(2)
    place.boot("upgrade", "--insecure")
    place.boot("rm", "next")
    os.makedirs("etc/" + "d/" * 100)
    refused("expected at most 100 directories")


@fact
def a_whole_etc_is_refused(place):
    """As bootc has it."""
    place.make({})
    place.unmount()
    shutil.rmtree(place.state(1) + "/etc")
    write(place.state(1) + "/etc/hostname", "x")
    place.tag(2)
    refused("expected the layers of an overlay")


@fact
def an_upgrade_that_is_repeated_takes_later_changes_until_it_is_booted(place):
    place.make({"conf": ("one", "two")})
    place.run_system(1)
    write("etc/first", "x")
    place.tag(2)
    place.boot("upgrade", "--insecure")
    place.boot("pin", "next")
    write("etc/second", "x")
    os.unlink("etc/first")
    expect(json.loads(place.boot("upgrade", "--insecure", "--json"))["installed"], False)
    expect(place.layer(), ["second"])
    ensure(json.loads(place.boot("status", "--json"))["deployments"][0]["pinned"], "the pin is lost")
    place.unmount()
    place.mount(2)
    write("etc/third", "x")
    place.unmount()
    place.mount(1)
    write("etc/fourth", "x")
    place.boot("upgrade", "--insecure")
    expect(place.layer(), ["second", "third"])


@fact
def several_upgrades_keep_changes(place):
    place.make({"conf": ("one", "two")})
    write("etc/mine", "mine")
    place.upgrade()
    shutil.copytree("t2", "t3", symlinks=True)
    write("t3/etc/conf", "three")
    run(COMPOSEFS, "create-image", "--repo=d/composefs", "t3", "os:3")
    place.tag(3)
    place.run_system(2)
    place.boot("upgrade", "--insecure")
    place.unmount()
    place.mount(3)
    expect((read("etc/mine"), read("etc/conf")), ("mine", "three"))


@fact
def the_running_system_is_the_base_also_after_a_rollback(place):
    place.make({"conf": ("one", "two")})
    write("etc/mine", "one")
    place.upgrade()
    write("etc/mine", "two")
    place.boot("rollback")
    place.run_system(1)
    shutil.copytree("t2", "t3", symlinks=True)
    write("t3/etc/conf", "three")
    run(COMPOSEFS, "create-image", "--repo=d/composefs", "t3", "os:3")
    place.tag(3)
    place.boot("upgrade", "--insecure")
    place.unmount()
    place.mount(3)
    expect(read("etc/mine"), "one")


@fact
def kernel_arguments_are_taken_over(place):
    place.make({})
    place.tag(2)
    place.boot("upgrade", "--insecure", "--karg=quiet", "--tries=2")
    file = next(n for n in os.listdir("b/loader/entries") if n.startswith("composefs-2.0-"))
    ensure(file.endswith("+2.conf"), file)
    options = [line for line in read(f"b/loader/entries/{file}").splitlines() if line.startswith("options")]
    expect(options, [f"options rw quiet composefs.digest=?v1-sha256-12:{place.state(2)[-64:]}"])


@fact
def an_upgrade_can_be_killed_anywhere(place):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    place.make({"conf": ("one", "two"), "dir/deleted": ("one", "one")})
    for number in range(5):
        write(f"etc/dir/mine{number}", "mine" * 1000)
    os.unlink("etc/dir/deleted")
    place.tag(2)
    calls = "mkdirat,openat,write,fchownat,mknodat,setxattr,renameat2,renameat,symlinkat,syncfs,fsync,unlinkat"
    kept = place.layer(1)
    for call in calls.split(","):
        for when in (1, 2, 3, 5, 8, 13, 21):
            done = subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e",
                                   f"inject={call}:signal=KILL:when={when}", "-E", "ASAN_OPTIONS=detect_leaks=0", COMPOSEFS, "boot",
                                   "upgrade", *AT, "--insecure"], capture_output=True, text=True, check=False)
            if done.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL):
                expect(done.returncode, 0, done.stderr)
            expect(place.layer(1), kept)
            deployments = json.loads(place.boot("status", "--json"))["deployments"]
            if [d["entry"] for d in deployments if d["id"].endswith(place.state(2)[-64:]) and d["entry"]]:
                expect(len(place.layer()), 7, f"{call} {when}: {place.layer()}")
                place.boot("rm", place.state(2)[-64:])
    place.upgrade()
    expect(sorted(os.listdir("etc/dir")), [f"mine{n}" for n in range(5)])


def main():
    enter_namespace()
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
