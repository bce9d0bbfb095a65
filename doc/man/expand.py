#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Man pages share some sections. A line "; include FILE" stands for the text of FILE, which lies
beside the page.

    expand.py PAGE SCDOC        prints the page that SCDOC makes of the expanded source
"""
import os
import re
import subprocess
import sys


def expand(path):
    """The source of a page with all includes in place."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return re.sub(r"^; include (\S+)\n", lambda m: expand(os.path.join(os.path.dirname(path), m.group(1))),
                  text, flags=re.M)


def main():
    done = subprocess.run([sys.argv[2]], input=expand(sys.argv[1]), stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
    if "\n.TS\n" in done.stdout:
        print("'\\\" t")  # man(1) calls tbl(1) for pages that begin so
    sys.stdout.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
