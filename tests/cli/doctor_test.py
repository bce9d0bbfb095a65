#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs doctor: the forms of what it says. What is true of it, tests/root looks at.

    doctor_test.py COMPOSEFS
"""
import json
import os
import sys

from repo import OK, USAGE, ensure, expect, good, has, main, make, refused, run, snapshot

KEYS = ["erofs", "erofs_from_file", "loop", "overlay", "data_layers", "fd_layers", "verity_require", "fs_verity",
        "fs_verity_signatures", "ipe", "reflink", "leases", "private_objects", "user_namespaces", "user_erofs", "user_overlay", "user_fuse",
        "fuse_passthrough"]
UNFIT = 5


def look(*args):
    """What it says, whatever the status: it is 5 where nothing can be mounted."""
    rc, out, err = run("doctor", "--json", *args)
    expect((rc in (OK, UNFIT), err), (True, ""))
    found = json.loads(out)
    expect(rc == UNFIT, found["mount"]["state"] == "no")
    return found


def every_feature_has_a_result_and_a_reason():
    found = look(".")
    expect(list(found["answers"]), KEYS)
    expect(found["kernel"], os.uname().release)
    for key, answer in found["answers"].items():
        expect(answer["state"] in ("ok", "no", "unknown"), True)
        ensure(answer["state"] == "ok" or answer["detail"], f"{key}: no reason")
        expect(answer["advice"] != "" and answer["state"] == "ok", False)
    expect((found["directory"], found["is_repository"]), (".", False))
    expect("image" in found["mount"], found["mount"]["state"] == "ok")


def the_table_has_the_same_numbers():
    found = look(".")
    _, out, _ = run("doctor", ".")
    lines = out.splitlines()
    has(lines[0], os.uname().release)
    expect([l.split()[0] for l in lines[2:] if l and not l.startswith(" ")],
         [a["state"] for a in found["answers"].values()] + [found["mount"]["state"]])
    expect([l for l in lines if l != l.rstrip()], [])


def doctor_of_a_repository_checks_the_repository():
    make()
    found = look("--repo=r")
    expect((found["directory"], found["is_repository"]), ("r", True))
    expect(look("r")["is_repository"], True)
    if found["mount"]["state"] == "ok":
        expect((found["mount"]["verity"], found["mount"]["nosuid"]), (False, True))


def objects_that_others_can_read_are_reported():
    make()
    expect(look("r")["answers"]["private_objects"]["state"], "ok")
    os.chmod("r", 0o750)
    expect(look("r")["answers"]["private_objects"],
           {"state": "no", "detail": "mode 0750 lets others read all objects", "advice": "chmod 0700 r"})
    expect(look("tree")["answers"]["private_objects"]["state"], "unknown")


def objects_of_a_bare_store_that_others_can_read_are_reported():
    def answer(mode, above=0o755):
        os.chmod("store", mode)
        os.chmod(".", above)
        return look("store")["answers"]["private_objects"]
    os.makedirs("store/ab")
    os.makedirs("tree/ca")  # a language
    os.chmod("tree", 0o755)
    expect(answer(0o755)["state"], "unknown")
    with open(f"store/ab/{'0' * 62}", "w", encoding="ascii"):
        pass
    expect(answer(0o700), {"state": "ok", "detail": "", "advice": ""})
    expect(answer(0o751), {"state": "no", "detail": "mode 0751 lets others read all objects", "advice": "chmod 0700 store"})
    expect(answer(0o751, above=0o700)["state"], "ok")
    expect(look("tree")["answers"]["private_objects"]["state"], "unknown")


def nothing_is_left_behind():
    make()
    before = snapshot(".")
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        mounts = f.read()
    look("r")
    expect(snapshot("."), before)
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        expect(f.read(), mounts)


def a_missing_directory_is_an_error():
    has(refused("doctor", "none"), "directory none: No such file or directory")
    has(refused("doctor", "--repo=none"), "directory none: No such file or directory")
    with open("file", "w", encoding="ascii"):
        pass
    has(refused("doctor", "file"), "Not a directory")
    refused("doctor", "a", "b", status=USAGE)


def without_a_directory_the_default_place_is_checked():
    home = os.getcwd()
    os.environ["HOME"] = home
    expect(look("--user")["directory"], home)


def help_explains_the_exit_status():
    has(good("doctor", "--help"), "5 an image cannot be mounted")


TESTS = (every_feature_has_a_result_and_a_reason, the_table_has_the_same_numbers, doctor_of_a_repository_checks_the_repository, objects_that_others_can_read_are_reported,
         objects_of_a_bare_store_that_others_can_read_are_reported,
         nothing_is_left_behind, a_missing_directory_is_an_error,
         without_a_directory_the_default_place_is_checked, help_explains_the_exit_status)

if __name__ == "__main__":
    sys.exit(main(TESTS))
