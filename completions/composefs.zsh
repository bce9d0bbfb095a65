#compdef composefs cfsctl mkcomposefs composefs-info composefs-fsck composefs-dump composefs-fuse mount.composefs
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# zsh completion. The programs answer themselves, from their option tables: PROGRAM --complete WORD...
# (tools/cli/complete.h).

# Its options follow -o; -h lists them.
_mount_composefs_options() {
	local -a options
	options=(${(f)"$($words[1] -h 2>&1 | sed -n '/^Supported/,$s/^  \([a-z_-]\{1,\}=\{0,1\}\).*/\1/p')"})
	compset -P '*,'
	compadd -S '' -a options
}

_composefs_ask() {
	local line word
	local -a lines closed closed_text open open_text
	lines=("${(@f)$(_call_program composefs ${(q)words[1]} --complete "${(@qQ)words[2,CURRENT-1]}" ${(q)${(Q)PREFIX}:-""} 2>/dev/null)}")
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
			compset -P '--*='
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

case $service in
composefs-dump)
	_arguments '--help[print the help]' '--version[print the version]' '1:image:_files' '2:new image:_files'
	;;
mount.composefs)
	_arguments '-h[print the help]' '-t[filesystem type]:type:(composefs)' \
		'-o[mount options]:option:_mount_composefs_options' '1:image:_files' '2:mount point:_files -/'
	;;
composefs-fuse)
	_arguments '-h[print the help]' '-f[stay in the foreground]' '-s[use one thread]' \
		'-o[options]:option:_mount_composefs_options' '*:file:_files'
	;;
*)
	_composefs_ask
	;;
esac
