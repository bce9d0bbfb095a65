#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# Makes a unified kernel image (UKI) that boots one composefs image and no other, and signs it for Secure Boot.
#
#   make-uki.sh ID KERNEL INITRD KEY CERTIFICATE OUT [ARGUMENT...]
#
# ID is what "composefs create-image" or "composefs compute-id" prints. The initrd has composefs-prepare-root. KEY and
# CERTIFICATE (PEM) are those that the firmware trusts; ARGUMENTs are added to the kernel command line. $STUB is the UEFI
# stub of systemd. Needs objcopy (binutils) and sbsign (sbsigntool); systemd 253 and newer have ukify, which does the same.
set -eu

stub=${STUB:-/usr/lib/systemd/boot/efi/linuxx64.efi.stub}
if [ $# -lt 6 ]; then
	echo "usage: make-uki.sh ID KERNEL INITRD KEY CERTIFICATE OUT [ARGUMENT...]" >&2
	exit 2
fi
id=$1 kernel=$2 initrd=$3 key=$4 certificate=$5 out=$6
shift 6

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Format 1 of the image, and fs-verity blocks of 2^12 bytes: what composefs compute-karg prints.
case $id in
sha256:* | sha512:*) printf 'composefs.digest=v1-%s-12:%s' "${id%%:*}" "${id#*:}" >"$work/cmdline" ;;
*)
	echo "make-uki.sh: expected sha256:HEX or sha512:HEX, got \"$id\"" >&2
	exit 2
	;;
esac
for argument in "$@"; do
	printf ' %s' "$argument" >>"$work/cmdline"
done
printf 'ID=composefs\nPRETTY_NAME="%s"\nVERSION_ID=%.12s\n' "${NAME:-composefs}" "${id#*:}" >"$work/osrel"

# Each section begins at a page behind the one before: where they are, only the file and the stub know.
page=4096
next=$(objdump -h "$stub" | awk 'NF == 7 { print $3, $4 }' |
	while read -r size at; do echo $((0x$at + 0x$size)); done | sort -n | tail -n 1)
add=
for section in osrel cmdline initrd linux; do
	case $section in
	initrd) file=$initrd ;;
	linux) file=$kernel ;;
	*) file=$work/$section ;;
	esac
	next=$(((next + page - 1) / page * page))
	add="$add --add-section .$section=$file --change-section-vma .$section=$next"
	next=$((next + $(stat -L -c %s "$file")))
done
# shellcheck disable=SC2086 # a list of options
objcopy $add "$stub" "$work/uki"
sbsign --key "$key" --cert "$certificate" --output "$out" "$work/uki"
