# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# bash completion for composefs, cfsctl, mkcomposefs, composefs-info, composefs-fsck, composefs-dump, composefs-fuse,
# mount.composefs and composefs-prepare-root.
# The programs answer themselves, from their option tables: PROGRAM --complete WORD... (tools/cli/complete.h).

# Sets words to the words up to the cursor, and cut to what bash does not replace: it splits words at = and :.
_composefs_words()
{
	local rest=${COMP_LINE:0:COMP_POINT} word before i
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		before=${rest%%[![:space:]]*}
		rest=${rest#"$before"}
		((i < COMP_CWORD)) || word=$rest
		rest=${rest:${#word}}
		word=${word//[\"\'\\]/}
		if [[ -z $before && i -gt 0 ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
	done
	cut=""
	[[ ${words[-1]} != *[=:]* ]] || cut=${words[-1]%"${words[-1]##*[=:]}"}
}

_composefs_files() # -f or -d, WORD
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

# Puts candidates into COMPREPLY, quoted: names in an image can hold any bytes.
_composefs_reply()
{
	local word
	COMPREPLY=()
	for word; do
		printf -v word %q "${word#"$cut"}"
		COMPREPLY+=("$word")
	done
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
}

_composefs()
{
	local words cut program=$1 line lines kind="" candidates=()
	_composefs_words
	mapfile -t lines < <("$program" --complete "${words[@]:1}" 2>/dev/null)
	for line in "${lines[@]}"; do
		case $line in
		*$'\t'*) candidates+=("${line%%$'\t'*}") ;;
		:files) kind=-f ;;
		:dirs) kind=-d ;;
		esac
	done
	if [[ -n $kind ]]; then # readline quotes these
		_composefs_files "$kind" "${words[-1]#"$cut"}"
		for line in "${candidates[@]}"; do
			COMPREPLY+=("${line#"$cut"}")
		done
	else
		_composefs_reply "${candidates[@]}"
	fi
}

# Programs that list their options in --help, and their mount options, if any, below "Supported options".
_composefs_small()
{
	local words cut front options
	_composefs_words
	case ${words[-2]-} in
	-t) COMPREPLY=(composefs) ;;
	-o)
		options=$("$1" --help 2>/dev/null | sed -n '/^Supported/,$s/^  \([a-z_-]\{1,\}=\{0,1\}\).*/\1/p')
		front=${words[-1]%"${words[-1]##*,}"}
		mapfile -t COMPREPLY < <(compgen -P "${front#"$cut"}" -W "$options" -- "${words[-1]##*,}")
		compopt -o nospace 2>/dev/null
		;;
	*)
		if [[ ${words[-1]} == -* && ${words[-1]} != *=* ]]; then
			options=$("$1" --help 2>/dev/null | sed -n '/^  -/{s/^  //;s/  .*//;s/, /\n/g;p}' | sed 's/=.*/=/;s/ .*//')
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "${words[-1]}")
			[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
		else
			_composefs_files -f "${words[-1]#"$cut"}"
		fi
		;;
	esac
}

complete -F _composefs composefs cfsctl mkcomposefs composefs-info composefs-fsck
complete -F _composefs_small composefs-dump composefs-fuse mount.composefs composefs-prepare-root
