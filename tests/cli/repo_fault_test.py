#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Whatever system call fails: nothing that has a name or is in use goes, and status 0 means that the answer is complete.

    repo_fault_test.py COMPOSEFS

$COMPOSEFS_TEST_FAULTS: all, or how many runs per command (faults.py).
"""
import hashlib
import os
import shutil
import subprocess
import sys

from faults import can_inject, faults
from repo import COMPOSEFS, expect, good, main, make, make_tree, run, write

RUNS = 60


def content(path):
    if os.path.islink(path):
        return os.readlink(path)
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()[:12]


def files(top):
    """Every file and link below top, with its content; temporary names, locks, logs and directories do not count."""
    found = {}
    for folder, folders, names in os.walk(top):
        if folder == f"{top}/log":
            continue
        for name in names + [d for d in folders if os.path.islink(os.path.join(folder, d))]:
            if not name.startswith((".tmp-", ".symlink-", ".lock")):
                found[os.path.join(folder, name)] = content(os.path.join(folder, name))
    return found


def reached(*images):
    """What belongs to the images: their entries, and all their objects."""
    found = {}
    for image in images:
        digest = image if len(image) == 64 else os.readlink(f"r/images/refs/{image}").rsplit("/", maxsplit=1)[-1]
        if image != digest:
            found[f"r/images/refs/{image}"] = None
        for line in (*good("image-objects", "--repo=r", digest).split(), digest):
            plain = line.replace("sha256:", "").replace("/", "")
            found[f"r/objects/{plain[:2]}/{plain[2:]}"] = None
    return {path: content(path) for path in found}


def logs(top):
    """A log that could not be written is a warning, and the file stays as it was."""
    for name in os.listdir(f"{top}/log") if os.path.isdir(f"{top}/log") else ():
        if not name.startswith("."):
            with open(f"{top}/log/{name}", encoding="utf-8") as f:
                text = f.read()
            expect((text.startswith("composefs log 1 "), text.endswith("\n")), (True, True))


def survives(args, keep, changes=False, runs=RUNS, statuses=(0,)):
    """Runs the command with faults. keep: what has to be there afterwards, with its content. With status 0 its output and what it
    leaves are those of the run without faults. statuses: what that run may end with."""
    files_before, expected, count = files("r"), None, 0
    shutil.copytree("r", "saved", symlinks=True)

    def reset():
        if files("r") != files_before:
            shutil.rmtree("r")
            shutil.copytree("saved", "r", symlinks=True)

    for fault, status, out, err in faults([COMPOSEFS, *args], '"r"', runs, reset):
        after = files("r")
        try:
            expect({path: after.get(path) for path in keep}, keep)
            logs("r")
            if expected is None:
                expect((status in statuses, err if status not in statuses else ""), (True, ""))
                expected = status, out, after
            elif status == 0:
                expect((status, out, after), expected)
            else:
                # The message itself cannot be written when write(2) fails.
                expect((0 < status < 128, bool(err or out) or fault.startswith("write ")), (True, True))
            if not changes:
                expect(after, files_before)
        except AssertionError as reason:
            raise AssertionError(f"{' '.join(args)}: {fault}: {reason}; {err!r}") from reason
        count += 1
    print(f"# {args[0]}: {count} runs")
    shutil.rmtree("saved")


def add(name, seed):
    """An image with a file of its own; its id."""
    make_tree("next", seed)
    made = good("create-image", "--repo=r", "next", name).strip().split(":")[1]
    shutil.rmtree("next")
    return made


def scene():
    """os/1 and v:2 stay, v:1 is older, and three images have no name."""
    make()
    add("v:1", "one")
    add("v:2", "two")
    for ref, when in (("v:1", 1000), ("v:2", 2000)):
        os.utime(f"r/images/refs/{ref}", (when, when), follow_symlinks=False)
    nameless = [add(f"gone/{n}", str(n)) for n in range(3)]
    for n in range(3):
        good("untag", "--repo=r", f"gone/{n}")
    return nameless


def gc_removes_only_unreferenced_objects():
    scene()
    survives(("gc", "--repo=r"), reached("os/1", "v:1", "v:2"), changes=True)


def gc_of_old_versions_and_dangling_names_removes_no_others():
    scene()
    lost = add("lost", "lost")
    os.unlink(f"r/images/{lost}")
    survives(("gc", "--repo=r", "--keep=1", "--prune-refs", "--json"), reached("os/1", "v:2"), changes=True)


def gc_dry_run_changes_nothing_and_counts_correctly():
    scene()
    survives(("gc", "--repo=r", "--dry-run"), reached("os/1", "v:1", "v:2"))


def untag_removes_one_name():
    scene()
    survives(("untag", "--repo=r", "v:1"), reached("os/1", "v:2"), changes=True)


def tag_moves_one_name():
    scene()
    survives(("tag", "--repo=r", "v:2", "os/new"), reached("os/1", "v:1", "v:2"), changes=True)


def damage():
    """One object of os/1 damaged, one missing, and a copy of all."""
    scene()
    shutil.copytree("r", "backup", symlinks=True)
    paths = [good("dump-files", "--repo=r", "--backing-path-only", "os/1", f"/{f}").split()[1] for f in ("a", "shared")]
    keep = reached("os/1", "v:1", "v:2")
    write(f"r/objects/{paths[0]}", "damaged")
    os.unlink(f"r/objects/{paths[1]}")
    return {k: v for k, v in keep.items() if not k.endswith(tuple(paths))}


def repair_from_a_copy_loses_nothing():
    keep = damage()
    survives(("repair", "--repo=r", "--from=backup"), keep, changes=True)


def repair_without_a_copy_loses_nothing():
    keep = damage()
    survives(("repair", "--repo=r"), keep, changes=True, statuses=(3,))


def repair_of_links_loses_nothing():
    scene()
    image = os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]
    other = os.readlink("r/images/refs/v:2").rsplit("/", maxsplit=1)[-1]
    keep = reached("os/1", "v:1", "v:2")
    os.unlink(f"r/images/{image}")
    os.unlink(f"r/images/{other}")
    os.symlink("../objects/xx/elsewhere", f"r/images/{other}")
    survives(("repair", "--repo=r"), keep, changes=True)


def fsck_of_a_sound_repository_reports_what_it_could_not_read():
    scene()
    survives(("fsck", "--repo=r"), {})


def fsck_of_a_damaged_repository_reports_everything():
    damage()
    survives(("fsck", "--repo=r", "--json"), {}, statuses=(3,))


def failing_to_print_damage_is_reported():
    damage()
    with open("/dev/full", "wb") as full:
        done = subprocess.run([COMPOSEFS, "fsck", "--repo=r", "--json"], stdout=full, stderr=subprocess.PIPE, check=False)
    expect((done.returncode, b"standard output: No space left" in done.stderr), (3, True))


def images_are_listed_completely():
    scene()
    survives(("images", "--repo=r"), {})
    survives(("images", "--repo=r", "--json"), {}, runs=20)


def du_counts_everything():
    scene()
    survives(("du", "--repo=r", "--no-cached"), {})
    survives(("du", "--repo=r", "--json"), {}, runs=30)


def keys():
    for name in ("vendor", "stranger"):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", name], check=True)
        subprocess.run(["openssl", "pkey", "-in", name, "-pubout", "-out", name + ".pub"], check=True)
    os.makedirs("keys/keys.d")
    os.makedirs("keys/revoked.d")
    shutil.copy("vendor.pub", "keys/keys.d")


def sign(name, key):
    good("sign", "--repo=r", f"--key={key}", name)


def verify_trusts_only_what_is_signed():
    scene()
    keys()
    sign("v:2", "vendor")
    sign("os/1", "stranger")
    shutil.copy("stranger.pub", "keys/keys.d")
    shutil.copy("stranger.pub", "keys/revoked.d")
    command = ("verify", "--repo=r", "--trusted=keys/keys.d")
    survives((*command, "v:2"), {})
    survives((*command, "os/1"), {}, statuses=(14,))
    survives((*command, "v:1"), {}, statuses=(10,))


def sign_keeps_other_signatures():
    scene()
    keys()
    sign("os/1", "stranger")
    keep = {**reached("os/1", "v:1", "v:2"), **{k: v for k, v in files("r").items() if k.startswith("r/signatures")}}
    survives(("sign", "--repo=r", "--key=vendor", "os/1"), keep, changes=True)


if __name__ == "__main__":
    if not can_inject():
        print("1..0 # SKIP strace is not installed, or may not trace")
        sys.exit(0)
    with_sig = "\n  sign " in run("--help")[1] and shutil.which("openssl")
    sys.exit(main([f for name, f in list(globals().items()) if "_" in name and callable(f) and f.__module__ == "__main__"
                   and (with_sig or not name.startswith(("verify", "sign")))]))
