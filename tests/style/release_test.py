#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What a release needs: one version everywhere, documents and manual pages that are installed.

    release_test.py SOURCE BUILD
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, fact, run_facts  # noqa: E402 pylint: disable=wrong-import-position

SOURCE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
# The manual page of a program that other programs call; they are in no PATH.
HELPERS = re.compile(r"/libexec/|/lib/composefs/")


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as f:
        return f.read()


def found(pattern, name):
    match = re.search(pattern, read(name), re.M)
    ensure(match, f"{name}: nothing matches {pattern}")
    return match[1]


def introspect(build, what):
    text = subprocess.run(["meson", "introspect", f"--{what}", build], stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(text)


def installed(build=None):
    return sorted(introspect(build or BUILD, "installed").values())


@fact
def version_is_the_same_everywhere():
    version = found(r"^\s*version: '([^']*)'", "meson.build")
    expect(found(r"^composefs \(([^)-]*)", "debian/changelog"), version, "debian/changelog")
    expect(found(r"^Version: *(\S*)", "packaging/composefs.spec"), version, "packaging/composefs.spec")
    expect(found(r"^## (\S*)", "NEWS.md"), version, "NEWS.md")


@fact
def documents_are_installed():
    names = [path.partition("/doc/composefs/")[2] for path in installed() if "/doc/composefs/" in path]
    folders = [os.path.basename(os.path.dirname(path)) for path in glob.glob(SOURCE + "/doc/*/") if not path.endswith("/man/")]
    wanted = [os.path.basename(path) for path in glob.glob(SOURCE + "/doc/*.md")]
    expect(sorted(set(wanted + ["README.md", "NEWS.md", "SECURITY.md", "LICENSE"]) - set(names)), [])
    ensure(folders, "folders below doc")
    expect([name for name in folders if f"'{name}'" not in read("doc/meson.build")], [])


@fact
def each_installed_program_has_a_manual_page():
    programs = [os.path.basename(path) for path in installed() if re.search(r"/s?bin/", path) and not HELPERS.search(path)]
    pages = {os.path.basename(path).rsplit(".", 2)[0] for path in glob.glob(SOURCE + "/doc/man/*.scd")}
    ensure(len(programs) > 5, programs)
    expect([name for name in programs if name not in pages], [])


@fact
def cfsctl_is_installed_on_request():
    """It has the name of a program of another package."""
    option = next(o for o in introspect(BUILD, "buildoptions") if o["name"] == "cfsctl")
    expect([path for path in installed() if "cfsctl" in path and not option["value"]], [])
    expect(found(r"^option\('cfsctl', type: 'boolean', value: (\w+)", "meson_options.txt"), "false")
    with tempfile.TemporaryDirectory() as build:
        subprocess.run(["meson", "setup", build, SOURCE, "-Dtests=false", "-Dman=disabled", "-Dcfsctl=true"], capture_output=True, check=True)
        expect([os.path.basename(path) for path in installed(build) if "/bin/cfsctl" in path],
               ["cfsctl"] if any(path.endswith("/bin/composefs") for path in installed(build)) else [])


@fact
def symbols_of_the_debian_package_are_the_exports_of_the_library():
    listed = re.findall(r"^ (\w+)@", read("debian/libcomposefs1.symbols"), re.M)
    expect(sorted(listed), sorted(re.findall(r"^\w+", read("tests/abi/symbols"), re.M)))


if __name__ == "__main__":
    sys.exit(run_facts())
