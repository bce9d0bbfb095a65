#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later
# shellcheck shell=dash
# The kernel executes only what a policy of composefs ipe-policy allows: on the filesystem FS of DISK, with a
# certificate in the firmware that policies are trusted by. What the machine starts with may always run.
. ./lib.sh

KEYS=/guest/keys
IPE=/sys/kernel/security/ipe

after_fact() {
	umount /mnt 2>/dev/null
	echo 0 >$IPE/enforce
}

# load POLICY: what came of it. It is taken whole, in one write.
load() {
	probe write $KEYS/"$1" $IPE/new_policy
}

# enforce POLICY: from now on, this one.
enforce() {
	[ -d $IPE/policies/"$1" ] || load "$1.p7b"
	echo 1 >$IPE/policies/"$1"/active
	echo 1 >$IPE/enforce
}

# An image is mounted; all its objects have signatures but that of "setuid".
fresh() {
	rm -rf /fs/store /fs/image /tmp/signatures
	digest=$(mkcomposefs --digest-store=/fs/store --seal --print-digest /tmp/tree /fs/image)
	composefs sign-objects --key=$KEYS/objects.pem --cert=$KEYS/objects.crt --signatures=/tmp/signatures /fs/image
	rm "/tmp/signatures/$(composefs-info measure-file /tmp/tree/setuid).p7s"
	composefs enable-objects --objects=/fs/store --signatures=/tmp/signatures
	mount.composefs -o "basedir=/fs/store,digest=$digest" /fs/image /mnt
}

# denied PROGRAM: by the policy.
denied() {
	say "exec $1" EACCES probe exec "$1"
	kernel "ipe_op=EXECUTE.*path=\"$1\".*action=DENY"
}

fact_policies_are_trusted_by_a_certificate_in_the_firmware_alone() {
	grep "policies: .*X509" /proc/keys
	say "without a signature" EBADMSG load signature
	say "signed by another" ENOKEY load strange.p7b
	say "changed" EKEYREJECTED load changed.p7b
	say "ours" ok load signature.p7b
	say "again" EEXIST load signature.p7b
}

fact_policies_of_each_mode_are_taken() {
	for mode in digest dm-verity; do
		say $mode ok load $mode.p7b
	done
}

fact_policies_are_taken_up_to_the_length_that_check_allows() {
	say "longest" ok load longest.p7b
	say "longer" EMSGSIZE load longer.p7b
}

fact_by_signature_a_signed_object_runs_and_an_unsigned_one_does_not() {
	fresh
	enforce signature
	say "exec /mnt/program" ok probe exec /mnt/program
	denied /mnt/setuid
	cp /bin/ok /fs/plain
	denied /fs/plain
}

fact_by_signature_a_script_in_the_image_itself_does_not_run() {
	printf '#!/bin/sh\necho ok\n' >/tmp/tree/script
	chmod 755 /tmp/tree/script
	fresh
	rm /tmp/tree/script
	say "before" ok probe exec /mnt/script
	enforce signature
	denied /mnt/script
}

fact_by_digest_the_objects_of_the_image_run_and_no_others() {
	fresh
	enforce digest
	say "exec /mnt/program" ok probe exec /mnt/program
	denied /mnt/setuid
}

fact_a_library_that_is_not_signed_cannot_be_mapped_for_execution() {
	fresh
	enforce signature
	say "map program" ok probe mapexec /mnt/program
	say "map data that is signed" ok probe mapexec /mnt/data
	say "map setuid" EACCES probe mapexec /mnt/setuid
}

fact_in_permissive_mode_everything_runs_and_denials_are_logged() {
	fresh
	enforce signature
	echo 0 >$IPE/enforce
	say "exec /mnt/setuid" ok probe exec /mnt/setuid
	kernel 'ipe_op=EXECUTE.*enforcing=0.*path="/mnt/setuid".*action=DENY'
}

# The last one, for there is no way back.
fact_a_closed_keyring_takes_no_further_key_and_objects_are_signed_as_before() {
	say "close" ok probe closekeys
	say "another key" EPERM probe key $KEYS/policies.der
	fresh
	enforce signature
	say "exec /mnt/program" ok probe exec /mnt/program
}

mount -t securityfs securityfs /sys/kernel/security
if [ ! -d $KEYS ]; then
	echo "ok - IPE # SKIP openssl is not installed"
elif [ ! -d /sys/firmware/efi ]; then
	echo "ok - IPE # SKIP ovmf is not installed"
elif ! grep -qw ipe /sys/kernel/security/lsm; then
	echo "ok - IPE # SKIP this kernel has none"
else
	mount -t "$FS" "$DISK" /fs || exit 1
	probe key $KEYS/objects.der >/dev/null
	echo 0 >/proc/sys/kernel/printk_ratelimit # log every denial
	run_facts "IPE, $FS"
	umount /fs
fi
