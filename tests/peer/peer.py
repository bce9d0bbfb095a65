# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Programs of Debian sid on this machine, with Debian's libcomposefs or with ours.

Packages are fetched with an apt configuration of its own into a cache directory and unpacked
there, with all that they need, libc included. Nothing is installed; what this machine has is
neither used nor changed.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

SUITE = "sid"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LIBDIR = "usr/lib/x86_64-linux-gnu"


class Skip(Exception):
    """Why a test cannot run here."""


def output(*command, **kw):
    """What a command prints; raises with all that it said when it fails."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}: "
                             f"{done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def failure(*command, **kw):
    """What a command that has to fail says."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **kw)
    if not done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: did not fail")
    return done.stderr.decode("utf-8", "replace").strip()


def same(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r:.300}, want {want!r:.300}")


# --- packages -----------------------------------------------------------------------------


def mirror():
    """The mirror that this machine's own apt uses."""
    if not shutil.which("apt-get") or not os.path.exists(KEYRING):
        raise Skip("no apt, or no keyring of Debian's archive")
    rows = output("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT)",
                  "Created-By: Packages").decode().splitlines()
    for uri, origin, component in (row.split() for row in rows if len(row.split()) == 3):
        if origin == "Debian" and component == "main" and "security" not in uri:
            return uri
    raise Skip("this machine's apt has no mirror of Debian")


class Apt:
    def __init__(self, cache):
        self.dir = os.path.join(cache, "apt")
        for part in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(self.dir, part), exist_ok=True)
        self.write("status", "")
        self.write("sources.list", f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
        self.write("apt.conf", f'''
            Dir::State "{self.dir}";
            Dir::State::Lists "{self.dir}/lists";
            Dir::State::status "{self.dir}/status";
            Dir::Cache "{self.dir}";
            Dir::Cache::archives "{self.dir}/archives";
            Dir::Etc::sourcelist "{self.dir}/sources.list";
            Dir::Etc::sourceparts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            APT::Architecture "amd64";
            APT::Architectures {{ "amd64"; }};
            APT::Install-Recommends "false";
            APT::Sandbox::User "root";
            Acquire::Languages "none";
            ''')

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *command):
        env = {**os.environ, "APT_CONFIG": os.path.join(self.dir, "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise Skip(f"{' '.join(command)}: {done.stdout.strip().splitlines()[-1:]}")
        return done.stdout

    def fetch(self, names):
        """Downloads packages with all that they need, and returns the files."""
        self.run("apt-get", "update", "-q")
        # Only of what is not there yet: so of nothing that is.
        uris = self.run("apt-get", "install", "-y", "-q", "--print-uris", "-o", "Dir::Cache::archives=/var/empty", *names)
        self.run("apt-get", "install", "-y", "-q", "--download-only", *names)
        files = [line.split()[1] for line in uris.splitlines() if line.startswith("'")]
        return [os.path.join(self.dir, "archives", name) for name in files]


def packages(cache, *names):
    """A directory that holds the packages unpacked. It is kept for the next time."""
    if os.uname().machine != "x86_64":
        raise Skip("the packages are those of x86-64")
    os.makedirs(cache, exist_ok=True)
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    root = os.path.join(cache, f"root-{key}")
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(root):
            files = Apt(cache).fetch(names)
            with tempfile.TemporaryDirectory(dir=cache) as tmp:
                for name in files:
                    output("dpkg-deb", "-x", name, os.path.join(tmp, "root"))
                os.rename(os.path.join(tmp, "root"), root)
    return root


# --- running ------------------------------------------------------------------------------


class Side:
    """Debian's programs with one libcomposefs: "debian" with Debian's own, "ours" with ours."""

    def __init__(self, name, root, library=None):
        self.name, self.root = name, root
        self.path = os.path.join(root, LIBDIR)
        if library:
            self.path = f"{os.path.dirname(library)}:{self.path}"

    def command(self, program, *args):
        """program is a name of /usr/bin or /usr/sbin there, or a path."""
        path = program
        for folder in ("usr/bin", "usr/sbin"):
            if os.path.exists(os.path.join(self.root, folder, program)):
                path = os.path.join(self.root, folder, program)
        return [os.path.join(self.root, LIBDIR, "ld-linux-x86-64.so.2"), "--library-path", self.path,
                "--argv0", os.path.basename(program), path, *args]

    def run(self, program, *args, **kw):
        return output(*self.command(program, *args), **kw)

    def fails(self, program, *args, **kw):
        return failure(*self.command(program, *args), **kw)

    def library(self, program):
        """The libcomposefs that the program really gets."""
        loader = self.command(program)
        lines = output(*loader[:3], "--list", loader[5]).decode().splitlines()
        return os.path.realpath(next(line.split()[2] for line in lines if "libcomposefs" in line))


def sides(cache, library):
    """The two sides, of packages that all tests share."""
    root = packages(cache, "composefs", "libcomposefs-dev", "ostree")
    return Side("debian", root), Side("ours", root, library)


# --- TAP ----------------------------------------------------------------------------------


def main(facts):
    """Runs facts(), an iterator of titles and functions, and reports each. A Skip in the iterator
    itself skips all, one in a function skips that."""
    number, failed = 0, 0
    try:
        for title, fact in facts():
            number += 1
            try:
                fact()
                print(f"ok {number} - {title}", flush=True)
            except Skip as why:
                print(f"ok {number} - {title} # SKIP {why}", flush=True)
            except Exception as why:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {number} - {title}", flush=True)
                text = str(why) if isinstance(why, AssertionError) else traceback.format_exc()
                for line in text.splitlines():
                    print(f"# {line}", flush=True)
    except Skip as why:
        if number == 0:
            print(f"1..0 # SKIP {why}")
            return
        raise
    print(f"1..{number}")
    sys.exit(1 if failed else 0)
