#compdef composefs mkcomposefs composefs-info composefs-dump mount.composefs
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# zsh completion, installed as _composefs.

case $service in
mkcomposefs)
	_arguments \
		'--cache=[skip files that did not change since this file was written]:file:_files' \
		'--digest-store=[copy file contents into this object store]:directory:_files -/' \
		'--from-file[the source is a dump]' \
		'--hardlinks[keep hard links]' \
		'--help[print usage]' \
		'--inline-max=[largest file that is stored in the image]:bytes:' \
		'--max-version=[highest format version]:version:(0 1)' \
		'--min-version=[lowest format version]:version:(0 1)' \
		'--one-file-system[do not descend into other mounts]' \
		'--print-digest[print the digest of the image]' \
		'--print-digest-only[print the digest, write no image]' \
		'--require-verity[fail when the object store has no fs-verity]' \
		'--skip-devices[leave out devices]' \
		'--skip-xattrs[leave out extended attributes]' \
		'--threads=[number of threads]:number:' \
		'--use-epoch[set all times to 0]' \
		'--user-xattrs[take only user.* extended attributes]' \
		'1:source:_files' '2:image:_files'
	;;
composefs)
	_arguments \
		'--canonical[fsck: the image must be what mkcomposefs makes]' \
		'--directory[ls: the directory itself]' \
		'--help[print usage]' \
		'--isolated[fsck: read the image in a jail]' \
		'--json[fsck: print JSON]' \
		'--no-isolated[fsck: read it in this process]' \
		'--objects=[fsck: look at the objects]:directory:_files -/' \
		'1:command:((fsck\:"check an image and its objects" ls\:"list a path of an image"))' \
		'2:image:_files' '3:path:'
	;;
composefs-info)
	_arguments \
		'--basedir=[the object store]:directory:_files -/' \
		'*--filter=[only this entry of the root]:name:' \
		'--help[print usage]' \
		'1:command:((ls\:"list all entries" dump\:"print as text"
			objects\:"print the objects that are needed"
			missing-objects\:"print the objects that are not there"
			measure-file\:"print the fs-verity digests of files"))' \
		'*:image:_files'
	;;
composefs-dump)
	_arguments '--help[print usage]' '1:image:_files' '2:new image:_files'
	;;
mount.composefs)
	_arguments \
		'-h[print usage]' \
		'-t[file system type]:type:(composefs)' \
		'-o[mount options]:option:_values -s , option
			"basedir[object stores]:directory:_files -/" "digest[digest of the image]:digest:"
			"idmap[user namespace file]:file:_files" "prefetch[read the image ahead]:when:(async wait off)" "ro[read only]" "rw[writable]"
			"floor[file of version floors]:file:_files" "name[what the statement is about]:name:"
			"signature[signature file]:file:_files" "signed[require a signature]" "statement[signed statement]:file:_files"
			"trusted[directory of trusted keys]:directory:_files -/"
			"tryverity[verify objects where possible]" "upperdir[writable layer]:directory:_files -/"
			"verity[verify every object]" "workdir[work directory of upperdir]:directory:_files -/"' \
		'1:image:_files' '2:mount point:_files -/'
	;;
esac
