#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""The rules of the house that a program can check, one TAP line each.

    style.py ROOT [--cc WORD]... [--cxx WORD]...       e.g. style.py . --cc gcc --cxx g++

A check yields one sentence for each place that breaks its rule, or raises Skip with the reason
why it cannot look. style_test.py breaks every rule once and wants the check to notice.
"""
import argparse
import ast
import os
import re
import shutil
import subprocess
import sys

SPDX = "SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later"
SOURCE_SUFFIXES = (".c", ".cc", ".h", ".py", ".sh", ".build", ".scd", ".sym", ".ini", ".bash", ".fish", ".zsh")
SOURCE_NAMES = ("Makefile", "meson_options.txt", "run")
FILE_LINES_MAX = 600
ROOM_FILE_LINES_MAX = 450  # C files below src/ and tools/
FUNCTION_LINES_MAX = 40
CLANG_FORMAT = "14"  # other versions lay out some lines differently


def part_of_each_match(pattern):
    """The longest text that each match of a simple pattern contains, without what is optional, in groups or in classes."""
    fixed = re.sub(r"\\[bw]|\[[^]]*\]\S?|\w\?|[*+]", "\n", re.sub(r"\((?:[^()]|\([^()]*\))*\)\??", "\n", pattern))
    return max(fixed.split("\n"), key=len).lower()


# Words that the code and the documents avoid (CONTRIBUTING.md, Language), and what to write instead.
WORDS = {
    r"\bwant [^\"]*, (found|got)\b": "expected X, got Y",
    r"\bexpected [^\"]*, found\b": "expected X, got Y",
    r"\bthat is there\b": "existing",
    r"\bvouch(es|ed|ing)?\b(?![,\"])": "verify, sign or trust",  # mount.composefs -s has a list with this word
    r"\bmend(s|ed|ing)?\b": "repair",
    r"\b(is|are) told\b": "is reported",
    r"\bjail(s|ed)?\b": "sandbox",
    r"\bnobody\b(?! inspects)": "no process, no user, or name the actor",  # a test vector of xxh32
    r"\bwhoever\b": "anyone who, or name the actor",
    r"/\* Whom?\b": "a user or process that",
    r"\blent (until|from|for|to)\b": "borrowed",
    r"\blends (until|from|for|to)\b": "borrowed",
    r"\bfor ever\b": "forever, or without a limit",
    r"\bsees? to it\b": "makes sure",
    r"\bnonetheless\b": "anyway",
    r"\bagain and again\b": "repeatedly, or many times",
    r"\b(all|everything|what) (that )?is known\b": "the details",
    r"\bone an? CPU\b": "one per CPU",
    r"\bwithin each other\b": "nested",
    r"\bits bytes have another\b": "expected X, got Y",
    r"\bby way of\b": "through",
    r"\bfile systems?\b(?<!Read-only file system)": "filesystem",  # strerror(EROFS)
}
# With a part that each match contains, in lower case: most files have none of them, and searching for it is much faster.
WORD_PATTERNS = [(part_of_each_match(pattern), re.compile(pattern, re.I), instead) for pattern, instead in WORDS.items()]

CHECKS = []


class Skip(Exception):
    pass


def check(function):
    CHECKS.append(function)
    return function


class House:
    """The files below a root, as paths relative to it, and the programs that look at them."""

    def __init__(self, root, cc=(), cxx=()):
        self.root, self.cc, self.cxx = root, list(cc), list(cxx)
        self.files, self.texts, self.found_functions = [], {}, None
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(d for d in folders if not d.startswith("build")
                                and d not in (".git", "__pycache__"))
            rel = os.path.relpath(folder, root)
            self.files += [os.path.normpath(os.path.join(rel, n)) for n in sorted(names)]

    def text(self, name):
        if name not in self.texts:
            with open(os.path.join(self.root, name), encoding="utf-8") as f:
                self.texts[name] = f.read()
        return self.texts[name]

    def lines(self, name):
        return enumerate(self.text(name).splitlines(), 1)

    def matching_lines(self, name, pattern):
        """The lines in which a pattern, which matches no end of a line, is found: (number, line). The whole text is
        searched first: most files have none."""
        if pattern.search(self.text(name)):
            yield from ((n, line) for n, line in self.lines(name) if pattern.search(line))

    def sources(self):
        """What people write: code, scripts, build files, man pages."""
        return [f for f in self.files
                if f.endswith(SOURCE_SUFFIXES) or os.path.basename(f) in SOURCE_NAMES]

    def c_files(self, *tops):
        return [f for f in self.files if f.endswith((".c", ".h"))
                and (not tops or f.split(os.sep)[0] in tops)]

    def prose(self):
        return [f for f in self.files if f.endswith(".md")]

    def layers(self):
        """src/LAYERS as {room: rooms that it may include}, in the order of the file."""
        rooms = {}
        for _, line in self.lines("src/LAYERS"):
            line = line.split("#")[0].strip()
            if line:
                room, uses = line.split(":")
                rooms[room.strip()] = uses.split()
        return rooms

    def rooms(self):
        """The folders below src/, and as "tools/FOLDER" those below tools/ that hold C files."""
        return sorted({room_of(f) for f in self.c_files("src", "tools") if room_of(f)})

    def run(self, command, **kw):
        return subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, **kw)


def room_of(name):
    """dump for src/dump/line.c, tools/cli for tools/cli/json.c; None for a file outside of a room."""
    top, _, below = name.partition(os.sep)
    folder = os.path.dirname(below)
    if top == "src" and folder:
        return folder.split(os.sep)[0]
    return os.path.join(top, folder) if top == "tools" and folder else None


def room_of_include(house, included):
    """Headers of tools are included as "cli/json.h", those of src as "dump/dump.h"."""
    below = os.path.join("tools", included)
    return room_of(below if below in house.files else os.path.join("src", included))


def code_of(text):
    """The text of a C file with comments and strings replaced by blanks, in the same lines."""
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def in_room(house):
    """Each #include "..." of a room: (file, line number, room, included file)."""
    for name in house.c_files("src", "tools"):
        if not room_of(name):
            continue
        for number, line in house.lines(name):
            m = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<(libcomposefs/[^>]+)>)', line)
            if m:
                yield name, number, room_of(name), m.group(1) or m.group(2)


