#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
"""Each rule of style.py must notice when it is broken: a small house in which all is well, then
one defect at a time.

    style_test.py [--cc WORD]... [--cxx WORD]...      as style.py, without ROOT
"""
import os
import re
import sys
import tempfile

import style

C_HEAD = "/* " + style.SPDX + " */\n"
SH_HEAD = "# " + style.SPDX + "\n"


def door(room, uses="libc"):
    return (C_HEAD + f"/* {room}: a room.\n * Owns:  it.\n * Uses:  {uses}.\n * Never: more.\n */\n"
            f"/* Returns 0. */\nint cfs_{room}(void);\n")


def c_function(name, body="\treturn 0;\n"):
    return f"static int {name}(void)\n{{\n{body}}}\n"


def declaration(name):
    return f"int {name}(void); /* 0 */\n"


GOOD = {
    "src/LAYERS": "# comment\nbase:\ntree: base\ndump: base tree\ncompat: base tree\n"
                  "tools/cli: base\ntools/main/diff: tree tools/cli\ntools/main/repo: tree tools/cli\n",
    "src/base/base.h": door("base") + '#include "base/err.h"\n',
    "src/base/err.h": C_HEAD + declaration("cfs_err"),
    "src/base/err.c": C_HEAD + '#include <stddef.h>\n#include "base/err.h"\n',  # does not show that err.h compiles alone
    "src/tree/tree.h": door("tree", "base (errors)"),
    "src/tree/tree_priv.h": C_HEAD + declaration("cfs_tree_priv"),
    "src/tree/tree.c": C_HEAD + '#include "tree/tree.h"\n#include "tree/tree_priv.h"\n#include "base/err.h"\n'
                       + "/* printf() is only spoken of. */\n" + c_function("get_one"),
    "src/dump/dump.h": door("dump", "base, tree; libm"),
    "src/dump/dump.c": C_HEAD + '#include "dump/dump.h"\n#include "tree/tree.h"\nint (*fail)(void) = cfs_err;\n',
    "src/dump/line.c": C_HEAD + c_function("get_one"),
    "src/compat/write.c": C_HEAD + "#include <libcomposefs/lcfs-writer.h>\n"
                          "int (*calls[])(void) = {cfs_err, cfs_tree};\n",
    "include/libcomposefs/lcfs-writer.h": C_HEAD + "int lcfs(void);\n",
    "tools/tool.c": C_HEAD + '#include "tree/tree.h"\n' + c_function("main_part"),
    "tools/cli/cli.h": C_HEAD + '#include "base/err.h"\n' + declaration("cli_begin"),
    "tools/main/diff/diff.h": C_HEAD + '#include "cli/cli.h"\n#include "tree/tree.h"\n',
    "tools/main/repo/gc.c": C_HEAD + '#include "tree/tree.h"\n#include "cli/cli.h"\n',
    "README.md": "Mounts below /mnt.\n",
    "meson.build": SH_HEAD,
    "tools/meson.build": SH_HEAD + "tool_src = files('tool.c')\n",
    "tests/unit/meson.build": SH_HEAD + "# not tools/tool.c\nexecutable('tree_test', 'tree/tree_test.c', link_with: cli_lib)\n",
    "scripts/x.sh": "#!/bin/sh\n" + SH_HEAD + "echo x\n",
    ".clang-format": "BasedOnStyle: LLVM\nBreakBeforeBraces: Linux\nUseTab: Always\nIndentWidth: 8\n"
                     "TabWidth: 8\nColumnLimit: 90\nSortIncludes: Never\n"
                     "AllowShortFunctionsOnASingleLine: None\n",
}

LONG_FUNCTION = C_HEAD + c_function("long_one", "\t(void)0;\n" * 37 + "\treturn 0;\n")
CONDITIONAL = C_HEAD + c_function("two_worlds", "#ifdef X\n\treturn 1;\n#endif\n\treturn 0;\n")

