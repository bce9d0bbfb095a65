#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# Signatures of images, and signatures of objects that the kernel checks, on the filesystem FS of DISK.
. ./lib.sh

KEYS=/guest/keys

after_fact() {
	umount /mnt 2>/dev/null
}

seal() {
	[ "$(probe enable "$1" sha256)" = ok ]
}

# A new store and image, sealed; vendor's key is trusted.
fresh() {
	rm -rf /fs/store /fs/image* /fs/floors /tmp/place
	digest=$(mkcomposefs --digest-store=/fs/store --print-digest /tmp/tree /fs/image)
	seal /fs/image
	mkdir -p /tmp/place/keys.d /tmp/place/revoked.d
	cp $KEYS/vendor.pub /tmp/place/keys.d/
}

sign() {
	composefs sign --require-verity --key="$KEYS/$1.pem" /fs/image
}

state() { # VERSION
	composefs sign --key="$KEYS/vendor.pem" --statement=/fs/image.statement --name=os --version="$1" /fs/image
}

show() {
	mount.composefs -o "basedir=/fs/store,trusted=/tmp/place/keys.d$1" /fs/image /mnt
}

object() {
	echo "/fs/store/$(composefs-info measure-file "/tmp/tree/$1" | sed 's,^..,&/,')"
}

sign_objects() {
	rm -rf /tmp/signatures
	composefs sign-objects --key=$KEYS/objects.pem --cert=$KEYS/objects.crt --signatures=/tmp/signatures /fs/image
}

enable_objects() {
	composefs enable-objects --objects=/fs/store --signatures=/tmp/signatures
}

# --- images ------------------------------------------------------------------------------------

fact_a_signed_image_is_mounted_and_its_objects_have_to_be_verified() {
	fresh
	sign vendor
	show ""
	grep -q verity=require /proc/mounts
	diff -r /tmp/tree /mnt
	say exec ok probe exec /mnt/program
}

fact_the_default_keys_are_those_of_three_directories() {
	fresh
	sign vendor
	refuse "got none" mount.composefs -o basedir=/fs/store,signed /fs/image /mnt
	mkdir -p /run/composefs/keys.d
	cp $KEYS/vendor.pub /run/composefs/keys.d/
	mount.composefs -o basedir=/fs/store,signed /fs/image /mnt
	rm -r /run/composefs
}

fact_each_of_the_three_directories_trusts_and_revokes() {
	fresh
	sign vendor
	for place in /usr/lib /etc /run; do
		mkdir -p $place/composefs/keys.d
		cp $KEYS/vendor.pub $place/composefs/keys.d/
		mount.composefs -o basedir=/fs/store,signed /fs/image /mnt
		umount /mnt
		for other in /usr/lib /etc /run; do
			mkdir -p $other/composefs/revoked.d
			cp $KEYS/vendor.pub $other/composefs/revoked.d/
			refuse "which is revoked" mount.composefs -o basedir=/fs/store,signed /fs/image /mnt
			refuse "which is revoked" show ""
			rm -r $other/composefs/revoked.d
		done
		rm -r $place/composefs
		refuse "got none" mount.composefs -o basedir=/fs/store,signed /fs/image /mnt
	done
}

fact_an_unsigned_image_is_refused() {
	fresh
	refuse "expected a signature in /fs/image.sig, got none" show ""
}

fact_an_image_signed_by_an_untrusted_key_is_refused() {
	fresh
	sign stranger
	refuse "no signature by a trusted key" show ""
}

fact_an_image_that_a_revoked_key_signed_is_refused() {
	fresh
	sign vendor
	cp $KEYS/vendor.pub /tmp/place/revoked.d/
	refuse "which is revoked" show ""
}

fact_the_signature_of_another_image_is_refused() {
	fresh
	sign vendor
	mv /fs/image.sig /tmp/other.sig
	echo "another image" >/tmp/tree/other
	fresh
	rm /tmp/tree/other
	refuse "no signature by a trusted key" show ",signature=/tmp/other.sig"
}

fact_a_signed_image_without_verity_is_refused() {
	fresh
	sign vendor
	cp /fs/image /fs/image.copy
	mv /fs/image.copy /fs/image
	refuse "no fs-verity" show ""
}

fact_a_signature_does_not_replace_the_expected_digest() {
	fresh
	sign vendor
	refuse "wrong fs-verity" show ",digest=$(echo "$digest" | tr 0-9a-f 1-9a-f0)"
}

fact_a_statement_must_match_image_name_and_rollback_floor() {
	fresh
	state 7
	show ",statement=/fs/image.statement,name=os"
	umount /mnt
	refuse "expected a statement about server, got one about os" show ",statement=/fs/image.statement,name=server"
	composefs verify --require-verity --trusted=/tmp/place/keys.d --statement=/fs/image.statement --floor=/fs/floors \
		--raise-floor /fs/image
	show ",statement=/fs/image.statement,floor=/fs/floors"
	umount /mnt
	echo "8 os" >/fs/floors
	refuse "rolled back: expected version 8 or newer, got 7" show ",statement=/fs/image.statement,floor=/fs/floors"
	echo "another image" >/tmp/tree/other
	mkcomposefs --digest-store=/fs/store /tmp/tree /fs/image2
	rm /tmp/tree/other
	seal /fs/image2
	mv /fs/image2 /fs/image
	refuse "not about image" show ",statement=/fs/image.statement"
}

