#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""What images, inspect, rm and log print of a repository.

    repo_images_test.py COMPOSEFS
"""
import hashlib
import os
import re
import shutil
import stat
import sys

from repo import COMPOSEFS, USAGE, expect, good, has, loaded, main, make, make_tree, once, refused, run, snapshot, write


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
        expect((names("--filter=mounted=yes"), names("--filter=mounted=no")), (["latest", "os/1"], ["os/2", "<none>"]))
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
    has(refused("images", "--repo=r", "--filter=size=1", status=USAGE), "expected name=GLOB, mounted=BOOL, ")
    has(refused("images", "--repo=r", "--filter=name", status=USAGE), 'got "name"')
    has(refused("images", "--repo=r", "--filter=signed=maybe", status=USAGE), 'signed: expected true or false, got "maybe"')
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


def hostile_names_are_escaped_on_output():
    build()
    os.symlink("../" + ids()["os/1"][7:], "r/images/refs/x\x1b[31m\n")
    for args in ((), ("--format={{.Name}} {{.Names}}",), ("--json",)):
        out = images(*args)
        expect("\x1b" in out, False)
        expect(out.count("31m") > 0, True)


# --- inspect ----------------------------------------------------------------------------


def inspect_prints_everything_about_an_image():
    build()
    made = ids()["os/1"]
    os.environ["TZ"] = "UTC"
    found, = loaded("inspect", "--repo=r", "--json", "os/1")
    listed, = loaded("images", "--repo=r", "--json", "os/1")["images"]
    expect({key: found[key] for key in listed}, listed)
    usage, = loaded("du", "--repo=r", "--json", "os/1")["images"]
    expect({key: found[key] for key in ("entries", "objects", "objects_missing", "total_bytes")},
           {key: usage[key] for key in ("entries", "objects", "objects_missing", "total_bytes")})
    expect((found["format"], found["algorithm"], found["directories"], found["files"], found["symlinks"], found["others"]),
           (1, "sha256", 2, 4, 1, 0))
    expect(found["file_bytes"], sum(os.path.getsize(f"tree/{p}") for p in ("a", "dir/b", "dir/small", "shared")))
    expect((found["mtime_min"], found["mtime_max"], found["mounts"], found["signatures"]), (1700000000, 1700000000, [], []))
    text = good("inspect", "--repo=r", made[7:19])
    for line in (f"ID:          {made}", "Name:        latest", "Name:        os/1", "Format:      1, sha256", "In use:      no",
                 "Entries:     7 (2 directories, 4 files, 1 symlink, 0 others)", "Modified:    2023-11-14 22:13 to 2023-11-14 22:13"):
        has(text, line + "\n")
    sized, = loaded("inspect", "--repo=r", "--json", "--size", "os/1")
    expect((sized["own_bytes"], sized["entries"]), (usage["own_bytes"], 7))
    expect([i["names"] for i in loaded("inspect", "--repo=r", "--json", "os/2", "os/1")], [["os/2"], ["latest", "os/1"]])
    expect(loaded("inspect", "--repo=r", "--json", "os/2")[0]["signatures"], ["abcd"])
    has(good("inspect", "--repo=r", "os/2"), "Signed by:   abcd\n")


def inspect_has_a_format_and_reports_what_it_cannot_read():
    build()
    expect(good("inspect", "--repo=r", "--format={{.Name}} {{.ID}} {{.Files}} {{.Format}}", "os/2"), f"os/2 {ids()['os/2']} 4 1\n")
    has(refused("inspect", "--repo=r", "--format={{.File}}", "os/2", status=USAGE), "{{.Shared}}, {{.Format}}, {{.Algorithm}}, {{.Entries}}")
    expect(good("inspect", "--repo=r", "--format=json", "os/2"), good("inspect", "--repo=r", "--json", "os/2"))
    has(refused("inspect", "--repo=r", "none"), 'no such image: "none"')
    path = os.path.realpath("r/images/refs/os/2")
    os.chmod(path, 0o644)
    write(path, "x" * 5000)
    has(refused("inspect", "--repo=r", "os/2"), "expected the fs-verity digest")


def inspect_prints_where_an_image_is_mounted():
    build()
    os.mkdir("mnt")
    if run("mount", "--repo=r", "os/1", "mnt")[0]:
        return  # not root, or a kernel without EROFS
    try:
        found, = loaded("inspect", "--repo=r", "--json", "os/1")
        expect((found["mounts"], found["in_use"]), ([os.path.abspath("mnt")], True))
        has(good("inspect", "--repo=r", "os/1"), f"Mounted at:  {os.path.abspath('mnt')}\n")
        expect(loaded("inspect", "--repo=r", "--json", "os/2")[0]["mounts"], [])
        expect(names("--filter=mounted=true"), ["latest", "os/1"])
    finally:
        good("umount", "mnt")


# --- rm ---------------------------------------------------------------------------------


def rm_removes_references_and_says_what_gc_would_free():
    build()
    frees = {i["id"]: i["frees_bytes"] for i in loaded("images", "--repo=r", "--json", "--size")["images"]}
    second = ids()["os/2"]
    good("gc", "--repo=r")
    out = good("rm", "--repo=r", "os/2")
    has(out, "removed reference: os/2\n")
    has(out, 'would be freed by "composefs gc"\n')
    expect(os.path.exists(f"r/objects/{second[7:9]}/{second[9:]}"), True)
    found = loaded("gc", "--repo=r", "--dry-run", "--json")
    good("tag", "--repo=r", second, "os/2")
    made = loaded("rm", "--repo=r", "--gc", "--json", "os/2")
    expect((made["names"], made["dry_run"]), (["os/2"], False))
    for key in ("objects_removed", "bytes_freed", "images_removed"):
        expect(made[key], found[key])
    expect(made["bytes_freed"] >= frees[second], True)
    expect(os.path.exists(f"r/objects/{second[7:9]}/{second[9:]}"), False)
    expect(names(), ["latest", "os/1"])


def rm_of_an_id_removes_its_only_reference_and_several_with_force():
    build()
    made = ids()
    expect(loaded("rm", "--repo=r", "--json", made["os/2"][7:19])["names"], ["os/2"])
    has(refused("rm", "--repo=r", made["os/1"]), f"image {made['os/1']} has 2 references: latest, os/1 (give one of them, or --force")
    expect(names("--filter=dangling=false"), ["latest", "os/1"])
    expect(loaded("rm", "--repo=r", "--json", "--force", made["os/1"])["names"], ["latest", "os/1"])
    expect(loaded("rm", "--repo=r", "--json", made["none"])["names"], [])


def rm_removes_nothing_if_one_image_does_not_exist():
    build()
    has(refused("rm", "--repo=r", "os/1", "refs/os/2", "none"), 'no such image: "none"')
    expect(names(), ["latest", "os/1", "os/2", "<none>"])
    expect(loaded("rm", "--repo=r", "--json", "os/1", "refs/os/1")["names"], ["os/1"])


def an_image_in_use_stays_after_rm():
    build()
    good("gc", "--repo=r")
    with open("r/images/refs/os/2", "rb"):
        has(good("rm", "--repo=r", "--gc", "os/2"), "0 objects, 0 B freed; 1 image without a reference is in use and stays\n")
    expect(loaded("gc", "--repo=r", "--json")["images_removed"], 1)


# --- log --------------------------------------------------------------------------------


def log(name):
    return [(e["command"], e["old_id"], e["id"], e["exists"]) for e in loaded("log", "--repo=r", "--json", name)["entries"]]


def log_lists_the_changes_newest_first_and_what_still_exists():
    build()
    made = ids()
    good("tag", "--repo=r", "os/2", "latest")
    good("tag", "--repo=r", "os/2", "latest")  # changes nothing
    good("untag", "--repo=r", "latest")
    good("tag", "--repo=r", "os/1", "refs/latest")
    one, two = made["os/1"], made["os/2"]
    expect(log("latest"), [("tag", None, one, True), ("untag", two, None, None), ("tag", one, two, True), ("tag", None, one, True)])
    expect(log("refs/os/2"), [("create-image", None, two, True)])
    good("rm", "--repo=r", "--gc", "os/2")
    expect(log("os/2"), [("rm", two, None, None), ("create-image", None, two, False)])
    rows = [re.split("  +", line)[1:] for line in good("log", "--repo=r", "os/2").splitlines()]
    expect(rows, [["COMMAND", "FROM", "TO", "IMAGE"], ["rm", two[7:19], "-", "removed"], ["create-image", "-", two[7:19], "gone"]])
    has(good("log", "--repo=r", "--no-trunc", "os/2"), two)
    has(refused("log", "--repo=r", "none"), 'no such image: "none"')


def cfsctl_leaves_no_log():
    build()
    before = snapshot("r/log")
    os.symlink(COMPOSEFS, "cfsctl")
    expect(run("--repo", "r", "create-image", "--no-propagate-usr-to-root", "tree2", "os/1", program="./cfsctl")[0], 0)
    expect(snapshot("r/log"), before)
    entries = log("os/1")
    good("tag", "--repo=r", "os/2", "os/1")
    expect(entries[0][2] == log("os/1")[0][1], False)  # the gap shows


def gc_records_the_versions_that_it_removes():
    build()
    first = ids()["os/1"]
    os.utime("r/images/refs/os/1", (1000, 1000), follow_symlinks=False)
    good("gc", "--repo=r", "--keep=1")
    expect(log("os/1")[0], ("gc", first, None, None))


def a_log_is_bounded_and_has_the_newest_changes():
    build()
    for _ in range(130):
        good("tag", "--repo=r", "os/1", "x")
        good("tag", "--repo=r", "os/2", "x")
    entries = log("x")
    expect((len(entries), entries[0][2], entries[-1][1] is None), (256, ids()["os/2"], False))
    expect(entries[0][1], ids()["os/1"])


def log_file(name):
    return f"r/log/{hashlib.sha256(name.encode()).hexdigest()}"


def a_log_that_is_missing_or_damaged_stops_no_command():
    build()
    made = ids()
    os.unlink(log_file("os/1"))
    expect((good("log", "--repo=r", "os/1").count("\n"), log("os/1")), (1, []))
    with open(log_file("os/2"), "a", encoding="utf-8") as f:
        f.write("rubbish\n-1 - - tag\n1 - - T\n1700000000 - " + made["os/2"])  # torn
    rc, _, err = run("log", "--repo=r", "os/2")
    expect(rc, 0)
    has(err, "warning: 3 lines of the log have another form")
    good("tag", "--repo=r", "os/1", "os/2")
    expect([e[0] for e in log("os/2")], ["tag", "create-image"])
    write(log_file("os/2"), "something else\n")
    has(refused("log", "--repo=r", "os/2"), 'expected the line "composefs log 1 os/2"')
    good("tag", "--repo=r", made["os/2"], "os/2")
    expect([e[0] for e in log("os/2")], ["tag"])
    write(log_file("os/2"), "composefs log 1 os/2\n" + "x" * 10**6)
    has(refused("log", "--repo=r", "os/2"), "expected a log of at most")


def a_log_is_not_written_through_links_and_special_files():
    build()
    write("other/file", "mine")
    for place in (lambda path: os.symlink(os.path.abspath("other/file"), path), os.mkfifo, os.mkdir):
        os.unlink(log_file("os/1"))
        place(log_file("os/1"))
        kind = stat.S_IFMT(os.lstat(log_file("os/1")).st_mode)
        rc, _, err = run("untag", "--repo=r", "os/1")
        expect((rc, kind), (0, stat.S_IFMT(os.lstat(log_file("os/1")).st_mode)))
        has(err, "composefs untag: warning: the change of os/1 is not recorded in its log: ")
        good("tag", "--repo=r", "latest", "os/1")
        if stat.S_ISDIR(kind):
            os.rmdir(log_file("os/1"))
            write(log_file("os/1"), "")
    with open("other/file", encoding="utf-8") as f:
        expect(f.read(), "mine")
    shutil.rmtree("r/log")
    os.symlink(os.path.abspath("other"), "r/log")
    rc, _, err = run("untag", "--repo=r", "os/1")
    expect((rc, names("--filter=name=os/*"), os.listdir("other")), (0, ["os/2"], ["file"]))
    has(err, "warning: the change of os/1 is not recorded in its log: log")


def logs_keep_nothing_and_go_long_after_their_reference():
    build()
    good("rm", "--repo=r", "--gc", "os/2")
    for name in ("os/1", "os/2"):
        os.utime(log_file(name), (1000, 1000))
    write("r/log/README", "of somebody else")
    os.utime("r/log/README", (1000, 1000))
    expect(loaded("gc", "--repo=r", "--dry-run", "--json")["temporaries_removed"], 1)
    expect(loaded("gc", "--repo=r", "--json")["temporaries_removed"], 1)
    expect([os.path.exists(path) for path in (log_file("os/1"), log_file("os/2"), "r/log/README")], [True, False, True])
    has(good("fsck", "--repo=r"), "status: ok")
    good("init", "--insecure", "--reset-metadata", "--algorithm=sha256", "r")
    expect(os.path.exists("r/log"), False)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("again", "ids", "images", "names", "log", "log_file")]))