@check
def layers_name_every_room_and_only_lower_ones(house):
    layers = house.layers()
    for room in house.rooms():
        if room not in layers:
            yield f"src/LAYERS: no line for the room {room}"
    above = []
    for room, uses in layers.items():
        yield from (f"src/LAYERS: {room} uses {u}, which does not stand above it"
                    for u in uses if u not in above)
        above.append(room)


@check
def rooms_include_only_rooms_that_layers_permit(house):
    layers = house.layers()
    for name, number, room, included in in_room(house):
        if (room_of_include(house, included) not in layers.get(room, []) + [room]
                and not included.startswith("libcomposefs/")):
            yield f"{name}:{number}: {room} may not include \"{included}\""


def tags(house, files, *options):
    """What ctags finds in C files: (name, file, {field: value})."""
    if not shutil.which("ctags"):
        raise Skip("ctags is not installed")
    if "Universal Ctags" not in house.run(["ctags", "--version"]).stdout:
        raise Skip("expected Universal Ctags, another ctags is installed")
    done = house.run(["ctags", "-f", "-", "-L", "-", "--languages=C", "--langmap=C:.c.h", *options],
                     input="\n".join(files))
    for tag in done.stdout.splitlines():
        name, file, *rest = tag.split("\t")
        yield name, file, dict(f.split(":", 1) for f in rest if ":" in f)


def used_rooms(house):
    """{room: the other rooms of which it includes a header, or names a cfs_ thing of a header}"""
    declared, uses = {}, {room: set() for room in house.rooms()}
    headers = [f for f in house.c_files("src", "tools") if f.endswith(".h") and room_of(f)]
    for name, header, _ in tags(house, headers, "--kinds-C=dpstueg"):
        if re.match(r"(cfs|CFS)_", name):
            declared.setdefault(name, set()).add(room_of(header))
    owner = {name: rooms.pop() for name, rooms in declared.items() if len(rooms) == 1}
    for _, _, room, included in in_room(house):
        uses[room].add(room_of_include(house, included))
    for name in house.c_files("src", "tools"):
        if room_of(name):
            uses[room_of(name)] |= {owner[w] for w in set(re.findall(r"\w+", code_of(house.text(name)))) & owner.keys()}
    return {room: others & uses.keys() - {room} for room, others in uses.items()}


