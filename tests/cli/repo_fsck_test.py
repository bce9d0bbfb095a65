#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs fsck reports each kind of damage of a repository by its type; repair repairs what can be repaired.

    repo_fsck_test.py COMPOSEFS GOLDEN MKCOMPOSEFS
"""
import json
import os
import shutil
import subprocess
import sys

from repo import (COMPOSEFS, DAMAGED, USAGE, expect, good, has, loaded, main, make, make_tree, refused, run,
                  snapshot, wait_until, write)

GOLDEN, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[2:4])


def fsck(*args, remarks=()):
    """The types of what was found, sorted; the status agrees with them."""
    rc, out, _ = run("fsck", "--repo=r", "--json", *args)
    report = json.loads(out)
    expect(sorted(f["type"] for f in report["remarks"]), sorted(remarks))
    expect((rc, report["ok"]), (DAMAGED, False) if report["errors"] else (0, True))
    return sorted(f["type"] for f in report["errors"])


def repair(*args):
    rc, out, err = run("repair", "--repo=r", "--json", *args)
    return rc, {k: v for k, v in json.loads(out).items() if v and k != "left"}, err


def path_of(hexed):
    return f"r/objects/{hexed[:2]}/{hexed[2:]}"


def image():
    return os.readlink("r/images/refs/os/1").rsplit("/", maxsplit=1)[-1]


def an_object():
    """One that is no image."""
    return good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/a").split()[1].replace("/", "")


def each_mode_accepts_a_sound_repository():
    make()
    expect(fsck(), [])
    expect(fsck("--metadata-only"), [])
    has(good("fsck", "--repo=r"), "objects: 4, 0 damaged\n")
    has(good("fsck", "--repo=r", "os/1"), "sound, 3 objects")
    report = loaded("fsck", "--repo=r", "--json")
    expect((report["objects_checked"], report["images_checked"], report["streams_checked"]), (4, 1, 0))


def a_changed_object_is_found_by_reading_alone():
    make()
    hexed = an_object()
    with open(path_of(hexed), "r+b") as f:
        f.write(b"!")
    expect(fsck("--metadata-only"), [])
    expect(fsck(), ["object-digest-mismatch"])
    expect(run("fsck", "--repo=r", "os/1")[0], DAMAGED)


def a_wrong_object_size_is_found_without_reading():
    make()
    with open(path_of(an_object()), "ab") as f:
        f.write(b"!")
    expect(fsck("--metadata-only"), ["object-size-mismatch"])


def missing_objects_are_reported_for_each_image():
    make()
    os.unlink(path_of(an_object()))
    expect(fsck("--metadata-only"), ["image-missing-object"])
    expect(loaded("init", "--json", "--insecure", "s")["created"], True)


def one_line_reports_an_object_with_all_images_that_use_it():
    make()
    good("create-image", "--repo=r", "tree/dir", "sub")
    make_tree("other", "!")
    good("create-image", "--repo=r", "other", "os/2")
    shared, only = (good("dump-files", "--repo=r", "--backing-path-only", "os/1", p).split()[1].replace("/", "")
                    for p in ("/shared", "/dir/b"))
    with open(path_of(shared), "r+b") as f:
        f.write(b"!")
    os.unlink(path_of(only))
    report = json.loads(run("fsck", "--repo=r", "--json")[1])
    expect(sorted((f["type"], f["path"]) for f in report["errors"]),
         [("image-missing-object", path_of(only)[2:]), ("object-digest-mismatch", path_of(shared)[2:])])
    details = {f["type"]: f["detail"] for f in report["errors"]}
    users = details["object-digest-mismatch"].split(": used by ")[1]
    expect(sorted(u.removesuffix(" (/shared)") for u in users.split(", ")), ["os/1", "os/2"])
    expect(users.count(" (/shared)"), 1)
    users = details["image-missing-object"].split(": used by ")[1]
    expect(sorted(u.split(" (")[0] for u in users.split(", ")), ["os/1", "sub"])
    expect((report["images_damaged"], report["objects_damaged"], report["objects_missing"]), (3, 1, 1))


def an_object_that_many_files_use_is_one_missing_object():
    for i in range(20):
        write(f"tree/many/{i}", "the same" * 1000)
    make()
    unnamed = good("create-image", "--repo=r", "tree/many").strip().split(":")[1]
    hexed = good("dump-files", "--repo=r", "--backing-path-only", "os/1", "/many/7").split()[1].replace("/", "")
    os.unlink(path_of(hexed))
    report = json.loads(run("fsck", "--repo=r", "--json")[1])
    expect((report["objects_missing"], report["images_damaged"], len(report["errors"])), (1, 2, 1))
    has(report["errors"][0]["detail"], "os/1")
    has(report["errors"][0]["detail"], unnamed)


def xxh32(data, seed):
    """The hash of less than 16 bytes, as the filters of xattrs have it."""
    mask, p2, p3, p4, p5 = 0xffffffff, 2246822519, 3266489917, 668265263, 374761393
    value = seed + p5 + len(data) & mask
    while len(data) >= 4:
        value = value + int.from_bytes(data[:4], "little") * p3 & mask
        value = (value << 17 | value >> 15) * p4 & mask
        data = data[4:]
    for byte in data:
        value = value + byte * p5 & mask
        value = (value << 11 | value >> 21) * 2654435761 & mask
    value = (value ^ value >> 15) * p2 & mask
    value = (value ^ value >> 13) * p3 & mask
    return value ^ value >> 16


def import_image(name, line, change=lambda image_bytes: None):
    """An image of a dump with a root and that line, changed before it is imported."""
    dump = f"/ 4096 40755 1 0 0 0 0.0 - - -\n{line}\n"
    subprocess.run([MKCOMPOSEFS, "--from-file", "-", name + ".cfs"], input=dump.encode(), check=True)
    with open(name + ".cfs", "rb") as f:
        image_bytes = bytearray(f.read())
    change(image_bytes)
    with open(name + ".cfs", "wb") as f:
        f.write(image_bytes)
    good("import-image", "--repo=r", name, name + ".cfs")


def make_key_twice(image_bytes):
    """The second key becomes the first, and the filter of the inode agrees."""
    first, second = (image_bytes.index(key) for key in (b"\x02\x01\x01\x00aa1", b"\x02\x01\x01\x00bb2"))
    image_bytes[second + 4:second + 6] = b"aa"
    image_bytes[first - 12:first - 8] = (0xffffffff & ~(1 << (xxh32(b"aa", 0x25bbe08f + 1) & 31))).to_bytes(4, "little")


def an_image_with_an_xattr_twice_is_not_damaged():
    make()
    import_image("twice", "/f 0 100644 1 0 0 0 0.0 - - - user.aa=1 user.bb=2", make_key_twice)
    expect(fsck(), [])
    expect(repair()[:2], (0, {}))
    expect(os.path.exists("r/.quarantine"), False)
    rc, out, err = run("fsck", "twice.cfs")
    expect((rc, out), (0, "twice.cfs: sound\n"))
    has(err, "note: Linux lists an xattr twice, and gives its first value (twin-xattrs: 1 inode, the first is /f)")
    has(good("dump-files", "--repo=r", "twice", "/f"), "user.aa=1\n")


def an_image_that_kernels_show_differently_is_a_remark():
    make()
    import_image("odd", "/f 0 100644 1 0 0 0 0.0 - - - lustre.x=1")
    expect(fsck(remarks=["image-shown-otherwise"]), [])
    expect(repair()[:2], (0, {}))


def damage_of_an_image_is_reported_as_damage():
    make()
    hexed = image()
    with open(path_of(hexed), "r+b") as f:
        f.seek(1200)
        f.write(b"\xff\xff\xff")
    expect(fsck(), ["image-open-failed", "object-digest-mismatch"])
    os.unlink(path_of(hexed))
    expect(fsck(), ["broken-symlink"])


def a_malformed_image_with_the_right_digest_is_reported():
    make()
    made = good("create-image", "--repo=r", "tree").strip()
    hexed = an_object()
    os.symlink(f"../objects/{hexed[:2]}/{hexed[2:]}", f"r/images/{hexed}")
    expect(fsck(), ["image-invalid"])
    expect(made.split(":")[1], image())


def malformed_links_are_reported():
    make()
    hexed = image()
    os.symlink("/etc/passwd", "r/images/refs/evil")
    os.symlink("../absent", "r/images/refs/dangling")
    write("r/images/refs/file", "")
    write("r/images/file", "")
    os.symlink("../objects/00/" + "0" * 62, "r/images/" + "0" * 64)
    os.symlink(f"../objects/{hexed[:2]}/{hexed[2:]}", "r/images/" + "1" * 64)
    os.makedirs("r/streams")
    os.symlink("../../etc", "r/streams/evil")
    expect(fsck(), ["broken-symlink", "broken-symlink", "entry-not-symlink", "entry-not-symlink", "link-target-invalid",
                  "link-target-invalid", "link-target-invalid"])


def files_that_are_not_objects_are_reported():
    make()
    write("r/objects/00/README", "mine")
    write("r/objects/top", "mine")
    os.makedirs("r/objects/11/" + "1" * 62)
    os.symlink("/etc/passwd", "r/objects/11/" + "2" * 62)
    os.symlink("/etc", "r/objects/" + next(p for p in ("22", "33", "44", "55", "66", "77", "88")
                                           if not os.path.exists(f"r/objects/{p}")))
    expect(fsck(), ["object-invalid-name", "object-invalid-name", "object-open-failed", "unexpected-file-type", "unexpected-file-type"])


def remarks_do_not_count_as_damage():
    make()
    write("r/objects/.tmp-object-0123456789ab", "half")
    os.symlink("x", "r/.symlink-0123456789ab")
    os.chmod(path_of(an_object()), 0o666)
    os.symlink("../" + image(), "r/images/refs/bad\nname")
    expect(fsck(remarks=["leftover-temporary", "leftover-temporary", "object-mode", "ref-name-invalid"]), [])


def objects_that_others_can_read_are_a_remark():
    make()
    for given, exposed in ((0o755, True), (0o750, True), (0o701, True), (0o744, False), (0o700, False)):
        os.chmod("r", given)
        expect(fsck(remarks=["objects-exposed"] if exposed else []), [])
    os.chmod("r", 0o755)
    has(run("fsck", "--repo=r")[2], "composefs fsck: remark: objects: objects-exposed: others can read every object")
    has(run("fsck", "--repo=r")[2], "got 0755 (chmod 0700 r)\n")
    os.chmod("r/objects", 0o700)
    expect(fsck(), [])


def streams_are_checked_to_their_end():
    make()
    with open(f"{GOLDEN}/splitstream/digests.txt", encoding="ascii") as f:
        ids = {name: hexed for hexed, name in (line.split() for line in f)}
    os.makedirs("r/streams")
    for name in ("config", "layer-alpha"):
        hexed = ids[name + ".ss"]
        os.makedirs(os.path.dirname(path_of(hexed)), exist_ok=True)
        shutil.copy(f"{GOLDEN}/splitstream/{name}.ss", path_of(hexed))
        os.symlink(f"../objects/{hexed[:2]}/{hexed[2:]}", f"r/streams/{name}")
    expect(fsck(), ["missing-named-ref", "missing-named-ref", "missing-object-ref", "missing-object-ref"])
    with open(f"{GOLDEN}/splitstream/layer-alpha.ss", "rb") as f:
        body = f.read()[112:144].hex()
    os.makedirs(os.path.dirname(path_of(body)), exist_ok=True)
    with open(path_of(body), "wb") as f:
        f.write(bytes(999))
    expect(fsck(), ["missing-named-ref", "missing-named-ref", "missing-object-ref", "object-digest-mismatch", "stream-read-failed"])
    hexed = an_object()
    os.symlink(f"../objects/{hexed[:2]}/{hexed[2:]}", "r/streams/none")
    has(str(fsck()), "stream-open-failed")


def an_object_of_another_user_is_a_remark():
    make()
    if os.geteuid() != 0:
        return
    os.chown(path_of(an_object()), 1234, -1)
    expect(fsck(remarks=["object-mode"]), [])
    os.chown("r", 1234, -1)
    expect(fsck(), [])


def in_memory(path):
    """Bytes of it in the page cache."""
    return int(subprocess.run(["fincore", "-b", "-n", "-o", "RES", path], capture_output=True, text=True, check=True).stdout)


def fsck_in_the_background_keeps_the_page_cache():
    make()
    for i in range(3):
        write(f"tree/{i}", f"{i}" * (1 << 20))
    good("create-image", "--repo=r", "tree", "os/1")
    cold, warm = (path_of(good("dump-files", "--repo=r", "--backing-path-only", "os/1", p).split()[1].replace("/", ""))
                  for p in ("/0", "/1"))
    image_path = path_of(image())

    def drop():
        for path in (cold, image_path):
            with open(path, "rb") as f:
                os.fsync(f.fileno())
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with open(warm, "rb") as f:
            f.read()
        return in_memory(cold) == in_memory(image_path) == 0

    if not shutil.which("fincore") or not drop():
        return  # a filesystem that has nothing but the page cache
    expect(fsck("--background"), [])
    expect((in_memory(cold), in_memory(image_path), in_memory(warm)), (0, 0, 1 << 20))
    expect(fsck(), [])
    expect((in_memory(cold), in_memory(image_path) > 0), (1 << 20, True))
    with open(cold, "r+b") as f:
        f.write(b"!")
    expect(fsck("--background"), ["object-digest-mismatch"])


def fsck_in_the_background_has_the_idle_classes():
    make()
    with open(path_of(an_object()), "r+b") as f:
        f.truncate(1 << 40)  # nothing but a hole: reading it does not end
    with subprocess.Popen([COMPOSEFS, "fsck", "--repo=r", "--background"], stdout=subprocess.DEVNULL) as fsck_process:
        pid = fsck_process.pid
        try:
            wait_until(lambda: os.sched_getscheduler(pid) == os.SCHED_IDLE, "the idle class")
            tasks = [int(t) for t in os.listdir(f"/proc/{pid}/task")]  # a second one may look into other mount namespaces
            expect((len(tasks) <= 2, [os.sched_getscheduler(t) for t in tasks]), (True, [os.SCHED_IDLE] * len(tasks)))
            has(subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True, check=True).stdout, "idle")
        finally:
            fsck_process.kill()


def repair_moves_damage_aside_and_fetches_from_elsewhere():
    make()
    shutil.copytree("r", "backup", symlinks=True)
    damaged, missing = an_object(), image()
    with open(path_of(damaged), "r+b") as f:
        f.write(b"!")
    os.unlink(path_of(missing))
    rc, done, _ = repair()
    expect((rc, done), (DAMAGED, {"objects_quarantined": 1}))
    with open(f"r/.quarantine/{damaged}", "rb") as f:
        expect(f.read(1), b"!")
    write(f"liar/{damaged[:2]}/{damaged[2:]}", "not that")
    rc, done, _ = repair("--from=liar", "--from=backup")
    expect((rc, done), (0, {"objects_fetched": 2}))
    expect(fsck(), [])
    expect(good("cat", "--repo=r", "os/1", "/a"), "a" * 1000)
    os.unlink(path_of(damaged))
    expect(repair("--from=backup/objects")[:2], (0, {"objects_fetched": 1}))


def repair_refuses_an_invalid_source():
    make()
    has(refused("repair", "--repo=r", "--from=backup"), "from backup: No such file")
    has(refused("repair", "--repo=r", "--from=ftp://example.org/r", status=USAGE), "expected a directory, or an http or https URL")


def advice_about_damage_is_printed():
    make()
    os.unlink(path_of(an_object()))
    has(run("fsck", "--repo=r")[2], "composefs repair restores")
    has(run("repair", "--repo=r")[2], "--from=PLACE fetches")


def repair_recreates_links_and_removes_dangling_ones():
    make()
    hexed = image()
    os.unlink(f"r/images/{hexed}")
    expect(repair()[:2], (0, {"links_created": 1}))
    os.unlink(f"r/images/{hexed}")
    os.symlink("/etc/passwd", f"r/images/{hexed}")
    expect(repair()[:2], (0, {"links_created": 1}))
    os.symlink("../objects/00/" + "0" * 62, "r/images/" + "0" * 64)
    expect(repair()[:2], (0, {"links_removed": 1}))
    before = snapshot("r")
    expect(repair()[:2], (0, {}))
    expect({k: v for k, v in snapshot("r").items() if "lock" not in k}, {k: v for k, v in before.items() if "lock" not in k})


def repair_keeps_the_link_that_a_name_needs():
    make()
    hexed = image()
    os.unlink(path_of(hexed))
    expect(repair()[:2], (DAMAGED, {}))
    expect(os.path.lexists(f"r/images/{hexed}"), True)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("fsck", "repair", "path_of", "image", "an_object", "in_memory", "xxh32",
                                          "import_image", "make_key_twice")]))
