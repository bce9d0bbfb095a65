#compdef composefs cfsctl mkcomposefs composefs-info composefs-dump mount.composefs
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
composefs|cfsctl)
	local -a repository=(
		'--repo=[the repository is DIR]:directory:_files -/'
		'--user[it is ~/.var/lib/composefs (the default but for root)]'
		'--system[it is /sysroot/composefs (the default for root)]'
		'--require-verity[fail when the repository does without fs-verity]'
	)
	local command=${words[(r)(build|create-image|fsck|gc|images|init|ls|tag|untag)]}
	case $command in
	fsck)
		_arguments \
			'--canonical[the image must be, byte for byte, what mkcomposefs makes of its content]' \
			'--help[print usage]' \
			'--isolated[parse in a jail (default for root and a file of another owner)]' \
			'--json[print one JSON object that tells all that was found]' \
			'--no-isolated[parse in this process]' \
			'--objects=[look at each object in DIR - is it there, its size, its digest]:directory:_files -/' \
			'1:command:' '*:file:_files'
		;;
	ls)
		_arguments \
			'--directory[of a directory, list itself and not what is in it]' \
			'--help[print usage]' \
			'1:command:' '*:file:_files'
		;;
	create-image|build)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--no-hardlinks[each name is a file of its own, as mkcomposefs has it]' \
			'--no-propagate-usr-to-root[leave the root directory as it is - always so here]' \
			'--one-file-system[do not descend into other mounts]' \
			'--skip-devices[leave out block and character devices]' \
			'--skip-xattrs[no extended attributes]' \
			'--threads=[threads that read files (default - one a CPU)]:n:' \
			'--use-epoch[all modification times are 0]' \
			'--user-xattrs[only extended attributes that begin with user.]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	gc)
		_arguments \
			'(-n --dry-run)'{-n,--dry-run}'[say what would be removed, and remove nothing]' \
			'--grace=[keep objects that are younger]:seconds:' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--keep=[of names with versions (NAME -VERSION, NAME/VERSION) keep the newest N]:n:' \
			'--no-wait[do not wait for others at all]' \
			'--prune-refs[remove names whose image or stream is gone]' \
			'(-r --root)'{-r,--root=}'[keep this image (its id) or stream, too; may be repeated]:name:' \
			'--timeout=[wait no longer for others (default - for ever)]:seconds:' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	images)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON array]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	init)
		_arguments \
			'--algorithm=[name objects by fsverity-sha512-12 (default) or fsverity-sha256-12]:value:(fsverity-sha256-12 fsverity-sha512-12)' \
			'--ensure[a repository that is there is good, whatever it says]' \
			'--erofs-version=[format of images - 0, 1 (default) or 2]:value:(0 1 2)' \
			'--help[print usage]' \
			'--insecure[do without fs-verity - the kernel checks no content]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	tag)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	untag)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	*)
		_arguments '--help[print usage]' '1:command:((fsck\:"check an image, and the objects that it needs"
			ls\:"list what an image has at a path"
			create-image\:"put a directory into the repository, as an image"
			gc\:"remove what no name reaches and nobody uses"
			images\:"list the images of the repository, and their names"
			init\:"make a repository"
			tag\:"give an image a name"
			untag\:"take names away"))'
		;;
	esac
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
			"allow-suid[setuid programs count without verification]" "basedir[object stores]:directory:_files -/" "digest[digest of the image]:digest:"
			"idmap[user namespace file]:file:_files" "prefetch[read the image ahead]:when:(async wait off)" "ro[read only]" "rw[writable]"
			"floor[file of version floors]:file:_files" "name[what the statement is about]:name:"
			"signature[signature file]:file:_files" "signed[require a signature]" "statement[signed statement]:file:_files"
			"trusted[directory of trusted keys]:directory:_files -/"
			"tryverity[verify objects where possible]" "upperdir[writable layer]:directory:_files -/"
			"verity[verify every object]" "workdir[work directory of upperdir]:directory:_files -/"' \
		'1:image:_files' '2:mount point:_files -/'
	;;
esac