@check
def layers_name_exactly_the_rooms_in_use(house):
    layers = house.layers()
    for room, used in used_rooms(house).items():
        yield from (f"src/LAYERS: {room} does not use {other}"
                    for other in layers.get(room, []) if other not in used)
        yield from (f"src/LAYERS: {room} does not list {other}, which it uses"
                    for other in sorted(used) if other not in layers.get(room, []))


@check
def contracts_name_the_rooms_that_layers_permit(house):
    """Words in parentheses, and what follows a semicolon (libraries), are explanations."""
    layers = house.layers()
    for header in (f for f in house.c_files("src") if f.endswith(".h") and room_of(f)):
        m = re.search(r"^ \* Uses: (.*?)\n \* Never:", house.text(header), re.S | re.M)
        if not m:
            continue
        room = room_of(header)
        text = re.sub(r"\([^)]*\)|;.*", "", re.sub(r"\n \*", " ", m.group(1)), flags=re.S)
        named = {w.split("/")[0] for w in re.findall(r"[\w/]+", text)} & layers.keys()
        permitted = set(layers.get(room, []))
        if header == os.path.join("src", room, room + ".h"):
            yield from (f"{header}: the contract does not name {r}" for r in sorted(permitted - named))
        yield from (f"{header}: src/LAYERS does not permit {r}" for r in sorted(named - permitted - {room}))


@check
def headers_include_each_other_in_no_circle(house):
    includes = {}
    for name, _, _, included in in_room(house):
        below = [os.path.join(top, included) for top in ("src", "tools")]
        if name.endswith(".h"):
            includes.setdefault(name, []).extend(b for b in below if b in house.files)
    done = set()

    def visit(header, path):
        if header in path:
            yield " includes ".join(path[path.index(header):] + [header])
        elif header not in done:
            for below in includes.get(header, []):
                yield from visit(below, path + [header])
            done.add(header)

    for header in includes:
        yield from visit(header, [])


@check
def rooms_enter_other_rooms_by_the_door(house):
    """The door of a room is its <room>.h, and what that includes of its own room."""
    doors = {f"{room}/{room}.h" for room in house.rooms()}
    parts = {included for name, _, room, included in in_room(house)
             if name == f"src/{room}/{room}.h" and included.startswith(room + "/")}
    for name, number, room, included in in_room(house):
        other = room_of_include(house, included)
        if (other != room and not included.startswith("libcomposefs/")
                and os.path.join("tools", included) not in house.files and included not in doors | parts):
            yield f"{name}:{number}: \"{included}\" is not part of that room's door"


@check
def tests_compile_no_file_of_tools(house):
    """What a test has to compile belongs into a room; it may link the library of the commands."""
    names = set()
    for name in house.files:
        if name.startswith("tools" + os.sep) and name.endswith("meson.build"):
            names |= set(re.findall(r"^\s*(\w+_src)\s*\+?=", house.text(name), re.M))
    lists = "|".join(sorted(names)) or "$^"
    compiled = re.compile(r"^[^#]*(tools/[\w./-]*\.c\b|\b(?:%s)\b)" % lists)
    for name in house.files:
        if not name.startswith((os.path.join("tests", "unit") + os.sep, "fuzz" + os.sep, "bench" + os.sep)):
            continue
        pattern = compiled if name.endswith("meson.build") else re.compile(r'^\s*#\s*include\s+"(.*\.c)"')
        if name.endswith(("meson.build", ".c", ".h")):
            yield from (f"{name}:{n}: compiles {m.group(1)}" for n, line in house.lines(name)
                        for m in [pattern.match(line)] if m)


