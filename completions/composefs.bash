# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bash completion for composefs, mkcomposefs, composefs-info, composefs-dump and mount.composefs.

_composefs_options() # OPTIONS, those with a value end in =
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}

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
	--inline-max | --threads)
		return
		;;
	esac
	$split && return
	if [[ $cur == -* ]]; then
		_composefs_options "--cache= --digest-store= --from-file --hardlinks --help --inline-max= --max-version=
			--min-version= --one-file-system --print-digest --print-digest-only
			--require-verity --skip-devices --skip-xattrs --threads= --use-epoch --user-xattrs"
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
		_composefs_options "--basedir= --filter= --help"
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
		_composefs_options "basedir= digest= floor= idmap= name= prefetch= ro rw signature= signed statement= trusted= tryverity upperdir= verity workdir="
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
		_composefs_options "--help"
	else
		_filedir
	fi
}

_composefs()
{
	local cur prev words cword split=false
	_init_completion -s || return
	if [[ $prev == --objects ]]; then
		_filedir -d
		return
	fi
	$split && return
	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "fsck ls --help" -- "$cur")
	elif [[ $cur == -* && ${words[1]} == ls ]]; then
		_composefs_options "--directory --help"
	elif [[ $cur == -* ]]; then
		_composefs_options "--canonical --help --isolated --json --no-isolated --objects="
	else
		_filedir
	fi
}

complete -F _composefs composefs
complete -F _mkcomposefs mkcomposefs
complete -F _composefs_info composefs-info
complete -F _composefs_dump composefs-dump
complete -F _mount_composefs mount.composefs
