#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Our tools beside those of a peer: the same work in pairs, the same bytes demanded, a table of ratios.

    bench/run.py BUILD PEER [--only NAME]... [--pairs 5] [--work DIR] [--peer-run "LOADER ARGS"] [--threads 1,2,16,64]

BUILD is a build directory of this project (optimised, without sanitizers), PEER a directory with the peer's programs
(as /usr/bin; sbin beside it is looked at too). A ratio is the peer's value divided by ours, so above 1 is good
for us: the median over the pairs, then the smallest and the largest. The last column says whether the median reaches the
project's target for this row. What needs root, or a program that is not there, is skipped with the reason. With --threads the
same trees are packed by ours alone with so many threads. Inputs are kept in DIR for the next time; it needs about 20 GB.

Traps that this avoids: the two take turns, and who begins alternates, so that a slow minute of the machine hits both. Each
run writes into a new directory, and nothing is deleted before the end (ext4 searches around freed inodes). Dirty data is
written out before a run begins. Memory is measured by a program so small that its own is not taken for the tool's.
"""
import argparse
import collections
import filecmp
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class Skip(Exception):
    """Why a row cannot be measured here."""


class Target(collections.namedtuple("Target", "wall cpu memory", defaults=(0, 0, 0))):
    """The ratios that a row should have at least; 0: no such target."""

    def missed(self, ratios):
        """"CPU 12, memory 2.5": what the ratios fall short of; empty: nothing."""
        return ", ".join("%s %g" % (name, wanted) for name, wanted, got in zip(("wall", "CPU", "memory"), self, ratios)
                         if got < wanted)


TARGETS = {
    "dump files-64k": Target(5, 5, 2),
    "dump files-100k": Target(7, 7, 2.5),
    "dump files-1M": Target(8, 12, 2.5),
    "dump hardlinks-200k": Target(6, 15, 2),
    "dump xattrs-100k": Target(6, 8, 2),
    "digest 512 MB, 1 CPU": Target(2.2, 2.2),
    "digest 512 MB, 2 CPU": Target(3.5, 2.2),
    "digest 20k small files": Target(1.8, 1.8),
    "directory": Target(2, 2),
    "directory 8 x 512 MB": Target(2.3, 2.5),
    "directory, fresh store": Target(2, 1.7),
    "directory, fresh store, beside cp": Target(1 / 1.6),
    "directory, filled store, cache": Target(4, 5),
    "objects of 1M": Target(12, 12, 2.5),
    "dump of 1M": Target(6, 6),
    "ls of a path in 1M": Target(100, 100),
    "mount, warm, 20 times": Target(1.8, 1.8),
}


class Work:
    """One row. In commands {in:NAME} is an input, {out} the new directory of this run and {side} one that all runs of a
    side share; the first word is a program of the side. Standard output goes to {out}/stdout."""

    def __init__(self, name, command, peer=None, same=("image",), times=1, cpus=None, cwd=None, once=False, after=None,
                 root=False, library=False):
        self.name, self.ours, self.peer = name, command, peer or command
        self.same = same    # files of {out} that must be equal on both sides
        self.times = times  # the command runs so often in one measurement
        self.cpus = cpus    # the run may use so many
        self.cwd = cwd
        self.once = once    # the command of each side runs once before, not measured
        self.after = after  # a shell command after each run, not measured
        self.root = root
        self.library = library  # the peer is another libcomposefs.so.1 below the same program


def small_files(inputs):
    top = inputs.get("tree-small")
    return sorted(os.path.relpath(os.path.join(folder, name), top)
                  for folder, _, names in os.walk(top) for name in names if name != "link")


def works(inputs):
    """The table: what the targets of the project are about, as far as the programs exist."""
    for name in ("files-64k", "files-100k", "files-1M", "hardlinks-50k", "hardlinks-200k", "xattrs-100k"):
        yield Work("dump " + name, ["mkcomposefs", "--from-file", "{in:%s}" % name, "{out}/image"])
    for cpus in (1, 2):
        yield Work("digest 512 MB, %d CPU" % cpus, ["composefs-info", "measure-file", "{in:tree-big}/file-0"],
                   same=("stdout",), cpus=cpus)
    yield Work("digest 20k small files", lambda: ["composefs-info", "measure-file", *small_files(inputs)],
               same=("stdout",), cwd="{in:tree-small}")
    yield Work("directory", ["mkcomposefs", "--threads=2", "{in:tree-mixed}", "{out}/image"])
    yield Work("directory 8 x 512 MB", ["mkcomposefs", "--threads=2", "{in:tree-big}", "{out}/image"])
    store = ["mkcomposefs", "--threads=2", "--digest-store={out}/store", "{in:tree-mixed}", "{out}/image"]
    yield Work("directory, fresh store", store)
    yield Work("directory, fresh store, beside cp", store, same=(),
               peer=["sh", "-c", "cp -a {in:tree-mixed} {out}/tree && sync -f {out}"])
    again = ["mkcomposefs", "--threads=2", "--digest-store={side}/store", "{in:tree-mixed}", "{out}/image"]
    yield Work("directory, filled store", again, once=True)
    yield Work("directory, filled store, cache", [*again[:-2], "--cache={side}/cache", *again[-2:]], peer=again, once=True)
    yield Work("objects of 1M", ["composefs-info", "objects", "{in:image-1M}"], same=("stdout",))
    yield Work("dump of 1M", ["composefs-info", "dump", "{in:image-1M}"], same=("stdout",))
    yield Work("ls of a path in 1M", ["composefs", "ls", "{in:image-1M}", "/dir-0000001"], same=(),
               peer=["composefs-info", "ls", "{in:image-1M}"])
    yield Work("mount, warm, 20 times", ["mount.composefs", "{in:image-64k}", "{out}/mnt", "-o", "basedir={side}"],
               same=(), times=20, root=True, after="for i in $(seq 20); do umount {out}/mnt; done")
    for what, n in (("reverse", "100k"), ("links", "100k"), ("build", "100k"), ("build", "1M"), ("clone", "100k"),
                    ("clone", "1M"), ("write", "100k"), ("write", "1M")):
        number = n.replace("k", "000").replace("M", "000000")
        yield Work("library: %s %s" % (what, n), ["abi_bench", what, number], same=("stdout",), library=True)
    for what in ("load", "rewrite"):
        yield Work("library: %s 64k" % what, ["abi_bench", what, "{in:image-64k}"], same=("stdout",), library=True)


class Inputs:
    """Generated at the first use, under names that say what they are."""

    DUMPS = {"files-64k": ("files", "64k"), "files-100k": ("files", "100k"), "files-1M": ("files", "1M"),
             "hardlinks-50k": ("hardlinks", "50k"), "hardlinks-200k": ("hardlinks", "200k"),
             "xattrs-100k": ("xattrs", "100k")}
    TREES = {"tree-mixed": ("mixed", "20000"), "tree-small": ("small", "20000"), "tree-big": ("big", "8", "512")}
    IMAGES = {"image-64k": "files-64k", "image-1M": "files-1M"}

    def __init__(self, top, mkcomposefs):
        self.top, self.mkcomposefs = top, mkcomposefs
        os.makedirs(top, exist_ok=True)

    def get(self, name):
        path = os.path.join(self.top, name)
        if not os.path.exists(path):
            print("making %s" % name, file=sys.stderr)
            self.make(name, path + ".new")
            os.rename(path + ".new", path)
        return path

    def make(self, name, path):
        if os.path.isdir(path):
            shutil.rmtree(path)
        if name in self.DUMPS:
            with open(path, "wb") as f:
                subprocess.run([sys.executable, os.path.join(HERE, "gen_dump.py"), *self.DUMPS[name]], stdout=f, check=True)
        elif name in self.TREES:
            subprocess.run([sys.executable, os.path.join(HERE, "gen_tree.py"), path, *self.TREES[name]], check=True)
        else:
            subprocess.run([self.mkcomposefs, "--from-file", self.get(self.IMAGES[name]), path], check=True)


class Side:
    """A directory with programs, and what must stand in front of their paths to run them."""

    def __init__(self, name, folders, run=()):
        self.name, self.folders, self.run = name, folders, list(run)

    def command(self, words):
        """A program of this side with its arguments; sh is everybody's."""
        if words[0] == "sh":
            return words
        for folder in self.folders:
            path = os.path.abspath(os.path.join(folder, words[0]))
            if os.access(path, os.X_OK):
                return [*self.run, path, *words[1:]]
        raise Skip("%s: no program %s" % (self.name, words[0]))


