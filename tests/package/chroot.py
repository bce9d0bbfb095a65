# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Clean systems of Debian to build, install and remove in. debootstrap makes each suite once, in the cache folder; what a
test changes goes to an overlay above it."""
import fcntl
import os
import re
import shutil
import subprocess
import sys

from debian import mirror, output
from facts import Skip

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "composefs-tests")
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
# A mirror can be older than its Release file is valid.
APT = ["apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Check-Valid-Until=false", "--no-install-recommends"]
# What dpkg, apt and ldconfig write for themselves.
NOT_OURS = re.compile(r"^(etc/(ld\.so\.cache|\.pwd\.lock)|var/(cache|log|lib/(apt|dpkg|systemd))|run|tmp|root)(/|$)")


class Chroot:
    """A directory that programs run in, above a base that stays as it is."""

    def __init__(self, top, base):
        self.root = os.path.join(top, "root")
        parts = {name: os.path.join(top, name) for name in ("upper", "work", "root")}
        for path in parts.values():
            os.makedirs(path)
        output("mount", "-t", "overlay", "overlay", parts["root"], "-o",
               f"lowerdir={base},upperdir={parts['upper']},workdir={parts['work']}")
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "tmp"), ("tmpfs", "var/tmp")):
            output("mount", "-t", kind, kind, os.path.join(self.root, place))
        output("mount", "--rbind", "/dev", os.path.join(self.root, "dev"))
        for name in ("hosts", "resolv.conf"):
            shutil.copy(f"/etc/{name}", f"{self.root}/etc/{name}")

    def run(self, *command, cwd="/", check=True):
        done = subprocess.run(["chroot", self.root, "sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", cwd, *command], env=ENV,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: expected status 0, got {done.returncode}: {done.stdout[-3000:]}")
        return done

    def apt(self, *command):
        self.run(*APT, *command)

    def files(self):
        """All paths but those that the package manager keeps for itself."""
        listed = self.run("find", "/", "-xdev", "-mindepth", "1", "-printf", "%P\\n").stdout.splitlines()
        return {path for path in listed if not NOT_OURS.match(path)}


def base_of(suite, name="", packages=()):
    """A minimal system of debootstrap, made once. One with further packages has a name of its own."""
    base = os.path.join(CACHE, "chroot-" + suite + name)
    include = ["--include=" + ",".join(packages)] if packages else []
    os.makedirs(CACHE, exist_ok=True)
    with open(base + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(base):
            shutil.rmtree(base + ".new", ignore_errors=True)
            done = subprocess.run(["debootstrap", "--variant=minbase", *include, suite, base + ".new", mirror()], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                raise Skip(f"debootstrap {suite}: {done.stdout.strip().splitlines()[-1:]}")
            os.rename(base + ".new", base)
    return base


def may_take_minutes(*programs):
    """None, or why such a test does not run."""
    if not (os.environ.get("COMPOSEFS_TEST_PACKAGE") or os.environ.get("COMPOSEFS_TEST_LONG")):
        return "it takes minutes: set COMPOSEFS_TEST_PACKAGE"
    if os.geteuid():
        return "needs root"
    missing = [name for name in ("debootstrap", *programs) if not shutil.which(name)]
    return f"{missing[0]} is not installed" if missing else None


def own_namespace():
    """Starts this program again, in a mount namespace of its own."""
    if "COMPOSEFS_OWN_NAMESPACE" not in os.environ:
        os.environ["COMPOSEFS_OWN_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