@check
def only_compat_includes_the_public_headers(house):
    for name, number, room, included in in_room(house):
        if included.startswith("libcomposefs/") and room != "compat":
            yield f"{name}:{number}: {room} may not include <{included}>"


@check
def doors_open_with_the_room_comment(house):
    for room in house.rooms():
        if room.startswith("tools" + os.sep):
            continue
        door = f"src/{room}/{room}.h"
        if door not in house.files:
            if room != "compat":  # its doors are the public headers
                yield f"{door}: missing"
            continue
        text = house.text(door)
        if not re.match(r"/\*[^\n]*\*/\n/\* %s: .*?\n \* Owns: .*?\n \* Uses: .*?\n \* Never: .*?\*/"
                        % re.escape(room), text, re.S):
            yield f"{door}: does not open with /* {room}: ... Owns: Uses: Never: */"


@check
def sources_carry_the_license(house):
    for name in house.sources():
        if SPDX not in "\n".join(house.text(name).split("\n")[:2]):
            yield f"{name}: no line \"{SPDX}\" at the top"


# Before the first #include of a file: comments and its own guard.
FIRST_INCLUDE = re.compile(r'(?:\s|/\*.*?\*/|#\s*(?:ifndef|define)\s+\w+_H\n)*#\s*include\s+["<]([^">]+)[">]', re.S)


def first_include(house, name, headers):
    """The header of ours that a file includes before anything else; None: it begins with something else."""
    m = FIRST_INCLUDE.match(house.text(name))
    return m and next((h for h in (os.path.join(top, m.group(1)) for top in ("src", "tools", "include")) if h in headers), None)


def headers_compiled_first(house, headers):
    """The headers that begin a C file of the build, or another such header. The build has shown that they compile alone."""
    compiled = set()
    for name in house.c_files("src", "tools"):
        header = first_include(house, name, headers) if name.endswith(".c") else None
        while header and header not in compiled:
            compiled.add(header)
            header = first_include(house, header, headers)
    return compiled


@check
def headers_compile_alone(house):
    if not house.cc:
        raise Skip("no C compiler was given")
    headers = [h for h in house.files if h.endswith(".h") and h.split(os.sep)[0] in ("src", "include", "tools")]
    compiled = headers_compiled_first(house, set(headers))
    headers = [h for h in headers if h not in compiled]
    yield from compile_alone(house, house.cc + ["-std=gnu17", "-D_GNU_SOURCE", "-x", "c"], headers)


@check
def public_headers_compile_alone_as_strict_c99(house):
    """Users have older standards than we do, and need not ask for more than that."""
    if not house.cc:
        raise Skip("no C compiler was given")
    yield from compile_alone(house, house.cc + ["-std=c99", "-Wpedantic", "-x", "c"], public_headers(house))


@check
def public_headers_compile_alone_as_cxx(house):
    if not house.cxx:
        raise Skip("no C++ compiler is installed")
    for std in ("c++98", "c++17"):
        yield from compile_alone(house, house.cxx + ["-std=" + std, "-Wpedantic", "-x", "c++"], public_headers(house))


def public_headers(house):
    headers = [h for h in house.files if h.startswith("include" + os.sep) and h.endswith(".h")]
    if not headers:
        raise Skip("there are no public headers")
    return headers


def compile_alone(house, command, headers):
    for header in headers:
        done = house.run(command + ["-fsyntax-only", "-Wall", "-Werror", "-Isrc", "-Iinclude", "-Itools",
                                    "-include", header, os.devnull])
        if done.returncode:
            reason = next((l for l in done.stdout.splitlines() if "error" in l), done.stdout.strip())
            yield f"{header}: {reason}"


@check
def c_files_are_clang_format_clean(house):
    if not shutil.which("clang-format"):
        raise Skip("clang-format is not installed")
    version = re.search(r"version (\d+)", house.run(["clang-format", "--version"]).stdout).group(1)
    if version != CLANG_FORMAT:
        raise Skip(f"clang-format {CLANG_FORMAT} is wanted, {version} is installed")
    files = house.c_files()
    done = house.run(["clang-format", "--dry-run", "--Werror"] + files) if files else None
    if done and done.returncode:
        yield from sorted({l.split(":")[0] for l in done.stdout.splitlines() if "error:" in l})


