#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The whole test suite: compiles, tests, counts. `make check` and CI call it.

    check.py                  normal, threads, and clang (or sanitize, where clang is not installed)
    check.py NAME...          some of the builds: normal, sanitize, clang, threads, fast

Each build has its own folder, which is kept, so that a second run compiles nothing. While the tests of one build run,
the next one is compiled. At the end stand the failed tests, the skipped ones with their reasons, and the line "N passed,
N failed, N skipped", which counts single tests (TAP lines), not test programs.

$COMPOSEFS_TEST_LONG: not empty: injected faults, the attacker, mutated images and kills run in full, for hours.
"""
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time

# Many tests wait for locks, processes and disks more than they compute, so more of them run than there are CPUs.
# Each is slower then, so it gets more time.
PROCESSES = 3 * (os.cpu_count() or 1)
TIMEOUT_MULTIPLIER = 2

# The long form of tests that have a short one; a variable that is set already keeps its value.
LONG = {"COMPOSEFS_TEST_FAULTS": "all", "COMPOSEFS_TEST_KILLS": "200", "COMPOSEFS_TEST_MUTANTS": "20000",
        "COMPOSEFS_TEST_SECONDS": "60"}
if os.environ.get("COMPOSEFS_TEST_LONG"):
    os.environ.update({**LONG, **os.environ})
    TIMEOUT_MULTIPLIER = 0  # meson: without end

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Build:
    def __init__(self, name, folder, setup=(), suites=(), without=(), env=None, needs=None):
        self.name, self.folder, self.setup = name, folder, list(setup)
        self.suites, self.without, self.env, self.needs = list(suites), list(without), env or {}, needs

    def call(self, *command, **options):
        print("$", " ".join(command[:12]) + (" ..." if len(command) > 12 else ""), flush=True)
        return subprocess.run(command, cwd=HERE, env={**os.environ, **self.env}, check=False, **options)

    def make(self, quiet):
        """Compile. Whether that succeeded. quiet: print only what a command that fails prints."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
        begun = time.monotonic()
        # build.ninja first: it is made again after a change of a meson.build, and with it the list of targets.
        steps = [lambda: ("ninja", "-C", self.folder, "build.ninja"),
                 lambda: ("ninja", "-C", self.folder, *targets_of(os.path.join(HERE, self.folder), self.suites, self.without))]
        if not os.path.exists(os.path.join(HERE, self.folder, "build.ninja")):
            steps[0] = lambda: ("meson", "setup", self.folder, *self.setup)
        for step in steps:
            done = self.call(*step(), **options)
            if done.returncode:
                print((done.stdout or b"").decode("utf-8", "replace"), flush=True)
                return False
        print(f"{self.folder}: compiled in {time.monotonic() - begun:.0f} s", flush=True)
        return True

    def test(self):
        """Runs the tests and returns meson's record of them, one dictionary a test program."""
        log = os.path.join(HERE, self.folder, "meson-logs", "testlog.json")
        if os.path.exists(log):
            os.remove(log)
        suites = [a for s in self.suites for a in ("--suite", s)] + [a for s in self.without for a in ("--no-suite", s)]
        self.call("meson", "test", "-C", self.folder, "--no-rebuild", "--print-errorlogs", "--num-processes", str(PROCESSES),
                  "--timeout-multiplier", str(TIMEOUT_MULTIPLIER), *suites)
        if not os.path.exists(log):
            return []
        with open(log, encoding="utf-8") as f:
            return [json.loads(line) for line in f]


def needed_targets(tests, targets, suites, without):
    """The files to compile for the tests of these suites, all as meson's introspection lists them: what they depend on, the
    programs of tools if commands are tested, and everything that is not compiled. No suite: all, which is no name."""
    if not suites:
        return []
    wanted = set()
    for test in tests:
        its = {suite.rpartition(":")[2] for suite in test["suite"]}
        if its & set(suites) and not its & set(without):
            wanted.update(test["depends"])
    return [file for target in targets for file in target["filename"]
            if target["id"] in wanted or target["type"] == "custom" or ("cli" in suites and "/tools/" in file)]


def targets_of(folder, suites, without):
    def introspect(what):
        with open(os.path.join(folder, "meson-info", f"intro-{what}.json"), encoding="utf-8") as f:
            return json.load(f)
    return [os.path.relpath(file, folder) for file in needed_targets(introspect("tests"), introspect("targets"), suites, without)]


SANITIZE = ["--native-file", "dev.ini"]
# unit and fuzz go through all golden vectors in a few processes; the suite golden starts a thousand.
SANITIZED_SUITES = ["unit", "cli", "fuzz"] + (["golden"] if os.environ.get("COMPOSEFS_TEST_LONG") else [])
# A process that is killed reports no error to its sanitizer.
WITHOUT = [] if os.environ.get("COMPOSEFS_TEST_LONG") else ["kill"]

