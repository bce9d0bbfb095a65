#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Compiles, and sets the build up or changes its prefix first where that is needed. When root runs it for somebody
# else, the compiler runs as the owner of the source tree, so that root leaves no files there.
#
#   scripts/build.sh BUILD [--prefix=DIR] [TARGET...]
set -eu

build=$(realpath -m -- "${1:?usage: scripts/build.sh BUILD [--prefix=DIR] [TARGET...]}")
shift
prefix=
case ${1-} in
--prefix=*)
	prefix=${1#--prefix=}
	shift
	;;
esac
cd "$(dirname -- "$0")/.."

as_owner() {
	owner=$(stat -c %u .)
	if [ "$(id -u)" != 0 ] || [ "$owner" = 0 ]; then
		"$@"
		return
	fi
	home=$(getent passwd "$owner" | cut -d: -f6)
	HOME=${home:-/} setpriv --reuid "$owner" --regid "$(stat -c %g .)" --clear-groups -- "$@"
}

if [ ! -e "$build/build.ninja" ]; then
	as_owner meson setup "$build" ${prefix:+"--prefix=$prefix"}
elif [ -n "$prefix" ]; then
	as_owner meson configure "$build" "-Dprefix=$prefix"
fi
as_owner ninja -C "$build" "$@"
