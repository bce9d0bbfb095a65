#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""A container image from a registry on the loopback to a mounted root, beside podman and skopeo with umoci.

    oci.py COMPOSEFS DIR [CFSCTL] [RUNS]        as root, on a disk; RUNS: 5

Makes an image of four gzip layers from the files of DIR (about 400 MB), pushes it to a docker-registry, and then, in turns:

    ours        composefs oci pull, oci mount (a new repository without fs-verity)
    again       the same pull into the repository that has the image
    cfsctl      cfsctl oci pull, if CFSCTL is given
    podman      podman pull (overlay, a new store), podman image mount
    umoci       skopeo copy to a layout, umoci unpack

Prints the medians of wall and CPU time, and ratios to ours. The CPU time of the registry is not in it.
"""
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

N_LAYERS = 4


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")


class Bench:
    def __init__(self, composefs, cfsctl):
        self.composefs, self.cfsctl, self.host = composefs, cfsctl, None

    def ours(self):
        run(self.composefs, "init", "--insecure", "r")
        self.again()

    def again(self):
        run(self.composefs, "oci", "pull", "--repo=r", "--root=own", f"{self.host}/image:1", "image")
        os.makedirs("m", exist_ok=True)
        run(self.composefs, "oci", "mount", "--repo=r", "image", "m")
        run("umount", "m")

    def cfsctl_pull(self):
        run(self.cfsctl, "--repo", "r", "init", "--insecure")
        run(self.cfsctl, "--repo", "r", "--insecure", "oci", "pull", f"docker://{self.host}/image:1", "image")

    def podman(self):
        store = ("podman", "--root=p", "--runroot=pr", "--storage-driver=overlay")
        run(*store, "pull", "--tls-verify=false", f"{self.host}/image:1")
        run(*store, "image", "mount", f"{self.host}/image:1")
        run(*store, "image", "umount", "-a")

    def umoci(self):
        run("skopeo", "copy", "--src-tls-verify=false", f"docker://{self.host}/image:1", "oci:l:1")
        run("umoci", "unpack", "--image=l:1", "b")

    def ways(self):
        ways = [self.ours, self.again, self.podman, self.umoci]
        return ways + [self.cfsctl_pull] if self.cfsctl else ways


def files_of(top):
    """Files of the directory, in a stable order."""
    for path, dirs, names in os.walk(top):
        dirs.sort()
        yield from (os.path.join(path, name) for name in sorted(names))


def make_image(top):
    """A layout l with an image of N_LAYERS layers, each with a share of the files."""
    names = list(files_of(top))
    run("umoci", "init", "--layout=l")
    run("umoci", "new", "--image=l:1")
    for i in range(N_LAYERS):
        with open("names", "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write("".join(name + "\0" for name in names[i::N_LAYERS]))
        run("tar", "--null", "-T", "names", "--format=posix", "-cPf", "layer.tar", "--transform=s,^/*,,")
        run("umoci", "raw", "add-layer", "--image=l:1", "layer.tar")


def serve():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with open("registry.yml", "w", encoding="utf-8") as f:
        f.write(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {os.getcwd()}/registry}}}}\n"
                f"http: {{addr: 127.0.0.1:{port}}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    process = subprocess.Popen(["docker-registry", "serve", "registry.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)  # pylint: disable=consider-using-with
    while True:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"127.0.0.1:{port}"
        time.sleep(0.01)


def clear(keep):
    for name in {"r", "p", "pr", "l", "b"} - keep:
        subprocess.run(["rm", "-rf", name], check=True)


def measure(way):
    """Wall and CPU time. The CPU time of the registry is not in it."""
    if way.__name__ != "again":
        clear(set())
    os.sync()
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    way()
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    composefs, top = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    cfsctl = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[3] else None
    n_runs = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    bench = Bench(composefs, cfsctl)
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as tmp:
        os.chdir(tmp)
        make_image(top)
        registry, bench.host = serve()
        try:
            run("skopeo", "copy", "--dest-tls-verify=false", "oci:l:1", f"docker://{bench.host}/image:1")
            report(bench, n_runs)
        finally:
            registry.kill()
            registry.wait()


def report(bench, n_runs):
    found = {}
    for _ in range(n_runs):
        for way in bench.ways():
            found.setdefault(way.__name__, []).append(measure(way))
    ours = [statistics.median(r[at] for r in found["ours"]) for at in (0, 1)]
    for name, runs in found.items():
        wall, cpu = (statistics.median(r[at] for r in runs) for at in (0, 1))
        print(f"oci_{name} wall {wall:.2f} s, CPU {cpu:.2f} s, ratio {wall / ours[0]:.1f} {cpu / ours[1]:.1f}", flush=True)


if __name__ == "__main__":
    main()
