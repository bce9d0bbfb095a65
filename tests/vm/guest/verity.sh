#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# The chain from a digest to every byte, on the filesystem FS of DISK: doc/security.md names these facts.
. ./lib.sh

mount_fs() {
	mount -t "$FS" -o "$OPTIONS" "$DISK" /fs
}

after_fact() {
	umount /mnt 2>/dev/null
}

# A new store and image, sealed; $digest is what the image is known by.
fresh() {
	rm -rf /fs/store /fs/image
	digest=$(mkcomposefs --digest-store=/fs/store --seal --print-digest /tmp/tree /fs/image)
}

seal() {
	[ "$(probe enable "$1" sha256)" = ok ]
}

show() {
	mount.composefs -o "basedir=/fs/store,$1" /fs/image /mnt
}

# Inverts a byte in that page of the file, on the disk, behind the back of the filesystem.
flip() {
	dd if="$1" of=/tmp/block bs=4096 skip="$2" count=1 2>/dev/null
	umount /fs
	say "changed on the disk" yes probe flip "$DISK" /tmp/block
	mount_fs
}

# closed ERRNO: neither data nor program can be opened, and so not read, mapped or executed.
closed() {
	say read "$1" probe read /mnt/data 0
	say map "$1" probe map /mnt/data 0
	say "map to execute" "$1" probe mapexec /mnt/program
	say exec "$1" probe exec /mnt/program
}

read_all() {
	i=0
	while [ $i -lt 300 ]; do
		i=$((i + 1))
		read -r _ <"/mnt/many/$i" || return 1
	done
}

# --- what must work --------------------------------------------------------------------------

fact_digests_are_those_of_the_kernel() {
	mkdir /fs/ladder
	for algorithm in sha256 sha512; do
		say $algorithm "$((14 + 3 * LADDER)) sizes" probe ladder /fs/ladder $algorithm "$LADDER"
	done
	rmdir /fs/ladder
}

fact_objects_of_a_store_are_sealed_with_the_digest_that_names_them() {
	fresh
	for file in data program setuid; do
		say "$file" "$(composefs-info measure-file /tmp/tree/$file)" probe measure "$(object $file)"
	done
}

fact_the_printed_digest_is_the_one_that_the_kernel_measures_of_the_image() {
	fresh
	say image "$digest" probe measure /fs/image
}

fact_with_the_digest_all_is_there_and_overlayfs_requires_verity() {
	fresh
	show "digest=$digest"
	grep " /mnt " /proc/mounts
	grep -q verity=require /proc/mounts
	cmp /tmp/tree/data /mnt/data
	say exec ok probe exec /mnt/program
	diff -r /tmp/tree /mnt
}

fact_df_shows_no_size_of_an_image_with_0_blocks() {
	rm -rf /fs/store /fs/image
	digest=$(mkcomposefs --profile=honest-df-1-sha256 --digest-store=/fs/store --seal --print-digest /tmp/tree /fs/image)
	show "digest=$digest"
	say "blocks of the filesystem" 0 stat -f -c %b /mnt
	df /mnt | tail -n 1
	diff -r /tmp/tree /mnt
}

# --- the image -------------------------------------------------------------------------------

fact_another_digest_than_expected_is_refused() {
	fresh
	refuse "wrong fs-verity" show "digest=$(echo "$digest" | tr 0-9a-f 1-9a-f0)"
}

fact_an_image_of_other_content_is_refused() {
	fresh
	expected=$digest
	echo more >>/tmp/tree/small
	fresh
	refuse "wrong fs-verity" show "digest=$expected"
}

fact_an_image_without_verity_is_refused_where_a_digest_is_expected() {
	fresh
	cp /fs/image /fs/copy
	mv /fs/copy /fs/image
	refuse "no fs-verity" show "digest=$digest"
}

fact_an_image_without_verity_is_mounted_where_only_verity_is_asked() {
	fresh
	cp /fs/image /fs/copy
	mv /fs/copy /fs/image
	show verity
	say read ok probe read /mnt/data 0
}

# Everybody can make an image, and objects with fs-verity.
fact_verity_alone_disables_neither_nosuid_nor_nodev() {
	fresh
	show verity 2>/tmp/warned
	cat /tmp/warned
	say "lines of warning" 1 grep -c "is not verified, so it is mounted nosuid,nodev" /tmp/warned
	grep " /mnt " /proc/mounts | grep nosuid,nodev | grep verity=require
	umount /mnt
	show verity,allow-suid,allow-dev
	not grep " /mnt .*no[sd]" /proc/mounts
	umount /mnt
	show "digest=$digest"
	not grep " /mnt .*no[sd]" /proc/mounts
}

