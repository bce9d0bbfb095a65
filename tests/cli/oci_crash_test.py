#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Pulls and pushes of container images are killed at their changes to the disk: the repository stays sound, a tag stands for a
whole image, what was there before still is, the command succeeds when it is given again, and nothing of the killed ones stays.

    oci_crash_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci

Each command is killed at MOST steps. $COMPOSEFS_TEST_KILLS: at all of them, see kills.py.
"""
import hashlib
import json
import os
import random
import shutil
import sys

from chunked import Layer, put_image
from kills import can_kill, kills, sound
from registry import Registry
from repo import COMPOSEFS, OK, expect, good, loaded, main, run
from storage import Store, make_tar

GOLDEN = os.path.abspath(sys.argv[2])
MOST = 10
INDEX = "/.content-index"
OLD_ENOUGH = 1000000000  # of temporary files, which gc takes from no younger program
CALLS = "linkat,renameat,renameat2,symlinkat,mkdirat,mkdir,unlinkat,syncfs,fsync,fchmod,write,pwrite64,ftruncate,ioctl,sendto,execve"


def make_repo(name="r"):
    shutil.rmtree(name, ignore_errors=True)
    good("init", "--insecure", "--hash=sha256", name)


def files(top="r"):
    """Every file and link below top with its content, but logs and locks."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [d for d in folders if os.path.join(folder, d) != f"{top}/log"]
        for name in names + [d for d in folders if os.path.islink(os.path.join(folder, d))]:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path[len(top):]] = os.readlink(path)
            elif not name.startswith(".lock"):
                with open(path, "rb") as f:
                    found[path[len(top):]] = hashlib.sha256(f.read()).hexdigest()
    return found


def tags():
    return {image["name"]: image["id"] for image in loaded("oci", "images", "--repo=r", "--json")["images"]}


def check(before, tag, image):
    """What was there is there, and the new tag stands for the image or nothing."""
    sound()
    expect(run("oci", "fsck", "--repo=r")[0], OK)
    now = tags()
    new = now.pop(tag, None)
    expect((now, new in (None, image)), (before, True))
    if new:
        expect(good("oci", "compute-id", "--repo=r", tag).strip(), image)


def collect():
    for folder, _, names in os.walk("r"):
        for name in names:
            os.utime(os.path.join(folder, name), (OLD_ENOUGH, OLD_ENOUGH), follow_symlinks=False)
    good("gc", "--repo=r")


def expect_files(wanted, other):
    """The files are those that are wanted. The index of contents may be as in another state: it only saves transfers."""
    now = files()
    expect(now.get(INDEX) in (wanted.get(INDEX), other.get(INDEX)), True)
    expect(sorted({**now, INDEX: None}.items() ^ {**wanted, INDEX: None}.items()), [])


def pull_tormented(prepare, source, *options, most=MOST):
    """Kills a pull of the source on what prepare leaves."""
    make_repo()
    prepare()
    before = tags()
    good("gc", "--repo=r")
    shutil.copytree("r", "before", symlinks=True)
    collect()
    untouched = files()
    image = good("oci", "pull", "--repo=r", *options, source, "new").strip()
    collect()
    complete = files()

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    for n in kills(reset, "oci", "pull", "--repo=r", *options, source, "new", calls=CALLS, most=most):
        check(before, "new", image)
        if n % 3 == 0 and "new" not in tags():
            collect()
            expect_files(untouched, complete)
        expect(good("oci", "pull", "--repo=r", *options, source, "new").strip(), image)
        check(before, "new", image)
        collect()
        expect_files(complete, untouched)


def with_basic():
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "old")


def pull_of_a_layout_can_be_killed_anywhere():
    pull_tormented(with_basic, f"oci:{GOLDEN}/whiteouts:latest")


