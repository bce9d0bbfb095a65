#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Shows on a real tree what composefs does: packs it into an image and an object store, mounts
# that, lists it, compares it with the original and takes everything away again.
#
#   scripts/quickstart.sh [--build] BUILD [TREE]     BUILD: meson's build directory; TREE: /usr/share/doc
#
# --build compiles the three programs that are needed, as the owner of the source tree, so that root
# leaves no files there.
#
# Mounting needs root, or a sudo that asks for no password. It happens in a mount namespace of its own, so
# no other process sees it. Otherwise the image is checked in other ways, and the script says so.
set -euo pipefail
export LC_ALL=C

usage() {
	echo "usage: scripts/quickstart.sh [--build] BUILD [TREE]" >&2
	exit 2
}

# build_programs BUILD: prints what the compiler prints only if it fails.
build_programs() {
	local log
	log=$(mktemp)
	if ! "$(dirname -- "$0")/build.sh" "$1" tools/mkcomposefs tools/composefs-info tools/mount.composefs >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		exit 1
	fi
	rm -f "$log"
}

if [ "${1-}" = --build ]; then
	shift
	build_programs "${1:?}"
fi
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	usage
fi
tools=$(realpath -- "$1")/tools
tree=$(realpath -- "${2:-/usr/share/doc}")
if [ ! -x "$tools/mkcomposefs" ]; then
	echo "quickstart: $tools/mkcomposefs: not built (run make)" >&2
	exit 1
fi
if [ ! -d "$tree" ]; then
	echo "quickstart: $tree: not a directory" >&2
	exit 1
fi

# Why no mount is tried here; empty when one is.
why_no_mount() {
	if [ "$(id -u)" != 0 ]; then
		echo "not root, and sudo asks for a password"
	elif ! unshare --mount --propagation private true 2>/dev/null; then
		echo "root, but without the right to mount, as in many containers"
	fi
}

if [ -z "${QUICKSTART_NO_MOUNT+set}" ] && [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then
	exec sudo -n TMPDIR="${TMPDIR-}" "$0" "$tools/.." "$tree"
fi
if [ -z "${QUICKSTART_NO_MOUNT+set}" ]; then
	QUICKSTART_NO_MOUNT=$(why_no_mount)
	export QUICKSTART_NO_MOUNT
	if [ -z "$QUICKSTART_NO_MOUNT" ]; then
		exec unshare --mount --propagation private "$0" "$@"
	fi
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/composefs-quickstart.XXXXXX")
image=$work/image.cfs
objects=$work/objects
mnt=$work/mnt
mkdir "$objects" "$mnt"

clean_up() {
	if mountpoint -q "$mnt"; then
		umount "$mnt"
	fi
	rm -rf -- "$work"
}
trap clean_up EXIT

say() {
	printf '%-9s%s\n' "$1" "$2"
}

# step FUNCTION: runs it and adds how long it took.
step() {
	local begin=$EPOCHREALTIME
	"$1"
	say "" "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f s", b - a }')"
	echo
}

# human BYTES
human() {
	numfmt --to=iec-i --suffix=B -- "$1"
}

# count_files DIR: "number bytes" of the regular files in it.
count_files() {
	find "$1" -type f -printf '%s\n' | awk '{ n++; s += $1 } END { printf "%d %d\n", n, s }'
}

pack() {
	local files bytes stored stored_bytes
	if ! digest=$("$tools/mkcomposefs" --digest-store="$objects" --print-digest \
		"$tree" "$image" 2>"$work/warnings"); then
		cat "$work/warnings" >&2
		exit 1
	fi
	read -r files bytes < <(count_files "$tree")
	read -r stored stored_bytes < <(count_files "$objects")
	say pack "$tree: $(find "$tree" -printf . | wc -c) entries; $files files hold $(human "$bytes")"
	say "" "image    $(human "$(stat -c %s "$image")"): names, metadata and the smallest files"
	say "" "objects  $stored files, $(human "$stored_bytes"): each content once, named by its digest"
	say "" "digest   $digest"
	while IFS= read -r line; do
		say "" "$line"
	done <"$work/warnings"
}