Usage = collections.namedtuple("Usage", "wall cpu mib")


class Bench:
    def __init__(self, build, work, sides):
        self.measure = os.path.join(build, "bench", "measure")
        self.sides = sides
        self.inputs = Inputs(os.path.join(work, "inputs"), os.path.join(build, "tools", "mkcomposefs"))
        self.runs = tempfile.mkdtemp(prefix="runs-", dir=work)
        self.n_runs = 0

    def fill_in(self, word, out, side):
        while "{in:" in word:
            name = word.partition("{in:")[2].partition("}")[0]
            word = word.replace("{in:%s}" % name, self.inputs.get(name))
        return word.replace("{out}", out).replace("{side}", side)

    def run(self, work, side, command, times):
        """One measurement in a directory of its own, which is returned too."""
        self.n_runs += 1
        out = os.path.join(self.runs, "%04d" % self.n_runs)
        shared = os.path.join(self.runs, "%s-%s" % (re.sub(r"\W+", "-", work.name), side.name))
        os.makedirs(os.path.join(out, "mnt"))
        os.makedirs(shared, exist_ok=True)
        words = command() if callable(command) else command
        words = [self.fill_in(word, out, shared) for word in side.command(words)]
        if work.cpus:
            words = ["taskset", "-c", "0-%d" % (work.cpus - 1), *words]
        cwd = work.cwd and self.fill_in(work.cwd, out, shared)
        os.sync()
        with open(os.path.join(out, "stdout"), "wb") as stdout, open(os.path.join(out, "stderr"), "wb") as stderr:
            ran = subprocess.run([self.measure, os.path.join(out, "usage"), str(times), *words], stdout=stdout,
                                 stderr=stderr, cwd=cwd, check=False)
        if work.after:
            subprocess.run(self.fill_in(work.after, shlex.quote(out), shared), shell=True, check=False)
        with open(os.path.join(out, "stderr"), encoding="utf-8", errors="replace") as f:
            complaint = f.read()
        if ran.returncode:
            raise RuntimeError("%s: %s: %s" % (work.name, side.name, complaint))
        return self.usage(work, side, out, complaint), out

    @staticmethod
    def usage(work, side, out, complaint):
        with open(os.path.join(out, "usage"), encoding="ascii") as f:
            wall, user, system, peak, status = f.read().split()
        if status != "0":
            raise RuntimeError("%s: %s: status %s: %s" % (work.name, side.name, status, complaint))
        return Usage(float(wall), float(user) + float(system), int(peak) / 1024)

    @staticmethod
    def library(side):
        return subprocess.run(side.command(["abi_bench", "library"]), stdout=subprocess.PIPE, check=True,
                              text=True).stdout.strip()

    def compare(self, work, pairs):
        """[(usage of ours, usage of the peer's)], one pair after another."""
        ours, peer = self.sides
        if work.root and os.geteuid() != 0:
            raise Skip("needs root")
        if work.library and self.library(ours) == self.library(peer):
            raise Skip("both sides would get %s; --peer-run has to lead to the peer's" % self.library(ours))
        for side, command in ((ours, work.ours), (peer, work.peer)):
            if work.once:
                self.run(work, side, command, 1)
        found = []
        for number in range(pairs):
            order = [(ours, work.ours), (peer, work.peer)]
            results = [self.run(work, *who, work.times) for who in (order if number % 2 == 0 else order[::-1])]
            if number % 2:
                results.reverse()
            (our_usage, our_out), (peer_usage, peer_out) = results
            for name in work.same:
                if not filecmp.cmp(os.path.join(our_out, name), os.path.join(peer_out, name), shallow=False):
                    raise RuntimeError("%s: %s differs from the peer's" % (work.name, name))
            found.append((our_usage, peer_usage))
        return found

    def close(self):
        shutil.rmtree(self.runs)


