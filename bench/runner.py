# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Runs rows: commands of ours and of a peer in turns, measured by bench/measure.

Traps that this avoids: the two take turns, and who begins alternates, so that a slow minute of the machine hits both. Each
run writes into a new directory, and nothing is deleted before the end of a row (ext4 searches around freed inodes). Dirty data is
written out before a run begins. Memory is measured by a program so small that its own is not taken for the tool's.
"""
import collections
import filecmp
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time

Usage = collections.namedtuple("Usage", "wall cpu mib")


class Skip(Exception):
    """Why a row cannot be measured here."""


class Failure(Exception):
    """A command failed, or the two sides made different output."""


class Target(collections.namedtuple("Target", "wall cpu mib", defaults=(0, 0, 0))):
    """The ratios that a row should have at least; 0: no such target."""


class Row(collections.namedtuple("Row", "name ours against peer sizes same times pairs cpus cwd once before after root library",
                                 defaults=("", None, ("",), (), 1, 0, 0, "", False, "", "", False, False))):
    """One line of the table for each of its sizes, as data.

    name      of the line, which is followed by the size
    ours      words of the command. The first is a program of the side, or sh. {n} is the size, {in:NAME} an input, {prog:NAME} a
              program of the side, {out} the new directory of this run, {side} one that all runs of a side share. Standard
              output goes to {out}/stdout.
    against   the side that ours is compared with; "": none
    peer      the words of that side; None: the same as ours
    same      files of {out} that have to be equal on both sides
    times     the command runs so often in one measurement
    pairs     so many pairs; 0: as many as the caller wants
    cpus      the run may use so many; 0: all
    cwd       the directory that it runs in
    once      the command of each side runs once before, not measured
    before    a shell command before each run, and after one behind it; neither is measured
    root      needs root
    library   both sides run our program; the peer's side has another libcomposefs.so.1
    """

    def name_of(self, size):
        return f"{self.name} {size}".strip()


class Side:
    """Directories with programs, and the words that have to stand in front of their paths to run them."""

    def __init__(self, name, folders, run=(), version=""):
        self.name, self.folders, self.run, self.version = name, folders, list(run), version

    def program(self, name):
        for folder in self.folders:
            path = os.path.abspath(os.path.join(folder, name))
            if os.access(path, os.X_OK):
                return [*self.run, path]
        raise Skip(f"{self.name}: no program {name}")

    def command(self, words):
        """A program of this side with its arguments; sh belongs to every side."""
        return list(words) if words[0] == "sh" else [*self.program(words[0]), *words[1:]]


class Runner:
    """measure: the program. sides: by name; "ours" has to be one of them. inputs has get(NAME), which returns the text that stands for
    {in:NAME}. work: a directory for what the runs write."""

    def __init__(self, measure, work, sides, inputs):
        self.measure, self.sides, self.inputs = os.path.abspath(measure), sides, inputs
        self.runs = tempfile.mkdtemp(prefix="runs-", dir=work)
        self.n_runs = 0

    def fill_in(self, word, side, size, out):
        word = word.replace("{n}", size)
        for name in set(re.findall(r"{in:([^}]*)}", word)):
            word = word.replace("{in:%s}" % name, self.inputs.get(name))
        for name in set(re.findall(r"{prog:([^}]*)}", word)):
            word = word.replace("{prog:%s}" % name, shlex.join(side.program(name)))
        return word.replace("{out}", out).replace("{side}", self.shared(side))

    def shared(self, side):
        return os.path.join(self.runs, side.name)

    def shell(self, text, side, size, out):
        if text:
            done = subprocess.run(["sh", "-c", self.fill_in(text, side, size, out)], check=False, capture_output=True, text=True)
            if done.returncode:
                raise Failure(f"{side.name}: {done.stderr.strip()}")

    def run(self, row, size, side, words):
        """One measurement in a directory of its own: its usage and the directory."""
        self.n_runs += 1
        out = os.path.join(self.runs, "%04d" % self.n_runs)
        os.makedirs(os.path.join(out, "mnt"))
        os.makedirs(self.shared(side), exist_ok=True)
        words = [self.fill_in(word, side, size, out) for word in side.command(words)]
        if row.cpus:
            words = ["taskset", "-c", f"0-{row.cpus - 1}", *words]
        self.shell(row.before, side, size, out)
        os.sync()
        with open(os.path.join(out, "stdout"), "wb") as stdout, open(os.path.join(out, "stderr"), "wb") as stderr:
            subprocess.run([self.measure, os.path.join(out, "usage"), str(row.times), *words], stdout=stdout, stderr=stderr,
                           stdin=subprocess.DEVNULL, cwd=self.fill_in(row.cwd, side, size, out) or None, check=False)
        usage = read_usage(out, f"{row.name_of(size)}: {side.name}", row.times)
        self.shell(row.after, side, size, out)
        return usage, out

    def turns(self, row):
        """The sides of a row with their words: ours, then the peer's if it has one."""
        turns = [(self.sides["ours"], row.ours)]
        if row.against:
            if row.against not in self.sides:
                raise Skip(f"{row.against} is not there")
            turns.append((self.sides[row.against], row.peer or row.ours))
        return turns

    def check(self, row):
        """Skips what cannot be measured here, before any input is made for it."""
        if row.root and os.geteuid() != 0:
            raise Skip("needs root")
        turns = self.turns(row)
        for side, words in turns:
            side.command(words)
            for name in re.findall(r"{prog:([^}]*)}", " ".join(words)):
                side.program(name)
        if row.library and len({library_of(side) for side, _ in turns}) != len(turns):
            raise Skip("both sides would get the same library")

    def measure_row(self, row, size, pairs, budget):
        """[[usage of ours], [usage of the peer's]], one pair after another: so many, or fewer, but at least two, when budget
        seconds are over. Without a peer the second list is missing."""
        self.check(row)
        turns = self.turns(row)
        for who in turns if row.once else ():
            self.run(row, size, *who)
        found = [[] for _ in turns]
        end = time.monotonic() + budget
        for number in range(row.pairs or pairs):
            if number >= 2 and time.monotonic() > end:
                break
            backwards = number % 2
            results = [self.run(row, size, *who) for who in (turns[::-1] if backwards else turns)]
            results = results[::-1] if backwards else results
            self.compare(row, size, [out for _, out in results])
            for usages, (usage, _) in zip(found, results):
                usages.append(usage)
        return found

    @staticmethod
    def compare(row, size, outs):
        for name in row.same:
            paths = [os.path.join(out, name) for out in outs]
            if not all(filecmp.cmp(paths[0], path, shallow=False) for path in paths[1:]):
                raise Failure(f"{row.name_of(size)}: {name} differs from the peer's")

    def clear(self):
        """Removes what the runs of a row wrote."""
        shutil.rmtree(self.runs)
        os.mkdir(self.runs)

    def close(self):
        shutil.rmtree(self.runs)


def read_usage(out, where, times):
    with open(os.path.join(out, "stderr"), encoding="utf-8", errors="replace") as f:
        said = f.read().strip()
    try:
        with open(os.path.join(out, "usage"), encoding="ascii") as f:
            wall, user, system, peak, status = f.read().split()
    except FileNotFoundError as e:
        raise Failure(f"{where}: {said}") from e
    if status != "0":
        raise Failure(f"{where}: expected status 0, got {status}: {said[:500]}")
    return Usage(float(wall) / times, (float(user) + float(system)) / times, int(peak) / 1024)


def library_of(side):
    return subprocess.run(side.command(["abi_bench", "library"]), stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
