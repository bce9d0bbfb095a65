#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# Where fs-verity is missing: the objects on the filesystem FS of DISK, which has none; an image that is
# sealed, on another one.
. ./lib.sh

after_fact() {
	umount /merged 2>/dev/null
	umount /mnt 2>/dev/null
	rm -rf /fs/store
}

show() {
	mount.composefs -o "basedir=/fs/store,$1" /sealed/image /mnt
}

fact_without_verity_a_store_is_filled_with_one_warning() {
	mkcomposefs --digest-store=/fs/store /tmp/tree /tmp/image 2>/tmp/warned
	cat /tmp/warned
	say "lines of warning" 1 grep -c "objects are not sealed" /tmp/warned
	say "lines in all" 1 grep -c "" /tmp/warned
}

fact_without_verity_a_store_that_requires_it_is_refused() {
	refuse "filesystem has no fs-verity" mkcomposefs --require-verity --digest-store=/fs/store /tmp/tree /tmp/none
	not test -e /tmp/none
}

fact_without_verity_an_image_that_is_to_be_sealed_is_refused() {
	refuse "filesystem has no fs-verity" mkcomposefs --seal /tmp/tree /fs/none
	not test -e /fs/none
}

fact_objects_that_cannot_be_verified_are_refused_before_mounting() {
	mkcomposefs --digest-store=/fs/store /tmp/tree /tmp/image 2>/dev/null
	for option in verity "digest=$DIGEST" "digest=$DIGEST,tryverity"; do
		refuse "/fs/store: its filesystem has no fs-verity" show "$option"
		not grep -q " /mnt " /proc/mounts
	done
}

fact_an_unverified_mount_is_nosuid_and_nodev_and_warns() {
	mkcomposefs --digest-store=/fs/store /tmp/tree /tmp/image 2>/dev/null
	for option in ro tryverity; do
		show $option 2>/tmp/warned
		cat /tmp/warned
		say "lines of warning" 1 grep -c "is not verified, so it is mounted nosuid" /tmp/warned
		grep " /mnt " /proc/mounts | grep nosuid,nodev
		umount /mnt
	done
	show allow-suid,allow-dev
	not grep " /mnt .*nosuid" /proc/mounts
	not grep " /mnt .*nodev" /proc/mounts
}

# layers PROFILE: an image with two layers of an overlay mount, of which the upper one deleted all of a
# directory; and that mount, at /merged.
layers() {
	cat >/tmp/layers.dump <<'EOF'
/ 0 40755 5 0 0 0 1.0 - - -
/low 0 40755 3 0 0 0 1.0 - - -
/low/d 0 40755 2 0 0 0 1.0 - - -
/low/d/gone 6 100644 1 0 0 0 1.0 - secret -
/low/d/hidden 6 100644 1 0 0 0 1.0 - secret -
/up 0 40755 3 0 0 0 1.0 - - -
/up/d 0 40755 2 0 0 0 1.0 - - - trusted.overlay.opaque=y
/up/d/gone 0 20000 1 0 0 0 1.0 - - -
/up/d/new 3 100644 1 0 0 0 1.0 - new -
/usr 0 40755 2 0 0 0 1.0 - - -
EOF
	mkdir -p /fs/store /merged
	mkcomposefs "--profile=$1" --from-file /tmp/layers.dump /sealed/layers 2>/tmp/warned
	mount.composefs -o basedir=/fs/store /sealed/layers /mnt 2>/dev/null
	mount -t overlay -o lowerdir=/mnt/up:/mnt/low overlay /merged
}

fact_files_deleted_by_layers_inside_an_image_stay_deleted() {
	for profile in repo-1-sha256 oci-1-sha256; do
		layers $profile
		say "$profile" new ls /merged/d
		not cat /merged/d/hidden
		not cat /merged/d/gone
		umount /merged
		umount /mnt
	done
}

fact_a_profile_of_mkcomposefs_shows_what_layers_deleted_and_warns() {
	layers mkcomposefs-1.0
	grep "/up/d: the image loses the deletions of this directory" /tmp/warned
	say mkcomposefs-1.0 secret cat /merged/d/hidden
}

fact_without_verity_another_program_behind_a_setuid_name_is_run() {
	mkcomposefs --digest-store=/fs/store /tmp/tree /tmp/image 2>/dev/null
	show allow-suid 2>/dev/null
	printf '#!/bin/sh\necho another\n' >"$(object setuid)"
	say exec another probe exec /mnt/setuid
}

run_facts "$FS without fs-verity"