# A repository with the tree as image "os".
fresh_repo() {
	fresh
	rm -rf /fs/repo
	composefs init --repo=/fs/repo --algorithm=fsverity-sha256-12
	composefs create-image --repo=/fs/repo /tmp/tree os
}

fact_an_image_of_a_repository_is_mounted_with_a_signature_of_the_repository() {
	fresh_repo
	refuse "expected a signature in /fs/repo/signatures, got none" \
		composefs mount --repo=/fs/repo --trusted=/tmp/place/keys.d os /mnt
	composefs sign --repo=/fs/repo --require-verity --key=$KEYS/stranger.pem os
	refuse "got none" composefs mount --repo=/fs/repo --trusted=/tmp/place/keys.d os /mnt
	composefs sign --repo=/fs/repo --require-verity --key=$KEYS/vendor.pem os
	composefs verify --repo=/fs/repo --require-verity --trusted=/tmp/place/keys.d os
	refuse "got none" composefs mount --repo=/fs/repo --require-signature os /mnt
	composefs mount --repo=/fs/repo --trusted=/tmp/place/keys.d os /mnt
	grep -q verity=require /proc/mounts
	cmp /tmp/tree/data /mnt/data
	umount /mnt
	composefs gc --repo=/fs/repo
	composefs mount --repo=/fs/repo --trusted=/tmp/place/keys.d os /mnt
}

fact_an_image_of_a_repository_is_not_mounted_below_its_floor() {
	fresh_repo
	composefs sign --repo=/fs/repo --key=$KEYS/vendor.pem --statement=/fs/statement --name=os --version=7 os
	set -- --repo=/fs/repo --trusted=/tmp/place/keys.d --statement=/fs/statement
	echo "8 os" >/fs/floors
	refuse "rolled back: expected version 8 or newer, got 7" composefs mount "$@" --floor=/fs/floors os /mnt
	refuse "expected a statement about server, got one about os" composefs mount "$@" --name=server os /mnt
	not grep -q " /mnt " /proc/mounts
	echo "7 os" >/fs/floors
	composefs mount "$@" --name=os --floor=/fs/floors os /mnt
	grep -q verity=require /proc/mounts
	cmp /tmp/tree/data /mnt/data
}

# --- the kernel's own signatures -----------------------------------------------------------------

fact_objects_stay_pending_until_the_kernel_knows_who_signed_them() {
	fresh
	sign_objects
	all=$(find /fs/store -type f | wc -l)
	refuse "^0 signed, $all pending, 0 missing, 0 wrong$" enable_objects
	say "key of the signer" ok probe key $KEYS/objects.der
	say enable "$all signed, 0 pending, 0 missing, 0 wrong" enable_objects
	say again "$all signed, 0 pending, 0 missing, 0 wrong" enable_objects
	say object "$(composefs-info measure-file /tmp/tree/data)" probe measure "$(object data)"
	say mode 644 stat -c %a "$(object data)"
	say files "$all" sh -c "find /fs/store -type f | wc -l"
	sign vendor
	show ""
	diff -r /tmp/tree /mnt
}

fact_objects_are_signed_in_place_where_they_have_no_verity_yet() {
	fresh
	cp "$(object data)" /fs/copy
	mv /fs/copy "$(object data)"
	inode=$(stat -c %i "$(object data)")
	sign_objects
	enable_objects
	say inode "$inode" stat -c %i "$(object data)"
	say object "$(composefs-info measure-file /tmp/tree/data)" probe measure "$(object data)"
}

fact_the_signature_of_another_object_is_refused() {
	fresh
	cp "$(object data)" /fs/copy
	mv /fs/copy "$(object data)"
	sign_objects
	cp "/tmp/signatures/$(composefs-info measure-file /tmp/tree/program).p7s" \
		"/tmp/signatures/$(composefs-info measure-file /tmp/tree/data).p7s"
	refuse "1 wrong" enable_objects
	say object ENOTTY probe measure "$(object data)"
}

fact_an_empty_signature_does_not_seal_an_object() {
	fresh
	cp "$(object data)" /fs/copy
	mv /fs/copy "$(object data)"
	sign_objects
	: >"/tmp/signatures/$(composefs-info measure-file /tmp/tree/data).p7s"
	refuse "1 wrong" enable_objects
	say object ENOTTY probe measure "$(object data)"
}

mount -t "$FS" "$DISK" /fs || exit 1
if [ ! -d $KEYS ]; then
	echo "ok - $FS: has signatures # SKIP openssl is not installed"
else
	run_facts "$FS"
fi
umount /fs