# What breaks which rule: the check, the file, its new text.
DEFECTS = [
    ("layers_name_every_room_and_only_lower_ones", "src/scan/scan.h", door("scan")),
    ("layers_name_every_room_and_only_lower_ones", "src/LAYERS",
     "base:\ndump: base tree\ntree: base\ncompat: base tree\n"),
    ("rooms_include_only_rooms_that_layers_permit", "src/tree/up.c", C_HEAD + '#include "dump/dump.h"\n'),
    ("layers_name_every_room_and_only_lower_ones", "tools/main/oci/pull.c", C_HEAD),
    ("rooms_include_only_rooms_that_layers_permit", "tools/cli/up.c", C_HEAD + '#include "tree/tree.h"\n'),
    ("rooms_include_only_rooms_that_layers_permit", "tools/main/repo/gc.c",
     C_HEAD + '#include "main/diff/diff.h"\n'),
    ("rooms_include_only_rooms_that_layers_permit", "src/tree/up.c", C_HEAD + '#include "cli/cli.h"\n'),
    ("layers_name_exactly_the_rooms_in_use", "src/dump/dump.c", C_HEAD + '#include "tree/tree.h"\n/* cfs_err */\n'),
    ("layers_name_exactly_the_rooms_in_use", "tools/main/diff/diff.h", C_HEAD + '#include "tree/tree.h"\n'),
    ("layers_name_exactly_the_rooms_in_use", "tools/cli/up.c", C_HEAD + "int (*up)(void) = cfs_tree;\n"),
    ("contracts_name_the_rooms_that_layers_permit", "src/dump/dump.h", door("dump", "base (tree)")),
    ("contracts_name_the_rooms_that_layers_permit", "src/tree/tree.h", door("tree", "base, dump")),
    ("headers_include_each_other_in_no_circle", "src/base/err.h", C_HEAD + '#include "base/base.h"\n'),
    ("rooms_enter_other_rooms_by_the_door", "tools/main/repo/gc.c", C_HEAD + '#include "tree/tree_priv.h"\n'),
    ("rooms_enter_other_rooms_by_the_door", "src/dump/dump.c", C_HEAD + '#include "tree/tree_priv.h"\n'),
    ("tests_compile_no_file_of_tools", "tests/unit/meson.build",
     SH_HEAD + "executable('tool_test', 'tool_test.c', files('../../tools/tool.c'))\n"),
    ("tests_compile_no_file_of_tools", "tests/unit/meson.build",
     SH_HEAD + "executable('tool_test', 'tool_test.c', tool_src)\n"),
    ("tests_compile_no_file_of_tools", "tests/unit/tool_test.c", C_HEAD + '#include "tool.c"\n'),
    ("only_compat_includes_the_public_headers", "src/tree/abi.c",
     C_HEAD + "#include <libcomposefs/lcfs-writer.h>\n"),
    ("doors_open_with_the_room_comment", "src/dump/dump.h", C_HEAD + "int cfs_dump(void);\n"),
    ("doors_open_with_the_room_comment", "src/dump/dump.h", None),
    ("sources_carry_the_license", "tools/tool.c", c_function("main_part")),
    ("sources_carry_the_license", "tests/run.py", "#!/usr/bin/env python3\n"),
    ("headers_compile_alone", "src/base/err.h", C_HEAD + "size_t cfs_err(void);\n"),
    ("headers_compile_alone", "tools/cli/cli.h", C_HEAD + "size_t cli_begin(void);\n"),
    ("public_headers_compile_alone_as_cxx", "include/libcomposefs/lcfs-writer.h",
     C_HEAD + "int lcfs(int class);\n"),
    ("public_headers_compile_alone_as_cxx", "include/libcomposefs/lcfs-writer.h",
     C_HEAD + "enum { LCFS_ONE, };\n"),
    ("public_headers_compile_alone_as_strict_c99", "include/libcomposefs/lcfs-writer.h",
     C_HEAD + "#include <sys/stat.h>\nvoid lcfs(struct timespec *time);\n"),
    ("c_files_are_clang_format_clean", "tools/tool.c", C_HEAD + "int  a;\n"),
    ("shell_scripts_are_shellcheck_clean", "scripts/x.sh", "#!/bin/sh\n" + SH_HEAD + "a=$(echo x)\n"),
    ("files_name_no_path_of_one_machine", "README.md", "See /" "root/notes.\n"),
    ("files_name_no_path_of_one_machine", "meson.build", SH_HEAD + "x = '/ho" "me/me/src'\n"),
    ("scripts_can_be_executed", "tests/y.sh", "#!/bin/sh\n" + SH_HEAD),
    ("nothing_is_marked_as_unfinished", "tools/tool.c", C_HEAD + "/* TO" "DO: more */\n"),
    ("words_that_are_hard_to_read_are_avoided", "tools/tool.c",
     C_HEAD + 'static const char *const message = "size: want 1, found 2";\n'),
    ("words_that_are_hard_to_read_are_avoided", "README.md", "The rest is told later.\n"),
    ("tests_that_skip_end_with_status_0", "tests/skip.py", "# " + style.SPDX + "\nimport sys\nsys.exit(7" "7)\n"),
    ("failing_tests_print_expected_and_got", "tests/a_test.py", SH_HEAD + "assert 1 == 2\n"),
    ("failing_tests_print_expected_and_got", "tests/a_test.py", SH_HEAD + "raise AssertionError('status 1')\n"),
    ("files_have_at_most_600_lines_and_those_of_rooms_450", "meson.build", SH_HEAD + "#\n" * 600),
    ("files_have_at_most_600_lines_and_those_of_rooms_450", "src/tree/long.c", C_HEAD + "/* */\n" * 450),
    ("functions_have_at_most_40_lines", "tools/tool.c", LONG_FUNCTION),
    ("functions_of_headers_have_a_comment", "src/base/err.h", C_HEAD + "\n/* An error. */\n\nint cfs_err(void);\n"),
    ("functions_of_headers_have_a_comment", "tools/cli/cli.h", C_HEAD + "\nint cli_begin(void);\n\n/* Next. */\n"),
    ("functions_that_can_fail_are_checked_by_the_compiler", "src/base/err.h",
     C_HEAD + "struct cfs_err;\n/* -ENOMEM. */\nint cfs_get(int a,\n\t    struct cfs_err *err);\n"),
    ("functions_are_named_by_at_least_two_words", "tools/cli/one.c", C_HEAD + c_function("compress")),
    ("functions_share_their_name_with_at_most_one_other_file", "src/base/err.c", C_HEAD + c_function("get_one")),
    ("no_conditional_compilation_inside_functions", "tools/tool.c", CONDITIONAL),
    ("libraries_do_not_print_or_exit", "src/tree/loud.c", C_HEAD + c_function("be_loud", "\treturn puts(\"\");\n")),
]


