# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What the tests of repositories share: the program, a tree, a repository, and how facts are told."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

COMPOSEFS = os.path.abspath(sys.argv[1])
OK, FAILED, USAGE, DAMAGED, MISSING = range(5)


def run(*args, stdin=None, program=COMPOSEFS):
    done = subprocess.run([program, *args], input=stdin, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def good(*args, stdin=None):
    """What a command that must succeed prints."""
    rc, out, err = run(*args, stdin=stdin)
    if rc != OK:
        raise AssertionError(f"{' '.join(args)}: status {rc}: {err}")
    return out


def loaded(*args):
    return json.loads(good(*args))


def refused(*args, status=FAILED):
    """The one line that a command says which must fail."""
    rc, out, err = run(*args)
    want(rc, status)
    if status == FAILED and (out or err.count("\n") != 1):
        raise AssertionError(f"want one line, got {out!r} {err!r}")
    return err


def want(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.2000}, want {wanted!r:.2000}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{text!r:.2000}: want {part!r} in it")


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def make_tree(name="tree", seed=""):
    for path in ("a", "dir/b"):
        write(f"{name}/{path}", (path + seed) * 1000)
    write(f"{name}/dir/small", "x")
    write(f"{name}/shared", "the same in all" * 1000)
    os.symlink("a", f"{name}/link")
    set_times(name)


def set_times(top, when=1700000000):
    """The same times for each name below top, so that the same IDs come of each run."""
    for folder, _, names in os.walk(top, topdown=False):
        for path in [os.path.join(folder, n) for n in names] + [folder]:
            os.utime(path, (when, when), follow_symlinks=False)


def make(algorithm="fsverity-sha256-12"):
    """tree, and a repository r with its image under the name os/1; the id."""
    make_tree()
    good("init", "--insecure", f"--algorithm={algorithm}", "r")
    return good("create-image", "--repo=r", "tree", "os/1").strip()


KEPT = tempfile.TemporaryDirectory()  # goes away with the program


def once(build):
    """What build makes in an empty directory, made the first time and copied from then on: the copy's links are as they were."""
    def again():
        place = os.path.join(KEPT.name, build.__name__)
        if not os.path.exists(place):
            here = os.getcwd()
            os.mkdir(place)
            os.chdir(place)
            build()
            os.chdir(here)
        shutil.copytree(place, ".", symlinks=True, dirs_exist_ok=True)
    return again


def snapshot(top):
    """Every name below top, with what it is."""
    found = {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_size, os.readlink(path) if os.path.islink(path) else None)
    return found


def main(tests):
    """Runs each test in a directory of its own; the status."""
    failed = 0
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as tmp:
            os.chdir(tmp)
            try:
                test()
                print(f"ok {number} - {test.__name__}")
            except (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError) as reason:
                failed += 1
                print(f"not ok {number} - {test.__name__}\n# {type(reason).__name__}: {reason}")
            os.chdir("/")
    print(f"1..{len(tests)}")
    return failed != 0
