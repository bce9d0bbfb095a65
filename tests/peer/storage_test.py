#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Images that skopeo, podman and buildah have put into their local store, pulled from there: the same as from a layout.

    storage_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import Skip, ensure, expect, fact, has, run_facts_each_in, skip_program  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS, GOLDEN = map(os.path.abspath, sys.argv[1:3])
DRIVERS = ("overlay", "vfs")
IMAGES = ("basic", "whiteouts", "opaque")  # those that skopeo can extract


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def out(*command):
    done = run(*command)
    ensure(done.returncode == 0, f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


class Place:
    """A directory with a repository, and stores of each driver. /var/tmp: overlay does not work on every filesystem."""

    def __init__(self):
        self.top = tempfile.mkdtemp(dir="/var/tmp")
        self.make_repo("r")

    def close(self):
        for driver in DRIVERS:
            run("umount", f"{self.top}/{driver}/{driver}")  # podman mounts it over itself
        shutil.rmtree(self.top)

    def make_repo(self, name):
        out(COMPOSEFS, "init", "--insecure", "--hash=sha256", f"{self.top}/{name}")

    def place(self, driver):
        return f"[{driver}@{self.top}/{driver}+{self.top}/run]"

    def options(self, driver):
        return f"--root={self.top}/{driver}", f"--runroot={self.top}/run", f"--storage-driver={driver}"

    def pull(self, source, repo="r"):
        told = json.loads(out(COMPOSEFS, "oci", "pull", f"--repo={self.top}/{repo}", "--json", source, "t"))
        return {key: told[key] for key in ("id", "manifest_digest", "config_digest", "layers")}

    def pull_both(self, driver, name):
        """What a pull from the store gives, and one from the layout that skopeo makes of it. Pushed layers are compressed,
        so that only some keys are the same for an image that was built."""
        self.make_repo("l")
        stored = self.pull(f"containers-storage:{self.place(driver)}{name}")
        out("skopeo", "copy", f"containers-storage:{self.place(driver)}{name}", f"oci:{self.top}/layout:{driver}")
        copied = self.pull(f"oci:{self.top}/layout:{driver}", "l")
        shutil.rmtree(f"{self.top}/l")
        return stored, copied


@fact
def store_of_skopeo_gives_the_images_of_a_layout(p):
    need("skopeo")
    for driver in DRIVERS:
        for name in IMAGES:
            layout = f"oci:{GOLDEN}/{name}:latest"
            out("skopeo", "copy", layout, f"containers-storage:{p.place(driver)}localhost/{name}:1")
            p.make_repo("l")
            expect((driver, name, p.pull(f"containers-storage:{p.place(driver)}{name}:1")), (driver, name, p.pull(layout, "l")))
            shutil.rmtree(f"{p.top}/l")
    out(COMPOSEFS, "fsck", f"--repo={p.top}/r")


@fact
def store_of_podman_gives_the_image_that_it_pulled_or_loaded(p):
    need("podman", "skopeo")
    out("skopeo", "copy", f"oci:{GOLDEN}/whiteouts:latest", f"docker-archive:{p.top}/d.tar:localhost/loaded:1")
    for driver in DRIVERS:
        pulled = out("podman", *p.options(driver), "pull", "-q", f"oci:{GOLDEN}/basic:latest")
        stored, copied = p.pull_both(driver, pulled[:12])
        expect((driver, stored["id"]), (driver, copied["id"]))
        expect(stored["config_digest"], "sha256:" + pulled)
        out("podman", *p.options(driver), "load", "-q", "-i", f"{p.top}/d.tar")
        stored, copied = p.pull_both(driver, "localhost/loaded:1")
        expect((driver, stored["id"], stored["config_digest"]), (driver, copied["id"], copied["config_digest"]))


@fact
def store_of_buildah_gives_the_image_that_it_built(p):
    need("buildah", "skopeo")
    os.makedirs(f"{p.top}/context/usr/lib")
    for name, size in (("small", 10), ("many", 300000)):
        with open(f"{p.top}/context/usr/lib/{name}", "wb") as f:
            f.write(os.urandom(size))
    os.symlink("usr/lib", f"{p.top}/context/lib")
    with open(f"{p.top}/context/Containerfile", "w", encoding="utf-8") as f:
        f.write("FROM scratch\nCOPY usr /usr\nCOPY lib /lib\nCOPY usr/lib/many /lib/through\n")
    for driver in DRIVERS:
        out("buildah", *p.options(driver), "build", "--layers", "-q", "-t", "localhost/built:1", f"{p.top}/context")
        stored, copied = p.pull_both(driver, "localhost/built:1")
        expect((driver, stored["id"], stored["config_digest"]), (driver, copied["id"], copied["config_digest"]))


@fact
def store_that_was_changed_is_refused(p):
    need("skopeo")
    for driver in DRIVERS:
        out("skopeo", "copy", f"oci:{GOLDEN}/basic:latest", f"containers-storage:{p.place(driver)}localhost/t:1")
        top = f"{p.top}/{driver}/" + ("overlay" if driver == "overlay" else "vfs/dir")
        path = next(os.path.join(folder, "hello.txt") for folder, _, names in os.walk(top) if "hello.txt" in names)
        with open(path, "r+b") as f:
            f.write(b"?")
        done = run(COMPOSEFS, "oci", "pull", f"--repo={p.top}/r", f"containers-storage:{p.place(driver)}t:1", "t")
        expect(done.returncode, 1)
        has(done.stderr, "hello.txt: expected checksum ")
        expect(json.loads(out(COMPOSEFS, "oci", "images", "--json", f"--repo={p.top}/r"))["images"], [])


@fact
def store_that_others_change_meanwhile_gives_the_same_image(p):
    """podman loads and removes another image, which writes the JSON files that a pull reads."""
    need("podman", "skopeo")
    out("skopeo", "copy", f"oci:{GOLDEN}/whiteouts:latest", f"docker-archive:{p.top}/d.tar:localhost/other:1")
    for driver in DRIVERS:
        out("skopeo", "copy", f"oci:{GOLDEN}/basic:latest", f"containers-storage:{p.place(driver)}localhost/t:1")
        first, failed = p.pull(f"containers-storage:{p.place(driver)}t:1"), []

        def change(options=p.options(driver), failed=failed):
            for _ in range(4):
                for command in (("load", "-q", "-i", f"{p.top}/d.tar"), ("rmi", "localhost/other:1")):
                    done = run("podman", *options, *command)
                    failed.extend([done.stderr] if done.returncode else [])

        changer = threading.Thread(target=change)
        changer.start()
        n = 0
        while changer.is_alive() or n == 0:
            p.make_repo(f"c{n}")
            expect(p.pull(f"containers-storage:{p.place(driver)}t:1", f"c{n}"), first)
            shutil.rmtree(f"{p.top}/c{n}")
            n += 1
        changer.join()
        expect(failed, [], f"what podman said, {driver}")
        ensure(n > 1, "expected a pull while podman works")


def main():
    if os.geteuid():
        return skip_program("containers-storage needs root")
    return run_facts_each_in(Place)


if __name__ == "__main__":
    sys.exit(main())
