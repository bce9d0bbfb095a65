#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Turns a page into a C array, for the program that fills it in.

    embed.py PAGE NAME > C-SOURCE

The policy in the page allows its one script and its one style by their digests, which are put in here: so whatever else a page
might come to hold by mistake is not run.
"""
import base64
import hashlib
import re
import sys


def digest(page, element):
    content, = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        page = f.read()
    for element in ("script", "style"):
        page = page.replace(f"@{element}@", digest(page, element))
    rows = [page.encode()[i:i + 16] for i in range(0, len(page.encode()), 16)]
    print("/* Made from a page by embed.py. */")
    print(f"extern const char {sys.argv[2]}[];\nconst char {sys.argv[2]}[] = {{")
    for row in rows:
        print("\t" + ", ".join(f"0x{byte:02x}" for byte in row) + ",")
    print("\t0};")


if __name__ == "__main__":
    main()
