# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# fish completion for composefs, cfsctl, mkcomposefs, composefs-info, composefs-fsck, composefs-dump, composefs-fuse, mount.composefs.
# The programs answer themselves, from their option tables: PROGRAM --complete WORD... (tools/cli/complete.h).

function __composefs_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l front (string match -r -- '^--[^=]*=' "$current")
    set -l value (string replace -r -- '^--[^=]*=' '' "$current")
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

complete -c composefs-dump -l help -d 'Print the help'
complete -c composefs-dump -l version -d 'Print the version'

# Its options follow -o; -h lists them.
function __mount_composefs_options
    set -l front (string match -r -- '^.*,' (commandline -ct))
    set -l program (commandline -opc)[1]
    for option in ($program -h 2>&1 | sed -n '/^Supported/,$s/^  \([a-z_-]\{1,\}=\{0,1\}\).*/\1/p')
        echo "$front$option"
    end
end

complete -c mount.composefs -s h -d 'Print the help'
complete -c mount.composefs -s t -x -a composefs -d 'Filesystem type'
complete -c mount.composefs -s o -x -a '(__mount_composefs_options)' -d 'Mount options'

complete -c composefs-fuse -s h -d 'Print the help'
complete -c composefs-fuse -s f -d 'Stay in the foreground'
complete -c composefs-fuse -s s -d 'Use one thread'
complete -c composefs-fuse -s o -x -a '(__mount_composefs_options)' -d 'Options'
