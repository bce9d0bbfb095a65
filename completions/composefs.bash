# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bash completion for composefs, mkcomposefs, composefs-info, composefs-dump and mount.composefs.

_composefs_options() # OPTIONS, those with a value end in =
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}

_composefs_profiles="mkcomposefs-1.0 mkcomposefs-1.0-v1 mkcomposefs-1.0-dump repo-1 repo-1-sha256 oci-1 oci-1-sha256
	ipe-1 ipe-1-sha256 honest-df-1 honest-df-1-sha256"

_mkcomposefs()
{
	local cur prev words cword split=false
	_init_completion -s || return
	case $prev in
	--digest-store)
		_filedir -d
		return
		;;
	--cache)
		_filedir
		return
		;;
	--min-version | --max-version)
		mapfile -t COMPREPLY < <(compgen -W "0 1" -- "$cur")
		return
		;;
	--profile)
		mapfile -t COMPREPLY < <(compgen -W "$_composefs_profiles" -- "$cur")
		return
		;;
	--inline-max | --threads)
		return
		;;
	esac
	$split && return
	if [[ $cur == -* ]]; then
		_composefs_options "--cache= --digest-store= --from-file --hardlinks --help --inline-max= --max-version=
			--min-version= --one-file-system --print-digest --print-digest-only --profile=
			--require-verity --seal --skip-devices --skip-unshown-xattrs --skip-xattrs --threads= --use-epoch --user-xattrs --version"
	else
		_filedir
	fi
}

_composefs_info()
{
	local cur prev words cword split=false word
	local commands="ls dump objects missing-objects measure-file"
	_init_completion -s || return
	case $prev in
	--basedir)
		_filedir -d
		return
		;;
	--filter)
		return
		;;
	esac
	$split && return
	if [[ $cur == -* ]]; then
		_composefs_options "--basedir= --filter= --help --version"
		return
	fi
	for word in "${words[@]:1:cword-1}"; do
		if [[ " $commands " == *" $word "* ]]; then
			_filedir
			return
		fi
	done
	mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
}

_mount_composefs()
{
	local cur prev words cword
	_init_completion -n =: || return
	case $prev in
	-t)
		mapfile -t COMPREPLY < <(compgen -W "composefs" -- "$cur")
		;;
	-o)
		_composefs_options "allow-dev allow-suid basedir= digest= floor= idmap= name= prefetch= ro rw signature= signed statement= trusted= tryverity upperdir= verity workdir="
		;;
	*)
		if [[ $cur == -* ]]; then
			_composefs_options "-h -o -t"
		else
			_filedir
		fi
		;;
	esac
}

_composefs_dump()
{
	local cur prev words cword
	_init_completion || return
	if [[ $cur == -* ]]; then
		_composefs_options "--help --version"
	else
		_filedir
	fi
}

