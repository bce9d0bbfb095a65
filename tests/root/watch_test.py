#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs watch: what the kernel reports is found in the mounted images, and the chosen actions are taken.

    watch_test.py COMPOSEFS

Needs root; works in a mount namespace of its own. The repository has no fs-verity, so that its objects can be
damaged; the records of the kernel log come from a file.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from kernel_log import device_of, record
from scene import LIBC, enter_namespace, ensure, expect, fact, has, mount_call, mounts, run, run_facts_each_in

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/schema/watch.json")
COMPOSEFS = os.path.abspath(sys.argv[1])


def composefs(*args):
    return run(COMPOSEFS, *args)


class Place:
    """A repository r with the image os/1 of two files, a copy of it, the image mounted at mnt. Works there."""

    def __init__(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="watch-test-", dir=os.getcwd()))
        os.chdir(self.dir)
        for name in ("tree", "mnt", "mnt2", "bin"):
            os.makedirs(name)
        for name in ("one", "two"):
            with open(f"tree/{name}", "w", encoding="ascii") as f:
                f.write(name * 1000)
        mount_call("tmpfs", "/run", "tmpfs")
        composefs("init", "--insecure", "--algorithm=sha256", "r")
        self.id = composefs("create-image", "--repo=r", "tree", "os/1").strip()
        shutil.copytree("r", "backup", symlinks=True)
        composefs("mount", "--repo=r", "os/1", "mnt")
        self.device = device_of("r")

    def path(self, name):
        return os.path.join(self.dir, name)

    def object_of(self, name):
        """The path of the object of a file, and its ID."""
        below = composefs("dump-files", "--repo=r", "--backing-path-only", "os/1", f"/{name}").split()[1].lstrip("/")
        return f"r/objects/{below}", "sha256:" + below.replace("/", "")

    def damage(self, name):
        """Changes the object of a file, and returns the record that the kernel would write, had it fs-verity."""
        path, _ = self.object_of(name)
        os.chmod(path, 0o644)
        with open(path, "r+b") as f:
            f.write(b"!")
        return record(self.device, path)

    def close(self):
        os.chdir("/")
        for mounted in reversed(mounts()):
            if mounted.point.startswith(self.dir) or mounted.point == "/run":
                LIBC.umount2(mounted.point.encode(), 2)
        shutil.rmtree(self.dir)


def watch(records, *options, status=0, path=None):
    """The messages of a watch that reads these records, without the name of the program."""
    with open("log", "w", encoding="ascii") as f:
        f.write("".join(records))
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    done = subprocess.run([COMPOSEFS, "watch", "--log=log", *options], capture_output=True, text=True, check=False, env=env)
    expect((done.returncode, done.stdout), (status, ""), done.stderr)
    return [line.removeprefix("composefs watch: ") for line in done.stderr.splitlines()]


def line_of(place, name, mount="mnt"):
    _, object_id = place.object_of(name)
    return f"{place.path(mount)}: /{name}: damaged: expected the object {object_id}, in {place.path('r/objects')} (image {place.id})"


@fact
def damage_is_reported_once_with_file_object_and_image(place):
    record_of_one = place.damage("one")
    expect(watch([record_of_one] * 3), [line_of(place, "one")])
    composefs("mount", "--repo=r", "os/1", "mnt2")
    expect(watch([record_of_one] * 3), [line_of(place, "one"), line_of(place, "one", "mnt2")])


