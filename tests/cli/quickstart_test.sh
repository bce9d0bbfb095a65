#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# The quickstart on a small tree in which every kind of file occurs.
#
#   quickstart_test.sh QUICKSTART BUILD [mount]       mount: with real mounts, needs root
set -u
quickstart=$1 build=$2 mode=${3-}
scripts=$(dirname -- "$quickstart")
number=0 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

make_tree() {
	mkdir -p "$work/tree/dir/empty"
	cd "$work/tree" || exit 1
	echo small >small
	head -c 100000 /dev/zero >large
	cp large dir/same
	echo odd >"dir/a b"$'\n'"c"
	ln -s nowhere dir/link
	ln large dir/hard
	mkfifo dir/fifo
	touch dir/nothing
	chmod 4750 dir/same
	touch -d '1999-12-31 23:59:59.123456789' dir/same
	cd / || exit 1
}

# check TITLE COMMAND...
check() {
	local title=$1
	shift
	number=$((number + 1))
	if "$@" >"$work/out" 2>&1; then
		echo "ok $number - $title"
		return
	fi
	failed=1
	echo "not ok $number - $title"
	sed 's/^/# /' "$work/out"
}

# says STATUS PATTERN COMMAND...: the command ends with the status and prints the pattern.
says() {
	local status=$1 pattern=$2 got
	shift 2
	"$@" >"$work/said" 2>&1
	got=$?
	cat "$work/said"
	echo "status: expected $status and \"$pattern\", got $got"
	[ "$got" = "$status" ] && grep -q -- "$pattern" "$work/said"
}

leaves_nothing() {
	local left
	left=$(find "$work/tmp" -mindepth 1)
	echo "$left"
	[ -z "$left" ]
}

# tools_with NAME: a copy of the build in which the tool NAME is the script on stdin.
tools_with() {
	rm -rf "$work/build"
	mkdir -p "$work/build/tools"
	ln -s "$build"/tools/* "$work/build/tools/" 2>/dev/null
	rm -f "$work/build/tools/$1"
	cat >"$work/build/tools/$1"
	chmod +x "$work/build/tools/$1"
}

# The report begins with the first line of the quickstart itself.
builds_quietly() {
	local first
	mkdir -p "$work/copy/scripts"
	cp "$quickstart" "$scripts/build.sh" "$work/copy/scripts/"
	first=$("$quickstart" --build "$build" "$work/tree" | head -n 1)
	echo "first line: $first"
	[[ $first == pack* ]]
}

# Root compiles in the source tree of somebody else as that person.
builds_as_the_owner() {
	local copy=$work/owned
	mkdir -p "$copy/scripts" "$copy/bin"
	cp "$quickstart" "$scripts/build.sh" "$copy/scripts/"
	# shellcheck disable=SC2016 # for the script that is written
	printf '#!/bin/sh\nid -u >"%s/who"\n' "$copy" | tee "$copy/bin/meson" >"$copy/bin/ninja"
	chmod +x "$copy/bin"/*
	chown -R 65534:65534 "$copy"
	chmod 755 "$work"
	PATH="$copy/bin:$PATH" "$copy/scripts/quickstart.sh" --build "$copy/build" "$work/tree" >"$copy/log" 2>&1
	cat "$copy/log" "$copy/who"
	[ "$(cat "$copy/who")" = 65534 ] && [ "$(stat -c %u "$copy/who")" = 65534 ]
}

without_mount() {
	export QUICKSTART_NO_MOUNT="this test wants none"
	check "all is equal without a mount, and it says why there is none" \
		says 0 "skipped: this test wants none" "$quickstart" "$build" "$work/tree"
	check "a run ends with all equal" says 0 "^All equal" "$quickstart" "$build" "$work/tree"
	tools_with composefs-info <<-EOF
		#!/bin/sh
		[ "\$1" != dump ] || exec echo "/ 0 40755 2 0 0 0 0.0"
		exec "$build/tools/composefs-info" "\$@"
	EOF
	check "an image that says something else of itself is noticed" \
		says 1 DIFFERENT "$quickstart" "$work/build" "$work/tree"
	check "what the compiler prints is not shown" builds_quietly
	if [ "$(id -u)" = 0 ]; then
		check "root builds as the owner of the source tree" builds_as_the_owner
	fi
	check "a build that fails shows why" says 1 "meson.build" "$work/copy/scripts/quickstart.sh" --build "$work/unbuilt"
	check "a folder that does not exist is an error" \
		says 1 "not a directory" "$quickstart" "$build" "$work/none"
}

with_mount() {
	check "all is equal in the mount" says 0 "^All equal" "$quickstart" "$build" "$work/tree"
	check "the mount was one" says 0 "^mount .*overlay" "$quickstart" "$build" "$work/tree"
	cp -a "$work/tree" "$work/other"
	echo x | dd of="$work/other/large" conv=notrunc status=none
	touch -r "$work/tree/large" "$work/other/large"
	tools_with mount.composefs <<-EOF
		#!/bin/sh
		for mnt; do :; done
		exec mount --bind "$work/other" "\$mnt"
	EOF
	check "other contents are noticed" \
		says 1 "contents.*DIFFERENT" "$quickstart" "$work/build" "$work/tree"
	rm -rf "$work/other"
	cp -a "$work/tree" "$work/other"
	chmod 4755 "$work/other/dir/same"
	check "another mode is noticed" \
		says 1 "mode.*DIFFERENT" "$quickstart" "$work/build" "$work/tree"
}

if [ "$mode" = mount ] && { [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; }; then
	echo "1..0 # SKIP mounting needs root"
	exit 0
fi
mkdir "$work/tmp"
export TMPDIR=$work/tmp
make_tree
if [ "$mode" = mount ]; then
	with_mount
else
	without_mount
fi
check "nothing is left behind" leaves_nothing
echo "1..$number"
exit $failed