_composefs()
{
	local cur prev words cword split=false word last="" command="" options
	local repository="--lock-timeout= --repo= --require-verity --system --user"
	_init_completion -s || return
	case $prev in
	--from | --objects | --repo | --revoked | --signatures | --trusted | --upperdir | --workdir)
		_filedir -d
		return
		;;
	--kernel)
		mapfile -t COMPREPLY < <(compgen -W "$(uname -r)" -- "$cur")
		return
		;;
	--algorithm)
		mapfile -t COMPREPLY < <(compgen -W "fsverity-sha256-12 fsverity-sha512-12" -- "$cur")
		return
		;;
	--mode)
		mapfile -t COMPREPLY < <(compgen -W "signature digest dm-verity" -- "$cur")
		return
		;;
	--hash)
		mapfile -t COMPREPLY < <(compgen -W "sha256 sha512" -- "$cur")
		return
		;;
	--profile)
		mapfile -t COMPREPLY < <(compgen -W "$_composefs_profiles" -- "$cur")
		return
		;;
	--expected | --name | --policy-version | --version | --sign-command)
		return
		;;
	--attach | --cert | --floor | --html | --key | --public | --signature | --statement)
		_filedir
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W "frees own shared total fair cached entries name" -- "$cur")
		return
		;;
	--erofs-version)
		mapfile -t COMPREPLY < <(compgen -W "0 1 2" -- "$cur")
		return
		;;
	--grace | --keep | --root | --threads | --timeout)
		return
		;;
	esac
	$split && return
	for word in "${words[@]:1:cword-1}"; do
		[[ -n $command || $word == -* || $last == --@(repo|hash|erofs-version) ]] || command=$word
		last=$word
	done
	case $command in
	cat)
		options="--help $repository"
		;;
	compute-id | compute-karg | create-dumpfile)
		options="--erofs-version= --hash= --help --json --no-hardlinks --no-propagate-usr-to-root --no-repo --profile= --skip-unshown-xattrs $repository"
		;;
	create-image | build)
		options="--erofs-version= --help --json --no-hardlinks --no-propagate-usr-to-root --one-file-system --profile= --skip-devices --skip-unshown-xattrs --skip-xattrs --threads= --use-epoch --user-xattrs $repository"
		;;
	diff)
		options="--help --json --one-file-system --stat $repository"
		;;
	doctor)
		options="--help --json $repository"
		;;
	du)
		options="--apparent --help --html= --json --no-cached --pairs --sort= $repository"
		;;
	dump-files)
		options="--backing-path-only --help --json $repository"
		;;
	explain)
		options="--expected= --help --json --one-file-system $repository"
		;;
	fsck)
		options="--background --canonical --help --isolated --json --kernel= --metadata-only --no-isolated --objects= $repository"
		;;
	gc)
		options="--dry-run --grace= --help --json --keep= --no-wait --prune-refs --root= --timeout= $repository"
		;;
	image-objects)
		options="--help --json $repository"
		;;
	images | list-images)
		options="--help --json --no-trunc $repository"
		;;
	import-image)
		options="--help --json --missing-ok $repository"
		;;
	init)
		options="--algorithm= --ensure --erofs-version= --force --help --insecure --json --reset-metadata $repository"
		;;
	mount)
		options="--allow-dev --allow-suid --floor= --help --json --name= --read-write --require-signature --statement= --trusted= --upperdir= --workdir= $repository"
		;;
	repair)
		options="--from= --help --json $repository"
		;;
	sign)
		options="--attach= --hash= --help --json --key= --name= --print-to-sign --public= --repo= --require-verity --sign-command= --signature= --signatures= --statement= --version="
		;;
	verify)
		options="--floor= --hash= --help --json --name= --raise-floor --repo= --require-verity --revoked= --signature= --signatures= --statement= --trusted="
		;;
	enable-objects)
		options="--help --json --objects= --signatures="
		;;
	ipe-policy)
		options="--check --help --mode= --name= --objects= --policy-version="
		;;
	sign-objects)
		options="--cert= --exec-only --help --json --key= --objects= --signatures="
		;;
	tag)
		options="--help --json $repository"
		;;
	transaction)
		options="--help --json $repository"
		;;
	umount)
		options="--help --json --lazy"
		;;
	untag)
		options="--help --json $repository"
		;;
	ls)
		options="--directory --help --json $repository"
		;;
	version)
		options="--help --json"
		;;
	*)
		options="--help --version $repository"
		;;
	esac
	if [[ $cur == -* ]]; then
		_composefs_options "$options"
	elif [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "build cat compute-id compute-karg create-dumpfile create-image diff doctor du dump-files explain fsck gc
			image-objects images import-image init list-images ls mount repair tag transaction
			umount untag version sign verify enable-objects ipe-policy sign-objects" -- "$cur")
	else
		_filedir
	fi
}

complete -F _composefs composefs
complete -F _composefs cfsctl
complete -F _mkcomposefs mkcomposefs
complete -F _composefs_info composefs-info
complete -F _composefs_dump composefs-dump
complete -F _mount_composefs mount.composefs
