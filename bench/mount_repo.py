#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Mounting images of several sizes from a repository without fs-verity: the first mount, later ones, and a peer.

    bench/mount_repo.py BUILD [--peer CFSCTL] [--sizes 64,64k,1M] [--times 20] [--work DIR]

Needs root and Linux 6.8; works in a mount namespace of its own with a tmpfs at /run. DIR must be on a disk. Prints CPU (user and system)
and wall milliseconds of one mount: medians of the runs, taken in turns. "first" reads the whole image (--verify), "later"
has its record of the first.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def measure(*command, point):
    """CPU and wall milliseconds of a mount, which is undone."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["umount", point], check=True)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), 1000 * wall


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--peer")
    parser.add_argument("--sizes", default="64,64k,1M")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--work", default="bench-work")
    o = parser.parse_args()
    tool = {name: os.path.join(os.path.abspath(o.build), "tools", name) for name in ("composefs", "mkcomposefs")}
    repo, point = os.path.abspath(f"{o.work}/mount-repo"), os.path.abspath(f"{o.work}/mount-point")
    shutil.rmtree(repo, ignore_errors=True)
    os.makedirs(point, exist_ok=True)
    subprocess.run([tool["composefs"], "init", "--insecure", "--algorithm=sha256", repo], check=True,
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for size in o.sizes.split(","):
        dump = subprocess.Popen([sys.executable, f"{HERE}/gen_dump.py", "files", size], stdout=subprocess.PIPE)
        subprocess.run([tool["mkcomposefs"], "--from-file", "-", f"{repo}.cfs"], stdin=dump.stdout, check=True)
        subprocess.run([tool["composefs"], "import-image", f"--repo={repo}", "--missing-ok", size, f"{repo}.cfs"], check=True,
                       stdout=subprocess.DEVNULL)
    time.sleep(3.1)  # a file that has just changed gets no record
    for size in o.sizes.split(","):
        ours = (tool["composefs"], "mount", f"--repo={repo}", size, point)
        ways = {"first": (*ours, "--verify"), "later": ours}
        if o.peer:
            ways["peer"] = (o.peer, "--insecure", "--repo", repo, "mount", size, point)
        measure(*ours, point=point)
        found = {name: [] for name in ways}
        for _ in range(o.times):
            for name, command in ways.items():
                found[name].append(measure(*command, point=point))
        for name, runs in found.items():
            cpu, wall = (statistics.median(run[i] for run in runs) for i in (0, 1))
            print(f"{size:>6} {name:>6}: {cpu:8.2f} ms CPU {wall:8.2f} ms wall", flush=True)


if __name__ == "__main__":
    if not os.environ.get("COMPOSEFS_BENCH_NAMESPACE"):
        os.environ["COMPOSEFS_BENCH_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount -t tmpfs -o mode=0755 none /run && exec "$@"',
                              "sh", sys.executable, *sys.argv])
    main()
