#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Mounts as /etc/fstab, mount(8), umount(8) and findmnt(8) see them.

    mount_fstab_test.py MKCOMPOSEFS MOUNT_COMPOSEFS [COMPOSEFS]

Needs root; works in a mount namespace of its own, with a /sbin of its own.
"""
import os
import shutil
import subprocess
import sys

from scene import Scene, Skip, ensure, enter_namespace, expect, fact, mount_call, run, run_facts_each_in, umount

PROGRAMS = [os.path.abspath(path) for path in sys.argv[1:3]]
COMPOSEFS = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None


class Fstab(Scene):
    """An image with a blank in its path, and an fstab that has it."""

    def __init__(self):
        super().__init__(*PROGRAMS)
        self.tree, self.objects = self.made("tree"), self.made("objects")
        with open(f"{self.tree}/file", "w", encoding="ascii") as f:
            f.write("content\n" * 1000)
        self.source = self.image(self.tree, "an image.cfs", self.objects)
        self.sbin = os.path.realpath("/sbin")
        mount_call("overlay", self.sbin, "overlay", f"lowerdir={self.sbin},upperdir={self.made('up')},"
                   f"workdir={self.made('work')}")
        shutil.copy(self.mount_program, f"{self.sbin}/mount.composefs")
        self.write_fstab("nosuid,nodev")

    def write_fstab(self, options):
        self.fstab = self.path("fstab")
        with open(self.fstab, "w", encoding="ascii") as f:
            f.write(f"{self.source} {self.mnt} composefs basedir={self.objects},{options} 0 0\n".replace(
                "an image", "an\\040image"))

    def close(self):
        run("umount", "-l", self.sbin)  # a server that has just been unmounted may still end
        super().close()

    def found(self):
        """Our mounts by findmnt: source, attributes."""
        return [m for m in self.mounts() if m.point == self.mnt]


@fact
def a_second_mount_of_all_does_nothing(scene):
    for _ in range(3):
        run("mount", "-a", "-T", scene.fstab)
    expect(len(scene.found()), 1, "mounts")


@fact
def findmnt_and_umount_know_a_mount_by_its_image(scene):
    run("mount", "-T", scene.fstab, scene.mnt)
    expect(run("findmnt", "-n", "-o", "TARGET", scene.source).strip(), scene.mnt)
    expect(run("findmnt", "-n", "-o", "SOURCE", scene.mnt).rstrip("\n"), scene.source)
    run("umount", scene.source)
    expect(scene.found(), [])


@fact
def an_image_that_is_named_otherwise_is_shown_by_its_path(scene):
    os.symlink(scene.source, scene.path("link"))
    for image in ("link", os.path.basename(scene.source), "./mnt/../link"):
        run("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", scene.dir, scene.mount_program, "-o",
            f"basedir={scene.objects},nosuid", image, scene.mnt)
        expect(run("findmnt", "-n", "-o", "SOURCE", scene.mnt).rstrip("\n"), scene.source)
        umount(scene.mnt)


@fact
def an_image_with_a_path_that_is_too_long_for_the_kernel_is_mounted(scene):
    folder = scene.made("x" * 200, "y" * 100)
    shutil.copy(scene.source, folder)
    scene.mount(os.path.join(folder, "an image.cfs"), f"basedir={scene.objects},nosuid")
    expect([m.source for m in scene.found()], ["composefs"])


@fact
def remount_changes_the_flags_and_nothing_else(scene):
    run("mount", "-T", scene.fstab, scene.mnt)
    before = scene.found()[0].options
    run("mount", "-T", scene.fstab, "-o", "remount,ro,noexec,noatime", scene.mnt)
    ensure({"ro", "noexec", "noatime", "nosuid", "nodev"} <= scene.found()[0].attributes, scene.found()[0].attributes)
    run("mount", "-T", scene.fstab, "-o", "remount,exec", scene.mnt)
    ensure("noexec" not in scene.found()[0].attributes, scene.found()[0].attributes)
    expect(scene.found()[0].options, before)
    with open(f"{scene.mnt}/file", encoding="ascii") as f:
        expect(len(f.read()), 8000)


@fact
def remount_makes_a_writable_mount_read_only_and_writable_again(scene):
    scene.write_fstab(f"upperdir={scene.made('upper')},workdir={scene.made('work2')}")
    run("mount", "-T", scene.fstab, scene.mnt)
    for option, writable in (("ro", False), ("rw", True)):
        run("mount", "-T", scene.fstab, "-o", f"remount,{option}", scene.mnt)
        expect(subprocess.run(["touch", f"{scene.mnt}/new"], capture_output=True, check=False).returncode == 0, writable)


@fact
def remount_lifts_nosuid_and_nodev_only_where_that_is_allowed(scene):
    """A digest among its options is compared with nothing."""
    remount = [scene.mount_program, scene.source, scene.mnt, "-o"]
    scene.mount(scene.source, f"basedir={scene.objects},nosuid")
    run(*remount, f"remount,suid,dev,basedir={scene.objects},digest={'0' * 64}")
    ensure({"nosuid", "nodev"} <= scene.found()[0].attributes, scene.found()[0].attributes)
    run(*remount, "remount,allow-suid,allow-dev")
    expect(scene.found()[0].attributes & {"nosuid", "nodev"}, set())


@fact
def remount_is_refused_where_no_image_is_mounted(scene):
    for point, text in ((scene.mnt, "no image is mounted at"), (scene.path("none"), "No such file")):
        done = subprocess.run([scene.mount_program, scene.source, point, "-o", "remount,ro"], capture_output=True,
                              text=True, check=False)
        expect(done.returncode, 1)
        ensure(text in done.stderr, done.stderr)
    scene.mount(scene.source, f"basedir={scene.objects},nosuid")
    done = subprocess.run([scene.mount_program, scene.source, f"{scene.mnt}/..", "-o", "remount,ro"],
                          capture_output=True, text=True, check=False)
    ensure(done.returncode == 1 and "no image is mounted at" in done.stderr, done.stderr)


@fact
def sync_is_kept_and_options_of_other_programs_are_ignored(scene):
    scene.write_fstab("nosuid,sync,dirsync,lazytime,auto,nofail,_netdev,comment=x,x-systemd.requires=y,nomand")
    run("mount", "-a", "-T", scene.fstab)
    ensure({"sync", "dirsync", "lazytime"} <= scene.found()[0].options, scene.found()[0].options)


@fact
def a_context_without_selinux_is_refused_by_the_kernel_in_its_own_words(scene):
    if os.path.exists("/sys/fs/selinux/enforce"):
        raise Skip("SELinux is here")
    said = scene.refused(scene.source, f"basedir={scene.objects},context=\"a:b:c:s0:c1,c2\"")
    ensure("overlay: context=a:b:c:s0:c1,c2: Invalid argument" in said, said)


@fact
def an_image_of_a_repository_is_shown_by_its_id(scene):
    if not COMPOSEFS:
        raise Skip("built without composefs")
    repo = f"--repo={scene.path('repo')}"
    run(COMPOSEFS, "init", "--insecure", scene.path("repo"))
    image = run(COMPOSEFS, "create-image", repo, scene.tree, "os").strip().split(":")[-1]
    run(COMPOSEFS, "mount", repo, "os", scene.mnt)
    expect([m.source for m in scene.found()], [f"composefs:{image}"])
    expect(run("findmnt", "-n", "-o", "TARGET", f"composefs:{image}").strip(), scene.mnt)
    run("umount", f"composefs:{image}")
    expect(scene.found(), [])


def write_repo_fstab(scene, options):
    """A line for an image of a repository; mount.composefs finds the program composefs beside itself."""
    if not COMPOSEFS:
        raise Skip("built without composefs")
    shutil.copy(COMPOSEFS, scene.sbin)
    repo = scene.path("repo")
    if not os.path.exists(repo):
        run(COMPOSEFS, "init", "--insecure", repo)
        run(COMPOSEFS, "create-image", f"--repo={repo}", scene.tree, "os/1")
    scene.fstab = scene.path("fstab")
    with open(scene.fstab, "w", encoding="ascii") as f:
        f.write(f"os/1 {scene.mnt} composefs repo={repo},{options} 0 0\n")
    return repo


@fact
def an_image_of_a_repository_is_verified_as_fstab_says(scene):
    for level, damaged in (("first-open", True), ("every-read", True), ("off", False)):
        repo = write_repo_fstab(scene, f"verify={level},nofail,_netdev,x-systemd.requires=y,allow-suid,allow-dev")
        run("mount", "-a", "-T", scene.fstab)
        with open(f"{scene.mnt}/file", encoding="ascii") as f:
            expect(len(f.read()), 8000)
        run("umount", scene.mnt)
        objects, = [f"{top}/{name}" for top, _, names in os.walk(f"{repo}/objects") for name in names
                    if os.path.getsize(f"{top}/{name}") == 8000]
        os.chmod(objects, 0o644)
        with open(objects, "r+b") as f:
            f.write(b"damaged")
        run("mount", "-T", scene.fstab, scene.mnt)
        done = subprocess.run(["cat", f"{scene.mnt}/file"], capture_output=True, text=True, check=False)
        expect((level, "Input/output error" in done.stderr), (level, damaged))
        run("umount", scene.mnt)
        shutil.rmtree(repo)


@fact
def a_writable_image_of_a_repository_keeps_its_changes(scene):
    write_repo_fstab(scene, f"upperdir={scene.made('u')},workdir={scene.made('w')}")
    run("mount", "-T", scene.fstab, scene.mnt)
    run("touch", f"{scene.mnt}/new")
    run("umount", scene.mnt)
    expect(os.listdir(scene.path("u")), ["new"])


@fact
def options_that_do_not_fit_a_repository_are_refused(scene):
    repo = write_repo_fstab(scene, "ro")
    for options, text in (("verify=first-open", "option verify needs repo=DIR"), ("lazy=http://h/", "option lazy needs repo=DIR"),
                          ("method=fuse", "option method needs repo=DIR"),
                          (f"repo={repo},basedir={scene.objects}", "option repo excludes the options basedir"),
                          (f"repo={repo},digest={'0' * 64}", "excludes the options digest"), (f"repo={repo},nosuid", "excludes the options nosuid"),
                          (f"repo={repo},idmap=/proc/self/ns/user", "excludes the options idmap"), (f"repo={repo},remount", "excludes the options remount"),
                          (f"repo={repo},signature=x", "excludes the options signature"), (f"repo={repo},context=a", "excludes the options context")):
        ensure(text in scene.refused("os/1", options), options)
    for options, text in ((f"repo={repo},verify=always", "--verify: expected "), (f"repo={repo}/none,verify=off", "No such file")):
        done = subprocess.run([f"{scene.sbin}/mount.composefs", "-o", options, "os/1", scene.mnt], capture_output=True, text=True, check=False)
        ensure(done.returncode and text in done.stderr, done.stderr)


def root_of(path):
    st = os.stat(path)
    return (st.st_uid, st.st_gid, oct(st.st_mode), st.st_mtime_ns,
            {key: os.getxattr(path, key) for key in os.listxattr(path) if not key.startswith("trusted.overlay.")})


def scene_with_a_root(scene):
    """An image whose root directory is not as directories usually are. Its attributes."""
    os.setxattr(scene.tree, "user.color", b"blue")
    os.setxattr(scene.tree, "trusted.mark", b"x")
    os.chown(scene.tree, 12, 34)
    os.chmod(scene.tree, 0o1751)
    os.utime(scene.tree, ns=(0, 1234567890123456789))
    scene.source = scene.image(scene.tree, "root.cfs", scene.objects)
    return root_of(scene.tree)


def options_with_upper(scene, more=""):
    return (f"basedir={scene.objects},nosuid,upperdir={scene.made('u')},workdir={scene.made('w')}{more}")


@fact
def the_root_under_a_new_upper_directory_is_that_of_the_image(scene):
    root = scene_with_a_root(scene)
    scene.mount(scene.source, options_with_upper(scene))
    expect(root_of(scene.mnt), root)
    os.chmod(scene.mnt, 0o700)
    umount(scene.mnt)
    scene.mount(scene.source, options_with_upper(scene))
    expect(oct(os.stat(scene.mnt).st_mode), "0o40700", "mode that was changed in the mount before")


@fact
def an_upper_directory_that_is_in_use_or_another_users_keeps_its_attributes(scene):
    scene_with_a_root(scene)
    options = options_with_upper(scene)
    with open(scene.path("u", "something"), "w", encoding="ascii"):
        pass
    before = root_of(scene.path("u"))
    scene.mount(scene.source, options)
    expect(root_of(scene.mnt), before)
    umount(scene.mnt)
    shutil.rmtree(scene.path("u"))
    shutil.rmtree(scene.path("w"))
    options = options_with_upper(scene)
    os.chown(scene.path("u"), 1000, 1000)
    before = root_of(scene.path("u"))
    scene.mount(scene.source, options)
    expect(root_of(scene.mnt), before)


@fact
def an_upper_directory_behind_a_link_of_another_user_gets_no_attributes(scene):
    scene_with_a_root(scene)
    elsewhere, home = scene.made("elsewhere"), scene.made("home")
    before = root_of(elsewhere)
    options = options_with_upper(scene)
    os.rmdir(scene.path("u"))
    os.symlink(elsewhere, f"{home}/u")
    for path in (f"{home}/u", home):
        os.lchown(path, 1000, 1000)
    command = [scene.mount_program, "-o", options.replace(scene.path("u"), f"{home}/u"), scene.source, scene.mnt]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    expect((done.returncode, root_of(elsewhere)), (1, before), done.stderr)
    ensure('symbolic link "u": not followed' in done.stderr, done.stderr)


@fact
def a_repositorys_image_has_its_root_under_a_new_upper_directory_too(scene):
    if not COMPOSEFS:
        raise Skip("built without composefs")
    root = scene_with_a_root(scene)
    repo = f"--repo={scene.path('repo')}"
    run(COMPOSEFS, "init", "--insecure", scene.path("repo"))
    run(COMPOSEFS, "create-image", repo, scene.tree, "os")
    run(COMPOSEFS, "mount", repo, f"--upperdir={scene.made('u')}", f"--workdir={scene.made('w')}", "--read-write", "os", scene.mnt)
    expect(root_of(scene.mnt)[:3], root[:3])


enter_namespace()
sys.exit(run_facts_each_in(Fstab))
