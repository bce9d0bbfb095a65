#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Whatever system call of a pull or a push fails, also in the helper for registries: either the result is right, or there is one
message, the tag does not stand for anything else than the whole image, and the repository is sound.

    oci_fault_test.py COMPOSEFS GOLDEN        GOLDEN: tests/golden/oci

$COMPOSEFS_TEST_FAULTS: all, or how many runs per command (faults.py).
"""
import json
import os
import random
import shutil
import sys

from chunked import Layer, put_image
from faults import can_inject, faults
from registry import Registry
from repo import COMPOSEFS, OK, expect, good, loaded, main, run
from storage import Store, make_tar

GOLDEN = os.path.abspath(sys.argv[2])
RUNS = 40


def tags():
    return {image["name"]: image["id"] for image in loaded("oci", "images", "--repo=r", "--json")["images"]}


def sound():
    report = loaded("fsck", "--repo=r", "--json")
    expect((report["ok"], report["errors"], run("oci", "fsck", "--repo=r")[0]), (True, [], OK))


def messages(err):
    """Lines that are no warnings, and not of strace or the dynamic linker of a helper that could not start."""
    return [line for line in err.splitlines() if "warning: " not in line and not line.startswith("strace: ")
            and "error while loading shared libraries" not in line]


def survives(args, reset, check):
    """Runs the command with faults, each time after reset. check(done) looks at what it left; done: it reported success."""
    expected, count = None, 0
    for fault, status, out, err in faults([COMPOSEFS, *args], '"r"', RUNS, reset):
        try:
            if expected is None:
                expect(status, OK)
                expected = out
            elif status == OK:
                expect(out, expected)
            else:
                # What cannot be written cannot be read, be it the message or the result.
                expect((0 < status < 128, len(messages(err)) == 1 or fault.startswith("write ")), (True, True))
            check(status == OK, expected)
        except AssertionError as reason:
            raise AssertionError(f"{' '.join(args)}: {fault}: {reason}; {err!r}") from reason
        count += 1
    print(f"# {' '.join(args[:2])}: {count} runs")


def pull_survives(source, *options):
    good("init", "--insecure", "--hash=sha256", "r")
    old = good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "old").strip()
    shutil.copytree("r", "saved", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("saved", "r", symlinks=True)

    def check(done, expected):
        sound()
        now = tags()
        expect(now.pop("old"), old)
        if done or now:
            expect(now, {"new": expected.strip()})
            expect(good("oci", "compute-id", "--repo=r", "new"), expected)
    survives(("oci", "pull", "--repo=r", "--threads=1", *options, source, "new"), reset, check)


def pull_of_a_layout_survives():
    pull_survives(f"oci:{GOLDEN}/whiteouts:latest")


def pull_of_all_platforms_survives():
    good("init", "--insecure", "--hash=sha256", "r")
    shutil.copytree("r", "saved", symlinks=True)

    def reset():
        shutil.rmtree("r")
        shutil.copytree("saved", "r", symlinks=True)

    def check(done, _):
        sound()
        images = loaded("oci", "images", "--repo=r", "--json")["images"]
        expect(len(images) in ((4,) if done else (0, 4)), True)
    survives(("oci", "pull", "--repo=r", "--threads=1", "--all-platforms", f"oci:{GOLDEN}/index:latest", "new"), reset, check)


def pull_from_a_registry_survives():
    with Registry(f"{GOLDEN}/whiteouts") as registry:
        pull_survives(f"{registry.host}/a:latest")


def pull_of_a_chunked_layer_survives():
    put_image("layout", "t", Layer({f"f{i}": random.Random(i).randbytes(4000) for i in range(3)}))
    with Registry(os.path.abspath("layout")) as registry:
        pull_survives(f"{registry.host}/a:t")


def pull_from_containers_storage_survives():
    store = Store("store")
    store.add_image([make_tar({"usr": None, "usr/small": b"s", "usr/many": b"many bytes " * 1000})], ["localhost/t:latest"])
    pull_survives(f"containers-storage:[overlay@{os.getcwd()}/store]t")


# --- pushes -------------------------------------------------------------------------------------


def push_source():
    good("init", "--insecure", "--hash=sha256", "r")
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic:latest", "x")


def push_to_a_layout_survives():
    push_source()
    good("oci", "push", "--repo=r", "x", "oci:first:old")

    def reset():
        shutil.rmtree("out", ignore_errors=True)
        shutil.copytree("first", "out")

    def check(done, expected):
        with open("out/index.json", encoding="utf-8") as f:
            found = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in json.load(f)["manifests"]}
        expect(set(found) - {"new"}, {"old"})
        if done or "new" in found:
            expect(found["new"], expected.strip())
        for tag in found:
            good("oci", "pull", "--repo=back", f"oci:out:{tag}", tag)
    good("init", "--insecure", "--hash=sha256", "back")
    survives(("oci", "push", "--repo=r", "--threads=1", "--compression=zstd", "x", "oci:out:new"), reset, check)
    sound()


def push_to_a_registry_survives():
    push_source()
    with Registry(os.path.abspath("none")) as registry:
        def reset():
            registry.manifests.clear()
            registry.changed.clear()

        def check(done, expected):
            if done or registry.manifests:
                manifest = registry.manifests["new"][1]
                expect(registry.digest_of(manifest), expected.strip())
                expect([d["digest"] for d in json.loads(manifest)["layers"] if d["digest"] not in registry.changed], [])
        survives(("oci", "push", "--repo=r", "--threads=1", "x", f"{registry.host}/a:new"), reset, check)
    sound()


if __name__ == "__main__":
    if not can_inject():
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    HAS_HELPER = os.path.exists(os.path.join(os.path.dirname(COMPOSEFS), "composefs-registry"))
    sys.exit(main([v for k, v in list(globals().items()) if k.endswith("_survives") and k != "pull_survives"
                   and (HAS_HELPER or "registry" not in k and "chunked" not in k)]))
