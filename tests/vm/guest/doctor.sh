#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# What composefs doctor says of the filesystem FS of DISK.
. ./lib.sh

after_fact() {
	:
}

fact_doctor_knows_whether_there_is_fs_verity_and_what_to_do_about_it() {
	composefs doctor /fs >/tmp/doctor
	cat /tmp/doctor
	case $DISK in
	/dev/vda | /dev/vdb)
		grep -q "^ok .*fs-verity here " /tmp/doctor
		grep -q "contents checked by fs-verity, nosuid,nodev$" /tmp/doctor
		;;
	/dev/vdd)
		grep -q "ext4 on /dev/vdd lacks the feature verity" /tmp/doctor
		grep -q "> tune2fs -O verity /dev/vdd" /tmp/doctor
		;;
	*) grep -q "^no .*fs-verity here .*$FS has none" /tmp/doctor ;;
	esac
	grep -q "^ok .*A mount here" /tmp/doctor
}

fact_doctor_knows_what_this_kernel_has() {
	composefs doctor /fs >/tmp/doctor
	for title in EROFS overlayfs "overlayfs: data-only layers" "overlayfs: verity=require"; do
		grep -q "^ok  *$title$" /tmp/doctor
	done
}

run_facts "doctor on $FS"
