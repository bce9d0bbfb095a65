#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Runs the console blocks of a Markdown file and compares what they print: what a page shows is what its reader sees.

    page_test.py FILE DIRECTORY-WITH-TOOLS

One shell runs all blocks of a page, in an empty folder, as a reader would type them. A line that begins with "$ " is a
command, one with "# " a command for root, with "> " the rest of the command above; the other lines are what it prints
to standard output. "..." there stands for any text within a line, and a line of "..." for any lines.
A status other than 0 is a failure unless the command printed something, and nothing to standard error: diff(1) does that.
"""
import os
import re
import subprocess
import sys
import tempfile

IN_NAMESPACE = "PAGE_TEST_IN_NAMESPACE"


def commands(text):
    """The commands of all console blocks: (prompt, command, what it prints)."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for prompt, command, printed in re.findall(r"^([$#]) (.*\n(?:> .*\n)*)((?:(?![$#] ).*\n)*)", block, re.M):
            yield prompt, command.replace("\n> ", "\n").rstrip("\n"), printed


def matches(expected, got):
    pattern = "".join("(?:.*\n)*" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*")
                      for line in expected.splitlines(keepends=True))
    return re.fullmatch(pattern, got) is not None


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False,
                                                stderr=subprocess.DEVNULL).returncode == 0


class Shell:
    """A shell that stays, so that a page can change the directory and set variables."""

    def __init__(self, folder, tools):
        self.errors = tempfile.TemporaryFile(dir=folder + "/..", mode="w+", encoding="utf-8")
        env = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "PATH": os.path.abspath(tools) + ":" + os.environ["PATH"]}
        self.bash = subprocess.Popen(["timeout", "120", "bash"], cwd=folder, env=env, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=self.errors, text=True, errors="replace")

    def run(self, command):
        """(status, output) of a command; status None: the shell has ended."""
        self.bash.stdin.write(command + "\nprintf '\\0%d\\n' $?\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            text, end, status = line.partition("\0")
            lines.append(text)
            if end:
                return int(status), "".join(lines)
        return None, "".join(lines)

    def end(self):
        self.bash.stdin.close()
        self.bash.wait()

    def said(self):
        self.errors.seek(0)
        return self.errors.read()[-2000:]


def run_step(shell, number, command, expected):
    before = shell.said()
    status, got = shell.run(command)
    good = (status == 0 or (status and got and shell.said() == before)) and matches(expected, got)
    print(f"{'ok' if good else 'not ok'} {number} - {command.splitlines()[0]}")
    if not good:
        text = f"expected:\n{expected}got status {status} and:\n{got}{shell.said()}"
        print("# " + text.rstrip().replace("\n", "\n# "))
    return good


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        steps = list(commands(f.read()))
    mounts = may_mount()
    if mounts and IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable] + sys.argv)
    failed = 0
    print(f"1..{len(steps)}")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as top:
        folder = os.path.join(top, "page")
        os.mkdir(folder)
        shell = Shell(folder, sys.argv[2])
        for number, (prompt, command, expected) in enumerate(steps, 1):
            if prompt == "#" and not mounts:
                print(f"ok {number} - {command.splitlines()[0]} # SKIP mounting needs root")
            else:
                failed += not run_step(shell, number, command, expected)
        shell.end()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
