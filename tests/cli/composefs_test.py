#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""composefs ls finds one path; composefs fsck tells sound from damaged, missing and unreadable.

    composefs_test.py COMPOSEFS MKCOMPOSEFS
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from facts import ensure, expect, has, place_in_memory  # noqa: E402  pylint: disable=wrong-import-position

COMPOSEFS, MKCOMPOSEFS = (os.path.abspath(p) for p in sys.argv[1:3])
SOUND, FAILED, USAGE, DAMAGED, MISSING, UNFIT = range(6)


def run(*args):
    done = subprocess.run([COMPOSEFS, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Place:
    """A tree, its image and its objects, made anew for each test."""

    def __init__(self):
        os.makedirs("tree/dir/sub")
        for name in ("a", "dir/b"):
            with open("tree/" + name, "w", encoding="ascii") as f:
                f.write(name * 1000)
        os.symlink("a", "tree/link")
        with open("tree/dir/small", "w", encoding="ascii") as f:
            f.write("x")
        subprocess.run([MKCOMPOSEFS, "--digest-store=objects", "tree", "image.cfs"], check=True,
                       stderr=subprocess.DEVNULL)
        self.objects = sorted(os.path.join(d, f) for d, _, fs in os.walk("objects") for f in fs)

    @staticmethod
    def edit(path, offset, data):
        os.chmod(path, 0o644)
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(data)


def ls_lists_a_directory_an_entry_and_the_root(_):
    rc, out, err = run("ls", "image.cfs", "//dir/")
    expect((rc, err), (SOUND, ""))
    expect(out, "/dir/b\n/dir/small\n/dir/sub/\n")
    expect(run("ls", "image.cfs", "/link")[1], "/link\n")
    expect(run("ls", "--directory", "image.cfs", "dir")[1], "/dir/\n")
    expect(run("ls", "image.cfs")[1], "/a\n/dir/\n/link\n")


def ls_reports_the_missing_path(_):
    rc, out, err = run("ls", "image.cfs", "/dir/none")
    expect((rc, out), (FAILED, ""))
    has(err, "/dir/none")


def ls_escapes_control_characters_of_names(_):
    rc, _, err = run("ls", "image.cfs", "/\x1b[31mred\n")
    expect(rc, FAILED)
    ensure("\x1b" not in err and err.count("\n") == 1, repr(err))
    has(err, "\\x1b[31mred\\x0a")


def fsck_passes_what_mkcomposefs_made(_):
    rc, out, err = run("fsck", "--canonical", "--objects=objects", "image.cfs")
    expect((rc, err), (SOUND, ""))
    expect(out, "image.cfs: sound, 2 objects: 0 damaged, 0 missing, 0 unreadable\n")


def fsck_reports_the_damaged_place_of_an_image(place):
    place.edit("image.cfs", 1200, b"\xff\xff")
    rc, _, err = run("fsck", "image.cfs")
    expect(rc, DAMAGED)
    ensure("inode" in err or "offset" in err, err)


def fsck_reports_a_file_that_is_not_an_image_as_damaged(_):
    with open("junk", "wb") as f:
        f.write(b"junk" * 5000)
    expect(run("fsck", "junk")[0], DAMAGED)


def fsck_canonical_refuses_sound_images_of_other_writers(place):
    """Flags that the writer never sets, and the reader accepts."""
    place.edit("image.cfs", 48 + 1024, b"uuid of somebody")
    structure, canonical = run("fsck", "image.cfs"), run("fsck", "--canonical", "image.cfs")
    expect(canonical[0], DAMAGED)
    if structure[0] == SOUND:
        has(canonical[2], "superblock")


def fsck_reports_a_damaged_object(place):
    place.edit(place.objects[0], 5, b"!")
    rc, out, err = run("fsck", "--objects=objects", "image.cfs")
    expect(rc, DAMAGED)
    expect(out, "image.cfs: damaged, 2 objects: 1 damaged, 0 missing, 0 unreadable\n")
    has(err, place.objects[0][len("objects/"):])
    has(err, "digest")


def fsck_reports_an_object_of_the_wrong_size(place):
    os.chmod(place.objects[0], 0o644)
    with open(place.objects[0], "a", encoding="ascii") as f:
        f.write("more")
    rc, _, err = run("fsck", "--objects=objects", "image.cfs")
    expect(rc, DAMAGED)
    has(err, "bytes")


def fsck_distinguishes_missing_from_damaged_objects(place):
    os.unlink(place.objects[1])
    rc, out, _ = run("fsck", "--json", "--objects=objects", "image.cfs")
    expect(rc, MISSING)
    found = json.loads(out)
    expect((found["status"], found["objects_missing"], found["objects_damaged"]), ("missing", 1, 0))
    expect([f["backing_path"] for f in found["findings"]], [place.objects[1][len("objects/"):]])
    place.edit(place.objects[0], 5, b"!")
    expect(run("fsck", "--objects=objects", "image.cfs")[0], DAMAGED)


def fsck_reports_objects_that_it_cannot_read(_):
    expect(run("fsck", "none.cfs")[0], FAILED)
    expect(run("fsck", "--objects=none", "image.cfs")[0], FAILED)


def fsck_reports_a_store_that_others_can_read(_):
    """That is a remark: the image is sound."""
    os.chmod(".", 0o755)
    for mode, exposed in ((0o755, True), (0o710, True), (0o700, False)):
        os.chmod("objects", mode)
        rc, out, _ = run("fsck", "--json", "--objects=objects", "image.cfs")
        found = json.loads(out)["remarks"]
        expect((rc, [(f["type"], f["path"]) for f in found]), (SOUND, [("objects-exposed", "objects")] if exposed else []))
    os.chmod("objects", 0o755)
    has(run("fsck", "--objects=objects", "image.cfs")[2],
        "composefs fsck: remark: objects: objects-exposed: others can read every object")
    has(run("fsck", "--objects=objects", "image.cfs")[2], "expected mode 0700, got 0755 (chmod 0700 objects)\n")


def isolation(*args):
    rc, out, _ = run("fsck", "--json", *args, "image.cfs")
    return rc, json.loads(out)["isolation"]


FENCES = ("seccomp and Landlock", "seccomp")  # the second where the kernel has no Landlock


def fsck_uses_the_sandbox_when_asked(_):
    rc, fences = isolation("--isolated", "--canonical", "--objects=objects")
    expect((rc, fences in FENCES), (SOUND, True))
    expect(isolation("--no-isolated"), (SOUND, "none"))


def fsck_uses_the_sandbox_when_root_looks_at_the_file_of_another(_):
    expect(isolation(), (SOUND, "none"))
    if os.geteuid() == 0:
        os.chown("image.cfs", 65534, 65534)
        expect(isolation()[1] in FENCES, True)
        expect(isolation("--no-isolated"), (SOUND, "none"))


def fsck_reports_the_same_in_the_sandbox(place):
    """Of damage in the image, and of objects."""
    place.edit(place.objects[0], 5, b"!")
    os.unlink(place.objects[1])
    expect(run("fsck", "--isolated", "--objects=objects", "image.cfs"), run("fsck", "--objects=objects", "image.cfs"))
    for offset in (0, 8, 1030, 1060, 1152, 1200, 9000):
        place.edit("image.cfs", offset, b"\xff\xff")
        expect(run("fsck", "--isolated", "image.cfs"), run("fsck", "--no-isolated", "image.cfs"))


def fsck_in_isolation_has_enough_memory_for_the_densest_images(_):
    """Names of few bytes and hard links need the most of it for a byte of image."""
    letters = "0123456789abcdefghijklmnopqrstuvwxyz"
    names = [a + b + c for a in letters for b in letters for c in letters]
    with open("links.dump", "w", encoding="ascii") as f:
        f.write(f"/ 4096 40755 2 0 0 0 0.0 - - -\n/! 0 100644 {len(names) + 1} 0 0 0 0.0 - - -\n")
        f.writelines(f"/{n} 0 @120000 - - - - 0.0 /! - -\n" for n in names)
    with open("deep.dump", "w", encoding="ascii") as f:
        f.writelines(f"/{'/'.join('d' * n)} 4096 40755 2 0 0 0 0.0 - - -\n" for n in range(2000))
    for name in ("links", "deep"):
        subprocess.run([MKCOMPOSEFS, "--from-file", name + ".dump", name + ".cfs"], check=True)
        expect(run("fsck", "--isolated", "--canonical", name + ".cfs")[0], SOUND)


def fsck_does_not_leave_the_directory_of_the_objects(_):
    """The path of an object is the word of the image."""
    with open("up.dump", "w", encoding="ascii") as f:
        f.write("/ 4096 40755 2 0 0 0 0.0 - - -\n/f 10 100644 1 0 0 0 0.0 a/../../secret - -\n")
    subprocess.run([MKCOMPOSEFS, "--from-file", "up.dump", "up.cfs"], check=True)
    with open("secret", "w", encoding="ascii") as f:
        f.write("0123456789")
    rc, _, err = run("fsck", "--objects=objects", "up.cfs")
    expect(rc, DAMAGED)
    has(err, "path leaves the object directory by ..")


def fsck_reports_each_object_once_with_a_file_that_uses_it(_):
    """Files that expect different sizes or digests of one object share its line."""
    os.makedirs("shared")
    for name, size in (("shared/sizes", 5), ("shared/good", 4)):
        with open(name, "w", encoding="ascii") as f:
            f.write("x" * size)
    digests = ["11" * 32, "22" * 32]
    with open("shared.dump", "w", encoding="ascii") as f:
        f.write("/ 4096 40755 2 0 0 0 0.0 - - -\n")
        f.writelines(f"/{n} {size} 100644 1 0 0 0 0.0 {path} - {digest}\n" for n, size, path, digest in (
            ("a", 5, "sizes", "-"), ("b", 6, "sizes", "-"), ("c", 4, "good", "-"), ("d", 3, "gone", "-"),
            ("e", 3, "gone", "-"), ("f", 3, "gone", "-"), ("g", 4, "good", digests[0]), ("h", 4, "good", digests[1])))
    subprocess.run([MKCOMPOSEFS, "--from-file", "shared.dump", "shared.cfs"], check=True)
    for sandbox in ("--isolated", "--no-isolated"):
        rc, out, err = run("fsck", sandbox, "--objects=shared", "shared.cfs")
        expect((rc, out), (DAMAGED, "shared.cfs: damaged, 3 objects: 2 damaged, 1 missing, 0 unreadable\n"))
        expect(err.splitlines(), [
            "composefs fsck: object gone: missing: used by /d and 2 more",
            "composefs fsck: object good: the image expects several digests: used by /c and 2 more",
            "composefs fsck: object sizes: size: the image expects 5 and 6 bytes, got 5: used by /a and 1 more"])
        found = json.loads(run("fsck", sandbox, "--json", "--objects=shared", "shared.cfs")[1])
        expect([(f["backing_path"], f["path"], f["files"]) for f in found["findings"]],
               [("gone", "/d", 3), ("good", "/c", 3), ("sizes", "/a", 2)])


def fsck_in_isolation_has_room_for_the_longest_answer(_):
    """Objects with the shortest paths, in files with the longest."""
    deep = "/".join(["", "d" * 255])
    with open("short.dump", "w", encoding="ascii") as f:
        f.write(f"/ 4096 40755 2 0 0 0 0.0 - - -\n{deep} 4096 40755 2 0 0 0 0.0 - - -\n")
        f.writelines(f"{deep}/{n:x} 1 100644 1 0 0 0 0.0 {n:x} - -\n" for n in range(100000))
    subprocess.run([MKCOMPOSEFS, "--from-file", "short.dump", "short.cfs"], check=True)
    os.mkdir("none")
    rc, out, _ = run("fsck", "--isolated", "--objects=none", "short.cfs")
    expect((rc, out.split(",")[:2]), (MISSING, ["short.cfs: missing", " 100000 objects: 0 damaged"]))


def fsck_finds_no_object_where_overlayfs_finds_none(_):
    """Measured on Linux 6.18: ELOOP for a link on the way, ENOENT for one at the end, EINVAL for an empty component."""
    os.makedirs("places/real")
    for name in ("secret", "places/real/f"):
        with open(name, "w", encoding="ascii") as f:
            f.write("0123456789")
    os.symlink("real", "places/link")
    os.symlink("f", "places/real/link")
    os.symlink("..", "places/up")
    rows = [("real/f", SOUND), ("link/f", DAMAGED), ("real/link", DAMAGED), ("up/secret", DAMAGED),
            ("/real/f", DAMAGED), ("real//f", DAMAGED), ("/" + os.path.abspath("secret"), DAMAGED)]
    for path, status in rows:
        with open("way.dump", "w", encoding="ascii") as f:
            f.write(f"/ 4096 40755 2 0 0 0 0.0 - - -\n/f 10 100644 1 0 0 0 0.0 {path} - -\n")
        subprocess.run([MKCOMPOSEFS, "--from-file", "way.dump", "way.cfs"], check=True)
        rc, _, err = run("fsck", "--no-isolated", "--objects=places", "way.cfs")
        if rc != status:
            raise AssertionError(f"{path}: expected expected status 0, got {status}, got {rc}: {err}")


def fsck_reports_what_a_kernel_mishandles(_):
    """The external files of the tree are the reason; isolated or not, it is the same."""
    for fence in ("--no-isolated", "--isolated"):
        rc, out, err = run("fsck", fence, "--kernel=5.14", "image.cfs")
        expect((rc, out), (UNFIT, "image.cfs: unfit\n"))
        has(err, "warning: Linux 5.14 does not know the layout of external files")
        has(err, "the first is /a)")
        has(err, "note: Linux 5.14 needs a loop device")
        rc, out, _ = run("fsck", fence, "--json", "--kernel=5.14.0-427.el9.x86_64", "image.cfs")
        kernel = json.loads(out)["kernel"]
        found = {f["rule"]: f for f in kernel["findings"]}
        expect((rc, kernel["version"]), (UNFIT, "5.14.0-427.el9.x86_64"))
        expect((found["chunks"]["effect"], found["chunks"]["fixed"], found["chunks"]["inodes"]), ("refuses", "5.15", 2))


def fsck_notes_about_a_kernel_do_not_change_the_status(_):
    rc, out, err = run("fsck", "--kernel=6.6", "image.cfs")
    expect((rc, out), (SOUND, "image.cfs: sound\n"))
    expect([line.split(":")[1] for line in err.splitlines()], [" note"])
    expect(run("fsck", "--kernel=6.12", "image.cfs"), (SOUND, "image.cfs: sound\n", ""))


def image_of(*lines):
    """An image of a dump: a root, and these lines."""
    dump = "\n".join(("/ 4096 40755 1 0 0 0 0.0 - - -",) + lines) + "\n"
    subprocess.run([MKCOMPOSEFS, "--from-file", "-", "odd.cfs"], input=dump, text=True, check=True)


ODD = (("hidden-xattrs", "/f 0 100644 1 0 0 0 0.0 - - - lustre.x=v"),
       ("hidden-xattrs", "/f 0 100644 1 0 0 0 0.0 - - - system.posix_acl_accessX=v"),
       ("acls", "/f 0 100644 1 0 0 0 0.0 - - - system.posix_acl_access=v"),
       ("nanoseconds", "/f 0 100644 1 0 0 0 0.1000000000 - - -"),
       ("backing-paths", "/f 10 100644 1 0 0 0 0.0 - - -"),
       ("backing-paths", "/f 10 100644 1 0 0 0 0.0 a//b - -"))


def fsck_reports_content_that_no_kernel_shows(_):
    for rule, line in ODD:
        image_of(line)
        rc, out, err = run("fsck", "odd.cfs")
        expect((rc, out), (UNFIT, "odd.cfs: unfit\n"))
        has(err, "warning: Linux ")
        has(err, f"({rule}: 1 inode, the first is /f)")
        found = json.loads(run("fsck", "--json", "odd.cfs")[1])
        expect((found["status"], found["kernel"]["version"]), ("unfit", None))
        expect([f["rule"] for f in found["kernel"]["findings"]], [rule])


def fsck_treats_a_single_whiteout_mark_as_an_xattr(_):
    image_of("/d 0 40755 1 0 0 0 0.0 - - - user.overlay.whiteouts=",
             "/f 0 100644 1 0 0 0 0.0 - - - user.overlay.whiteout=",
             "/g 0 100644 1 0 0 0 0.0 - - - trusted.overlay.whiteout=")
    expect(run("fsck", "--canonical", "odd.cfs"), (SOUND, "odd.cfs: sound\n", ""))


def fsck_reports_damage_before_kernel_problems(place):
    os.unlink(place.objects[0])
    expect(run("fsck", "--kernel=5.14", "--objects=objects", "image.cfs")[0], MISSING)
    place.edit("image.cfs", 1200, b"\xff\xff")
    expect(run("fsck", "--kernel=5.14", "image.cfs")[0], DAMAGED)


def fsck_in_isolation_has_enough_memory_for_shared_backing_paths(_):
    """A path of 4095 bytes is in the image once for all files; the tree and the list of objects have a copy for each."""
    path = "a/" * 2047 + "b"
    with open("paths.dump", "w", encoding="ascii") as f:
        f.write("/ 0 40755 2 0 0 0 0.0 - - -\n")
        f.writelines(f"/{i:04d} {i + 1} 100644 1 0 0 0 0.0 {path} - -\n" for i in range(8500))
    subprocess.run([MKCOMPOSEFS, "--from-file", "paths.dump", "paths.cfs"], check=True)
    expect(os.path.getsize("paths.cfs") < 1 << 20, True)
    expect(run("fsck", "--isolated", "--canonical", "paths.cfs"), (SOUND, "paths.cfs: sound\n", ""))
    rc, out, _ = run("fsck", "--isolated", "--objects=objects", "--json", "paths.cfs")
    expect((rc, json.loads(out)["objects_missing"]), (MISSING, 1))
    expect(json.loads(out)["findings"][0]["files"], 8500)


def json_is_valid_whatever_the_names_are(_):
    name = b"bad\xff\"\\\n\x7f\xc2\x9b\xc3\xa9.cfs"
    os.rename(b"image.cfs", name)
    done = subprocess.run([COMPOSEFS.encode(), b"fsck", b"--json", name], stdout=subprocess.PIPE, timeout=60,
                          check=True)
    expect(json.loads(done.stdout)["image"], "bad\ufffd\"\\\n\x7f\x9b\u00e9.cfs")
    expect([c for c in done.stdout.decode() if c < " " or "\x7f" <= c < "\xa0"], ["\n"])


def wrong_usage_is_status_2(_):
    for args in ((), ("none",), ("ls",), ("fsck", "--none", "image.cfs"), ("fsck", "a", "b"),
                 ("fsck", "--isolated", "--no-isolated", "image.cfs"),
                 ("fsck", "--kernel=new", "image.cfs"), ("fsck", "--kernel=", "image.cfs")):
        expect(run(*args)[0], USAGE)
    for args in (("ls",), ("fsck", "--none", "image.cfs"), ("fsck", "--objects"), ("ls", "--jsno", "x")):
        said = run(*args)[2].splitlines()
        expect((len(said), said[-1]), (2, f'see "composefs {args[0]} --help"'))
    for verb, hint in (("craete-image", 'did you mean "composefs create-image"?'), ("mont", 'did you mean "composefs mount"?'),
                       ("rmi", "composefs rm"), ("unmount", 'use "composefs umount"'), ("prune", 'use "composefs gc"'),
                       ("list", "composefs images"), ("ls-files", "composefs ls"),
                       ("pull", "composefs oci pull")):
        if "did you mean" in hint and "create-image" not in run("--help")[1]:
            continue  # a build without repositories
        rc, _, err = run(verb)
        expect((rc, hint in err, err.endswith('\nsee "composefs --help"\n')), (USAGE, True, True))
    expect(run("xyzzy")[2], 'composefs: xyzzy: unknown command\nsee "composefs --help"\n')
    for args in (("--help",), ("ls", "--help"), ("fsck", "--help")):
        expect(run(*args)[0], SOUND)


def help_prints_the_help_of_a_command_and_of_its_verb(_):
    for command in (("ls",), ("diff",)) + ((("oci",), ("oci", "pull")) if "\n  oci " in run("--help")[1] else ()):
        rc, out, err = run("help", *command)
        expect((rc, err), (SOUND, ""))
        expect(out.partition("\nManual page: ")[0], run(*command, "--help")[1].partition("\nManual page: ")[0])
        expect(out.splitlines()[0].startswith(" ".join(["Usage: composefs", *command, ""])), True, out)
    for words in ((), ("--help",)):
        expect(run("help", *words), run("--help"))


def help_refuses_unknown_commands_and_too_many_words(_):
    expect(run("help", "dif")[::2], (USAGE, 'composefs: dif: unknown command; did you mean "composefs diff"?\nsee "composefs --help"\n'))
    expect(run("help", "ls", "x")[::2], (USAGE, 'composefs: help: expected a command, got 2 words\nsee "composefs --help"\n'))
    if "\n  oci " in run("--help")[1]:
        expect(run("help", "oci", "xyzzy")[::2], (USAGE, 'composefs oci: xyzzy: unknown verb\nsee "composefs oci --help"\n'))
        expect(run("help", "oci", "pull", "x")[::2],
               (USAGE, 'composefs: help: expected a command and a verb, got 3 words\nsee "composefs --help"\n'))


TESTS = [v for k, v in list(globals().items()) if k.startswith(("ls_", "fsck_", "json_", "wrong_", "help_"))]


def main():
    failed = 0
    for number, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory(dir=place_in_memory()) as tmp:
            os.chdir(tmp)
            try:
                test(Place())
                print(f"ok {number} - {test.__name__}")
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as reason:
                failed += 1
                print(f"not ok {number} - {test.__name__}\n# {reason}")
            os.chdir("/")
    print(f"1..{len(TESTS)}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
