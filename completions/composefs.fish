# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# fish completion for composefs, mkcomposefs, composefs-info, composefs-dump and mount.composefs.

complete -c mkcomposefs -l digest-store -r -a '(__fish_complete_directories)' -d 'Copy file contents into this object store'
complete -c mkcomposefs -l from-file -d 'The source is a dump'
complete -c mkcomposefs -l hardlinks -d 'Keep hard links'
complete -c mkcomposefs -l help -d 'Print usage'
complete -c mkcomposefs -l inline-max -x -d 'Largest file that is stored in the image'
complete -c mkcomposefs -l max-version -x -a '0 1' -d 'Highest format version'
complete -c mkcomposefs -l min-version -x -a '0 1' -d 'Lowest format version'
complete -c mkcomposefs -l one-file-system -d 'Do not descend into other mounts'
complete -c mkcomposefs -l print-digest -d 'Print the digest of the image'
complete -c mkcomposefs -l print-digest-only -d 'Print the digest, write no image'
complete -c mkcomposefs -l require-verity -d 'Fail when the object store has no fs-verity'
complete -c mkcomposefs -l skip-devices -d 'Leave out devices'
complete -c mkcomposefs -l skip-xattrs -d 'Leave out extended attributes'
complete -c mkcomposefs -l threads -x -d 'Number of threads'
complete -c mkcomposefs -l use-epoch -d 'Set all times to 0'
complete -c mkcomposefs -l user-xattrs -d 'Take only user.* extended attributes'

set -l commands ls dump objects missing-objects measure-file
complete -c composefs-info -n "not __fish_seen_subcommand_from $commands" -f -a ls -d 'List all entries'
complete -c composefs-info -n "not __fish_seen_subcommand_from $commands" -f -a dump -d 'Print as text'
complete -c composefs-info -n "not __fish_seen_subcommand_from $commands" -f -a objects -d 'Print the objects that are needed'
complete -c composefs-info -n "not __fish_seen_subcommand_from $commands" -f -a missing-objects -d 'Print the objects that are not there'
complete -c composefs-info -n "not __fish_seen_subcommand_from $commands" -f -a measure-file -d 'Print the fs-verity digests of files'
complete -c composefs-info -l basedir -r -a '(__fish_complete_directories)' -d 'The object store'
complete -c composefs-info -l filter -x -d 'Only this entry of the root'
complete -c composefs-info -l help -d 'Print usage'

complete -c composefs-dump -l help -d 'Print usage'

complete -c mount.composefs -s h -d 'Print usage'
complete -c mount.composefs -s t -x -a composefs -d 'File system type'
complete -c mount.composefs -s o -x -a 'basedir= digest= idmap= prefetch= ro rw tryverity upperdir= verity workdir=' -d 'Mount options'

complete -c composefs -n "not __fish_seen_subcommand_from fsck ls" -f -a fsck -d 'Check an image and its objects'
complete -c composefs -n "not __fish_seen_subcommand_from fsck ls" -f -a ls -d 'List a path of an image'
complete -c composefs -l canonical -d 'fsck: the image must be what mkcomposefs makes'
complete -c composefs -l directory -d 'ls: the directory itself'
complete -c composefs -l help -d 'Print usage'
complete -c composefs -l json -d 'fsck: print JSON'
complete -c composefs -l objects -r -a '(__fish_complete_directories)' -d 'fsck: look at the objects'