try_mount() {
	"$tools/mount.composefs" -o "ro,basedir=$objects" "$image" "$mnt" 2>"$work/mount.log"
}

show_mount() {
	say mount "$(findmnt -n -o SOURCE,FSTYPE,OPTIONS "$mnt" | tr -s ' ')"
}

# The first lines of what stdin lists, and how many there are.
some_of() {
	awk 'NR <= 5 { print } END { printf "... %d lines in all\n", NR }' |
		while IFS= read -r line; do say "$what" "$line"; what=; done
}

list_mount() {
	local what=list
	# shellcheck disable=SC2012 # for people, not for parsing
	ls -l "$mnt" | tail -n +2 | some_of
}

list_image() {
	local what=list
	"$tools/composefs-info" ls "$image" | some_of
}

# What stat tells of each entry of DIR, one line each. The size of a directory and the number of
# its links belong to the filesystem that holds it, not to the tree.
metadata_of() {
	(cd "$1" && find . \( -type d -printf '%P %y %m %U %G %T@\n' \) -o \
		-printf '%P %y %m %U %G %T@ %s %l\n') | sort
}

xattrs_of() {
	(cd "$1" && find . -print0 | sort -z | xargs -0 getfattr -h -d -m - --)
}

# Contents of all files. diff calls two fifos (devices, sockets) different; metadata_of has them.
same_contents() {
	diff -rq --no-dereference "$tree" "$mnt" |
		grep -vE 'is a ([a-z ]+) while file .* is a \1$' >"$work/diff" || true
	[ ! -s "$work/diff" ]
}

# compared WHAT COMMAND...: says whether the command found no difference, ends all otherwise.
compared() {
	local what=$1
	shift
	if "$@"; then
		say "" "$what: equal"
		return
	fi
	say "" "$what: DIFFERENT"
	head -n 20 "$work/diff"
	exit 1
}

# same_lists FUNCTION: what it says of the tree and of the mount.
same_lists() {
	diff <("$1" "$tree") <("$1" "$mnt") >"$work/diff"
}

compare_mount() {
	say compare "$tree with the mount:"
	compared "contents of every file (diff -r)" same_contents
	compared "type, mode, owner, mtime, size, symlink target" same_lists metadata_of
	if command -v getfattr >/dev/null; then
		compared "extended attributes" same_lists xattrs_of
	fi
}

same_digest() {
	[ "$1" = "$digest" ] || { echo "$1, want $digest" >"$work/diff"; false; }
}

# Each object is named by the digest of its content.
objects_are_named_rightly() {
	"$tools/composefs-info" objects "$image" | tr -d / >"$work/names"
	(cd "$objects" && find . -type f -print0 | sort -z |
		xargs -0 -r "$tools/composefs-info" measure-file) >"$work/digests"
	diff "$work/names" "$work/digests" >"$work/diff"
}

compare_image() {
	say compare "$tree with the image:"
	compared "digest of the tree, packed once more" \
		same_digest "$("$tools/mkcomposefs" --print-digest-only "$tree")"
	compared "digest of what the image says of itself" \
		same_digest "$("$tools/composefs-info" dump "$image" |
			"$tools/mkcomposefs" --from-file --print-digest-only -)"
	compared "objects that the image names, with those in the store, by digest" \
		objects_are_named_rightly
}

take_away() {
	umount "$mnt"
	say unmount "$mnt"
}

remove() {
	rm -rf -- "$work"
	say remove "$work"
}

step pack
if [ -z "$QUICKSTART_NO_MOUNT" ] && ! try_mount; then
	QUICKSTART_NO_MOUNT=$(cat "$work/mount.log")
fi
if [ -z "$QUICKSTART_NO_MOUNT" ]; then
	show_mount
	echo
	step list_mount
	step compare_mount
	step take_away
else
	say mount "skipped: $QUICKSTART_NO_MOUNT"
	say "" "Instead, the image is read and checked without the kernel."
	if [ "$(id -u)" != 0 ]; then
		say "" "As root, this mounts it: scripts/quickstart.sh $1 $tree"
	fi
	echo
	step list_image
	step compare_image
fi
step remove
echo "All equal, and nothing is left behind."
