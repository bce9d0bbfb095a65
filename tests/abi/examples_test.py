#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The example programs, built from an installed tree as any user would, shared and static, and run.

    examples_test.py BUILD_DIR EXAMPLES_DIR PKG_CONFIG CXX CC...

CXX may be empty: then those in C++ are skipped. The first comment of an example says what it prints, behind "Prints:".
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

BUILD, EXAMPLES, PKG_CONFIG, CXX, CC = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
COMPILERS = {".c": CC, ".cc": [CXX] if CXX else None}


def run(command, **kw):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **kw).stdout


def install(root):
    """Installs below root; returns how pkg-config is to be called, and the directory of the library."""
    run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root])
    found = glob.glob(root + "/**/composefs.pc", recursive=True)
    folder = os.path.dirname(found[0])
    env = {**os.environ, "PKG_CONFIG_LIBDIR": folder, "PKG_CONFIG_SYSROOT_DIR": root}
    return env, os.path.dirname(folder)


def expected_output(source):
    with open(source, encoding="utf-8") as f:
        return re.search(r"Prints:\s*(.*)", f.read()).group(1).strip()


def build(compiler, source, out, flags):
    run(compiler + ["-Wall", "-Wextra", "-Werror", source, "-o", out] + flags)


def main():
    results = []
    with tempfile.TemporaryDirectory() as root:
        env, libdir = install(root)
        cflags, libs = (run([PKG_CONFIG, flag, "composefs"], env=env).split() for flag in ("--cflags", "--libs"))
        run([PKG_CONFIG, "--atleast-version=1.0.8", "composefs"], env=env)
        for source in sorted(glob.glob(EXAMPLES + "/*.c*")):
            name, suffix = os.path.splitext(os.path.basename(source))
            compiler = COMPILERS[suffix]
            for kind, flags in (("shared", libs), ("static", [libdir + "/libcomposefs.a"])):
                if compiler is None:
                    results.append((f"{name}_{kind} # SKIP no C++ compiler is installed", None, None))
                    continue
                program = os.path.join(root, f"{name}-{kind}")
                build(compiler, source, program, cflags + flags)
                got = run([program], env={**os.environ, "LD_LIBRARY_PATH": libdir}, cwd=root).strip()
                results.append((f"{name}_{kind}", got, expected_output(source)))
    print(f"1..{len(results)}")
    for number, (name, got, expected) in enumerate(results, 1):
        print(f"{'' if got == expected else 'not '}ok {number} - {name}")
        if got != expected:
            print(f"# expected {expected!r}, got {got!r}")


main()
