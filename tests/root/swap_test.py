#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Root works in directories of another user, who puts symbolic links, hard links, FIFOs and devices in the place of
each component while a command runs: nothing outside changes, nothing gets set-id bits, no command hangs, and each
refusal names a place.

    swap_test.py COMPOSEFS MKCOMPOSEFS ATTACKER

COMPOSEFS_TEST_SECONDS: so long for each command (0.5). Needs root.
"""
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

from scene import ensure, fact, run_facts, skip_all

COMPOSEFS, MKCOMPOSEFS, ATTACKER = (os.path.abspath(path) for path in sys.argv[1:4])
SECONDS = float(os.environ.get("COMPOSEFS_TEST_SECONDS", "0.5"))
OTHER = 12345
HANG = 60


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)


def good(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def below(top):
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            yield os.path.join(folder, name)


def facts_of(path, linked):
    """All that must stay. The links of a file that has a name in the attacker's directory may come and go."""
    st = os.lstat(path)
    said = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
    if stat.S_ISLNK(st.st_mode):
        said.append(os.readlink(path))
    elif stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            said.append(hashlib.sha256(f.read()).hexdigest())
    if path not in linked:
        said.append(st.st_nlink)
    return said


class World:
    """outside/: root's, never to change. play/: of the other user, with all that commands work in. pristine/: as play
    is in the beginning. weapons/: what the other user puts in the place of things."""

    def __init__(self):
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.dir = tempfile.mkdtemp(prefix="composefs-swap-", dir=memory)
        os.chmod(self.dir, 0o755)
        self.out, self.play, self.weapons = (f"{self.dir}/{name}" for name in ("outside", "play", "weapons"))
        self.trees = f"{self.dir}/trees"
        self.make_outside()
        self.make_pristine()
        self.before = self.outside()

    def make_outside(self):
        for name in ("a", "dir/b", "dir/c"):
            write(f"{self.trees}/1/{name}", name * 1000)
            write(f"{self.trees}/2/{name}", name * 2000)
        write(f"{self.out}/shadow", "root:secret\n", 0o600)
        write(f"{self.out}/suid", "#!/bin/sh\n", 0o4755)
        write(f"{self.out}/dir/file", "file\n")
        self.fill(f"{self.out}/repo")
        self.linked = {f"{self.out}/shadow", f"{self.out}/suid", f"{self.out}/repo/meta.json"}

    def fill(self, repo):
        """With garbage, a damaged object, names and a signature."""
        good(COMPOSEFS, "init", "--insecure", "--algorithm=sha256", repo)
        os.chmod(repo, 0o755)
        for name in "12":
            good(COMPOSEFS, "create-image", f"--repo={repo}", f"{self.trees}/{name}", f"os/{name}")
        good(MKCOMPOSEFS, f"{self.trees}/1", f"{self.trees}/image.cfs")
        if not os.path.exists(f"{self.trees}/key"):
            good("openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{self.trees}/key")
            os.mkdir(f"{self.trees}/keys")
            good("openssl", "pkey", "-in", f"{self.trees}/key", "-pubout", "-out", f"{self.trees}/keys/key.pub")
        good(COMPOSEFS, "sign", f"--repo={repo}", f"--key={self.trees}/key", "os/1")
        good(COMPOSEFS, "untag", f"--repo={repo}", "os/2")
        good(COMPOSEFS, "create-image", f"--repo={repo}", f"{self.trees}/1", "os/3")

    def make_statement(self):
        good(COMPOSEFS, "sign", f"--key={self.trees}/key", f"--statement={self.trees}/statement", "--name=os", "--version=2",
             f"{self.trees}/image.cfs")

    def make_pristine(self):
        pristine = f"{self.dir}/pristine"
        self.fill(f"{pristine}/repo")
        self.make_statement()
        good(MKCOMPOSEFS, f"--digest-store={pristine}/store", f"{self.trees}/1", f"{pristine}/dir/image.cfs"
             if os.makedirs(f"{pristine}/dir") is None else "")
        write(f"{pristine}/dir/out.cfs", "old", 0o6777)
        good(COMPOSEFS, "sign", f"--key={self.trees}/key", f"{pristine}/dir/image.cfs")
        folder = f"{pristine}/repo/objects/"
        damaged = next(path for path in below(folder) if os.path.isfile(path) and os.path.getsize(path) < 8192)
        os.chmod(damaged, 0o644)
        write(damaged, "damaged")
        self.a_prefix = os.path.relpath(os.path.dirname(damaged), f"{pristine}/repo")
        os.chmod(f"{pristine}/store", 0o755)
        for path in [pristine] + list(below(pristine)):
            os.lchown(path, OTHER, OTHER)

    def arm(self):
        shutil.rmtree(self.weapons, ignore_errors=True)
        os.mkdir(self.weapons)
        targets = ["shadow", "suid", "dir", "dir/file", "dir/new", "repo", "repo/objects", f"repo/{self.a_prefix}",
                   "repo/images", "repo/images/refs", "repo/images/refs/os", "repo/signatures", "repo/meta.json"]
        for i, target in enumerate(targets):
            os.symlink(f"{self.out}/{target}", f"{self.weapons}/link{i}")
        for path in self.linked:
            os.link(path, f"{self.weapons}/hard-{os.path.basename(path)}")
        os.mkfifo(f"{self.weapons}/fifo", 0o666)
        try:
            os.mknod(f"{self.weapons}/zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        except PermissionError:
            pass
        for path in [self.weapons] + list(below(self.weapons)):
            if not os.path.basename(path).startswith("hard-"):
                os.lchown(path, OTHER, OTHER)

    def renew(self):
        shutil.rmtree(self.play, ignore_errors=True)
        good("cp", "-a", f"{self.dir}/pristine", self.play)
        self.arm()

    def outside(self):
        return {path: facts_of(path, self.linked) for path in [self.out] + list(below(self.out))}

    def check(self, command, place):
        before, after = self.before, self.outside()
        self.before = after
        changed = sorted(path for path in set(after) | set(before) if after.get(path) != before.get(path))
        ensure(not changed, f"{command} changed {changed[:4]} ({place}): {after.get(changed[0]) if changed else ''}")
        suid = {os.stat(f"{self.out}/suid").st_ino}
        for path in below(self.play):
            try:
                st = os.lstat(path)
            except FileNotFoundError:
                continue
            bad = st.st_uid == 0 and stat.S_ISREG(st.st_mode) and st.st_mode & 0o6000 and st.st_ino not in suid
            ensure(not bad, f"{command} made the set-id file {path} ({place})")

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


WORLD = None
REPO, IMAGE, KEY = "{play}/repo", "{play}/dir/image.cfs", "{trees}/key"
COMMANDS = {
    "create-image": [COMPOSEFS, "create-image", f"--repo={REPO}", "{trees}/2", "os/new/er"],
    "import-image": [COMPOSEFS, "import-image", f"--repo={REPO}", "os/imported", "{trees}/image.cfs"],
    "tag": [COMPOSEFS, "tag", f"--repo={REPO}", "os/1", "os/tagged"],
    "untag": [COMPOSEFS, "untag", f"--repo={REPO}", "os/3"],
    "gc": [COMPOSEFS, "gc", f"--repo={REPO}"],
    "repair": [COMPOSEFS, "repair", f"--repo={REPO}"],
    "fsck of a repository": [COMPOSEFS, "fsck", f"--repo={REPO}"],
    "images": [COMPOSEFS, "images", f"--repo={REPO}"],
    "du": [COMPOSEFS, "du", f"--repo={REPO}"],
    "dump-files": [COMPOSEFS, "dump-files", f"--repo={REPO}", "os/1", "/a"],
    "init": [COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "{play}/dir/new/repo"],
    "init again": [COMPOSEFS, "init", "--insecure", "--algorithm=sha256", REPO],
    "doctor": [COMPOSEFS, "doctor", f"--repo={REPO}"],
    "init from scratch": [COMPOSEFS, "init", "--insecure", "--algorithm=sha256", "--reset-metadata", REPO],
    "gc of old names": [COMPOSEFS, "gc", f"--repo={REPO}", "--keep=1", "--prune-refs"],
    "repair from a copy": [COMPOSEFS, "repair", f"--repo={REPO}", "--from={play}/dir", "--from={play}/store"],
    "sign a statement": [COMPOSEFS, "sign", f"--key={KEY}", "--statement={play}/dir/out.cfs", "--name=os", "--version=1", IMAGE],
    "raise a floor": [COMPOSEFS, "verify", "--trusted={trees}/keys", "--statement={trees}/statement", "--floor={play}/dir/floor",
                      "--raise-floor", "{trees}/image.cfs"],
    "sign in a repository": [COMPOSEFS, "sign", f"--repo={REPO}", f"--key={KEY}", "os/3"],
    "sign beside": [COMPOSEFS, "sign", f"--key={KEY}", IMAGE],
    "verify": [COMPOSEFS, "verify", "--trusted={trees}/keys", IMAGE],
    "mkcomposefs with a store": [MKCOMPOSEFS, "--digest-store={play}/store", "{trees}/2", "{play}/dir/out.cfs"],
    "mkcomposefs": [MKCOMPOSEFS, "{trees}/1", "{play}/dir/out.cfs"],
    "mkcomposefs with a cache": [MKCOMPOSEFS, "--cache={play}/dir/cache", "{trees}/1", "{play}/dir/out.cfs"],
    "du into a page": [COMPOSEFS, "du", f"--repo={REPO}", "--html={play}/dir/out.cfs"],
    "fsck of a store": [COMPOSEFS, "fsck", "--objects={play}/store", "{trees}/image.cfs"],
}


def run_once(name, place):
    """-> whether it was done; else it has said where it stopped."""
    command = [part.format(play=WORLD.play, trees=WORLD.trees) for part in COMMANDS[name]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as child:
        try:
            said = child.communicate(timeout=HANG)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            child.kill()
            raise AssertionError(f"expected {name} to end, got a program that hangs ({place})") from None
    ensure(child.returncode >= 0, f"{name} ended by signal {-child.returncode} ({place}): {said}")
    if child.returncode == 1:
        last = said.strip().split("\n")[-1]
        known = (WORLD.play, "object", "images", "signatures", "refs", "no such image", "name of an image", "its log")  # the last ones below --repo
        ensure(any(word in last for word in known), f"{name} does not name the place ({place}): {said}")
    return child.returncode == 0


def attack(name):
    done = runs = 0
    end = time.monotonic() + SECONDS
    while runs < 3 or time.monotonic() < end:
        WORLD.renew()
        with subprocess.Popen([ATTACKER, str(OTHER), str(runs + 1), WORLD.play, WORLD.weapons]) as attacker:
            try:
                for _ in range(3):
                    done += run_once(name, f"run {runs}")
                    runs += 1
            finally:
                attacker.send_signal(signal.SIGKILL)
        WORLD.check(name, f"run {runs}")
    return done, runs


def components(name):
    """Each component in the directories of the other user that the command is given."""
    repo = ["", "objects", WORLD.a_prefix, "images", "images/refs", "images/refs/os", "signatures", "meta.json",
            ".quarantine", ".lock-gc", "streams", "log"]
    signatures = sorted(os.listdir(f"{WORLD.dir}/pristine/repo/signatures"))
    below_top = {
        "repo": [f"repo/{name}".rstrip("/") for name in repo] + [f"repo/signatures/{name}" for name in signatures],
        "store": ["store"],
        "dir": ["dir", "dir/out.cfs", "dir/image.cfs", "dir/image.cfs.sig", "dir/new", "dir/cache", "dir/floor",
                "dir/.out.cfs.cfs-tmp"],
    }
    return [path for top, paths in below_top.items() if any(f"{{play}}/{top}" in part for part in COMMANDS[name])
            for path in paths]


def twin(component):
    for path in (f"{WORLD.out}/{component}", f"{WORLD.out}/dir" if "." not in component else f"{WORLD.out}/shadow"):
        if os.path.lexists(path):
            return path
    return f"{WORLD.out}/dir/new"


def put_in_place(component, kind):
    path = f"{WORLD.play}/{component}"
    if os.path.lexists(path):
        os.rename(path, f"{WORLD.dir}/taken")
    if kind == "link":
        os.symlink(twin(component), path)
    elif kind == "fifo":
        os.mkfifo(path, 0o666)
    else:
        os.link(f"{WORLD.out}/suid", path)
        return
    os.lchown(path, OTHER, OTHER)


def in_place(name, kind):
    for component in components(name):
        WORLD.renew()
        shutil.rmtree(f"{WORLD.dir}/taken", ignore_errors=True)
        if os.path.lexists(f"{WORLD.dir}/taken"):
            os.unlink(f"{WORLD.dir}/taken")
        put_in_place(component, kind)
        run_once(name, f"{kind} at {component}")
        WORLD.check(name, f"{kind} at {component}")


@fact
def a_link_in_place_of_any_component_is_not_followed():
    for name in COMMANDS:
        in_place(name, "link")


@fact
def a_fifo_in_place_of_any_component_does_not_block():
    for name in COMMANDS:
        in_place(name, "fifo")


@fact
def a_hard_link_to_a_set_id_program_is_not_changed():
    for name in COMMANDS:
        in_place(name, "hard link")


@fact
def without_an_attacker_all_commands_are_done():
    for name in COMMANDS:
        WORLD.renew()
        run_once(name, "no attack")


@fact
def directories_that_link_to_another_repository_do_not_change_it():
    WORLD.renew()
    objects = f"{WORLD.play}/repo/objects"
    for prefix in os.listdir(objects):
        os.rename(f"{objects}/{prefix}", f"{WORLD.play}/dir/{prefix}")
    for prefix in (f"{i:02x}" for i in range(256)):
        target = f"{WORLD.out}/repo/objects/{prefix}"
        os.symlink(target if os.path.isdir(target) else f"{WORLD.out}/dir", f"{objects}/{prefix}")
    for name in COMMANDS:
        run_once(name, "all prefixes are links")
        WORLD.check(name, "all prefixes are links")


@fact
def links_that_come_while_gc_waits_for_the_lock_lead_nowhere():
    """It has listed the objects then; the garbage has the same names outside."""
    WORLD.renew()
    repo = f"{WORLD.play}/repo"
    shutil.rmtree(f"{repo}/images")
    lock = os.open(repo, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    with subprocess.Popen([COMPOSEFS, "gc", f"--repo={repo}"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as gc:
        said = gc.stderr.readline()
        while said and "waiting" not in said:
            said = gc.stderr.readline()
        for prefix in os.listdir(f"{repo}/objects"):
            os.rename(f"{repo}/objects/{prefix}", f"{WORLD.play}/dir/{prefix}")
            os.symlink(f"{WORLD.out}/repo/objects/{prefix}", f"{repo}/objects/{prefix}")
        os.close(lock)
        said = gc.communicate(timeout=HANG)[1]
    WORLD.check("gc", "links came while it waited")
    ensure("symbolic link in the path" in said, said)


def add_attacks():
    for name in COMMANDS:
        def attacked(name=name):
            done, runs = attack(name)
            print(f"# {name}: {done} of {runs} runs were done")
        attacked.__name__ = "swapped_under_" + name.replace(" ", "_").replace("-", "_")
        fact(attacked)


def main():
    global WORLD  # pylint: disable=global-statement
    if os.geteuid() != 0:
        skip_all("needs root")
    if not shutil.which("openssl"):
        skip_all("needs openssl")
    WORLD = World()
    try:
        add_attacks()
        return run_facts()
    finally:
        WORLD.close()


sys.exit(main())