def cells(pairs, ratios, form):
    """Our median, the peer's, and the median, smallest and largest ratio of a pair."""
    return "%s | %s | **%.1f** (%.1f-%.1f)" % (form % statistics.median(p[0] for p in pairs),
        form % statistics.median(p[1] for p in pairs), statistics.median(ratios), ratios[0], ratios[-1])


def print_row(work, found):
    columns, medians = [], []
    for number, form in enumerate(("%.3f", "%.3f", "%.0f")):
        pairs = [(ours[number], peer[number]) for ours, peer in found]
        ratios = sorted(peer / max(ours, 1e-6) for ours, peer in pairs)
        columns.append(cells(pairs, ratios, form))
        medians.append(statistics.median(ratios))
    target = TARGETS.get(work.name)
    missed = target.missed(medians) if target else ""
    print("| %s | %s | %s |" % (work.name, " | ".join(columns), "**short:** " + missed if missed else "yes" if target else ""),
          flush=True)


def print_growth(medians):
    """Ten times the entries should cost little more than ten times the work."""
    for what, large, small, value in (("CPU", "dump files-1M", "dump files-100k", "cpu"),
                                      ("wall", "dump hardlinks-200k", "dump hardlinks-50k", "wall"),
                                      *(("CPU", "library: %s 1M" % what, "library: %s 100k" % what, "cpu")
                                        for what in ("build", "clone", "write"))):
        if large in medians and small in medians:
            ours, peer = [getattr(medians[large][i], value) / getattr(medians[small][i], value) for i in (0, 1)]
            print("\n%s of %s / %s: ours %.1f, peer's %.1f" % (what, large, small, ours, peer))


