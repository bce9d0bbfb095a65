#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# composefs-prepare-root on a disk with fs-verity: what boots, and what does not.
. ./lib.sh

ROOT="/ /sysroot "

mount_disk() {
	mount -t ext4 /dev/vda /sysroot
}

# Back to the state disk alone.
after_fact() {
	while umount -l /sysroot 2>/dev/null; do :; done
	rm -rf /run/composefs
}

# The tree of a system, and its image in the repository: $digest. Everything on the disk is new.
fresh() {
	mount_disk
	rm -rf /sysroot/composefs /sysroot/state
	mkdir -p /sysroot/composefs/images
	digest=$(add_image)
	mkdir -p "/sysroot/state/deploy/$digest/etc/upper" "/sysroot/state/deploy/$digest/etc/work" \
		"/sysroot/state/deploy/$digest/var"
	echo kept >"/sysroot/state/deploy/$digest/var/kept"
	image=/sysroot/composefs/images/$digest
}

add_image() {
	made=$(mkcomposefs --digest-store=/sysroot/composefs/objects --seal --print-digest /tmp/tree /sysroot/composefs/new)
	mv /sysroot/composefs/new "/sysroot/composefs/images/$made"
	echo "$made"
}

# boot CMDLINE [LINE...]: with these lines of configuration.
boot() {
	cmdline=$1
	shift
	echo "[composefs]" >/tmp/config
	for line in "$@"; do
		echo "$line" >>/tmp/config
	done
	composefs-prepare-root --config=/tmp/config --cmdline="$cmdline"
}

# refuse_boot STATUS TEXT CMDLINE [LINE...]: fails so, and leaves the state disk alone at its place.
refuse_boot() {
	expected=$1 text=$2 code=0
	shift 2
	boot "$@" >/tmp/refused 2>&1 || code=$?
	cat /tmp/refused
	say status "$expected" echo $code
	grep -q -- "$text" /tmp/refused
	say "mounts at sysroot" 1 grep -c "$ROOT\|/sysroot/" /proc/self/mountinfo
	[ -d /sysroot/composefs ]
}

root_is() {
	grep "$ROOT" /proc/self/mountinfo | grep -q -- "- overlay $1 .*verity=require"
}

fact_the_image_of_the_argument_is_verified_and_booted() {
	fresh
	boot "composefs.digest=v1-sha256-12:$digest"
	root_is "composefs:$digest"
	cat /sysroot/usr/data >/dev/null
	cat /run/composefs/booted
}

fact_the_first_of_two_images_may_be_missing() {
	fresh
	boot "composefs.digest=v1-sha512-12:$(printf '%0128d' 1) composefs=$digest"
	root_is "composefs:$digest"
}

fact_another_image_under_the_name_is_refused() {
	fresh
	echo other >>/tmp/tree/usr/data
	other=$(add_image)
	mv -f "/sysroot/composefs/images/$other" "$image"
	refuse_boot 5 "expected $digest, got $other" "composefs=$digest"
	refuse_boot 5 "expected $digest" "composefs=$digest composefs=$other"
}

fact_a_copy_of_the_image_without_verity_is_refused() {
	fresh
	cp "$image" /tmp/copy
	rm "$image"
	cp /tmp/copy "$image"
	refuse_boot 5 "no fs-verity" "composefs=$digest"
	refuse_boot 2 "allow-insecure" "composefs=?$digest"
	boot "composefs=?$digest" allow-insecure=true
	grep -q '"verified":false' /run/composefs/booted
}

fact_a_changed_block_of_the_image_is_refused() {
	fresh
	dd if="$image" of=/tmp/block bs=4096 count=1 2>/dev/null
	umount /sysroot
	say "changed on the disk" yes probe flip /dev/vda /tmp/block
	mount_disk
	refuse_boot 7 "" "composefs=$digest"
	kernel "FILE CORRUPTED"
}

fact_a_replaced_object_cannot_be_read() {
	fresh
	object=/sysroot/composefs/objects/$(composefs-info measure-file /tmp/tree/usr/data | sed 's,^..,&/,')
	rm "$object"
	echo evil >"$object"
	boot "composefs=$digest"
	not cat /sysroot/usr/data
}

fact_a_transient_root_is_verified_too() {
	fresh
	printf '[composefs]\n[root]\ntransient=true\n[etc]\nmount=transient\n' >/tmp/transient
	composefs-prepare-root --config=/tmp/transient --cmdline="composefs=$digest"
	root_is "transient:composefs=$digest"
	echo new >/sysroot/usr/new
	echo new >/sysroot/etc/new
	[ ! -e "/sysroot/sysroot/state/deploy/$digest/etc/upper/new" ]
}

fact_an_ext4_without_write_access_is_reported() {
	fresh
	umount /sysroot
	mount -t ext4 -o ro /dev/vda /sysroot
	refuse_boot 8 "put rw on the kernel command line" "composefs=$digest"
}

fact_a_signed_image_is_booted_by_its_pointer() {
	fresh
	mkdir -p "/sysroot/composefs/boot" "/sysroot/composefs/signatures/$digest" /tmp/keys
	ln -s "../images/$digest" /sysroot/composefs/boot/current
	refuse_boot 5 "" quiet mode=signed keys=/tmp/keys
	cp /guest/keys/public.pem /tmp/keys
	refuse_boot 5 "expected a signature" quiet mode=signed keys=/tmp/keys
	composefs sign --key=/guest/keys/key.pem --signatures=/sysroot/composefs/signatures "$image"
	cp "/sysroot/composefs/signatures/$digest/$(cat /guest/keys/id).ed25519" /tmp/signature
	boot quiet mode=signed keys=/tmp/keys
	root_is "composefs:$digest"
	grep -q '"signed":true' /run/composefs/booted
}

fact_a_signature_of_another_image_is_refused() {
	echo more >>/tmp/tree/usr/data
	fresh
	mkdir -p "/sysroot/composefs/boot" "/sysroot/composefs/signatures/$digest"
	echo "$digest" >/sysroot/composefs/boot/current
	cp /tmp/signature "/sysroot/composefs/signatures/$digest/$(cat /guest/keys/id).ed25519"
	refuse_boot 5 "" quiet mode=signed keys=/tmp/keys
}

# What init boots in the end.
fact_a_system_is_left_on_the_disk() {
	fresh
	echo "$digest" >/tmp/booted
}

mkdir -p /tmp/tree
for place in bin dev etc proc run sbin sys sysroot tmp usr var; do
	mkdir -p "/tmp/tree/$place"
done
cp /bin/busybox /tmp/tree/bin
for name in sh grep sed cut poweroff echo; do
	ln -s busybox "/tmp/tree/bin/$name"
done
cp /guest/system /tmp/tree/sbin/init
dd if=/dev/urandom of=/tmp/tree/usr/data bs=4096 count=64 2>/dev/null
run_facts prepare-root