BUILDS = [
    Build("normal", "build"),
    # What runs on several threads, and everything that is optional switched off.
    Build("threads", "build-threads", ["-Dwerror=true", "-Db_sanitize=thread", "-Db_lundef=false",
                                       "-Dauto_features=disabled"], ["threads"]),
    # The compiler that the normal build does not have, with its sanitizers.
    Build("clang", "build-clang", SANITIZE + ["-Doptimization=1"], SANITIZED_SUITES, WITHOUT, {"CC": "clang"}, needs="clang"),
    Build("sanitize", "build-sanitize", SANITIZE, SANITIZED_SUITES, WITHOUT),
]

# What `make check-fast` runs: no root, no network, no virtual machine.
FAST = Build("fast", "build", suites=["unit", "golden", "style"])


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def line(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"

    def add(self, build, record):
        """Counts one test program: its TAP lines, or itself when it printed none."""
        where = f"{build}: {record['name'].split(' / ')[-1]}"
        before = len(self.failed)
        counted = self.add_tap(where, record.get("stdout") or "")
        if record["result"] in ("OK", "EXPECTEDFAIL"):
            self.passed += not counted
        elif record["result"] == "SKIP":
            if not counted:
                self.skipped.append((where, reason_of(record)))
        elif len(self.failed) == before:  # it died, ran out of time, or gave up without a "not ok"
            self.failed.append(f"{where}: {record['result']}, status {record['returncode']}")

    def add_tap(self, where, text):
        counted = 0
        for line in text.splitlines():
            m = re.match(r"(not )?ok\b\s*\d*\s*-?\s*(.*?)(?:\s+#\s*SKIP\b\S*\s*(.*))?$", line, re.I)
            if not m:
                continue
            counted += 1
            bad, title, reason = m.groups()
            if reason is not None:
                self.skipped.append((f"{where}: {title}", reason))
            elif bad:
                self.failed.append(f"{where}: {title}")
            else:
                self.passed += 1
        return counted


def reason_of(record):
    """Why a whole program skipped: the reason in its TAP plan, else its last line."""
    said = (record.get("stdout") or "") + "\n" + (record.get("stderr") or "")
    m = re.search(r"^1\.\.0\s*#\s*SKIP\S*\s*(.*)$", said, re.M | re.I)
    words = [line for line in said.splitlines() if line.strip()]
    return m.group(1) if m else words[-1].strip() if words else "it gave no reason"


def said(record):
    """The output of a test program that belongs into the report: each case of tampering in the virtual machines,
    with the error."""
    if not record["name"].startswith("composefs:vm /"):
        return []
    lines = (record.get("stdout") or "").splitlines()
    return [line for line in lines if not re.match(r"# [0-9.]+ s: ", line)]  # when a case began


def clang_has_sanitizers():
    """The library of the sanitizers is a package of its own."""
    return shutil.which("clang") and subprocess.run(
        ["clang", "-fsanitize=address,undefined", "-x", "c", "-o", os.devnull, "-"], input=b"int main(void) { return 0; }",
        capture_output=True, check=False).returncode == 0


def default_builds():
    """One build with the address sanitizer is enough, unless time does not matter."""
    if os.environ.get("COMPOSEFS_TEST_LONG"):
        return BUILDS
    without = "sanitize" if clang_has_sanitizers() else "clang"
    return [build for build in BUILDS if build.name != without]


def run_builds(builds, tally):
    """Compile each build while the tests of the one before run."""
    compiled = queue.Queue()

    def compile_all():
        for build in builds:
            missing = build.needs and not shutil.which(build.needs)
            compiled.put((build, None if missing else build.make(quiet=build is not builds[0])))

    threading.Thread(target=compile_all, daemon=True).start()
    for _ in builds:
        build, made = compiled.get()
        if made is None:
            tally.skipped.append((f"{build.name}: the whole build", f"{build.needs} is not installed"))
        elif not made:
            tally.failed.append(f"{build.name}: does not build")
        else:
            run_tests(build, tally)


def run_tests(build, tally):
    begun = time.monotonic()
    records = build.test()
    print(f"{build.folder}: tested in {time.monotonic() - begun:.0f} s")
    if not records:
        tally.failed.append(f"{build.name}: no test ran")
    for record in records:
        tally.add(build.name, record)
        print("".join(f"  {line}\n" for line in said(record)), end="")


def report(tally):
    if tally.skipped:
        print("\nskipped:")
    for where, reason in tally.skipped:
        print(f"  {where}: {reason}")
    if tally.failed:
        print("\nfailed:")
    for what in tally.failed:
        print(f"  {what}")
    print(f"\n{tally.line()}", flush=True)


def main():
    known = {build.name: build for build in BUILDS + [FAST]}
    unknown = set(sys.argv[1:]) - set(known)
    if unknown:
        sys.exit(f"check.py: unknown build: expected some of {', '.join(known)}, got {', '.join(sorted(unknown))}")
    tally = Tally()
    run_builds([known[name] for name in sys.argv[1:]] or default_builds(), tally)
    report(tally)
    return bool(tally.failed)


if __name__ == "__main__":
    sys.exit(main())
