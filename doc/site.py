#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Makes the documents and manual pages a web site, with mkdocs and mandoc.

    site.py DOC MAN OUT      DOC: this folder; MAN: the built manual pages; OUT: a folder that is replaced

The site needs no server: links lead to files. "mkdocs --strict" refuses a link to a page that does not exist.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# What a reader sees in the menu: title, then a page or further rows.
MENU = [
    ("Start here", "start.md"),
    ("How it works", "how-it-works.md"),
    ("Jobs", [("Build an image in CI", "jobs/build.md"), ("Sign and roll out", "jobs/sign.md"), ("Share one store", "jobs/share.md"),
              ("Run containers", "jobs/containers.md"), ("Embedded devices", "jobs/embedded.md"),
              ("An overlay for /etc", "jobs/etc-overlay.md"), ("Boot a machine", "jobs/boot.md"),
              ("Migrate", "jobs/migrate.md"), ("Recover", "jobs/recover.md")]),
    ("Plan", [("Sizing", "sizing.md"), ("Speed", "speed.md"), ("Compared with", "compared.md")]),
    ("Reference", [("Repositories", "repository.md"), ("Security", "security.md"), ("JSON", "json.md"), ("The library", "abi.md"),
                   ("Architecture", "architecture.md")]),
]


def manual_links(text, up, names):
    """Turns NAME(SECTION) into a link where there is such a page, but not in code blocks and links."""
    def link(found):
        page = f"{found[1]}.{found[2]}"
        return f"[{found[0].strip('`')}]({up}man/{page}.md)" if page in names else found[0]
    parts = re.split(r"(^```.*?^```|^    .*?$|\[[^]]*\]\([^)]*\))", text, flags=re.S | re.M)
    return "".join(part if index % 2 else re.sub(r"`?\b([a-z][a-z.-]*)\((\d)\)`?", link, part) for index, part in enumerate(parts))


def stage_pages(source, target, names):
    for path in glob.glob(source + "/**/*.md", recursive=True):
        name = os.path.relpath(path, source)
        with open(path, encoding="utf-8") as f:
            text = manual_links(f.read(), "../" * name.count("/"), names)
        os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
        with open(os.path.join(target, name), "w", encoding="utf-8") as f:
            f.write(text)
    for folder in ("drawings", "examples", "schema"):
        shutil.copytree(f"{source}/{folder}", f"{target}/{folder}")
    shutil.copy(source + "/site.css", target)


def stage_manual(man, target, names):
    os.mkdir(target + "/man")
    for name in names:
        done = subprocess.run(["mandoc", "-T", "html", "-O", "fragment,man=%N.%S.html", f"{man}/{name}"], check=True,
                              stdout=subprocess.PIPE, text=True)
        html = re.sub(r'href="([a-z.-]+\.\d)\.html"', lambda m: m[0] if m[1] in names else f'title="{m[1]}"', done.stdout)
        html = re.sub(r"<b>([a-z.-]+)</b>\((\d)\)", lambda m: f'<a href="{m[1]}.{m[2]}.html"><b>{m[1]}</b>({m[2]})</a>'
                      if f"{m[1]}.{m[2]}" in names and f"{m[1]}.{m[2]}" != name else m[0], html)
        # The generator takes what looks like Markdown for that, but not inside of a block that begins a line.
        title = "{}({})".format(*name.rsplit(".", 1))
        with open(f"{target}/man/{name}.md", "w", encoding="utf-8") as f:
            f.write(f"---\ntitle: {title}\n---\n\n<div class=\"man\">\n{html.replace(chr(10) + chr(10), chr(10))}</div>\n")


def stage_scripts(target):
    """Debian's theme names two scripts that its package lacks: jQuery, under the name of another version, and one
    without which pages work."""
    os.mkdir(target + "/js")
    shutil.copy("/usr/share/javascript/jquery/jquery.min.js", target + "/js/jquery-3.6.0.min.js")
    with open(target + "/js/theme_extra.js", "w", encoding="ascii"):
        pass


def menu_rows(rows):
    return [{title: menu_rows(page) if isinstance(page, list) else page} for title, page in rows]


def main():
    doc, man, out = (os.path.abspath(path) for path in sys.argv[1:])
    names = sorted(os.path.basename(path) for path in glob.glob(man + "/*.[1-8]") if os.path.isfile(path))
    if not names:
        sys.exit(f"site.py: {man}: expected manual pages, got none: is scdoc installed?")
    with tempfile.TemporaryDirectory() as top:
        pages = top + "/pages"
        os.mkdir(pages)
        stage_pages(doc, pages, names)
        stage_manual(man, pages, names)
        stage_scripts(pages)
        manual = [("{}({})".format(*name.rsplit(".", 1)), f"man/{name}.md")
                  for name in sorted(names, key=lambda name: (name != "composefs.1", name))]
        settings = {"site_name": "composefs", "docs_dir": pages, "site_dir": out, "use_directory_urls": False, "strict": True,
                    "theme": {"name": "readthedocs", "highlightjs": False}, "plugins": ["search"],
                    "extra_css": ["site.css"],
                    "nav": [{"composefs": "index.md"}] + menu_rows(MENU + [("Manual pages", manual)])}
        with open(top + "/mkdocs.yml", "w", encoding="utf-8") as f:
            json.dump(settings, f)  # JSON is YAML
        shutil.rmtree(out, ignore_errors=True)
        return subprocess.run(["mkdocs", "build", "--quiet", "--strict", "-f", top + "/mkdocs.yml"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
