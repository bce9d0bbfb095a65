#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""scripts/check.py must count what ran: a failure that it missed would let anything land."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import check  # noqa: E402


def record(stdout, result="OK", returncode=0, stderr=""):
    return {"name": "composefs:unit / x", "stdout": stdout, "result": result,
            "returncode": returncode, "stderr": stderr}


# What is counted: the title, meson's record of a test program, the line.
CASES = [
    ("each TAP line counts", record("1..2\nok 1 - a\nok 2 - b\n"), "2 passed, 0 failed, 0 skipped"),
    ("a failed line counts once, its program's status not again",
     record("ok 1 - a\nnot ok 2 - b\n1..2\n", "ERROR", 1), "1 passed, 1 failed, 0 skipped"),
    ("a program that dies after good lines is a failure",
     record("ok 1 - a\n", "FAIL", -11), "1 passed, 1 failed, 0 skipped"),
    ("a program that ran out of time is a failure", record("", "TIMEOUT", -15), "0 passed, 1 failed, 0 skipped"),
    ("a skipped line is no pass", record("ok 1 - a # SKIP no root\nok 2 - b\n"), "1 passed, 0 failed, 1 skipped"),
    ("a skipped line of a failing program is no failure",
     record("ok 1 - a # SKIP no root\nnot ok 2 - b\n", "FAIL"), "0 passed, 1 failed, 1 skipped"),
    ("a plan of nothing is one skip", record("1..0 # SKIP no loop devices\n", "SKIP"),
     "0 passed, 0 failed, 1 skipped"),
    ("a program without TAP counts as one", record("hello\n"), "1 passed, 0 failed, 0 skipped"),
    ("status 77 is one skip", record("needs root\n", "SKIP", 77), "0 passed, 0 failed, 1 skipped"),
    ("a program without TAP that fails counts as one", record("ouch\n", "FAIL", 1),
     "0 passed, 1 failed, 0 skipped"),
]

REASONS = [
    ("the plan's reason is given", record("1..0 # SKIP no loop devices\n", "SKIP"), "no loop devices"),
    ("the last line is the reason otherwise", record("x\nneeds root\n", "SKIP", 77), "needs root"),
    ("a line's reason is given", record("ok 1 - a # SKIP no root\n"), "no root"),
]


VM = {**record("# up\n# 4.2 s: ext4: a case\nok 1 - ext4: a case\n# open: EIO\n"), "name": "composefs:vm / x"}
SAID = [
    ("what the machines say is shown, but for the time", VM, ["# up", "ok 1 - ext4: a case", "# open: EIO"]),
    ("what others say is not", {**VM, "name": "composefs:unit / x"}, []),
]

TESTS = [{"suite": ["x:unit"], "depends": ["a"]}, {"suite": ["x:cli", "x:kill"], "depends": ["b"]}, {"suite": ["x:cli"], "depends": ["c"]}]
TARGETS = [{"id": name, "filename": [f"/b/{name}"], "type": "executable"} for name in "abcd"] + [
    {"id": "page", "filename": ["/b/page"], "type": "custom"}, {"id": "tool", "filename": ["/b/tools/tool"], "type": "executable"}]
NEEDED = [
    ("a suite needs what its tests depend on, and pages", ["unit"], [], ["/b/a", "/b/page"]),
    ("commands need all programs", ["cli"], [], ["/b/b", "/b/c", "/b/page", "/b/tools/tool"]),
    ("tests that are left out need nothing", ["cli"], ["kill"], ["/b/c", "/b/page", "/b/tools/tool"]),
    ("without a suite all is compiled", [], [], []),
]


def main():
    results = []
    for title, rec, expected in CASES:
        tally = check.Tally()
        tally.add("normal", rec)
        results.append((title, tally.line(), expected))
    for title, rec, expected in REASONS:
        tally = check.Tally()
        tally.add("normal", rec)
        results.append((title, tally.skipped[0][1], expected))
    results += [(title, check.needed_targets(TESTS, TARGETS, suites, without), expected) for title, suites, without, expected in NEEDED]
    results += [(title, check.said(rec), expected) for title, rec, expected in SAID]
    print(f"1..{len(results)}")
    for number, (title, got, expected) in enumerate(results, 1):
        print(f"{'ok' if got == expected else 'not ok'} {number} - {title}")
        if got != expected:
            print(f"# expected \"{expected}\", got \"{got}\"")
    return any(got != expected for _, got, expected in results)


if __name__ == "__main__":
    sys.exit(main())