@fact
def json_is_a_line_for_each_object_as_its_schema_says(place):
    records = [place.damage("one"), place.damage("two")]
    with open("log", "w", encoding="ascii") as f:
        f.write("".join(records * 2))
    lines = composefs("watch", "--log=log", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    expect(found, [{"mountpoint": place.path("mnt"), "id": place.id, "path": f"/{name}", "object": place.object_of(name)[1],
                    "objects_dir": place.path("r/objects")} for name in ("one", "two")])
    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    expect([sorted(line) for line in found], [sorted(schema["properties"])] * 2)
    expect(sorted(schema["required"]), sorted(schema["properties"]))


@fact
def json_that_cannot_be_written_ends_the_watch(place):
    with open("log", "w", encoding="ascii") as f:
        f.write(place.damage("one"))
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([COMPOSEFS, "watch", "--log=log", "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    expect((done.returncode, "No space left on device" in done.stderr), (1, True), done.stderr)


@fact
def damage_of_other_files_is_not_reported(place):
    expect(watch([record("vdx9", place.object_of("one")[0]), record(place.device, "tree/one"),
                  "6,1,2,-;Linux version 6.12\n"]), [])


@fact
def repair_takes_the_object_from_another_place(place):
    record_of_one = place.damage("one")
    path, _ = place.object_of("one")
    expect(watch([record_of_one], "--action=repair", f"--from={place.path('backup')}"),
           [line_of(place, "one"), f"{path[10:]}: repaired"])
    with open(path, encoding="ascii") as f:
        expect(f.read(), "one" * 1000)
    expect(composefs("fsck", "--repo=r").splitlines()[-1], "status: ok")


@fact
def repair_without_a_copy_says_where_the_object_is(place):
    os.mkdir("empty")
    said = watch([place.damage("one")], "--action=repair", "--from=empty")
    expect(said, [line_of(place, "one"), "repair: moved to .quarantine, and no source of --from has it"])


@fact
def an_object_that_is_right_when_read_again_causes_no_action(place):
    path, _ = place.object_of("one")
    said = watch([record(place.device, path)], "--action=command", "--command=touch ran")
    expect(said, [line_of(place, "one"), f"{path[10:]}: no action: its content is right when read again"])
    ensure(not os.path.exists("ran"), "the command was run")


@fact
def the_command_is_told_what_is_damaged(place):
    record_of_one = place.damage("one")
    watch([record_of_one], "--action=command", "--command=env | grep ^COMPOSEFS_ | sort >env; exit 3")
    _, object_id = place.object_of("one")
    with open("env", encoding="ascii") as f:
        told = dict(line.rstrip("\n").split("=", 1) for line in f)
    expect({k: v for k, v in told.items() if "TEST" not in k},
           {"COMPOSEFS_OBJECT": object_id, "COMPOSEFS_OBJECTS": place.path("r/objects"),
            "COMPOSEFS_OBJECT_PATH": place.object_of("one")[0][10:], "COMPOSEFS_IMAGE": place.id,
            "COMPOSEFS_MOUNTPOINT": place.path("mnt"), "COMPOSEFS_PATH": "/one"})
    expect(watch([record_of_one], "--action=command", "--command=exit 3")[1:], ["command: the command failed"])


@fact
def one_object_of_two_mounts_causes_one_action(place):
    composefs("mount", "--repo=r", "os/1", "mnt2")
    watch([place.damage("one")], "--action=command", "--command=echo >>runs")
    with open("runs", encoding="ascii") as f:
        expect(f.read(), "\n")


@fact
def actions_are_limited_and_the_limit_is_reported_once(place):
    records = [place.damage("one"), place.damage("two")]
    said = watch(records * 2, "--action=command", "--command=echo >>runs", "--limit=1/1h")
    expect(said, [line_of(place, "one"), line_of(place, "two"), "no more actions for now: 1 in 3600 seconds"])
    with open("runs", encoding="ascii") as f:
        expect(f.read(), "\n")
    expect(watch(records, "--action=command", "--command=echo >>runs", "--dry-run")[1], "would act: command")


@fact
def a_reboot_is_not_repeated_within_the_time(place):
    with open("bin/systemctl", "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\necho $* >>{place.path('reboots')}\n")
    os.chmod("bin/systemctl", 0o755)
    records = [place.damage("one")]
    options = ("--action=reboot", f"--state={place.path('state/dir')}")
    path = place.path("bin") + ":" + os.environ["PATH"]
    expect(watch(records, *options, path=path), [line_of(place, "one")])
    said = watch(records, *options, path=path)[1]
    has(said, "the last reboot because of damage was less than 3600 seconds ago")
    with open("reboots", encoding="ascii") as f:
        expect(f.read(), "reboot\n")
    with open("state/dir/last-reboot", "w", encoding="ascii") as f:
        f.write("1000\n")
    watch(records, *options, path=path)
    with open("reboots", encoding="ascii") as f:
        expect(f.read(), "reboot\nreboot\n")
    with open("state/dir/last-reboot", "w", encoding="ascii") as f:
        f.write("soon\n")
    has(watch(records, *options, path=path)[1], "expected a time")


@fact
def the_kernel_log_is_followed_until_a_signal_comes(place):
    os.mkfifo("fifo")
    with subprocess.Popen([COMPOSEFS, "watch", "--log=fifo"], stderr=subprocess.PIPE, text=True) as process, \
            open("fifo", "w", encoding="ascii") as fifo:
        for name in ("two", "one"):
            fifo.write(place.damage(name))
            fifo.flush()
            expect(process.stderr.readline(), f"composefs watch: {line_of(place, name)}\n")
        process.send_signal(signal.SIGTERM)
        expect((process.wait(60), process.stderr.read()), (0, ""))


@fact
def actions_and_their_options_need_each_other(place):
    del place
    for options, word in ((("--action=repair",), "--from=PLACE"), (("--from=backup",), "--action=repair"),
                          (("--action=command",), "--command=COMMAND"), (("--command=true",), "--action=command"),
                          (("--action=kill",), "expected log, repair, command or reboot"),
                          (("--limit=10",), "such as 10/1h"), (("--limit=-1/1h",), "such as 10/1h"), (("--limit=1/x",), "such as 10/1h")):
        has(" ".join(watch([], *options, status=2)), word)
    has(watch([], "--action=repair", "--from=nowhere", status=1)[0], "nowhere: No such file")


if __name__ == "__main__":
    enter_namespace()
    sys.exit(run_facts_each_in(Place))