fact_a_reference_disables_neither_nosuid_nor_nodev() {
	rm -rf /fs/repo
	composefs init --repo=/fs/repo --algorithm=fsverity-sha256-12
	id=$(composefs create-image --repo=/fs/repo /tmp/tree os | sed 's/.*://')
	composefs mount --repo=/fs/repo os /mnt 2>/tmp/warned
	cat /tmp/warned
	grep -q "a name does not identify an image, so os is mounted nosuid,nodev" /tmp/warned
	grep " /mnt " /proc/mounts | grep nosuid,nodev | grep verity=require
	umount /mnt
	composefs mount --repo=/fs/repo --allow-suid --allow-dev os /mnt
	not grep " /mnt .*no[sd]" /proc/mounts
	umount /mnt
	composefs mount --repo=/fs/repo "$id" /mnt
	not grep " /mnt .*no[sd]" /proc/mounts
}

fact_a_digest_that_differs_in_its_last_digit_is_refused() {
	fresh
	last=$(echo "${digest#"${digest%?}"}" | tr 0-9a-f 1-9a-f0)
	refuse "wrong fs-verity: expected ${digest%?}$last, got $digest" show "digest=${digest%?}$last"
}

fact_the_mount_table_shows_the_image() {
	fresh
	show "digest=$digest"
	say source /fs/image sh -c "grep ' /mnt ' /proc/mounts | cut -d ' ' -f 1"
}

fact_without_proc_an_image_is_mounted_or_the_reason_is_reported() {
	fresh
	mount -t tmpfs none /proc
	code=0
	show "digest=$digest" 2>/tmp/said || code=$?
	umount /proc
	cat /tmp/said
	if [ $code = 0 ]; then
		diff -r /tmp/tree /mnt
	else
		grep -q "takes layers by path alone, and that needs /proc mounted" /tmp/said
	fi
}

# Two names are exchanged all the time; whichever was opened is compared, and mounted.
fact_an_image_that_is_replaced_during_the_mount_is_never_mounted() {
	fresh
	mkdir /tmp/other
	echo another >/tmp/other/small
	mkcomposefs --digest-store=/fs/store --seal /tmp/other /fs/image2
	probe exchange /fs/image /fs/image2 &
	exchange=$!
	mounted=0
	i=0
	while [ $i -lt 100 ]; do
		i=$((i + 1))
		show "digest=$digest" 2>/tmp/refused || { grep -q "wrong fs-verity" /tmp/refused && continue; }
		mounted=$((mounted + 1))
		cmp /tmp/tree/small /mnt/small || break
		umount /mnt
	done
	kill $exchange
	rm -rf /tmp/other /fs/image2
	echo "mounted $mounted times of $i"
	say tries 100 echo $i
	[ $mounted -gt 0 ]
}

fact_an_empty_or_malformed_digest_is_refused() {
	fresh
	for bad in "" ab "sha256:" "${digest%?}" "${digest}0" "${digest%?}g" "sha512:$digest" "md5:$digest"; do
		refuse "digest" show "digest=$bad"
	done
}

fact_a_byte_changed_in_the_first_block_of_the_image_refuses_the_mount() {
	fresh
	flip /fs/image 0
	refuse "Input/output error" show "digest=$digest"
	kernel "FILE CORRUPTED"
}

fact_a_byte_changed_in_another_block_of_the_image_gives_an_error_where_it_is_read() {
	fresh
	flip /fs/image 5 # the first are those of the names that overlayfs hides
	show "digest=$digest"
	refuse "I/O error\|Input/output error" read_all # the first error ends it: the kernel's messages are rate limited
	kernel "FILE CORRUPTED"
}

# --- objects ---------------------------------------------------------------------------------

fact_an_object_replaced_by_a_file_without_verity_cannot_be_opened() {
	fresh
	show "digest=$digest"
	for file in data program; do
		cp "$(object $file)" /fs/copy
		mv /fs/copy "$(object $file)"
	done
	closed EIO
	kernel "has no fs-verity digest"
}

fact_an_object_replaced_by_one_with_verity_of_other_content_cannot_be_opened() {
	fresh
	show "digest=$digest"
	for file in data program; do
		cp "$(object setuid)" /fs/copy
		seal /fs/copy
		mv /fs/copy "$(object $file)"
	done
	closed EIO
	kernel "has the wrong fs-verity digest"
}

fact_the_program_behind_a_setuid_name_cannot_be_exchanged() {
	fresh
	show "digest=$digest"
	cp "$(object program)" /fs/copy
	mv /fs/copy "$(object setuid)"
	say exec EIO probe exec /mnt/setuid
}

fact_a_missing_object_makes_its_file_missing() {
	fresh
	show "digest=$digest"
	rm "$(object data)" "$(object program)"
	closed ENOENT
	kernel "lazy lowerdata lookup failed"
}

fact_a_sealed_object_cannot_be_written_to() {
	fresh
	refuse "not permitted" dd if=/tmp/tree/small "of=$(object data)" conv=notrunc
}

