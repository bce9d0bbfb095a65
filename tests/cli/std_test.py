#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Every program with some of its standard descriptors closed: what it writes as a message, or as its output, does not
become part of a file.

    std_test.py TOOLS
"""
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, run_facts  # noqa: E402  pylint: disable=wrong-import-position

TOOLS = os.path.abspath(sys.argv[1])
CLOSED = [c for n in range(1, 4) for c in itertools.combinations(range(3), n)]
PROGRAMS = [name for name in ("mkcomposefs", "composefs-info", "composefs-dump", "composefs-fsck", "mount.composefs",
                              "composefs", "composefs-fetch", "composefs-pkcs7")
            if os.path.exists(f"{TOOLS}/{name}")]


def run(closed, *args):
    """The status of a command that has these descriptors closed; the others are /dev/null and pipes."""
    def close():
        for fd in closed:
            os.close(fd)
    with subprocess.Popen([f"{TOOLS}/{args[0]}", *args[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, preexec_fn=close) as child:  # pylint: disable=subprocess-popen-preexec-fn
        out, err = child.communicate()
        return child.returncode, out, err


def read(path):
    with open(path, "rb") as f:
        return f.read()


def make_tree(top):
    os.mkdir(f"{top}/tree")
    for name, count in (("f", 3000), ("g", 100)):
        with open(f"{top}/tree/{name}", "w", encoding="ascii") as f:
            f.writelines(f"{n}\n" for n in range(count))


@fact
def image_and_objects_are_the_same_with_closed_descriptors():
    """On tmpfs and most others "objects are not sealed" is said while the image and the objects are open."""
    with tempfile.TemporaryDirectory() as top:
        make_tree(top)
        for number, closed in enumerate([()] + CLOSED):
            store, image = f"{top}/store{number}", f"{top}/image{number}"
            expect(run(closed, "mkcomposefs", f"--digest-store={store}", f"{top}/tree", image)[0], 0, f"{closed}")
            ensure(read(image) == read(f"{top}/image0"), f"the image with {closed} closed")
            expect(run((), "composefs", "fsck", f"--objects={store}", image)[0], 0, f"the objects with {closed} closed")


@fact
def repository_is_sound_with_any_standard_descriptors_closed():
    if not os.path.exists(f"{TOOLS}/composefs"):
        return
    with tempfile.TemporaryDirectory() as top:
        make_tree(top)
        if run((), "composefs", "init", "--help")[0] != 0:
            return
        for number, closed in enumerate(CLOSED):
            repo = f"--repo={top}/repo{number}"
            run((), "composefs", "init", "--insecure", repo)
            status = run(closed, "composefs", "create-image", repo, f"{top}/tree", "os")[0]
            expect(status, 1 if 1 in closed else 0, f"create-image prints the id, with {closed} closed")
            expect(run((), "composefs", "fsck", repo)[0], 0, f"the repository with {closed} closed")


@fact
def output_to_a_closed_descriptor_is_a_failure():
    with tempfile.TemporaryDirectory() as top:
        make_tree(top)
        image = f"{top}/image"
        run((), "mkcomposefs", f"{top}/tree", image)
        for args in (("composefs-info", "dump", image), ("composefs-info", "ls", image),
                     ("composefs-info", "measure-file", image), ("composefs", "ls", image), ("composefs", "version"),
                     ("composefs", "--help"), ("mkcomposefs", f"{top}/tree", "-"),
                     ("mkcomposefs", "--print-digest-only", f"{top}/tree")):
            status, _, err = run((1,), *args)
            expect(status, 1, f"the status of {args}")
            ensure(b"Bad file descriptor" in err, f"the reason of {args}: {err}")


@fact
def input_from_a_closed_descriptor_is_an_error():
    with tempfile.TemporaryDirectory() as top:
        status, _, err = run((0,), "mkcomposefs", "--from-file", "-", f"{top}/image")
        expect(status, 1, "status")
        ensure(b"Bad file descriptor" in err, f"{err}")
        expect(os.listdir(top), [], "files")


@fact
def every_program_opens_dev_null_before_any_other_file():
    """Seen from outside. What the loader has opened, it has closed again."""
    if not shutil.which("strace"):
        raise Skip("no strace")
    for name in PROGRAMS:
        for closed in CLOSED:
            with tempfile.NamedTemporaryFile() as trace:
                subprocess.run(["strace", "-o", trace.name, "-e", "trace=openat,open", "sh", "-c",
                                "exec \"$0\" --help " + " ".join(f"{fd}>&-" for fd in closed), f"{TOOLS}/{name}"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                low = re.findall(r'"([^"\n]*)"[^"\n]* = ([012])$', trace.read().decode(), re.M)
            expect(low[-len(closed):], [("/dev/null", str(fd)) for fd in closed], f"{name} with {closed} closed")


if __name__ == "__main__":
    sys.exit(run_facts())