@check
def shell_scripts_are_shellcheck_clean(house):
    if not shutil.which("shellcheck"):
        raise Skip("shellcheck is not installed")
    scripts = [f for f in house.sources() if f.endswith((".sh", ".bash"))
               or re.match(r"#!.*\bsh\b|#!.*\bbash\b", house.text(f))]
    done = house.run(["shellcheck", "--format=gcc", "--severity=warning", "--shell=bash"] + scripts)
    if done.returncode:
        yield from done.stdout.splitlines()


@check
def scripts_can_be_executed(house):
    for name in house.sources():
        if house.text(name).startswith("#!") and not os.access(os.path.join(house.root, name), os.X_OK):
            yield f"{name}: begins with #! and is not executable"


@check
def files_name_no_path_of_one_machine(house):
    folders = ("work", "root", "farm", "tmp/wt", "home")
    place = re.compile(r"(?<![\w./-])/(work|root|farm|tmp/wt|home(?=/\w))/")
    for name in house.sources() + house.prose():
        if any(f"/{folder}/" in house.text(name) for folder in folders):
            yield from (f"{name}:{n}: {l.strip()}" for n, l in house.matching_lines(name, place))


@check
def nothing_is_marked_as_unfinished(house):
    # Split, so that this file does not find itself.
    mark = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|not imple" r"mented)\b")
    for name in house.sources() + house.prose():
        yield from (f"{name}:{n}: {l.strip()}" for n, l in house.matching_lines(name, mark))


@check
def words_that_are_hard_to_read_are_avoided(house):
    for name in house.sources() + house.prose():
        if name.startswith(os.path.join("tests", "style", "")):
            continue  # it has to spell them
        text = house.text(name).lower()
        patterns = [(pattern, instead) for part, pattern, instead in WORD_PATTERNS if part in text]
        for number, line in house.lines(name) if patterns else ():
            yield from (f"{name}:{number}: write {instead} for \"{m.group()}\""
                        for pattern, instead in patterns for m in pattern.finditer(line)
                        if not m.group().isupper())  # NOBODY is a name


@check
def tests_that_skip_end_with_status_0(house):
    """Meson takes status 77 beside TAP as an error. Split, so that this file does not find itself."""
    end = re.compile(r"(return|exit)[ (]+7" r"7\b")
    for name in house.sources():
        if name.startswith("tests" + os.sep) and name.endswith((".py", ".sh", ".c")):
            yield from (f"{name}:{n}: {l.strip()}" for n, l in house.matching_lines(name, end))


@check
def failing_tests_print_expected_and_got(house):
    """Except where they pass on the failure of another check."""
    for name in house.sources():
        if not name.startswith("tests" + os.sep) or not name.endswith(".py"):
            continue
        text = house.text(name)
        if not re.search(r"\bassert\b|\bAssertionError\b", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Assert):
                yield f"{name}:{node.lineno}: assert prints neither; use expect, has or ensure of tests/facts.py"
            if (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
                    and getattr(node.exc.func, "id", "") == "AssertionError"
                    and not isinstance(node.cause, ast.Name)):
                message = ast.get_source_segment(text, node)
                if not re.search(r"\bexpected\b.*\bgot\b", message, re.S):
                    yield f"{name}:{node.lineno}: expected a message \"expected X, got Y\""


@check
def files_have_at_most_600_lines_and_those_of_rooms_450(house):
    of_rooms = set(house.c_files("src", "tools"))
    for name in house.sources():
        n = len(house.text(name).splitlines())
        if n > (ROOM_FILE_LINES_MAX if name in of_rooms else FILE_LINES_MAX):
            yield f"{name}: {n} lines"


def functions(house):
    """Each C function: (file, name, first line, last line)."""
    if house.found_functions is None:
        house.found_functions = [(file, name, int(at["line"]), int(at["end"])) for name, file, at
                                 in tags(house, house.c_files(), "--kinds-C=f", "--fields=+ne") if "line" in at and "end" in at]
    return house.found_functions


