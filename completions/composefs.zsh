#compdef composefs cfsctl mkcomposefs composefs-info composefs-dump mount.composefs
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# zsh completion, installed as _composefs.

local profiles="mkcomposefs-1.0 mkcomposefs-1.0-v1 mkcomposefs-1.0-dump repo-1 repo-1-sha256
	oci-1 oci-1-sha256 ipe-1 ipe-1-sha256 honest-df-1 honest-df-1-sha256"
case $service in
mkcomposefs)
	_arguments \
		'--cache=[skip files that have not changed since this file was written]:file:_files' \
		'--digest-store=[copy file contents into this object store]:directory:_files -/' \
		'--from-file[the source is a dump]' \
		'--hardlinks[keep hard links]' \
		'--help[print usage]' \
		'--version[print the version]' \
		'--inline-max=[largest file that is stored in the image]:bytes:' \
		'--max-version=[highest format version]:version:(0 1)' \
		'--min-version=[lowest format version]:version:(0 1)' \
		'--one-file-system[do not descend into other mounts]' \
		'--print-digest[print the digest of the image]' \
		'--print-digest-only[print the digest, write no image]' \
		"--profile=[use the rules of this profile]:profile:($profiles)" \
		'--require-verity[fail if the object store has no fs-verity]' \
		'--seal[enable fs-verity on the image]' \
		'--skip-devices[leave out devices]' \
		'--skip-unshown-xattrs[leave out extended attributes that no mount shows]' \
		'--skip-xattrs[leave out extended attributes]' \
		'--threads=[number of threads]:number:' \
		'--use-epoch[set all times to 0]' \
		'--user-xattrs[take only user.* extended attributes]' \
		'1:source:_files' '2:image:_files'
	;;
