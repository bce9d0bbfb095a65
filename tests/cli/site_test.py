#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The web site of the documents: it is complete, and its links lead somewhere.

    site_test.py DOC MAN
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, has, run_facts, skip_program  # noqa: E402 pylint: disable=wrong-import-position

DOC, MAN = (os.path.abspath(path) for path in sys.argv[1:3])


def pages(site):
    return sorted(glob.glob(site + "/**/*.html", recursive=True))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def targets(text):
    """What a page links to or shows, without addresses of other sites."""
    found = re.findall(r'(?:href|src)="([^"]+)"', re.sub(r"<!--.*?-->", "", text, flags=re.S))
    return [urllib.parse.unquote(target) for target in found if "://" not in target and not target.startswith(("data:", "mailto:"))]


@fact
def each_link_leads_to_a_file_and_a_place_in_it(site):
    places, lost = {path: set(re.findall(r'\bid="([^"]+)"', read(path))) for path in pages(site)}, []
    for path in pages(site):
        for target in targets(read(path)):
            file, _, place = target.partition("#")
            full = os.path.normpath(os.path.join(os.path.dirname(path), file.partition("?")[0])) if file else path
            full += "/index.html" if os.path.isdir(full) else ""
            if not os.path.exists(full) or (place and full in places and place not in places[full]):
                lost.append(f"{os.path.relpath(path, site)}: {target}")
    expect([line for line in lost if not line.startswith("404.html: ")], [])


@fact
def each_page_and_manual_page_is_in_the_menu(site):
    menu = set(targets(read(site + "/index.html")))
    wanted = [os.path.relpath(path, DOC)[:-2] + "html" for path in glob.glob(DOC + "/**/*.md", recursive=True)]
    wanted += [f"man/{os.path.basename(path)}.html" for path in glob.glob(MAN + "/*.[1-8]") if os.path.isfile(path)]
    expect(sorted(set(wanted) - menu), [])
    ensure(len(wanted) > 30, len(wanted))


@fact
def manual_pages_link_to_each_other(site):
    has(read(site + "/man/composefs-gc.1.html"), 'href="composefs-oci.1.html"')
    has(read(site + "/jobs/embedded.html"), 'href="../man/composefs-watch.8.html"')


@fact
def the_site_loads_nothing_from_other_places(site):
    for path in pages(site):
        loads = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="(?:https?:)?//[^"]*"', read(path))
        expect([tag for tag in loads if 'rel="canonical"' not in tag], [], os.path.relpath(path, site))


@fact
def a_browser_shows_pages_and_drawings(site):
    browser = shutil.which("chromium")
    if not browser:
        raise Skip("chromium is not installed")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{site}/how-it-works.html"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    expect(done.returncode, 0, done.stderr[-500:])
    has(done.stdout, "How it works</h1>")
    has(done.stdout, "drawings/mount.svg")


def main():
    for program in ("mkdocs", "mandoc"):
        if not shutil.which(program):
            return skip_program(f"{program} is not installed")
    if not glob.glob(MAN + "/*.1"):
        return skip_program("the manual pages were not built: scdoc is not installed")
    with tempfile.TemporaryDirectory() as top:
        done = subprocess.run([sys.executable, DOC + "/site.py", DOC, MAN, top + "/site"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            print(f"not ok 1 - the_site_is_made\n# {done.stdout}\n1..1")
            return 1
        return run_facts(top + "/site")


if __name__ == "__main__":
    sys.exit(main())
