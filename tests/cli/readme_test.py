#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Runs the console blocks of a Markdown file and compares what they print: what the README shows
is what a reader sees. Lines with "#" for a prompt need root.

    readme_test.py FILE DIRECTORY-WITH-TOOLS
"""
import os
import re
import subprocess
import sys
import tempfile

IN_NAMESPACE = "README_TEST_IN_NAMESPACE"


def commands(text):
    """The commands of all console blocks: (prompt, command, what it prints)."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for prompt, command, printed in re.findall(r"^([$#]) (.*)\n((?:(?![$#] ).*\n)*)", block, re.M):
            yield prompt, command, printed


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False,
                                                stderr=subprocess.DEVNULL).returncode == 0


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        steps = list(commands(f.read()))
    mounts = may_mount()
    if mounts and IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable] + sys.argv)
    env = {**os.environ, "LC_ALL": "C", "PATH": os.path.abspath(sys.argv[2]) + ":" + os.environ["PATH"]}
    failed = 0
    print(f"1..{len(steps)}")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for number, (prompt, command, expected) in enumerate(steps, 1):
            if prompt == "#" and not mounts:
                print(f"ok {number} - {command} # SKIP mounting needs root")
                continue
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, timeout=60, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            good = done.returncode == 0 and done.stdout == expected
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {command}")
            if not good:
                said = f"expected:\n{expected}got status {done.returncode} and:\n{done.stdout}{done.stderr}"
                print("# " + said.rstrip().replace("\n", "\n# "))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
