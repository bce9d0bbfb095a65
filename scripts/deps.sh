#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Installs the Debian packages that a purpose needs and that are missing; asks for nothing and
# is done at once when nothing is missing.
#
#   scripts/deps.sh [-n] PURPOSE...   build | test | ci
#
# -n: only print which packages it would install.
# Without root and without a sudo that needs no password it only says what is missing: an
# error for what the build needs, a remark for the rest (tests that lack a tool skip).
set -eu

packages_of() {
	case $1 in
	build) echo gcc libc6-dev libcurl4-openssl-dev libjansson-dev libpcre2-dev libsodium-dev libssl-dev libzstd-dev make meson mount ninja-build pkg-config python3 scdoc zlib1g-dev ;;
	test) echo acl apache2-utils attr binutils btrfs-progs busybox-static chromium crun docker-registry dosfstools e2fsprogs fish fsverity fuse3 g++ libarchive-tools libengine-pkcs11-openssl libisal-dev mandoc mkdocs mtools musl-tools opensc openssl ovmf python3-jsonschema qemu-system-x86 runc sbsigntool skopeo softhsm2 strace umoci universal-ctags util-linux valgrind xfsprogs zsh ;;
	ci) echo clang clang-format libclang-rt-14-dev shellcheck ;;
	*)
		echo "deps.sh: unknown purpose: $1 (expected build, test or ci)" >&2
		exit 2
		;;
	esac
}

missing_of() {
	packages=$(packages_of "$1")
	# shellcheck disable=SC2016,SC2086 # dpkg's variables; one word a package
	have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null |
		sed -n 's/ installed$//p')
	for package in $packages; do
		echo "$have" | grep -qx -- "$package" || echo "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

can_be_root() {
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

install_packages() {
	echo "Installing:" "$@"
	export DEBIAN_FRONTEND=noninteractive
	as_root apt-get -qq update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
			-o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >/dev/null
}

only_print=
if [ "${1-}" = -n ]; then
	only_print=1
	shift
fi
if [ $# = 0 ]; then
	echo "usage: scripts/deps.sh [-n] build|test|ci..." >&2
	exit 2
fi
status=0
for purpose; do
	packages_of "$purpose" >/dev/null
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		echo "Not a Debian system. For \"$purpose\", see to these yourself:" \
			"$(packages_of "$purpose")" >&2
		continue
	fi
	missing=$(missing_of "$purpose" | tr '\n' ' ')
	if [ -n "$only_print" ]; then
		echo "Packages to install for \"$purpose\": ${missing:-none}"
		continue
	fi
	[ -n "$missing" ] || continue
	# shellcheck disable=SC2086 # one word a package
	if can_be_root && install_packages $missing; then
		continue
	fi
	echo "Missing packages for \"$purpose\", and no right to install them. As root:" >&2
	echo "    apt-get install $missing" >&2
	[ "$purpose" != build ] || status=1
done
exit $status
