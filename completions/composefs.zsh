#compdef composefs cfsctl mkcomposefs composefs-info composefs-fsck composefs-dump composefs-fuse mount.composefs composefs-prepare-root
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# zsh completion. The programs answer themselves, from their option tables: PROGRAM --complete WORD...
# (tools/cli/complete.h).

_composefs_ask() {
	local line word
	local -a given lines closed closed_text open open_text
	given=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}") # the last one may be empty
	lines=("${(@f)$(_call_program composefs ${(q)words[1]} --complete "${(@q)given}" 2>/dev/null)}")
	for line in "${lines[@]}"; do
		word=${line%%$'\t'*}
		case $line in
		*[=/]$'\t'*)
			open+=("$word")
			open_text+=("$word  ${line#*$'\t'}")
			;;
		*$'\t'*)
			closed+=("$word")
			closed_text+=("$word  ${line#*$'\t'}")
			;;
		:files)
			compset -P '--*=' || compset -P '[a-z-]##:'
			_files
			;;
		:dirs)
			compset -P '--*='
			_files -/
			;;
		esac
	done
	(($#open == 0)) || compadd -S '' -l -d open_text -a open
	(($#closed == 0)) || compadd -l -d closed_text -a closed
}

# Programs that list their options in --help, and their mount options, if any, below "Supported options".
_composefs_small() {
	local -a options
	case ${words[CURRENT-1]} in
	-t)
		compadd composefs
		;;
	-o)
		options=(${(f)"$($words[1] --help 2>/dev/null | sed -n '/^Supported/,$s/^  \([a-z_-]\{1,\}=\{0,1\}\).*/\1/p')"})
		compset -P '*,'
		compadd -S '' -a options
		;;
	*)
		if [[ $PREFIX == -* && $PREFIX != *=* ]]; then
			options=(${(f)"$($words[1] --help 2>/dev/null | sed -n '/^  -/{s/^  //;s/  .*//;s/, /\n/g;p}' | sed 's/=.*/=/;s/ .*//')"})
			compadd -S '' -- ${(M)options:#*=}
			compadd -- ${options:#*=}
		else
			compset -P '--*='
			_files
		fi
		;;
	esac
}

case $service in
composefs-dump|composefs-fuse|mount.composefs|composefs-prepare-root)
	_composefs_small
	;;
*)
	_composefs_ask
	;;
esac