def pull_to_a_tag_that_exists_can_be_killed_anywhere():
    """The tag stands for the old image until it stands for the new one."""
    make_repo()
    old = good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "tag").strip()
    shutil.copytree("r", "before", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    args = ("oci", "pull", "--repo=r", f"oci:{GOLDEN}/whiteouts:latest", "tag")
    new = good(*args).strip()
    for _ in kills(reset, *args, calls=CALLS, most=MOST):
        sound()
        expect(tags()["tag"] in (old, new), True)
        expect(good(*args).strip(), new)


def pull_of_all_platforms_can_be_killed_anywhere():
    """The tag stands for all images or for none."""
    make_repo()
    with_basic()
    shutil.copytree("r", "before", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("before", "r", symlinks=True)

    args = ("oci", "pull", "--repo=r", "--all-platforms", f"oci:{GOLDEN}/index:latest", "new")
    images = good(*args)
    for _ in kills(reset, *args, calls=CALLS, most=MOST):
        sound()
        expect(run("oci", "fsck", "--repo=r")[0], OK)
        expect(len(loaded("oci", "images", "--repo=r", "--json")["images"]) in (1, 5), True)
        expect(good(*args), images)
        sound()


def pull_from_a_registry_can_be_killed_anywhere():
    """At times it is the helper that is killed: then the command fails, in the same state."""
    with Registry(f"{GOLDEN}/whiteouts") as registry:
        pull_tormented(with_basic, f"{registry.host}/a:latest", "--threads=1")


def bytes_of(seed, size):
    return random.Random(seed).randbytes(size)


def pull_of_a_chunked_layer_can_be_killed_anywhere():
    """The index of contents is complete, or not there."""
    first = {f"f{i}": bytes_of(i, 4000) for i in range(4)}
    put_image("layout", "a", Layer(first))
    put_image("layout", "b", Layer({**first, "f9": bytes_of(9, 5000)}))
    with Registry(os.path.abspath("layout")) as registry:
        pull_tormented(lambda: good("oci", "pull", "--repo=r", f"{registry.host}/a:a", "old"), f"{registry.host}/a:b", "--threads=1",
                       most=MOST * 2)


def pull_from_containers_storage_can_be_killed_anywhere():
    store = Store("store")
    store.add_image([make_tar({"usr": None, "usr/small": b"s", "usr/many": b"many bytes " * 1000}), make_tar({"new": b"file " * 100})],
                    ["localhost/t:latest"])
    pull_tormented(with_basic, f"containers-storage:[overlay@{os.getcwd()}/store]t")


# --- pushes -------------------------------------------------------------------------------------


def layout_tags(layout):
    with open(f"{layout}/index.json", encoding="utf-8") as f:
        return {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in json.load(f)["manifests"]}


def push_to_a_layout_can_be_killed_anywhere():
    make_repo()
    with_basic()
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/whiteouts:latest", "new")
    good("oci", "push", "--repo=r", "old", "oci:first:old")
    shutil.copytree("first", "out")
    before = files()
    digest = good("oci", "push", "--repo=r", "new", "oci:out:new").strip()
    complete = files("out")

    def reset():
        shutil.rmtree("out")
        shutil.copytree("first", "out")

    for _ in kills(reset, "oci", "push", "--repo=r", "new", "oci:out:new", calls=CALLS, most=MOST):
        sound()
        expect(files(), before)
        make_repo("back")
        for tag in layout_tags("out"):
            good("oci", "pull", "--repo=back", f"oci:out:{tag}", tag)
        good("oci", "pull", "--repo=back", "oci:out:old", "old")
        expect(good("oci", "push", "--repo=r", "new", "oci:out:new").strip(), digest)
        expect(files("out"), complete)


def push_to_a_registry_can_be_killed_anywhere():
    make_repo()
    with_basic()
    before = files()
    with Registry(os.path.abspath("none")) as registry:
        args = ("oci", "push", "--repo=r", "--threads=1", "old", f"{registry.host}/a:new")
        digest = good(*args).strip()

        def reset():
            registry.manifests.clear()
            registry.changed.clear()

        for _ in kills(reset, *args, calls=CALLS, most=MOST, least=3):
            sound()
            expect(files(), before)
            for kind, manifest in registry.manifests.values():
                expect(kind, "application/vnd.oci.image.manifest.v1+json")
                expect([d["digest"] for d in json.loads(manifest)["layers"] if d["digest"] not in registry.changed], [])
            expect(good(*args).strip(), digest)
            expect(registry.digest_of(registry.manifests["new"][1]), digest)


if __name__ == "__main__":
    if not can_kill():
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    HAS_HELPER = os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-registry"))
    sys.exit(main([v for k, v in list(globals().items()) if k.endswith("_anywhere") and (HAS_HELPER or "registry" not in k and "chunked" not in k)]))
