# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Packages of Debian for tests: fetched with an apt configuration of its own into a cache
directory and unpacked there. Nothing is installed, and what this machine has is not changed.
"""
import fcntl
import os
import shutil
import subprocess
import tempfile

from facts import Skip

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def output(*command, **kw):
    """What a command prints; raises with all that it said when it fails."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: expected status 0, got {done.returncode}: "
                             f"{done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


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
    """An apt that knows some suites, and of no installed package. It works in a folder of its own."""

    def __init__(self, folder, suites):
        self.dir = os.path.join(folder, "apt")
        for part in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(self.dir, part), exist_ok=True)
        self.write("status", "")
        uri = mirror()
        self.write("sources.list", "".join(f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for suite in suites))
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
        self.run("apt-get", "update", "-q")

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *command, cwd=None):
        env = {**os.environ, "APT_CONFIG": os.path.join(self.dir, "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode:
            raise Skip(f"{' '.join(command)}: {done.stdout.strip().splitlines()[-1:]}")
        return done.stdout

    def fetch(self, names):
        """Downloads packages with all that they need, and returns the files."""
        # Only of what is not there yet: so of nothing that is.
        uris = self.run("apt-get", "install", "-y", "-q", "--print-uris", "-o", "Dir::Cache::archives=/var/empty", *names)
        self.run("apt-get", "install", "-y", "-q", "--download-only", *names)
        files = [line.split()[1] for line in uris.splitlines() if line.startswith("'")]
        return [os.path.join(self.dir, "archives", name) for name in files]

    def download(self, names):
        """Downloads these packages alone, and returns the files."""
        folder = tempfile.mkdtemp(dir=self.dir)
        self.run("apt-get", "download", "-q", *names, cwd=folder)
        return [os.path.join(folder, name) for name in os.listdir(folder)]


def unpacked(cache, name, suites, download):
    """The directory cache/name: the packages that download(apt) gives the files of, unpacked. It is
    kept for the next time, the files and lists are not."""
    if os.uname().machine != "x86_64":
        raise Skip("the packages are those of x86-64")
    os.makedirs(cache, exist_ok=True)
    root = os.path.join(cache, name)
    with open(os.path.join(cache, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(root):
            with tempfile.TemporaryDirectory(dir=cache) as tmp:
                for file in download(Apt(tmp, suites)):
                    output("dpkg-deb", "-x", file, os.path.join(tmp, "root"))
                os.rename(os.path.join(tmp, "root"), root)
    return root
