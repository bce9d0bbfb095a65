#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The tab key: what the programs offer, and what bash, zsh and fish make of it. bash and zsh run on a terminal, and the
test presses the key; fish completes a line by `complete -C`.

    completion_test.py COMPOSEFS
"""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

from repo import COMPOSEFS, OK, Skip, ensure, expect, good, main, make, run, write

HERE = os.path.dirname(os.path.abspath(__file__))
COMPLETIONS = os.path.join(HERE, "..", "..", "completions")
GOLDEN = os.path.join(HERE, "..", "golden", "oci")
TOOLS = os.path.dirname(COMPOSEFS)
SMALL = ("composefs-dump", "composefs-fuse", "mount.composefs", "composefs-prepare-root")  # options in the first column of --help
ENVIRONMENT = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", "TERM": "dumb", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
# Each prints the line of the editor between < and > when the user presses control-T.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             f"""PS1=; bind 'set enable-bracketed-paste off'; . {COMPLETIONS}/composefs.bash
             bind -x '"\\C-t": printf "\\n<%s>\\n" "$READLINE_LINE"'"""),
    "zsh": (["zsh", "-f", "-i"],
            f"""PS1=; unsetopt zle_bracketed_paste; unset zle_bracketed_paste; fpath=({os.getcwd()}/zsh-functions $fpath)
            autoload -U compinit; compinit -u -D
            show() {{ print -r -- ""; print -r -- "<$BUFFER>" }}; zle -N show; bindkey '^T' show; bindkey '^I' complete-word"""),
}


class Shell:
    """An interactive shell on a terminal."""

    def __init__(self, name):
        command, setup = SHELLS[name]
        if name == "zsh":
            os.makedirs("zsh-functions", exist_ok=True)
            shutil.copy(f"{COMPLETIONS}/composefs.zsh", "zsh-functions/_composefs")
            setup = setup.replace(re.search(r"fpath=\((\S+)/zsh", setup).group(1), os.getcwd())
        write("setup", setup + "\n")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, ENVIRONMENT)
        self.send(". ./setup\necho rea''dy\n")
        self.read_until("ready")

    def send(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, pattern):
        seen, end = "", time.monotonic() + 120
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            found = re.search(pattern, seen.replace("\r", ""))
            if found:
                return found
        raise AssertionError(f"expected {pattern} on the terminal, got {seen!r:.2000}")

    def complete(self, line):
        """The line after the tab key."""
        self.send(f"{line}\t\x14")
        found = self.read_until(r"(?s)\n<(.*?)>\n").group(1)
        self.send("\x15")  # an empty line again
        return found

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def offered(*line, program=COMPOSEFS):
    """The candidates, and the last line."""
    status, out, err = run("--complete", *line, program=program)
    expect((status, err), (OK, ""))
    lines = out.splitlines()
    return [l.split("\t")[0] for l in lines if "\t" in l], lines[-1]


def commands():
    return re.findall(r"^  ([a-z][a-z-]+)  ", good("--help").partition("\nExample:")[0], re.M)


def options_in_help(*command, program=COMPOSEFS):
    text = run(*command, "--help", program=program)[1]
    found = re.findall(r"^  (?:-\w, )?(--[a-z-]+=?)", text, re.M)
    return sorted(set(found))


def every_option_of_every_command_is_offered():
    for command in commands():
        expect(sorted(set(offered(command, "--")[0])), options_in_help(command))
    for name in ("mkcomposefs", "composefs-info", "composefs-fsck"):
        program = os.path.join(TOOLS, name)
        if os.path.exists(program):
            expect(sorted(offered("--", program=program)[0]), options_in_help(program=program))


def every_command_is_offered_also_behind_help():
    expect(sorted(offered("")[0]), sorted(commands() + ["help"]))
    expect(sorted(offered("help", "")[0]), sorted(commands() + ["help"]))
    expect(offered("--repo", "x", "ima")[0], ["images", "image-objects"])
    expect(offered("help", "gc", ""), ([], ":none"))


def every_verb_is_offered_also_behind_help():
    """Those that "composefs oci --help" lists: none in a build without repositories."""
    verbs = re.findall(r"^  ([a-z][a-z-]+)  ", run("oci", "--help")[1], re.M) if "oci" in commands() else []
    for words in (("oci",), ("help", "oci")) if verbs else ():
        expect(sorted(offered(*words, "")[0]), sorted(verbs))
        expect(offered(*words, "pul"), (["pull"], ":none"))
    expect(offered("help", "oci", "pull", ""), ([], ":none"))
    expect(offered("--repo", "")[1], ":dirs")


def values_are_offered_by_their_table():
    expect(offered("du", "--sort=f")[0], ["--sort=frees", "--sort=fair"])
    expect(offered("du", "--sort", "f")[0], ["frees", "fair"])
    expect(offered("create-image", "--profile=ipe")[0], ["--profile=ipe-1", "--profile=ipe-1-sha256"])
    expect(offered("gc", "--root")[0], ["--root="])
    expect(offered("images", "--filter=s")[0], ["--filter=signed=", "--filter=since="])
    expect(offered("gc", "--repo=")[1], ":dirs")
    expect(offered("gc", "--grace=")[0], [])
    expect(offered("mount", "x", "")[1], ":dirs")


def images_and_paths_come_from_the_repository():
    image_id = make()
    hexadecimal = image_id.split(":")[-1]
    expect(offered("mount", "--repo=r", "")[0], ["os/1"])
    expect(offered("--repo", "r", "mount", hexadecimal[:4])[0], [hexadecimal])
    expect(offered("mount", "--repo", "r", "sha256:")[0], [f"sha256:{hexadecimal}"])
    expect(sorted(offered("ls", "--repo=r", "os/1", "/")[0]), ["/a", "/dir/", "/link", "/shared"])
    expect(offered("ls", "--repo=r", "os/1", "/dir/s")[0], ["/dir/small"])
    expect(offered("ls", "--repo=r", "os/1", "dir/s")[0], [])
    expect(offered("tag", "--repo=r", "os/1", "os")[0], ["os/1"])
    expect(offered("mount", "--repo=missing", "")[0], [])
    expect(offered("extract", "--repo=r", "os/1", "/dir/s"), (["/dir/small"], ":dirs"))
    expect(offered("extract", "--repo=r", "os/1", "/dir", ""), ([], ":dirs"))


def container_images_come_from_the_repository():
    if "oci" not in commands():
        raise Skip("built without container images")
    good("init", "--insecure", "r")
    good("oci", "pull", "--repo=r", f"oci:{GOLDEN}/basic", "registry.example/app:1")
    image = json.loads(good("oci", "inspect", "--repo=r", "registry.example/app:1"))
    digits = image["manifest_digest"].split(":")[1]
    for verb in ("inspect", "tag", "mount", "push", "export", "bundle", "compute-id", "dump", "fsck", "rm"):
        expect(offered("oci", verb, "--repo=r", ""), (["registry.example/app:1"], ":none"), verb)
    expect(offered("oci", "tag", "--repo=r", "x", "reg"), (["registry.example/app:1"], ":none"))
    expect(offered("oci", "copy", "--from=r", "--repo=other", "reg"), (["registry.example/app:1"], ":none"))
    for form in (digits, "@sha256:" + digits, "sha256:" + digits):
        expect(offered("oci", "mount", "--repo=r", form[:12]), ([form], ":none"))
    expect(offered("oci", "layer", "--repo=r", "sha256:"), ([image["layers"][0]["diff_id"]], ":none"))
    expect(offered("oci", "mount", "--repo=r", "none"), ([], ":none"))
    expect(offered("oci", "pull", "--repo=r", "oci"), (["oci:", "oci-archive:"], ":files"))
    expect(offered("oci", "push", "--repo=r", "x", "docker-a"), (["docker-archive:"], ":files"))
    good("create-image", "--repo=r", GOLDEN, "os/1")
    expect(offered("mount", "--repo=r", ""), (["os/1"], ":none"))
    expect(offered("copy", "--from=r", "--repo=other", ""), (["os/1"], ":none"))


def mounts_are_offered_to_umount_and_status():
    if os.geteuid() != 0:
        raise Skip("needs root")
    make()
    os.mkdir("mnt")
    good("mount", "--repo=r", "os/1", "mnt")
    try:
        for verb in ("umount", "status"):
            ensure(os.path.abspath("mnt") in offered(verb, "")[0], verb)
    finally:
        good("umount", "mnt")


def a_control_character_in_a_name_is_not_offered():
    make()
    write("tree/evil\n/x", "x")
    write("tree/esc\x1b[2J", "x")
    good("create-image", "--repo=r", "tree", "os/2")
    expect(sorted(offered("ls", "--repo=r", "os/2", "/")[0]), ["/a", "/dir/", "/link", "/shared"])


def needs_shell(name):
    if not shutil.which(name):
        raise Skip(f"{name} is not installed (scripts/deps.sh test)")


def interactive(name):
    needs_shell(name)
    make()
    write("tree/$(touch pwned)", "x")
    good("create-image", "--repo=r", "tree", "os/2")
    os.mkdir("target")
    shell = Shell(name)
    try:
        for line, expected in (("composefs ver", ("composefs version ", "composefs ver")),
                               ("composefs transac", ("composefs transaction ",)),
                               ("composefs --repo=r du --sort=fr", ("composefs --repo=r du --sort=frees ",)),
                               ("composefs du --sor", ("composefs du --sort=",)),
                               ("composefs images --filter=mou", ("composefs images --filter=mounted=",)),
                               ("composefs ls --repo=r os/1 /di", ("composefs ls --repo=r os/1 /dir/",)),
                               ("composefs ls --repo=r os/1 /dir/s", ("composefs ls --repo=r os/1 /dir/small ",)),
                               ("composefs gc --repo=targ", ("composefs gc --repo=target/",)),
                               ("composefs mount --repo=r os/1 targ", ("composefs mount --repo=r os/1 target/",)),
                               ("composefs mount --repo=r ", ("composefs mount --repo=r os/",)),
                               ("composefs extract --repo=r os/1 /dir/s", ("composefs extract --repo=r os/1 /dir/small ",)),
                               ("composefs ls --repo=r os/2 /\\$", ("composefs ls --repo=r os/2 /\\$\\(touch\\ pwned\\) ",)),
                               ("mkcomposefs --profile=ipe-1-s", ("mkcomposefs --profile=ipe-1-sha256 ",)),
                               ("composefs-info measure", ("composefs-info measure-file ",)),
                               ("composefs-fuse -o verity,base", ("composefs-fuse -o verity,basedir=",)),
                               ("composefs oci pull --repo=r oci:targ", ("composefs oci pull --repo=r oci:target/",)),
                               ("composefs-prepare-root --sysr", ("composefs-prepare-root --sysroot=",)),
                               ("composefs-prepare-root --sysroot=targ", ("composefs-prepare-root --sysroot=target/",)),
                               ("composefs-dump --vers", ("composefs-dump --version ",)),
                               ("mount.composefs -o ro,tryv", ("mount.composefs -o ro,tryverity", "mount.composefs -o ro,tryverity "))):
            got = shell.complete(line)
            if got not in expected:
                raise AssertionError(f"{line}: expected {expected}, got {got!r}")
        expect(os.path.exists("pwned"), False)
    finally:
        shell.close()


def bash_completes_on_a_terminal():
    interactive("bash")


def zsh_completes_on_a_terminal():
    interactive("zsh")


def fish_completes():
    needs_shell("fish")
    make()
    for line, expected in (("composefs transac", ["transaction"]), ("composefs du --sort=fr", ["--sort=frees"]),
                           ("composefs ls --repo=r os/1 /dir/s", ["/dir/small"]),
                           ("mkcomposefs --profile=ipe-1-s", ["--profile=ipe-1-sha256"]), ("composefs gc --repo=tre", ["--repo=tree/"]), ("composefs oci pull oci:tre", ["oci:tree/"]),
                           ("composefs-dump tre", ["tree/"]), ("composefs-prepare-root --sysroot=tre", ["--sysroot=tree/"]),
                           ("mount.composefs -t ", ["composefs"]), ("mount.composefs -o ro,tryv", ["ro,tryverity"])):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {COMPLETIONS}/composefs.fish; complete -C '{line}'"],
                              capture_output=True, text=True, env={**ENVIRONMENT, "HOME": os.getcwd()}, timeout=60, check=True)
        expect([l.split("\t")[0] for l in done.stdout.splitlines()], expected)


def lines_to_complete():
    """Each verb and each long option of each verb that --help shows: the line, and a candidate that it must have."""
    lines = [("composefs ", verb) for verb in commands()] + [("composefs help ", verb) for verb in commands()]
    lines += [(f"composefs {verb} --", option) for verb in commands() for option in options_in_help(verb)]
    for family in ("oci", "boot"):
        verbs = re.findall(r"^  ([a-z][a-z-]+)  ", run(family, "--help")[1].partition("\nExample:")[0], re.M) if family in commands() else []
        lines += [(f"composefs {family} ", verb) for verb in verbs]
        lines += [(f"composefs {family} {verb} --", option) for verb in verbs for option in options_in_help(family, verb)]
    for name in ("mkcomposefs", "composefs-info", "composefs-fsck"):
        lines += [(f"{name} --", option) for option in options_in_help(program=os.path.join(TOOLS, name))]
    for name in SMALL:
        lines += [(f"{name} -", option) for option in options_listed_in_help(name)]
        lines += [(f"{name} -o ", option) for option in mount_options_in_help(name)]
    return lines


def small_help(name):
    program = os.path.join(TOOLS, name)
    return run("--help", program=program)[1] if os.path.exists(program) else ""


def options_listed_in_help(name):
    """Each option in the first column of the help, with "=" if a value follows it."""
    columns = re.findall(r"^  (-.*?)(?:   *.*)?$", small_help(name), re.M)
    found = [re.sub(r"(=).*| .*", r"\1", option) for column in columns for option in column.split(", ")]
    expect(bool(found) or not small_help(name), True, f"{name} --help lists options")
    return found


def mount_options_in_help(name):
    return re.findall(r"^  ([a-z][a-z_-]*=?)", small_help(name).partition("Supported options:")[2], re.M)


def check_candidates(shell, script):
    """script completes each line of the file "lines" and prints "LINE<tab>CANDIDATE"."""
    needs_shell(shell[0])
    wanted = lines_to_complete()
    write("lines", "".join(f"{line}\n" for line in dict.fromkeys(line for line, _ in wanted)))
    done = subprocess.run([*shell, "-c", script], capture_output=True, text=True, env={**ENVIRONMENT, "HOME": os.getcwd()}, timeout=120, check=True)
    got = {tuple(l.split("\t")[:2]) for l in done.stdout.splitlines()}
    expect([pair for pair in wanted if pair not in got], [])


def bash_has_each_verb_and_each_option():
    check_candidates(["bash", "--norc", "--noprofile"], f""". {COMPLETIONS}/composefs.bash
        while IFS= read -r COMP_LINE; do
            read -ra COMP_WORDS <<<"$COMP_LINE"
            [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=("")
            COMP_POINT=${{#COMP_LINE}} COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMPREPLY=()
            function=$(complete -p "${{COMP_WORDS[0]}}")
            function=${{function#* -F }}
            "${{function%% *}}" "${{COMP_WORDS[0]}}" "${{COMP_WORDS[-1]}}" 2>/dev/null
            printf "$COMP_LINE\\t%s\\n" "${{COMPREPLY[@]}}"
        done <lines""")


def zsh_has_each_verb_and_each_option():
    """The function, outside of the line editor: what it gives to compadd."""
    needs_shell("zsh")
    os.mkdir("functions")
    shutil.copy(f"{COMPLETIONS}/composefs.zsh", "functions/_composefs")
    check_candidates(["zsh", "-f"], r"""fpath=($PWD/functions)
        autoload -Uz _composefs
        compadd() {
            local list=""
            while [[ $1 == -* ]]; do
                case $1 in
                -S|-d) shift ;;
                -a) list=$2; shift ;;
                --) shift; break ;;
                esac
                shift
            done
            [[ -z $list ]] || set -- "${(@P)list}"
            print -rl -- "$typed"$'\t'${^@}
        }
        compset() { [[ $1 == -P ]] && PREFIX=${PREFIX#${~2}} }
        _files() { }
        _call_program() { shift; eval "$*" }
        while IFS= read -r typed; do
            words=("${(@s: :)typed}")
            CURRENT=$#words PREFIX=$words[-1] service=$words[1]
            _composefs
        done <lines""")


def fish_has_each_verb_and_each_option():
    check_candidates(["fish", "--no-config"], f"""source {COMPLETIONS}/composefs.fish
        while read -l line
            for candidate in (complete -C "$line")
                printf '%s\\t%s\\n' "$line" (string split -f1 \\t -- "$candidate")
            end
        end <lines""")


if __name__ == "__main__":
    sys.exit(main([v for v in list(globals().values())
                   if getattr(v, "__module__", None) == "__main__" and callable(v) and v not in (
                       Shell, offered, commands, options_in_help, needs_shell, interactive, lines_to_complete, small_help, options_listed_in_help,
                       mount_options_in_help, check_candidates)]))
