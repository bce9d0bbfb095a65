# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# fish completion for composefs, cfsctl, mkcomposefs, composefs-info, composefs-fsck, composefs-dump, composefs-fuse,
# mount.composefs and composefs-prepare-root.
# The programs answer themselves, from their option tables: PROGRAM --complete WORD... (tools/cli/complete.h).

function __composefs_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    # Files follow "--option=" and "oci:".
    set -l front (string match -r -- '^(?:--[^=]*=|[a-z-]+:)' "$current")
    set -l value (string replace -- "$front" '' "$current")
    for line in (command $program --complete $words "$current" 2>/dev/null)
        switch $line
            case '*'\t'*'
                echo $line
            case :files
                for name in (__fish_complete_path "$value")
                    echo "$front$name"
                end
            case :dirs
                for name in (__fish_complete_directories "$value")
                    echo "$front$name"
                end
        end
    end
end

for program in composefs cfsctl mkcomposefs composefs-info composefs-fsck
    complete -c $program -f -a '(__composefs_complete)'
end

# Programs that list their options in --help, and their mount options, if any, below "Supported options".
function __composefs_complete_small
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    switch $words[-1]
        case -t
            echo composefs
        case -o
            set -l front (string match -r -- '^.*,' "$current")
            for option in (command $words[1] --help 2>/dev/null | sed -n '/^Supported/,$s/^  \([a-z_-]\{1,\}=\{0,1\}\).*/\1/p')
                echo "$front$option"
            end
        case '*'
            switch "$current"
                case '-*=*'
                    set -l front (string match -r -- '^--[^=]*=' "$current")
                    for name in (__fish_complete_path (string replace -- "$front" '' "$current"))
                        echo "$front$name"
                    end
                case '-*'
                    command $words[1] --help 2>/dev/null | sed -n '/^  -/{s/^  //;s/  .*//;s/, /\n/g;p}' | sed 's/=.*/=/;s/ .*//'
                case '*'
                    __fish_complete_path "$current"
            end
    end
end

for program in composefs-dump composefs-fuse mount.composefs composefs-prepare-root
    complete -c $program -f -a '(__composefs_complete_small)'
end
