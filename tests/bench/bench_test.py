#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The runner of bench/, its table of rows, and its report, with trivial commands. No time is judged.

    bench_test.py SOURCE BUILD
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path[:0] = [os.path.join(SOURCE, "tests"), os.path.join(SOURCE, "bench")]
import report  # noqa: E402  pylint: disable=wrong-import-position
import rows  # noqa: E402  pylint: disable=wrong-import-position
from facts import ensure, expect, fact, has, run_facts  # noqa: E402  pylint: disable=wrong-import-position
from runner import Failure, Row, Runner, Side, Skip  # noqa: E402  pylint: disable=wrong-import-position


class Names:
    """Inputs that stand for themselves."""

    @staticmethod
    def get(name):
        return f"<{name}>"


def script(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


@contextlib.contextmanager
def runner(ours, peer):
    """A runner for a program "tool" of two sides. What they log in $LOG is in the file "log" of the directory that is given."""
    with tempfile.TemporaryDirectory() as top:
        os.environ["LOG"] = f"{top}/log"
        sides = {}
        for name, text in (("ours", ours), ("tools", peer)):
            script(f"{top}/{name}", "tool", text)
            sides[name] = Side(name, [f"{top}/{name}"])
        made = Runner(f"{BUILD}/bench/measure", top, sides, Names)
        yield made, top
        made.close()


def logged(top):
    with open(f"{top}/log", encoding="ascii") as f:
        return f.read().split()


def refused(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        return str(error)
    raise AssertionError(f"expected {kind.__name__}, got success")


LOGS = ("echo ours >>$LOG; echo same", "echo peer >>$LOG; echo same")


@fact
def sides_take_turns_and_the_one_that_begins_alternates():
    with runner(*LOGS) as (made, top):
        found = made.measure_row(Row("r", ["tool"], "tools", same=("stdout",)), "", 3, 1000)
        expect([len(usages) for usages in found], [3, 3], "number of values")
        expect(logged(top), ["ours", "peer", "peer", "ours", "ours", "peer"])
        ensure(all(usage.wall > 0 and usage.mib > 0 for usages in found for usage in usages), found)


@fact
def a_row_ends_after_two_pairs_when_its_time_is_over():
    with runner(*LOGS) as (made, _):
        expect(len(made.measure_row(Row("r", ["tool"], "tools"), "", 5, -1)[0]), 2)
        expect(len(made.measure_row(Row("r", ["tool"], "tools", pairs=1), "", 5, -1)[0]), 1, "pairs of a row that wants one")


@fact
def a_row_without_a_peer_runs_ours_alone():
    with runner(*LOGS) as (made, top):
        expect(len(made.measure_row(Row("r", ["tool"]), "", 2, 1000)), 1, "number of sides")
        expect(logged(top), ["ours", "ours"])


@fact
def commands_before_and_after_surround_each_run_and_once_runs_once_more():
    with runner(*LOGS) as (made, top):
        made.measure_row(Row("r", ["tool"], before="echo {n}b >>$LOG", after="echo {n}a >>$LOG", once=True, times=2), "7", 1, 1000)
        expect(logged(top), ["7b", "ours", "ours", "7a"] * 2)


@fact
def words_are_filled_in():
    with runner('printf "%s\\n" "$@"', "true") as (made, _):
        row = Row("r", ["tool", "{n}", "{in:x-{n}}", "{prog:tool}", "{out}", "{side}"])
        usage, out = made.run(row, "10k", made.sides["ours"], row.ours)
        ensure(usage.wall > 0, usage)
        with open(f"{out}/stdout", encoding="ascii") as f:
            expect(f.read().split(), ["10k", "<x-10k>", *made.sides["ours"].program("tool"), out, f"{made.runs}/ours"])


@fact
def output_that_differs_from_the_peers_is_a_failure():
    with runner("echo a", "echo b") as (made, _):
        row = Row("r", ["tool"], "tools", same=("stdout",))
        expect(refused(Failure, made.measure_row, row, "1k", 1, 0), "r 1k: stdout differs from the peer's")
        made.measure_row(row._replace(same=()), "1k", 1, 0)


@fact
def a_command_that_fails_is_a_failure_with_what_it_said():
    with runner("echo no such thing >&2; exit 3", "true") as (made, _):
        expect(refused(Failure, made.measure_row, Row("r", ["tool"]), "", 1, 0), "r: ours: expected status 0, got 3: no such thing")


@fact
def what_is_missing_skips_the_row_before_anything_runs():
    with runner(*LOGS) as (made, top):
        expect(refused(Skip, made.measure_row, Row("r", ["tool"], "tools", ["other"]), "", 1, 0), "tools: no program other")
        expect(refused(Skip, made.measure_row, Row("r", ["tool"], "tools", ["sh", "-c", "{prog:other}"]), "", 1, 0),
               "tools: no program other")
        expect(refused(Skip, made.measure_row, Row("r", ["tool"], "cfsctl"), "", 1, 0), "cfsctl is not there")
        ensure(not os.path.exists(f"{top}/log"), "a command ran")


# --- the report


def row_of(ours, peer=None, name="r", **more):
    columns = {side: {value: values for value, _, _ in report.VALUES} for side, values in (("ours", ours), ("peer", peer)) if values}
    return {"name": name, "group": "g", "family": name, "size": "", "against": "tools", **columns, **more}


@fact
def growth_is_the_exponent_of_the_cost():
    expect(["%.3f" % report.slope((10, 100, 1000), [n ** power for n in (10, 100, 1000)]) for power in (0, 1, 2)],
           ["0.000", "1.000", "2.000"])


@fact
def a_target_is_short_when_the_median_is_below_it():
    expect([report.verdict(row_of([1, 1, 1], [2, 3, 9], target=[wanted, 0, 0])) for wanted in (3, 3.1)], ["yes", "**short:** wall 3.1"])


@fact
def a_row_is_slower_only_where_the_ranges_do_not_touch():
    old = {"rows": [row_of([1, 1, 1], [4, 5, 6])]}
    for peer, expected in (([2, 3, 3.9], ["r"]), ([2, 3, 4], []), ([7, 8, 9], [])):
        expect(report.changes({"rows": [row_of([1, 1, 1], peer)]}, old)[1], expected, f"slower at {peer}")
    has(report.changes({"rows": [row_of([1, 1, 1], [7, 8, 9])]}, old)[0], "| r | 1.60 faster |")
    text, slower = report.changes({"rows": [row_of([2.0, 2.1])]}, {"rows": [row_of([1.0, 1.1])]})
    expect(slower, ["r"], "slower without a peer")
    has(text, "0.51 SLOWER")


# --- the rows


@fact
def names_of_rows_are_unique_and_targets_belong_to_rows():
    names = [row.name_of(size) for members in rows.GROUPS.values() for row in members for size in row.sizes]
    expect(len(names), len(set(names)), "number of names")
    expect(sorted(set(rows.TARGETS) - set(names)), [], "targets of no row")


@fact
def the_page_shows_the_stored_results():
    with open(f"{SOURCE}/bench/results/latest.json", encoding="utf-8") as f:
        stored = json.load(f)
    for path, expected in (("doc/speed.md", report.page(stored)), ("doc/drawings/speed.svg", report.plot(stored))):
        with open(f"{SOURCE}/{path}", encoding="utf-8") as f:
            ensure(f.read() == expected, f"{path} is another one: run bench/all.py --render")


@fact
def the_command_works_where_no_namespace_can_be_made():
    with tempfile.TemporaryDirectory() as work:
        script(f"{work}/bin", "unshare", "exit 1")
        env = {**os.environ, "PATH": f"{work}/bin:{os.environ['PATH']}"}
        done = subprocess.run([sys.executable, f"{SOURCE}/bench/all.py", BUILD, "--only", "check an image, entries 10k", "--pairs", "1", "--work",
                               work], env=env, capture_output=True, text=True, check=False)
        expect(done.returncode, 0, done.stderr)
        has(done.stdout, "| check an image, entries 10k |")


@fact
def the_command_measures_compares_and_writes_its_results():
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run([sys.executable, f"{SOURCE}/bench/all.py", BUILD, "--peer", f"{BUILD}/tools", "--only", "image, xattrs 10k", "--only",
                               "image-objects", "--pairs", "2", "--quick", "--work", work], capture_output=True, text=True, check=False)
        expect(done.returncode, 0, done.stderr)
        has(done.stderr, "skipped: image-objects, entries 10k: cfsctl is not there")
        with open(f"{work}/latest.json", encoding="utf-8") as f:
            stored = json.load(f)
        expect([row["name"] for row in stored["rows"]], ["dump to image, xattrs 10k"])
        expect([len(stored["rows"][0][side]["cpu"]) for side in ("ours", "peer")], [2, 2], "number of values")
        with open(f"{work}/latest.md", encoding="utf-8") as f:
            has(f.read(), report.table_row(stored["rows"][0]))
        with open(f"{work}/latest.svg", encoding="utf-8") as f:
            has(f.read(), "dump to image, xattrs 10k")
        expect(sorted(os.listdir(work)), ["inputs", "latest.json", "latest.md", "latest.svg"], "what is left")


if __name__ == "__main__":
    run_facts()