@check
def functions_have_at_most_40_lines(house):
    for name, function, first, last in functions(house):
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield f"{name}:{first}: {function} has {last - first + 1} lines"


def has_comment(lines, number):
    """Is there a comment on the lines of a declaration, or above it without an empty line between?"""
    end = number
    while ";" not in lines[end - 1] and end < len(lines):
        end += 1
    start = number
    while start > 1 and lines[start - 2].strip():
        start -= 1
    return "/*" in "\n".join(lines[start - 1:end])


@check
def functions_of_headers_have_a_comment(house):
    """One above the function, or above the group of lines that it belongs to: what it does, who owns what, which errors."""
    headers = [f for f in house.c_files("src", "tools") if f.endswith(".h")]
    for name, file, at in tags(house, headers, "--kinds-C=p", "--fields=+n"):
        if not has_comment(house.text(file).splitlines(), int(at["line"])):
            yield f"{file}:{at['line']}: {name} has no comment"


@check
def functions_that_can_fail_are_checked_by_the_compiler(house):
    """Those that take struct cfs_err; not those that only word an error and return its code."""
    words_an_error = re.compile(r"fail|context|explain|_add_place$|_add_advice$|^command_end$")
    headers = [f for f in house.c_files("src", "tools") if f.endswith(".h")]
    for name, file, at in tags(house, headers, "--kinds-C=p", "--fields=+n"):
        declaration = re.split(r"(?<=;)", "\n".join(house.text(file).splitlines()[int(at["line"]) - 1:]))[0]
        if ("struct cfs_err *" in declaration and "CFS_MUST_CHECK" not in declaration
                and not words_an_error.search(name) and at.get("typeref") != "typename:void"):
            yield f"{file}:{at['line']}: {name} has no CFS_MUST_CHECK"


@check
def functions_are_named_by_at_least_two_words(house):
    """A verb and its noun: one word says too little in a backtrace, and grep finds it everywhere."""
    for name, function, first, _ in functions(house):
        if name.endswith(".c") and room_of(name) and "_" not in function and function != "main":
            yield f"{name}:{first}: {function} has one word: name also what it works on"


@check
def functions_share_their_name_with_at_most_one_other_file(house):
    """In rooms: a name such as add_entry, in ten files, says nothing in a backtrace or to grep."""
    files = {}
    for name, function, _, _ in functions(house):
        if name.startswith("src" + os.sep) and name.endswith(".c"):
            files.setdefault(function, set()).add(name)
    yield from (f"{', '.join(sorted(of))}: {function}" for function, of in sorted(files.items()) if len(of) > 2)


@check
def no_conditional_compilation_inside_functions(house):
    inside = {}
    for name, function, first, last in functions(house):
        inside.setdefault(name, []).append((first, last, function))
    for name, ranges in inside.items():
        for number, line in house.lines(name):
            if re.match(r"\s*#\s*if", line):
                yield from (f"{name}:{number}: #if inside {function}"
                            for first, last, function in ranges if first < number <= last)


@check
def libraries_do_not_print_or_exit(house):
    call = re.compile(r"\b(v?f?printf|puts|fputs|putchar|perror|exit|abort|errx?|warnx?)\s*\(")
    for name in house.c_files("src"):
        for number, line in enumerate(code_of(house.text(name)).splitlines(), 1):
            m = call.search(line)
            if m and not line.startswith("#"):
                yield f"{name}:{number}: calls {m.group(1)}"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", nargs="?")
    parser.add_argument("--cc", action="append", default=[], help="a word of the C compiler's command")
    parser.add_argument("--cxx", action="append", default=[], help="the same for C++")
    return parser.parse_args()


def main():
    args = arguments()
    house = House(args.root, args.cc, args.cxx)
    print(f"1..{len(CHECKS)}")
    failed = 0
    for number, function in enumerate(CHECKS, 1):
        try:
            complaints = list(function(house))
        except Skip as reason:
            print(f"ok {number} - {function.__name__} # SKIP {reason}")
            continue
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} - {function.__name__}")
        for complaint in complaints:
            print(f"# {complaint}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