def run_all(bench, only, pairs):
    medians, failed = {}, False
    print("| work | wall s, ours | peer's | times | CPU s, ours | peer's | times | peak MiB, ours | peer's | times | target |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for work in works(bench.inputs):
        if only and work.name not in only:
            continue
        try:
            found = bench.compare(work, pairs)
        except Skip as reason:
            print("skipped: %s: %s" % (work.name, reason), file=sys.stderr)
            continue
        except RuntimeError as error:
            print("FAILED: %s" % error, file=sys.stderr)
            failed = True
            continue
        print_row(work, found)
        medians[work.name] = [Usage(*map(statistics.median, zip(*usages))) for usages in zip(*found)]
    print_growth(medians)
    return failed


def run_threads(bench, counts, pairs):
    """Ours alone, by threads: medians, and the wall time of the first count divided by that of each."""
    print("\n| work | threads | wall s | CPU s | peak MiB | times |\n|---|---|---|---|---|---|", flush=True)
    for tree in ("tree-mixed", "tree-big"):
        runs = {count: [] for count in counts}
        images = []
        work = Work("threads " + tree, [])
        for _ in range(pairs):
            for count in counts:
                command = ["mkcomposefs", "--threads=%d" % count, "{in:%s}" % tree, "{out}/image"]
                usage, out = bench.run(work, bench.sides[0], command, 1)
                runs[count].append(usage)
                images.append(os.path.join(out, "image"))
        if not all(filecmp.cmp(images[0], image, shallow=False) for image in images):
            raise RuntimeError("%s: the image depends on the number of threads" % tree)
        for count in counts:
            usage = Usage(*map(statistics.median, zip(*runs[count])))
            print("| directory %s | %d | %.3f | %.3f | %.0f | %.1f |" % (tree, count, *usage,
                statistics.median(first.wall / this.wall for first, this in zip(runs[counts[0]], runs[count]))), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("peer")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="rows to measure; default: all")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--work", default="bench-work", help="where inputs are kept and runs write (default: ./bench-work)")
    parser.add_argument("--peer-run", default="", help="words in front of the peer's programs: a loader, say")
    parser.add_argument("--threads", default="", metavar="N,N...", help="also measure ours with so many threads")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    programs = os.path.join(args.build, "bench")
    sides = (Side("ours", [os.path.join(args.build, "tools"), programs]),
             Side("peer", [args.peer, os.path.join(args.peer, "..", "sbin"), programs], shlex.split(args.peer_run)))
    bench = Bench(os.path.abspath(args.build), os.path.abspath(args.work), sides)
    try:
        failed = run_all(bench, args.only, args.pairs)
        if args.threads:
            run_threads(bench, [int(n) for n in args.threads.split(",")], args.pairs)
        return int(failed)
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
