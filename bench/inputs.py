# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What rows work on, made at the first use under a name that says what it is: KIND-SIZE.

    files-N hardlinks-N xattrs-N    dumps of gen_dump.py            mixed-N small-N big-COUNTxMIB    directories of gen_tree.py
    image-N                         the image of files-N            changed-N changed-image-N        files-N with differences, its image
    repo-N                          a repository of N images of 1000 files each, drawn from 100 * N objects
    one-N                           a repository with the image "image" of files-N, without objects
    names-MIB                       a list of files of this machine usr-MIB tar-MIB tgz-MIB          a copy of them, archives of that
    oci-MIB                         HOST/NAME of an OCI image with these files in four layers, in a registry on the loopback
    layout-MIB                      its OCI layout

Made by the programs of ours, they are kept for the next run, but for the registry, which ends with the run.
"""
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from runner import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
FILES_FROM = ("/usr/lib/gcc", "/usr/bin", "/usr/lib/python3", "/usr/lib/x86_64-linux-gnu")
N_LAYERS = 4


def count(text):
    unit = {"k": 1000, "M": 1000000}.get(text[-1:], 0)
    return int(text[:-1]) * unit if unit else int(text)


def files_below(top):
    for folder, dirs, names in os.walk(top):
        dirs.sort()
        yield from (os.path.join(folder, name) for name in sorted(names) if not os.path.islink(os.path.join(folder, name)))


def change(line, number):
    """Each 100th line has another mtime, another owner, or is gone; no directory is removed."""
    fields = line.split(b" ")
    if number % 300 == 0 and not fields[2].startswith(b"40"):
        return b""
    if number % 200 == 0:
        fields[4] = b"1000"
    elif number % 100 == 0:
        fields[7] = b"1.5"
    return b" ".join(fields)


class Inputs:
    """top: where they are kept. side: that of ours, whose programs make them."""

    def __init__(self, top, side):
        self.top, self.side, self.registry, self.host, self.pushed = top, side, None, None, set()
        os.makedirs(top, exist_ok=True)

    def get(self, name):
        kind, _, size = name.partition("-")
        if kind == "oci":
            return self.get_pushed(size)
        if kind == "changed" and size.startswith("image-"):
            kind, size = "changed_image", size.partition("-")[2]
        path = os.path.join(self.top, name)
        if not os.path.exists(path):
            print(f"making {name}", file=sys.stderr)
            subprocess.run(["rm", "-rf", path + ".new"], check=True)
            getattr(self, "make_" + kind)(path + ".new", size)
            os.rename(path + ".new", path)
        return path

    def ours(self, *words, **kw):
        done = subprocess.run(self.side.command(words), check=False, stdout=kw.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, **kw)
        if done.returncode:
            raise Skip(f"{' '.join(words)}: {done.stderr.decode().strip()}")
        return done.stdout

    # --- dumps and images

    @staticmethod
    def dump(path, kind, size):
        with open(path, "wb") as f:
            subprocess.run([sys.executable, f"{HERE}/gen_dump.py", kind, size], stdout=f, check=True)

    def make_files(self, path, size):
        self.dump(path, "files", size)

    def make_hardlinks(self, path, size):
        self.dump(path, "hardlinks", size)

    def make_xattrs(self, path, size):
        self.dump(path, "xattrs", size)

    def make_image(self, path, size):
        self.ours("mkcomposefs", "--from-file", self.get(f"files-{size}"), path)

    def make_changed(self, path, size):
        with open(self.get(f"files-{size}"), "rb") as old, open(path, "wb") as new:
            new.writelines(change(line, number) for number, line in enumerate(old))

    def make_changed_image(self, path, size):
        self.ours("mkcomposefs", "--from-file", self.get(f"changed-{size}"), path)

    # --- directories

    @staticmethod
    def tree(path, *words):
        subprocess.run([sys.executable, f"{HERE}/gen_tree.py", path, *words], check=True)

    def make_mixed(self, path, size):
        self.tree(path, "mixed", str(count(size)))

    def make_small(self, path, size):
        self.tree(path, "small", str(count(size)))

    def make_big(self, path, size):
        self.tree(path, "big", *size.split("x"))

    # --- repositories

    def make_one(self, path, size):
        self.ours("composefs", "init", "--insecure", "--algorithm=sha256", path)
        self.ours("composefs", "import-image", f"--repo={path}", "--missing-ok", "image", self.get(f"image-{size}"))
        time.sleep(3.1)  # mount keeps no record of a file that has just changed

    def make_repo(self, path, size):
        n_images, n_objects = int(size), 100 * int(size)
        with tempfile.TemporaryDirectory(dir=self.top) as tree:
            for i in range(n_objects):
                if i % 1000 == 0:
                    os.makedirs(f"{tree}/{i // 1000}")
                with open(f"{tree}/{i // 1000}/{i}", "w", encoding="ascii") as f:
                    f.write(f"object {i}\n" * 10)
            self.ours("composefs", "init", "--insecure", "--algorithm=sha256", path)
            self.ours("composefs", "create-image", f"--repo={path}", tree, "all")
        lines = [line for line in self.ours("composefs", "dump-files", f"--repo={path}", "all").splitlines()
                 if b" 100644 " in line and line.split()[1] != b"0"]
        pick = random.Random(1)
        for i in range(n_images):
            chosen = sorted(b"/" + line.split(b"/", 2)[2] for line in pick.sample(lines, min(1000, len(lines))))
            dump = b"/ 0 40755 2 0 0 0 0.0 - - -\n" + b"\n".join(chosen) + b"\n"
            image = self.ours("mkcomposefs", "--from-file", "-", "-", input=dump)
            self.ours("composefs", "import-image", f"--repo={path}", f"i/{i}", input=image)
        self.ours("composefs", "untag", f"--repo={path}", "all")

    # --- archives and containers

    @staticmethod
    def make_names(path, size):
        left = int(size) << 20
        with open(path, "wb") as f:
            for name in (name for top in FILES_FROM for name in files_below(top)):
                f.write(os.fsencode(name) + b"\0")
                left -= os.path.getsize(name)
                if left <= 0:
                    return
        raise Skip(f"this machine has no {size} MiB of files in {' '.join(FILES_FROM)}")

    @staticmethod
    def archive(path, folder, names):
        """Of these names below folder, and of their directories."""
        parents = {name[:at] for name in names for at in range(len(name)) if name[at:at + 1] == b"/"}
        subprocess.run(["tar", "-C", folder, "--no-recursion", "--null", "-T", "-", "--format=posix", "-cf", path], check=True,
                       input=b"".join(name + b"\0" for name in sorted(parents | set(names))))

    def listed(self, size):
        with open(self.get(f"names-{size}"), "rb") as f:
            return [name.lstrip(b"/") for name in f.read().split(b"\0")[:-1]]

    def make_usr(self, path, size):
        with tempfile.NamedTemporaryFile(dir=self.top) as archive:
            self.archive(archive.name, "/", self.listed(size))
            os.mkdir(path)
            subprocess.run(["tar", "-C", path, "-xpf", archive.name], check=True)

    def make_tar(self, path, size):
        subprocess.run(["tar", "-C", self.get(f"usr-{size}"), "--format=posix", "-cf", path, "."], check=True)

    def make_tgz(self, path, size):
        with open(path, "wb") as f:
            subprocess.run(["gzip", "-6", "-c", self.get(f"tar-{size}")], stdout=f, check=True)

    def make_layout(self, path, size):
        run_tool("umoci", "init", f"--layout={path}")
        run_tool("umoci", "new", f"--image={path}:1")
        for i in range(N_LAYERS):
            with tempfile.NamedTemporaryFile(dir=self.top, suffix=".tar") as layer:
                self.archive(layer.name, "/", self.listed(size)[i::N_LAYERS])
                run_tool("umoci", "raw", "add-layer", f"--image={path}:1", layer.name)

    def get_pushed(self, size):
        self.start_registry()
        target = f"{self.host}/image-{size}:1"
        if target not in self.pushed:
            run_tool("skopeo", "copy", "--dest-tls-verify=false", f"oci:{self.get(f'layout-{size}')}:1", f"docker://{target}")
            self.pushed.add(target)
        return target

    def start_registry(self):
        if self.registry:
            return
        if not shutil.which("docker-registry"):
            raise Skip("no docker-registry")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.host = "127.0.0.1:%d" % s.getsockname()[1]
        root = os.path.join(self.top, "registry")
        subprocess.run(["rm", "-rf", root], check=True)
        with open(root + ".yml", "w", encoding="utf-8") as f:
            f.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: {self.host}}}\n"
                    "log: {level: error, accesslog: {disabled: true}}\n")
        env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
        self.registry = subprocess.Popen(["docker-registry", "serve", root + ".yml"], env=env,  # pylint: disable=consider-using-with
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        host, port = self.host.split(":")
        for _ in range(1000):
            with socket.socket() as s:
                if s.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.01)
        raise Skip("docker-registry did not start")

    def close(self):
        if self.registry:
            self.registry.kill()
            self.registry.wait()


def run_tool(*words):
    if not shutil.which(words[0]):
        raise Skip(f"no {words[0]}")
    done = subprocess.run(words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Skip(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")