composefs|cfsctl)
	local -a repository=(
		'--repo=[use the repository DIR]:directory:_files -/'
		'--user[use ~/.var/lib/composefs (default unless root)]'
		'--system[use /sysroot/composefs (default for root)]'
		'--require-verity[fail if the repository does not use fs-verity]'
		'--lock-timeout=[limit the wait for the lock]:seconds:'
	)
	local command=${words[(r)(build|cat|compute-id|compute-karg|create-dumpfile|create-image|diff|doctor|du|dump-files|enable-objects|explain|fsck|gc|image-objects|images|import-image|init|ipe-policy|list-images|ls|mount|repair|sign|sign-objects|tag|transaction|umount|untag|verify|version)]}
	case $command in
	cat)
		_arguments \
			'--help[print usage]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	compute-id|compute-karg)
		_arguments \
			'--erofs-version=[format of the image - 0 or 1 (default - that of the repository, or 1)]:value:(0 1 2)' \
			'--hash=[digests by sha256 or sha512 (default - that of the repository, or sha512)]:value:(sha256 sha512)' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--no-hardlinks[store each name as a separate file]' \
			'--skip-unshown-xattrs[leave out extended attributes that no mount shows]' \
			'--no-propagate-usr-to-root[leave the root directory as it is - always so but for cfsctl]' \
			"--profile=[use the rules of this profile]:profile:($profiles)" \
			'--no-repo[do not read settings of a repository]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	create-dumpfile)
		_arguments \
			'--erofs-version=[format of the image - 0 or 1 (default - that of the repository, or 1)]:value:(0 1 2)' \
			'--hash=[digests by sha256 or sha512 (default - that of the repository, or sha512)]:value:(sha256 sha512)' \
			'--help[print usage]' \
			'--json[print one JSON array]' \
			'--no-hardlinks[store each name as a separate file]' \
			'--skip-unshown-xattrs[leave out extended attributes that no mount shows]' \
			'--no-propagate-usr-to-root[leave the root directory as it is - always so but for cfsctl]' \
			"--profile=[use the rules of this profile]:profile:($profiles)" \
			'--no-repo[do not read settings of a repository]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	create-image|build)
		_arguments \
			'--erofs-version=[format of the image - 0 or 1 (default - that of the repository)]:value:(0 1)' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--no-hardlinks[store each name as a separate file]' \
			'--no-propagate-usr-to-root[leave the root directory as it is - always so but for cfsctl]' \
			"--profile=[use the rules of this profile]:profile:($profiles)" \
			'--one-file-system[do not descend into other mounts]' \
			'--skip-devices[leave out block and character devices]' \
			'--skip-unshown-xattrs[leave out extended attributes that no mount shows]' \
			'--skip-xattrs[leave out extended attributes]' \
			'--threads=[threads that read files (default - one a CPU)]:n:' \
			'--use-epoch[set all modification times to 0]' \
			'--user-xattrs[only extended attributes that begin with user.]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	diff)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--one-file-system[do not descend into other mounts]' \
			'--stat[print only counts by field and type]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	doctor)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:directory:_files -/'
		;;
	du)
		_arguments \
			'--apparent[count lengths of files, not disk blocks]' \
			'--help[print usage]' \
			'--html=[write a page with a treemap]:file:_files' \
			'--json[print one JSON object]' \
			'--no-cached[do not query the page cache]' \
			'--pairs[show what each pair of images shares]' \
			'--sort=[the order]:key:(frees own shared total fair cached entries name)' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	dump-files)
		_arguments \
			'--backing-path-only[print where the content of each file lies - a path below objects, or inline]' \
			'--help[print usage]' \
			'--json[print one JSON array]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	explain)
		_arguments \
			'--expected=[find the rules by which A has this digest]:digest:' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--one-file-system[do not descend into other mounts]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	fsck)
		_arguments \
			'--background[give way to other programs]' \
			'--canonical[require the bytes that mkcomposefs would write]' \
			'--help[print usage]' \
			'--kernel=[report what this Linux version would mishandle]:version:' \
			'--isolated[read the image in a sandbox]' \
			'--json[print one JSON object]' \
			'--metadata-only[do not read the contents of objects]' \
			'--no-isolated[read the image in this process]' \
			'--objects=[look at each object in DIR - is it there, its size, its digest]:directory:_files -/' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	gc)
		_arguments \
			'(-n --dry-run)'{-n,--dry-run}'[print what would be removed]' \
			'--grace=[keep objects that are younger]:seconds:' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--keep=[of names with versions (NAME -VERSION, NAME/VERSION) keep the newest N]:n:' \
			'--no-wait[do not wait for others]' \
			'--prune-refs[remove dangling references]' \
			'(-r --root)'{-r,--root=}'[keep this image or stream]:name:' \
			'--timeout=[wait no longer for others (default - for ever)]:seconds:' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	image-objects)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON array]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	images|list-images)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--no-trunc[print whole ids - always so here]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	import-image)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--missing-ok[accept missing objects]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	init)
		_arguments \
			'--algorithm=[digest that names objects]:value:(fsverity-sha256-12 fsverity-sha512-12)' \
			'--ensure[accept a repository with other settings]' \
			'--erofs-version=[format of images - 0, 1 (default) or 2]:value:(0 1 2)' \
			'--help[print usage]' \
			'--insecure[do without fs-verity - the kernel checks no content]' \
			'--json[print one JSON object]' \
			'--force[reset also what this program does not understand - a newer version, unknown features]' \
			'--reset-metadata[remove images and meta.json, keep objects]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	mount)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--allow-dev[allow device nodes of an unverified image]' \
			'--allow-suid[allow setuid programs of an unverified image]' \
			'--floor=[versions must not be below]:file:_files' \
			'--name=[what the statement must be about]:name:' \
			'--read-write[mount writable; with --upperdir]' \
			'--require-signature[require a signature by a trusted key]' \
			'--statement=[a statement is signed]:file:_files' \
			'--trusted=[require a signature, trust the keys in DIR]:directory:_files -/' \
			'--upperdir=[writable layer; with --workdir]:directory:_files -/' \
			'--workdir=[work directory of the writable layer, on the same filesystem]:directory:_files -/' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	repair)
		_arguments \
			'--from=[fetch objects from this source]:place:_files -/' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	sign)
		_arguments \
			'--attach=[somebody signed - FILE has the signature]:file:_files' \
			'--hash=[algorithm where fs-verity is off]:alg:(sha256 sha512)' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--key=[the private key]:file:_files' \
			'--name=[what the images go by]:name:' \
			'--print-to-sign[write the bytes to sign]' \
			'--public=[the public key]:file:_files' \
			'--repo=[the repository of the images]:dir:_files -/' \
			'--require-verity[refuse an image without fs-verity]' \
			'--sign-command=[a command that signs]:command:' \
			'--signature=[where the signature goes]:file:_files' \
			'--signatures=[directory of signatures]:dir:_files -/' \
			'--statement=[sign a statement]:file:_files' \
			'--version=[which version the images are]:number:' \
			'1:command:' '*:file:_files'
		;;
	verify)
		_arguments \
			'--floor=[versions must not be below]:file:_files' \
			'--hash=[algorithm where fs-verity is off]:alg:(sha256 sha512)' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--name=[what the statement must be about]:name:' \
			'--raise-floor[make the version the floor]' \
			'--repo=[the repository of the images]:dir:_files -/' \
			'--require-verity[refuse an image without fs-verity]' \
			'*--revoked=[trust no key in DIR]:dir:_files -/' \
			'--signature=[where the signature is]:file:_files' \
			'--signatures=[directory of signatures]:dir:_files -/' \
			'--statement=[a statement is signed]:file:_files' \
			'*--trusted=[trust the keys in DIR]:dir:_files -/' \
			'1:command:' '*:file:_files'
		;;
	enable-objects)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--objects=[the objects]:dir:_files -/' \
			'--signatures=[their signatures]:dir:_files -/' \
			'1:command:' '*:file:_files'
		;;
	ipe-policy)
		_arguments \
			'--check[print what would not work]' \
			'--help[print usage]' \
			'--mode=[what a rule asks for]:mode:(signature digest dm-verity)' \
			'--name=[what the policy is called]:name:' \
			'--objects=[look into the objects]:dir:_files -/' \
			'--policy-version=[its version]:xyz:' \
			'1:command:' '*:file:_files'
		;;
	sign-objects)
		_arguments \
			'--cert=[the certificate]:file:_files' \
			'--exec-only[only what can be executed]' \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--key=[the private key]:file:_files' \
			'--objects=[look into the objects]:dir:_files -/' \
			'--signatures=[where signatures go]:dir:_files -/' \
			'1:command:' '*:file:_files'
		;;
	tag)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	transaction)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	umount)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'--lazy[detach the mount now, free it when unused]' \
			'1:command:' '*:file:_files'
		;;
	untag)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	ls)
		_arguments \
			'--directory[list a directory itself]' \
			'--help[print usage]' \
			'--json[print one JSON array]' \
			$repository \
			'1:command:' '*:file:_files'
		;;
	version)
		_arguments \
			'--help[print usage]' \
			'--json[print one JSON object]' \
			'1:command:' '*:file:_files'
		;;
	*)
		_arguments '--help[print usage]' '1:command:((cat\:"print a file of an image, or a stream"
			compute-id\:"compute the image ID without storing anything"
			create-dumpfile\:"print a directory as a dump"
			create-image\:"store a directory as an image"
			diff\:"compare two trees - images, directories, dumps"
			doctor\:"show what the kernel and filesystem support"
			du\:"show the disk usage of images"
			dump-files\:"print entries of an image as a dump"
			explain\:"explain why two trees or images differ"
			fsck\:"check a repository, or an image and its objects"
			gc\:"remove unreferenced images and objects"
			image-objects\:"list the objects of an image"
			images\:"list images and their references"
			import-image\:"store an image file"
			init\:"create a repository"
			mount\:"mount an image"
			repair\:"check and repair a repository"
			sign\:"sign an image, or a statement about images"
			verify\:"is an image signed by somebody who is trusted"
			enable-objects\:"enable fs-verity, with signatures"
			ipe-policy\:"print an IPE policy for an image"
			sign-objects\:"sign the objects of an image for the kernel"
			tag\:"add a reference to an image"
			transaction\:"run a command while gc is locked out"
			umount\:"unmount an image"
			untag\:"remove references"
			ls\:"list a directory of an image"
			version\:"print the version"))'
		;;
	esac
	;;
