#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The page of composefs du, in a browser without a screen.

    repo_page_test.py COMPOSEFS
"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys

from repo import expect, good, has, loaded, main, once, refused, run, write

CHROMIUM = shutil.which("chromium")
HOSTILE = "</script><img src=x onerror=boom()>\x1b[31m\u202e\"'&"


@once
def build():
    good("init", "--insecure", "r")
    for i in range(1, 8):
        write("t/common", "common" * 20000)
        write("t/own", f"{i}" * 30000 * i)
        good("create-image", "--repo=r", "t", f"os/{i % 3}:{i}")
    os.symlink("../" + os.path.basename(os.readlink("r/images/refs/os/1:1")), "r/images/refs/" + HOSTILE.replace("/", "\u2215"))
    good("untag", "--repo=r", "os/2:2")
    good("du", "--repo=r", "--html=du.html", "--pairs")


class Page(html.parser.HTMLParser):
    """The buttons of the treemap, and the rows of the first table."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.tiles, self.title, self.inside = [], {}, {}, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.inside = tag
        if tag == "tr" and "data-digest" in found:
            self.rows[found["data-digest"]] = found
        if tag == "button" and "data-digest" in found:
            style = dict(part.strip().split(": ") for part in found["style"].strip(";").split(";"))
            found["box"] = [float(style[k].rstrip("%")) for k in ("left", "top", "width", "height")] if "left" in style else None
            self.tiles[found["data-digest"]] = found

    def handle_data(self, data):
        if self.inside == "title":
            self.title += data
            self.inside = ""


def show(path):
    """What a browser makes of a page: its elements, what it says of scripts, and what the page made it ask for."""
    profile = os.path.abspath("profile")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
         "--proxy-server=127.0.0.1:9", "--window-size=1200,900", "--enable-logging=stderr", "--log-net-log=net.json",
         "--dump-dom", "file://" + os.path.abspath(path)], capture_output=True, timeout=100, check=True)
    shutil.rmtree(profile)
    with open("net.json", encoding="utf-8") as f:
        events = [e.get("params") or {} for e in json.load(f)["events"]]
    asked = [p["url"] for p in events if "url" in p and p.get("initiator", "not an origin") != "not an origin"]
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return Page(done.stdout.decode("utf-8", "replace")), said, asked


def areas_are_proportional(page, key):
    values = {digest: int(row[f"data-{key}"]) for digest, row in page.rows.items()}
    whole = sum(values.values())
    boxes = []
    expect(set(page.tiles), set(page.rows))
    for digest, tile in page.tiles.items():
        expect("hidden" in tile, values[digest] == 0)
        if values[digest] == 0:
            continue
        left, top, width, height = tile["box"]
        if abs(width * height / 10000 - values[digest] / whole) > 1e-4:
            raise AssertionError(f"expected an area for {values[digest]} of {whole}, got {width} x {height}")
        boxes.append((left, top, left + width, top + height))
    for i, a in enumerate(boxes):
        expect(min(a[0], a[1]) > -0.01 and max(a[2], a[3]) < 100.01, True)
        for b in boxes[:i]:
            apart = a[2] < b[0] + 0.01 or b[2] < a[0] + 0.01 or a[3] < b[1] + 0.01 or b[3] < a[1] + 0.01
            expect(apart, True)


def the_page_has_the_data_of_the_json_even_without_a_script():
    build()
    images = loaded("du", "--repo=r", "--json")["images"]
    with open("du.html", encoding="utf-8") as f:
        page = Page(f.read())
    for image in images:
        row = page.rows[image["id"]]
        for key in ("frees", "own", "shared", "total", "fair", "cached"):
            expect(int(row[f"data-{key}"]), image[f"{key}_bytes"])
        expect(int(row["data-entries"]), image["entries"])
    expect(len(page.rows), len(images))


def hostile_names_are_text():
    build()
    with open("du.html", encoding="utf-8") as f:
        text = f.read()
    page = Page(text)
    expect([tag for tag, _ in page.tags if tag in ("img", "script")], ["script"])
    has(text, "\\x1b[31m")
    expect(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), None)
    names = [row["data-name"] for row in page.rows.values()]
    expect(HOSTILE.replace("/", "\u2215").replace("\x1b", "\\x1b") in names, True)
    expect("<!--@" in text, False)


def the_page_loads_nothing_from_elsewhere():
    build()
    with open("du.html", encoding="utf-8") as f:
        text = f.read()
    for tag, attributes in Page(text).tags:
        expect([k for k in attributes if k in ("src", "href", "srcset", "action", "style") or k.startswith("on")], [])
        expect(tag in ("link", "iframe", "object", "embed", "base", "form"), False)
    for word in ("@import", "url(", "fetch(", "XMLHttpRequest", "import(", "http:", "https:"):
        expect(word in text, False)
    has(text, "default-src 'none'")


def the_page_is_written_completely_or_not_at_all():
    build()
    has(refused("du", "--repo=r", "--html=none/du.html"), "none")
    os.symlink("/dev/full", "full")
    expect(run("du", "--repo=r", "--html=full")[0], 1)
    expect(good("du", "--repo=r", "--html=again.html"), "")
    expect(loaded("du", "--repo=r", "--html=again.html", "--json")["bytes_are"], "blocks")


def a_browser_draws_a_rectangle_of_the_right_size_for_each_image():
    build()
    page, said, asked = show("du.html")
    expect((said, asked), ([], []))
    areas_are_proportional(page, "fair")
    expect(len([t for t in page.tiles.values() if t["tabindex"] == "0"]), 1)


def the_browser_reports_failing_scripts_and_requests():
    write("bad.html", '<!doctype html><img src="http://127.0.0.1:9/x.png"><script>nothing.there()</script>')
    _, said, asked = show("bad.html")
    expect((len(said), asked), (1, ["http://127.0.0.1:9/x.png"]))


def a_foreign_script_is_not_run():
    build()
    edit("", "document.title = 'taken over'")
    page, said, _ = show("edited.html")
    expect("taken over" in page.title, False)
    has(" ".join(said), "Content Security Policy")


def edit(policy, script):
    """edited.html: the page with a second script, and the policy replaced unless empty."""
    with open("du.html", encoding="utf-8") as f:
        text = f.read()
    if policy:
        text = re.sub(r"<meta http-equiv[^>]*>", policy, text)
    write("edited.html", text.replace("</body>", f"<script>{script}</script></body>"))


def keys_move_between_tiles_and_the_measure_can_be_selected():
    build()
    edit("<!-- -->", """
        const key = (name) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
        const seen = [];
        document.querySelector("#map [tabindex='0']").focus();
        for (const name of ["End", "Home", "ArrowRight", "ArrowDown"]) {
            key(name);
            seen.push(document.activeElement.dataset.digest.slice(0, 20));
        }
        document.title = new Set(seen).size + " " + document.querySelectorAll("#map [tabindex='0']").length;
        [...document.querySelectorAll("#by input")].find((i) => i.nextSibling.textContent === "Total").click();
    """)
    page, said, _ = show("edited.html")
    expect(said, [])
    reached, stops = page.title.split()
    expect((int(reached) >= 3, stops), (True, "1"))
    areas_are_proportional(page, "total")


FACTS = [the_page_has_the_data_of_the_json_even_without_a_script, hostile_names_are_text, the_page_loads_nothing_from_elsewhere,
         the_page_is_written_completely_or_not_at_all]
SHOWN = [a_browser_draws_a_rectangle_of_the_right_size_for_each_image,
         the_browser_reports_failing_scripts_and_requests, a_foreign_script_is_not_run,
         keys_move_between_tiles_and_the_measure_can_be_selected]

if __name__ == "__main__":
    if not CHROMIUM:
        print("# chromium is not installed: the page is looked at without a browser")
    sys.exit(main(FACTS + (SHOWN if CHROMIUM else [])))
