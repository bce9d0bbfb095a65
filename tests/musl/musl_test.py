#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The program that mounts, and checks signatures, small enough for an initrd: built with musl.

    musl_test.py ROOT
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from facts import ensure, expect, fact, run_facts, skip_program  # pylint: disable=wrong-import-position

ROOT = os.path.abspath(sys.argv[1])
SIZE_MAX = 210_000
PREPARE_ROOT_SIZE_MAX = 250_000


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    ensure(done.returncode == 0, done.stdout[-2000:])
    return done.stdout


@fact
def mount_composefs_is_built_without_a_warning(place):
    output("meson", "setup", place, ROOT, "--native-file", os.path.join(ROOT, "musl.ini"), "-Dwerror=true",
           "-Dauto_features=disabled", "-Dsign=enabled", "-Dstatic=enabled", "-Dboot=enabled")
    output("ninja", "-C", place, "tools/mount.composefs", "tools/composefs-prepare-root")


@fact
def mount_composefs_needs_no_library(place):
    said = output("readelf", "--wide", "--dynamic", "--program-headers", place + "/tools/mount.composefs")
    expect(re.findall(r"NEEDED|INTERP", said), [])


@fact
def mount_composefs_with_signatures_has_less_than_210_kilobytes(place):
    # Of libsodium, because our own functions are inlined at link time.
    symbols = output("nm", place + "/tools/mount.composefs")
    ensure(" crypto_sign_ed25519_verify_detached\n" in symbols, "no check of signatures in it")
    output("strip", "-o", place + "/stripped", place + "/tools/mount.composefs")
    size = os.path.getsize(place + "/stripped")
    print(f"# {size} bytes")
    ensure(size < SIZE_MAX, f"{size} bytes")


@fact
def prepare_root_needs_no_library_and_has_less_than_250_kilobytes_with_signatures(place):
    program = place + "/tools/composefs-prepare-root"
    said = output("readelf", "--wide", "--dynamic", "--program-headers", program)
    expect(re.findall(r"NEEDED|INTERP", said), [])
    ensure(" crypto_sign_ed25519_verify_detached\n" in output("nm", program), "no check of signatures in it")
    output("strip", "-o", place + "/prepare-root", program)
    size = os.path.getsize(place + "/prepare-root")
    print(f"# {size} bytes")
    ensure(size < PREPARE_ROOT_SIZE_MAX, f"{size} bytes")
    done = subprocess.run([place + "/prepare-root", "--cmdline=composefs=12", "--config=/dev/null"], text=True,
                          capture_output=True, check=False)
    expect(done.returncode, 3, done.stderr)
    done = subprocess.run([place + "/prepare-root", "--cmdline=composefs=12"], text=True, capture_output=True, check=False)
    expect(done.returncode, 2, done.stderr)


@fact
def mount_composefs_runs_and_reports_an_error(place):
    done = subprocess.run([place + "/stripped", "-o", "basedir=/", place + "/none", "/"], text=True,
                          capture_output=True, check=False)
    expect(done.returncode, 1)
    ensure(done.stderr.endswith("/none: No such file or directory\n"), done.stderr)


def main():
    if not shutil.which("musl-gcc"):
        return skip_program("musl-gcc is not installed")
    with tempfile.TemporaryDirectory(prefix="musl-test-") as place:
        return run_facts(place)


if __name__ == "__main__":
    sys.exit(main())