composefs-info)
	_arguments \
		'--basedir=[the object store]:directory:_files -/' \
		'*--filter=[only this entry of the root]:name:' \
		'--help[print usage]' \
		'--version[print the version]' \
		'1:command:((ls\:"list all entries" dump\:"print as text"
			objects\:"print the objects of images"
			missing-objects\:"print missing objects"
			measure-file\:"print the fs-verity digests of files"))' \
		'*:image:_files'
	;;
composefs-dump)
	_arguments '--help[print usage]' '--version[print the version]' '1:image:_files' '2:new image:_files'
	;;
mount.composefs)
	_arguments \
		'-h[print usage]' \
		'-t[filesystem type]:type:(composefs)' \
		'-o[mount options]:option:_values -s , option
			"allow-dev[device nodes can be opened without verification]" "allow-suid[setuid programs count without verification]" "basedir[object stores]:directory:_files -/" "digest[digest of the image]:digest:"
			"idmap[user namespace file]:file:_files" "prefetch[read the image ahead]:when:(async wait off)" "ro[read only]" "rw[writable]"
			"floor[file of version floors]:file:_files" "name[what the statement is about]:name:"
			"signature[signature file]:file:_files" "signed[require a signature]" "statement[signed statement]:file:_files"
			"trusted[directory of trusted keys]:directory:_files -/"
			"tryverity[verify objects where possible]" "upperdir[writable layer]:directory:_files -/"
			"verity[verify every object]" "workdir[work directory of upperdir]:directory:_files -/"' \
		'1:image:_files' '2:mount point:_files -/'
	;;
esac
