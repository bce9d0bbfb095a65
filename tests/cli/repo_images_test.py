#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What images, inspect, rm and log print of a repository.

    repo_images_test.py COMPOSEFS
"""
import os
import re
import sys

from repo import USAGE, expect, good, has, loaded, main, make, make_tree, once, refused, run, write


@once
def build():
    """os/1 and its second name latest; os/2, which is signed; an image without a name."""
    first = make()
    good("tag", "--repo=r", "os/1", "latest")
    make_tree("tree2", "2")
    second = good("create-image", "--repo=r", "tree2", "os/2").strip()
    make_tree("tree3", "3")
    third = good("create-image", "--repo=r", "tree3").strip()
    write(f"r/signatures/{second[7:]}/abcd.ed25519", "x" * 64)
    for age, made in enumerate((first, second, third)):
        os.utime(f"r/images/{made[7:]}", (1700000000 + age * 3600,) * 2, follow_symlinks=False)


def ids():
    return {name: i["id"] for i in loaded("images", "--repo=r", "--json")["images"] for name in i["names"] or ["none"]}


def images(*args):
    return good("images", "--repo=r", *args)


def names(*args):
    return images("--format={{.Name}}", *args).split()


def the_table_has_a_line_for_each_name_and_short_ids():
    build()
    made = ids()
    os.environ["TZ"] = "UTC"
    table = [re.split("  +", line) for line in images().splitlines()]
    expect(table[0], ["NAME", "IMAGE ID", "CREATED", "SIZE", "MOUNTED", "SIGNED"])
    expect([(row[0], row[1], row[2], row[4:]) for row in table[1:]],
           [("latest", made["os/1"][7:19], "2023-11-14 22:13", ["no", "no"]), ("os/1", made["os/1"][7:19], "2023-11-14 22:13", ["no", "no"]),
            ("os/2", made["os/2"][7:19], "2023-11-14 23:13", ["no", "yes"]), ("<none>", made["none"][7:19], "2023-11-15 00:13", ["no", "no"])])
    expect(re.split("  +", images("--no-trunc").splitlines()[1])[1], made["os/1"])
    expect(images("-q").split(), [made[n][7:19] for n in ("os/1", "os/2", "none")])
    expect(images("--quiet", "--no-trunc").split(), [made[n] for n in ("os/1", "os/2", "none")])


def json_has_each_image_once_with_complete_ids():
    build()
    found = loaded("images", "--repo=r", "--json")["images"]
    expect([i["names"] for i in found], [["latest", "os/1"], ["os/2"], []])
    size = os.stat(os.path.realpath("r/images/refs/os/1")).st_size
    expect(found[0], {"id": good("compute-id", "--hash=sha256", "tree").strip(), "names": ["latest", "os/1"],
                      "created": "2023-11-14T22:13:20Z", "size": size, "in_use": False, "signed": False})
    expect(images("--format=json"), images("--json"))


def objects_own_and_shared_bytes_are_those_of_du():
    build()
    usage = {i["id"]: i for i in loaded("du", "--repo=r", "--json")["images"]}
    for image in loaded("images", "--repo=r", "--json", "--size")["images"]:
        for key in ("entries", "objects", "objects_missing", "total_bytes", "own_bytes", "shared_bytes", "frees_bytes"):
            expect(image[key], usage[image["id"]][key])
    one = usage[ids()["os/1"]]
    expect(images("--format={{.Objects}} {{.Own}} {{.Shared}}", "os/1").splitlines()[0],
           f"{one['objects']} {one['own_bytes']} {one['shared_bytes']}")
    has(images("--size"), "OBJECTS")
    expect("OBJECTS" in images(), False)
    owns = [int(n) for n in images("--format={{.Own}}", "--sort=own").split()]
    expect(owns, sorted(owns, reverse=True))


def an_image_that_is_open_is_shown_as_mounted():
    build()
    with open("r/images/refs/os/1", "rb"):
        expect(names("--filter=mounted=true"), ["latest", "os/1"])
        expect(names("--filter=mounted=false"), ["os/2", "<none>"])
        expect([i["in_use"] for i in loaded("images", "--repo=r", "--json")["images"]], [True, False, False])
    expect(names("--filter=mounted=true"), [])


def filters_choose_and_all_of_them_must_match():
    build()
    expect(names("--filter=name=os/*"), ["os/1", "os/2"])
    expect(names("--filter=name=os/*", "--filter=signed=true"), ["os/2"])
    expect(names("--filter=dangling=true"), ["<none>"])
    expect(names("--filter=dangling=false"), ["latest", "os/1", "os/2"])
    expect(names("--filter=since=os/1"), ["os/2", "<none>"])
    expect(names("--filter=before=os/2"), ["latest", "os/1"])
    expect(names("--filter=before=" + ids()["os/2"][7:19]), ["latest", "os/1"])
    for when in ("@1700003600", "2023-11-14T23:13:20Z", "2023-11-14 23:13:20Z"):
        expect(names(f"--filter=since={when}"), ["<none>"])
    expect(names("--filter=since=1h"), [])
    expect(names("--filter=before=1h", "os/2"), ["os/2"])
    expect(names("--filter=since=2023-11-13"), ["latest", "os/1", "os/2", "<none>"])
    has(refused("images", "--repo=r", "--filter=size=1"), "expected name=GLOB, mounted=BOOL, ")
    has(refused("images", "--repo=r", "--filter=name"), 'got "name"')
    has(refused("images", "--repo=r", "--filter=signed=maybe"), 'signed: expected true or false, got "maybe"')
    has(refused("images", "--repo=r", "--filter=since=5x"), "since: expected an image, or a time")


def images_are_named_by_references_and_ids():
    build()
    made = ids()
    expect(names("os/1"), ["latest", "os/1"])
    expect(names(made["os/2"], made["none"][:20], "refs/os/2"), ["os/2", "<none>"])
    has(refused("images", "--repo=r", "os/3"), 'no such image: "os/3"')


def the_order_is_the_one_that_was_asked_for():
    build()
    expect(names(), ["latest", "os/1", "os/2", "<none>"])
    expect(names("--sort=created"), ["<none>", "os/2", "latest", "os/1"])
    sizes = [int(n) for n in images("--format={{.Size}}", "--sort=size").split()]
    expect(sizes, sorted(sizes, reverse=True))


def a_format_is_checked_before_anything_is_printed():
    build()
    expect(images("--format={{ .Name }}\\t<{{.Mounted}}>{{.Signed}}\\\\", "os/2"), "os/2\t<no>yes\\\n")
    expect(images("--format=plain", "os/2"), "plain\n")
    for text in ("{{.Nam}}", "{{Name}}", "{{.Name", "{{}}", "x{{.Name}}{{"):
        err = refused("images", "--repo=r", f"--format={text}", status=USAGE)
        has(err, "--format: expected json or text with fields, got \"{{")
        has(err, "fields: {{.Name}}, {{.Names}}, {{.ID}}, ")
    has(refused("images", "--repo=r", "--format=x", "--json", status=USAGE), "--format excludes --json")


def damaged_entries_are_reported_and_the_others_listed():
    build()
    os.symlink("/etc/passwd", "r/images/refs/evil")
    os.symlink("../" + "0" * 64, "r/images/refs/gone")
    rc, out, err = run("images", "--repo=r", "-q")
    expect((rc, len(out.split())), (0, 3))
    has(err, "warning: images/refs/evil: expected a link to a first-level entry")
    has(err, "warning: images/refs/gone: its image does not exist")
    path = os.path.realpath("r/images/refs/os/2")
    os.unlink(path)
    expect([i["size"] for i in loaded("images", "--repo=r", "--json", "os/2")["images"]], [None])
    has(images("os/2"), "missing")


def hostile_names_reach_no_terminal():
    build()
    os.symlink("../" + ids()["os/1"][7:], "r/images/refs/x\x1b[31m\n")
    for args in ((), ("--format={{.Name}} {{.Names}}",), ("--json",)):
        out = images(*args)
        expect("\x1b" in out, False)
        expect(out.count("31m") > 0, True)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("again", "ids", "images", "names")]))
