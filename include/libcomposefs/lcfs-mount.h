/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libcomposefs: mounting an image over its objects.
 *
 * Both functions return 0, or -1 with errno. They may be called from any thread;
 * relative paths are taken from the current directory at the time of the call. */
#ifndef _LCFS_MOUNT_H
#define _LCFS_MOUNT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef LCFS_EXTERN
#define LCFS_EXTERN extern
#endif

/* What the mount functions report beside the errors of the system calls. */
#define ENOVERITY    ENOTTY  /* a digest is expected, the image has no fs-verity */
#define EWRONGVERITY EILSEQ  /* the image has another digest */
#define ENOSIGNATURE EBADMSG /* never produced; kept for source compatibility */

enum lcfs_mount_flags_t {
	LCFS_MOUNT_FLAGS_NONE = 0,
	/* Each object must have the digest that the image says (overlayfs
	 * verity=require). */
	LCFS_MOUNT_FLAGS_REQUIRE_VERITY = (1 << 0),
	LCFS_MOUNT_FLAGS_READONLY = (1 << 1),
	/* Map owners of the image with the user namespace idmap_fd. */
	LCFS_MOUNT_FLAGS_IDMAP = (1 << 3),
	/* As REQUIRE_VERITY where the kernel and the file system of an object directory
	 * have it, else without. */
	LCFS_MOUNT_FLAGS_TRY_VERITY = (1 << 4),

	LCFS_MOUNT_FLAGS_MASK = (1 << 5) - 1
};

/* Start zeroed. All pointers are lent for the call. */
struct lcfs_mount_options_s {
	const char **objdirs; /* object directories, first one first; at least one */
	size_t n_objdirs;
	const char *workdir; /* of a writable mount, with upperdir; else NULL */
	const char *upperdir;
	/* Exactly 64 hex digits: the fs-verity digest of the image. Implies
	 * REQUIRE_VERITY. NULL: not checked. */
	const char *expected_fsverity_digest;
	uint32_t flags; /* enum lcfs_mount_flags_t */
	int idmap_fd;	/* a user namespace, with LCFS_MOUNT_FLAGS_IDMAP */
	/* Other implementations attach the image here for a moment. Not needed, and not
	 * looked at. */
	const char *image_mountdir;

	uint32_t reserved[4];
	void *reserved2[4];
};

/* Mounts the image at path on mountpoint. The image is opened before anything else that
 * can fail with ENOENT, so that this code means "no image".
 *
 * EINVAL: options, or no composefs image; ENOVERITY, EWRONGVERITY: see
 * expected_fsverity_digest, which is compared before the image is parsed, on the
 * descriptor that is mounted; ENOVERITY also: verity is required, and no object directory
 * is on a file system that has it; EPERM and others: from the system calls. */
LCFS_EXTERN int lcfs_mount_image(const char *path, const char *mountpoint,
				 struct lcfs_mount_options_s *options);

/* The same for an image that is open for reading. fd stays the caller's. */
LCFS_EXTERN int lcfs_mount_fd(int fd, const char *mountpoint,
			      struct lcfs_mount_options_s *options);

#ifdef __cplusplus
}
#endif

#endif
