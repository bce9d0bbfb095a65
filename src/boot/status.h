/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/status: one status for each class of failure.
 * Owns:  the exit statuses of composefs-prepare-root.
 * Uses:  nothing.
 * Never: changes a number: scripts of the initrd compare them.
 */
#ifndef CFS_BOOT_STATUS_H
#define CFS_BOOT_STATUS_H

/* The exit statuses of composefs-prepare-root. */
enum cfs_boot_status {
	CFS_BOOT_OK = 0,
	CFS_BOOT_FAILED = 1,	 /* anything else, such as memory */
	CFS_BOOT_BAD_ARGS = 2,	 /* options, or kernel arguments */
	CFS_BOOT_BAD_CONFIG = 3, /* the configuration */
	CFS_BOOT_NO_IMAGE = 4,	 /* no image has an expected digest */
	CFS_BOOT_UNVERIFIED = 5, /* the image is not the expected one, or not signed */
	CFS_BOOT_NO_KERNEL = 6,	 /* the kernel lacks a feature, or a module */
	CFS_BOOT_NO_MOUNT = 7,	 /* a mount failed */
	CFS_BOOT_NO_STATE = 8, /* a directory for /etc or /var is missing or read-only */
};

/* The status of a mount of the image that failed with this code. */
enum cfs_boot_status cfs_boot_translate_mount_error(int rc);

#endif
