#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Which repository a command uses: that of --repo, of $COMPOSEFS_REPO, the one around the current directory, or the default.

    repo_place_test.py COMPOSEFS
"""
import os
import re
import shutil
import subprocess
import sys

from repo import COMPOSEFS, FAILED, OK, USAGE, Skip, expect, good, has, main, make_tree, mode, refused, run, write

NOBODY = 65534
# init and doctor name their operand; the others read something else before they look for a repository.
NOT_OPENED = (("init",), ("doctor",), ("import-image",), ("oci", "import-layer"))


def repositories(*names):
    """Each has an image with the name of the repository."""
    make_tree()
    for name in names:
        good("init", "--insecure", name)
        good("create-image", f"--repo={name}", "tree", os.path.basename(name))


def names(*args, cwd=".", env=(), who=None, program="composefs"):
    """The images that a command finds; else its message."""
    user = {"user": who, "group": who} if who is not None else {}
    columns = ["--format={{.Name}}"] if program == "composefs" else []
    done = subprocess.run([program, "images", *columns, *args], executable=COMPOSEFS, cwd=cwd, env={"HOME": "/nonexistent", **dict(env)},
                          capture_output=True, text=True, check=False, **user)
    return [l.split("\t")[-1] for l in done.stdout.splitlines()] if done.returncode == OK else done.stderr


def give(who, *tops):
    """Give everything below to a user."""
    for top in tops:
        for folder, folders, files in os.walk(top):
            for path in [folder] + [os.path.join(folder, n) for n in folders + files]:
                os.chown(path, who, who, follow_symlinks=False)


def an_option_precedes_the_environment_which_precedes_the_directory():
    repositories("a", "b", "c")
    env = {"COMPOSEFS_REPO": os.path.abspath("b")}
    expect(names("--repo=../a", cwd="c", env=env), ["a"])
    expect(names(cwd="c", env=env), ["b"])
    expect(names(cwd="c", env={"COMPOSEFS_REPO": ""}), ["c"])
    expect(names(cwd="c"), ["c"])
    expect(names(cwd="c/objects"), ["c"])
    has(names("--repo=a", "--user"), "expected one of")


def a_missing_repository_of_the_environment_is_an_error():
    repositories("c")
    has(names(cwd="c", env={"COMPOSEFS_REPO": "none"}), "repository none: ")


def a_new_repository_without_objects_is_found():
    good("init", "--insecure", "r")
    os.mkdir("r/below")
    expect(names(cwd="r/below"), [])


def the_meta_json_of_another_program_is_no_repository():
    repositories("r")
    os.mkdir("r/below")
    for text in ('{"name":"a bundle"}', "[]", "no JSON", ""):
        write("r/below/meta.json", text)
        expect(names(cwd="r/below"), ["r"])
    write("r/below/meta.json", '{"version":2,"algorithm":"x"}')
    has(names(cwd="r/below"), "below: meta.json: version: expected 1, got 2")


def a_repository_of_another_user_must_be_named():
    if os.geteuid() != 0:
        return  # only root can give files away
    repositories("r")
    os.mkdir("r/below")
    here = os.path.abspath("r")
    for given in ("r", "r/meta.json", "r/objects"):
        os.chown(given, 1, 1)
        for cwd in ("r", "r/below"):
            has(names(cwd=cwd), f"repository {here}: ")
            has(names(cwd=cwd), f"expected the owner 0 or root, got user 1 (--repo={here} uses it anyway)\n")
        expect(names("--repo=r"), ["r"])
        os.chown(given, 0, 0)
    os.chmod("r", 0o777)
    has(names(cwd="r"), "everybody can write to it")
    os.chmod("r", 0o1777)
    expect(names(cwd="r"), ["r"])


def the_search_ends_at_a_directory_of_another_user():
    if os.geteuid() != 0:
        return
    repositories("r")
    os.makedirs("r/theirs/ours")
    expect(names(cwd="r/theirs/ours"), ["r"])
    os.chown("r/theirs", 1, 1)
    has(names(cwd="r/theirs/ours"), "no repository: looked for $COMPOSEFS_REPO, in the current directory")
    os.chown("r/theirs", 0, 0)
    os.chmod("r/theirs", 0o777)
    has(names(cwd="r/theirs/ours"), "no repository")


def user_is_the_first_place_that_exists():
    home = os.getcwd()
    repositories("data/composefs", ".local/share/composefs", ".var/lib/composefs")
    for place in ("data/composefs", ".local/share/composefs", ".var/lib/composefs"):
        good("tag", f"--repo={place}", "composefs", place.split("/", maxsplit=1)[0])
    data = {"HOME": home, "XDG_DATA_HOME": f"{home}/data"}
    expect(names("--user", env=data, cwd="/"), ["composefs", "data"])
    expect(names("--user", env={**data, "XDG_DATA_HOME": "data"}, cwd="/"), [".local", "composefs"])
    expect(names("--user", env={"HOME": home}, cwd="/"), [".local", "composefs"])
    expect(names("--user", env={"HOME": home}, cwd="/", program="cfsctl"), [".var", "composefs"])
    shutil.rmtree("data/composefs")
    expect(names("--user", env=data, cwd="/"), [".var", "composefs"])
    shutil.rmtree(".var")
    has(names("--user", env=data, cwd="/"), f"repository {home}/data/composefs: ")
    has(names("--user", env={"HOME": ""}, cwd="/"), "--user: expected the path of a directory in $HOME")


def an_unprivileged_caller_has_the_repository_of_the_user():
    if os.geteuid() != 0:
        return
    repositories("home/.local/share/composefs")
    give(NOBODY, ".")
    env = {"HOME": f"{os.getcwd()}/home"}
    expect(names(env=env, who=NOBODY, cwd="/"), ["composefs"])
    shutil.rmtree("home/.local")
    has(names(env=env, who=NOBODY, cwd="/"), f"and at {os.getcwd()}/home/.local/share/composefs (\"composefs init DIR\" creates one")


def commands_for_files_take_images_of_the_default_repository():
    """fsck, and with signatures verify, where no file has the name."""
    if os.geteuid() != 0:
        raise Skip("needs root, to become another user")
    repositories("home/.local/share/composefs")
    give(NOBODY, ".")
    how = {"cwd": "/", "env": {"HOME": f"{os.getcwd()}/home"}, "user": NOBODY, "group": NOBODY, "extra_groups": [], "capture_output": True, "text": True, "check": False}
    for verb, status, part in (("fsck", OK, ": sound, "), ("ls", OK, "/"), ("verify", 12, "expected a trusted key")):
        if f"  {verb} " in good("--help"):
            done = subprocess.run([COMPOSEFS, verb, "composefs"], **how)
            expect(done.returncode, status, done.stderr)
            has(done.stdout + done.stderr, part)


def cfsctl_looks_at_the_places_of_composefs_rs_alone():
    repositories("b", "c")
    has(names(cwd="c", env={"COMPOSEFS_REPO": os.path.abspath("b")}, program="cfsctl"), "sysroot/composefs" if os.geteuid() == 0 else "/nonexistent")


def a_message_names_the_repository_that_was_not_named():
    repositories("r")
    here = os.path.abspath("r")
    os.chdir("r")
    expect(refused("untag", "none"), f'composefs untag: no such image: "none" (repository {here})\n')
    for line, status in (("ls r /none", FAILED), ("cat r /none", FAILED), ("diff r none", USAGE), ("explain r none", USAGE),
                         ("init --erofs-version=0 --insecure", FAILED), ("oci inspect none", FAILED), ("log none", FAILED)):
        has(refused(*line.split(), status=status), here)
    os.environ["COMPOSEFS_REPO"] = "."
    try:
        has(refused("diff", "r", "none", status=USAGE), " (repository .)\n")
    finally:
        del os.environ["COMPOSEFS_REPO"]
    os.chdir("..")
    expect(refused("untag", "--repo=r", "none"), 'composefs untag: no such image: "none"\n')


def each_command_names_the_repository_in_its_errors():
    """Each that --help lists with --repo, with operands that are neither images nor files."""
    repositories("r")
    os.chdir("r")
    here, asked = os.getcwd(), set()
    families = [()] + [("oci",)] * (run("oci", "--help")[0] == 0)  # "boot" looks for a boot partition first
    verbs = [(*family, verb) for family in families
             for verb in re.findall(r"^  ([a-z][a-z-]+)  ", good(*family, "--help"), re.M)]
    for verb in verbs:
        if verb in NOT_OPENED or "\n  --repo=" not in run(*verb, "--help")[1]:
            continue
        for count in (1, 2, 3):
            rc, _, err = run(*verb, *["none"] * count)
            if rc and "--help" not in err:
                expect((verb, count, here in err), (verb, count, True), err)
                asked.add(verb)
    expect(len(asked) > 20, True, str(asked))


def warnings_and_findings_name_the_repository():
    repositories("r")
    os.chdir("r")
    write("images/no-link", "")
    for command in ("images", "fsck"):
        has(run(command)[2], f" (repository {os.getcwd()})\n")
    os.environ["COMPOSEFS_REPO"] = "o"  # a letter of many words
    os.symlink(".", "o")
    try:
        expect(refused("untag", "none"), 'composefs untag: no such image: "none" (repository o)\n')
    finally:
        del os.environ["COMPOSEFS_REPO"]


def compute_id_and_create_image_agree_inside_a_repository():
    make_tree()
    good("init", "--insecure", "--algorithm=fsverity-sha256-12", "r")
    os.chdir("r")
    expect(good("compute-id", "../tree"), good("create-image", "../tree"))
    has(good("compute-id", "--no-repo", "../tree"), "sha512:")
    if os.geteuid() == 0:
        os.chown(".", 1, 1)
        has(refused("compute-id", "../tree"), "uses it anyway")
        has(good("compute-id", "--no-repo", "../tree"), "sha512:")


def ls_takes_a_file_or_an_image_of_the_repository():
    repositories("r")
    os.chdir("r")
    has(good("ls", "r"), "/dir/\n")
    has(refused("ls", "none"), f'no such image: "none" (repository {os.getcwd()})')


def the_repository_of_the_environment_comes_before_a_file_and_that_of_an_option_excludes_it():
    repositories("r")
    golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden")
    image = next(name for name in sorted(os.listdir(golden)) if name.endswith(".cfs"))
    shutil.copy(os.path.join(golden, image), "file.cfs")
    os.environ["COMPOSEFS_REPO"] = "r"
    try:
        expect(good("ls", "-R", "file.cfs"), good("ls", "-R", "./file.cfs"))
        has(good("ls", "r"), "/dir/\n")
        expect(refused("ls", "none"), 'composefs ls: no such image: "none" (repository r)\n')
        has(refused("ls", "/dev/null"), "composefs ls: Failed to open /dev/null: expected a regular file, got a character device")
        write("text", "no image" * 1000)
        has(refused("ls", "text"), "not a composefs image")
        has(refused("ls", "text"), '; no such image: "text"')
        expect(refused("ls", "--repo=r", "file.cfs"), 'composefs ls: no such image: "file.cfs"\n')
        if "  verify " in good("--help"):
            has(refused("verify", "none"), 'no such image: "none"')
            os.mkdir("trusted")
            has(run("verify", "--trusted=trusted", "file.cfs")[2], "file.cfs: expected a signature in file.cfs.sig, got none")
    finally:
        del os.environ["COMPOSEFS_REPO"]


def init_without_a_directory_makes_the_current_one_a_repository():
    os.mkdir("r")
    os.chmod("r", 0o755)
    os.chdir("r")
    expect(good("init", "--insecure"), f"{os.getcwd()}: created\n")
    expect(mode("."), 0o700)
    os.mkdir("below")
    os.chdir("below")
    expect(good("init", "--insecure"), f"{os.path.dirname(os.getcwd())}: already exists\n")
    os.chdir("../..")
    os.environ["COMPOSEFS_REPO"] = "other"
    try:
        expect(good("init", "--insecure"), "other: created\n")
    finally:
        del os.environ["COMPOSEFS_REPO"]
    has(refused("init", "--insecure"), "expected a new or empty directory, got one with ")
    expect(run("init", "--insecure", "r", "--repo=r")[0], FAILED)


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v)
                   and v.__name__ not in ("repositories", "names", "give")]))
