#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Under valgrind: no byte is used that was not set, no memory is lost. The unit tests of the ABI, of the
dump format and of the image format, which go through all golden vectors within one process each; and the tools
as users call them, over some of the vectors whose image is kept ($COMPOSEFS_TEST_LONG not empty: all).

    valgrind_test.py SANITIZERS GOLDEN_DIR UNIT_DIR TOOLS_DIR FAULTY
"""
import concurrent.futures
import glob
import gzip
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, fact, run_facts  # noqa: E402  pylint: disable=wrong-import-position

SANITIZERS, GOLDEN, UNIT, TOOLS, FAULTY = sys.argv[1:]
FOUND = 99  # the status that says that valgrind found something
PART = "20"  # of what is large on purpose
# Starting a program takes half a second. The unit tests go through all vectors in one process each.
STEP = 1 if os.environ.get("COMPOSEFS_TEST_LONG") else 3
UNIT_TESTS = ("compat_data", "compat_file", "compat_identity", "compat_load", "compat_mount", "compat_node",
              "compat_scale", "compat_threads", "compat_write", "dump", "dump_golden", "dump_write", "erofs_layout",
              "erofs_write", "erofs_xattr", "image", "image_forged", "image_hostile", "mount")


def under(*command):
    """Runs a command; its status, and all that it said."""
    # Without the lines of inlined functions, which take a fifth of a start to read.
    done = subprocess.run(["valgrind", "--quiet", "--read-inline-info=no", f"--error-exitcode={FOUND}", "--leak-check=full",
                           "--errors-for-leak-kinds=definite,indirect,possible", *command],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=600,
                          env={**os.environ, "CFS_GOLDEN": GOLDEN, "T_PART": PART})
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def clean(*command, status=0):
    """What a command prints that ends with this status and is without fault."""
    got, said, complaint = under(*command)
    expect(got, status, f"{' '.join(map(os.path.basename, command))}: {complaint} status")
    return said


def all_of(function, items):
    items = list(items)
    ensure(items, "nothing to do")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        return list(workers.map(function, items))


def tool(name):
    return os.path.join(TOOLS, name)


def images(folder):
    """The kept images, unpacked, as paths."""
    for path in sorted(glob.glob(os.path.join(GOLDEN, "*.v1.cfs*"))):
        out = os.path.join(folder, os.path.basename(path).removesuffix(".gz"))
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f, open(out, "wb") as copy:
            copy.write(f.read())
        yield out


@fact
def valgrind_notices_lost_memory_and_unset_bytes(_folder):
    for how, status in (("leak", FOUND), ("read", FOUND), ("none", 0)):
        expect(under(FAULTY, how)[0], status, how)


@fact
def unit_tests_run_without_memory_errors(_folder):
    def run(name):
        said = clean(os.path.join(UNIT, name + "_test")).decode()
        ensure(said.startswith("ok 1 "), f"{name}: ran nothing")
    all_of(run, UNIT_TESTS)


@fact
def golden_dumps_are_built_without_memory_errors(folder):
    def run(image):
        name, made = os.path.basename(image).split(".")[0], image + ".made"
        clean(tool("mkcomposefs"), "--from-file", "--min-version=1", os.path.join(GOLDEN, name + ".dump"), made)
        with open(image, "rb") as one, open(made, "rb") as two:
            ensure(one.read() == two.read(), f"{name}: another image")
    all_of(run, list(images(folder))[::STEP])


@fact
def wrong_dumps_are_refused_without_memory_errors(folder):
    def run(path):
        clean(tool("mkcomposefs"), "--from-file", path, os.path.join(folder, "none"), status=1)
    all_of(run, sorted(glob.glob(os.path.join(GOLDEN, "fail-*.dump")))[::5])


@fact
def golden_images_are_printed_without_memory_errors(folder):
    paths = list(images(folder))
    all_of(lambda command: clean(tool("composefs-info"), command, *paths), ("dump", "ls", "objects"))


def fsck_cleanly(path):
    """5: sound, but with forms that kernels show otherwise; some vectors are about these."""
    status, _, complaint = under(tool("composefs"), "fsck", path)
    ensure(status in (0, 5), f"{path}: {complaint} status {status}")


@fact
def golden_images_are_checked_without_memory_errors(folder):
    all_of(fsck_cleanly, list(images(folder))[::STEP])


@fact
def golden_images_are_copied_without_memory_errors(folder):
    all_of(lambda path: clean(tool("composefs-dump"), path, path + ".again"), list(images(folder))[::STEP])


@fact
def a_directory_is_packed_without_memory_errors(folder):
    source = os.path.join(folder, "source")
    os.makedirs(os.path.join(source, "dir"))
    for size in (0, 1, 64, 65, 4096, 4097, 600000):
        with open(os.path.join(source, "dir", str(size)), "wb") as f:
            f.write(b"x" * size)
    os.link(os.path.join(source, "dir", "65"), os.path.join(source, "hard"))
    os.symlink("dir", os.path.join(source, "symbolic"))
    for _ in range(2):  # the second time all objects are there
        clean(tool("mkcomposefs"), "--threads=3", f"--digest-store={folder}/store", source, os.path.join(folder, "image"))


def why_not():
    if SANITIZERS != "none":
        return f"built with sanitizers ({SANITIZERS}), which do not run under valgrind"
    return None if shutil.which("valgrind") else "valgrind is not installed"


def main():
    reason = why_not()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return run_facts(folder)


sys.exit(main())
