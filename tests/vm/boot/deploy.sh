#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# Deployments on a disk with fs-verity and a boot partition with FAT: installed, booted, upgraded, rolled back. A boot
# is the work of the initrd with the arguments of the next entry; only the kernel stays.
. ./lib.sh

AT="--root=/sysroot --boot=/boot"

after_fact() {
	:
}

# composefs boot VERB...
boot() {
	verb=$1
	shift
	# shellcheck disable=SC2086 # two options
	composefs boot "$verb" $AT "$@"
}

# make_image NUMBER KERNEL: the image os:NUMBER, whose kernel has so many mebibytes.
make_image() {
	echo "$1" >/tmp/tree/usr/version
	echo "conf $1" >/tmp/tree/etc/conf
	dd if=/dev/urandom of=/tmp/tree/usr/lib/modules/6/vmlinuz bs=1048576 count="$2" 2>/dev/null
	composefs create-image --repo=/sysroot/composefs /tmp/tree "os:$1"
	composefs tag --repo=/sysroot/composefs "os:$1" os:latest
}

# start: boots what is next, at /newroot.
start() {
	rm -rf /run/composefs
	mkdir -p /newroot
	composefs-prepare-root --cmdline="$(boot karg list)" --target=/newroot
	cat /run/composefs/booted
	grep " /newroot .*verity=require" /proc/self/mountinfo >/dev/null
}

stop() {
	umount -l /newroot
}

running() {
	cat /newroot/usr/version
}

# The image of a role, as the first digits of its ID.
version_of() {
	boot status --no-trunc | grep "^[a-z,]*$1" | sed 's/.*\(composefs-[0-9.]*\).*/\1/'
}

fact_a_system_is_installed_and_booted() {
	boot install --karg=root=/dev/vda --karg=rw os:latest
	boot check
	start
	say version 1 running
	echo mine >/newroot/etc/mine
	echo data >/newroot/var/data
	boot status
	say booted "$(version_of next)" version_of booted
	stop
}

fact_an_upgrade_is_booted_with_the_changes_in_etc() {
	make_image 2 3
	boot upgrade --tries=3
	ls -l /boot/loader/entries
	boot check
	start
	say version 2 running
	say etc mine cat /newroot/etc/mine
	say "etc of the image" "conf 2" cat /newroot/etc/conf
	say var data cat /newroot/var/data
	echo changed >/newroot/etc/mine
	stop
}

fact_a_rollback_boots_the_system_before_with_its_etc() {
	boot rollback
	start
	say version 1 running
	say etc mine cat /newroot/etc/mine
	say "etc of the image" "conf 1" cat /newroot/etc/conf
	say var data cat /newroot/var/data
	stop
	boot rollback
	start
	say version 2 running
	say etc changed cat /newroot/etc/mine
	stop
}

fact_everything_is_on_the_disks() {
	umount /boot
	umount /sysroot
	mount -t vfat /dev/vdb /boot
	mount -t ext4 /dev/vda /sysroot
	boot check
	boot check rollback
}

fact_collection_spares_what_can_be_booted() {
	composefs untag --repo=/sysroot/composefs os:1 os:2 os:latest
	composefs gc --repo=/sysroot/composefs --keep=1
	boot check
	boot check rollback
	composefs tag --repo=/sysroot/composefs "$(boot status --no-trunc | sed -n 's/.*\(sha256:[0-9a-f]*\).*/\1/p' | head -n 1)" os:latest
}

fact_a_full_boot_partition_is_left_as_it_is() {
	make_image 3 8
	find /boot | sort >/tmp/before
	refuse "expected .* free bytes" boot upgrade
	find /boot | sort >/tmp/after
	cmp /tmp/before /tmp/after
	boot check
}

fact_a_damaged_object_is_found_before_the_boot() {
	object=$(composefs dump-files --repo=/sysroot/composefs --backing-path-only \
		"$(boot status --no-trunc | sed -n 's/.*\(sha256:[0-9a-f]*\).*/\1/p' | head -n 1)" /usr/data | sed 's/.* //')
	cp "/sysroot/composefs/objects/$object" /tmp/copy
	rm "/sysroot/composefs/objects/$object"
	cp /tmp/copy "/sysroot/composefs/objects/$object"
	boot check >/tmp/refused && exit 1
	cat /tmp/refused
	grep "objects  *failed: .*fs-verity" /tmp/refused
}

if [ ! -e /dev/vdb ]; then
	echo "ok - deploy # SKIP mkfs.vfat is not installed"
	exit
fi
mkdir -p /boot /sysroot
mount -t ext4 /dev/vda /sysroot
mount -t vfat /dev/vdb /boot || echo "not ok - deploy: cannot mount the boot partition"
mkdir -p /boot/loader/entries
for place in bin dev etc proc run sbin sys sysroot tmp usr/lib/modules/6 var; do
	mkdir -p "/tmp/tree/$place"
done
cp /bin/busybox /tmp/tree/bin
echo initrd >/tmp/tree/usr/lib/modules/6/initramfs.img
dd if=/dev/urandom of=/tmp/tree/usr/data bs=4096 count=64 2>/dev/null
composefs init --algorithm=sha256 /sysroot/composefs
make_image 1 2
run_facts deploy
umount /boot
umount /sysroot
rm -rf /tmp/tree /run/composefs