def example_of(pattern):
    """A text that a pattern of style.WORDS matches."""
    text = re.sub(r"\(\?[^()]*\)|\\b|\[[^]]*\]\*|\([^()]*\)\?|\w\?", "", pattern)
    return re.sub(r"\(([^()|]*)[^()]*\)", r"\1", text).replace("\\", "")


def write(root, files):
    for name, text in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        if name.startswith("scripts/"):
            os.chmod(path, 0o755)


def complaints(check, files, args):
    with tempfile.TemporaryDirectory() as root:
        write(root, files)
        return list(getattr(style, check)(style.House(root, args.cc, args.cxx)))


def tests():
    for function in style.CHECKS:
        name = function.__name__
        yield name, f"{name} is content with a good house", GOOD, False
    for check, name, text in DEFECTS:
        files = {**GOOD, name: text}
        if text is None:
            del files[name]
        what = "removed" if text is None else "broken"
        yield check, f"{check} notices {name} {what}", files, True
    for pattern in style.WORDS:
        check, text = "words_that_are_hard_to_read_are_avoided", example_of(pattern)
        yield check, f"{check} notices \"{text}\"", {**GOOD, "README.md": f"Here: {text}.\n"}, True
    for name in {f.__name__ for f in style.CHECKS} - {d[0] for d in DEFECTS}:
        yield None, f"{name} has a defect in this test", None, True


def main():
    args = style.arguments()
    number = failed = 0
    for check, title, files, wanted in tests():
        number += 1
        try:
            found = complaints(check, files, args) if check else []
        except style.Skip as reason:
            print(f"ok {number} - {title} # SKIP {reason}")
            continue
        good = bool(found) == wanted
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {title}")
        if not good:
            print("\n".join(f"# {c}" for c in found) or "# no complaint")
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