fact_a_byte_changed_in_an_object_gives_an_error_where_it_is_read() {
	fresh
	flip "$(object data)" 40
	show "digest=$digest"
	say open ok probe open /mnt/data
	say "read elsewhere" ok probe read /mnt/data 0
	say "read of that page" EIO probe read /mnt/data 40
	say "mapping elsewhere" ok probe map /mnt/data 0
	say "mapping of that page" SIGBUS probe map /mnt/data 40
	kernel "FILE CORRUPTED"
}

fact_a_program_with_a_changed_byte_does_not_start() {
	fresh
	flip "$(object program)" 0
	show "digest=$digest"
	say exec EIO probe exec /mnt/program
	kernel "FILE CORRUPTED"
}

fact_metadata_and_inline_files_do_not_depend_on_objects() {
	fresh
	show "digest=$digest"
	rm -rf /fs/store/*
	say "file in the image" ok probe read /mnt/small 0
	say "symbolic link" data readlink /mnt/link
	say "size of a file without its object" 262144 stat -c %s /mnt/data
	say "names in a directory" 300 sh -c "ls /mnt/many | wc -l"
}

fact_a_restored_object_works_without_a_new_mount() {
	fresh
	show "digest=$digest"
	mv "$(object data)" /fs/away
	say open ENOENT probe open /mnt/data
	mv /fs/away "$(object data)"
	say open ok probe open /mnt/data
}

fact_with_sha512_a_repository_is_verified_in_the_same_way() {
	rm -rf /fs/repo
	composefs init --repo=/fs/repo --algorithm=fsverity-sha512-12
	id=$(composefs create-image --repo=/fs/repo /tmp/tree os | sed 's/.*://')
	say "digits" 128 expr length "$id"
	composefs mount --repo=/fs/repo os /mnt
	grep -q verity=require /proc/mounts
	diff -r /tmp/tree /mnt
	umount /mnt
	for file in data program; do
		object=$(find /fs/repo/objects -type f -size "$(stat -c %s /tmp/tree/$file)c")
		cp "$object" /fs/copy
		mv /fs/copy "$object"
	done
	composefs mount --repo=/fs/repo os /mnt
	closed EIO
	kernel "has no fs-verity digest"
}

# Linux before 6.13 lists object directories as descriptors of the program that mounted the image.
fact_status_knows_the_objects_and_that_none_is_damaged() {
	mkdir -p /run
	rm -rf /fs/repo
	composefs init --repo=/fs/repo --algorithm=sha256
	composefs create-image --repo=/fs/repo /tmp/tree os
	composefs mount --repo=/fs/repo os /mnt
	grep -o 'datadir[^,]*' /proc/mounts
	composefs status /mnt | tee /tmp/status
	grep -q "Repository: /fs/repo$" /tmp/status
	grep -q "Objects: /fs/repo/objects$" /tmp/status
	grep -q "Name: os$" /tmp/status
	grep -q "Since: 2" /tmp/status
	grep -q "Verity errors: 0$" /tmp/status
}

fact_status_counts_the_error_of_a_changed_object() {
	mkdir -p /run
	rm -rf /fs/repo
	composefs init --repo=/fs/repo --algorithm=sha256
	composefs create-image --repo=/fs/repo /tmp/tree os
	flip "$(find /fs/repo/objects -type f -size "$(stat -c %s /tmp/tree/data)c")" 40
	composefs mount --repo=/fs/repo os /mnt
	sleep 6 # the kernel prints at most 10 such messages in 5 seconds
	say "read of that page" EIO probe read /mnt/data 40
	kernel "FILE CORRUPTED"
	composefs status /mnt | tee /tmp/status
	grep -q "Verity errors: [1-9]" /tmp/status
	grep -q "Damaged: /data$" /tmp/status
}

# --- the store -------------------------------------------------------------------------------

fact_filling_the_store_again_replaces_what_was_exchanged() {
	fresh
	cp "$(object setuid)" /fs/copy
	mv /fs/copy "$(object data)"
	mkcomposefs --digest-store=/fs/store /tmp/tree /fs/again 2>/tmp/warning
	cat /tmp/warning
	show "digest=$digest"
	cmp /tmp/tree/data /mnt/data
}

fact_filling_the_store_again_seals_a_copy_that_has_no_seal() {
	fresh
	cp "$(object data)" /fs/copy
	mv /fs/copy "$(object data)"
	mkcomposefs --digest-store=/fs/store /tmp/tree /fs/again 2>/tmp/warning
	cat /tmp/warning
	say data "$(composefs-info measure-file /tmp/tree/data)" probe measure "$(object data)"
}

fact_fsck_finds_an_exchanged_and_a_missing_object() {
	fresh
	composefs fsck --objects=/fs/store /fs/image
	cp "$(object setuid)" /fs/copy
	mv /fs/copy "$(object data)"
	refuse "1 damaged, 0 missing" composefs fsck --objects=/fs/store /fs/image
	rm "$(object data)"
	refuse "0 damaged, 1 missing" composefs fsck --objects=/fs/store /fs/image
}

run_facts "$FS"
