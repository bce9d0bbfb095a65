/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* libcomposefs: mounts an image and its objects.
 *
 * Both functions return 0, or -1 with errno. They may be called from any thread. Relative
 * paths are resolved from the current directory at the time of the call. Mounting needs
 * CAP_SYS_ADMIN. */
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

/* Errors of the mount functions in addition to those of the system calls. */
#define ENOVERITY    ENOTTY  /* a digest is expected, the image has no fs-verity */
#define EWRONGVERITY EILSEQ  /* the image has another digest */
#define ENOSIGNATURE EBADMSG /* never produced; kept for source compatibility */

enum lcfs_mount_flags_t {
	LCFS_MOUNT_FLAGS_NONE = 0,
	/* The kernel refuses to open an object whose fs-verity digest is not the one in
	 * the image (overlayfs verity=require, Linux 6.6). */
	LCFS_MOUNT_FLAGS_REQUIRE_VERITY = (1 << 0),
	LCFS_MOUNT_FLAGS_READONLY = (1 << 1),
	/* Map the owners of the image by the user namespace idmap_fd. */
	LCFS_MOUNT_FLAGS_IDMAP = (1 << 3),
	/* REQUIRE_VERITY if the kernel and the filesystem of an object directory support
	 * it, otherwise without verification. */
	LCFS_MOUNT_FLAGS_TRY_VERITY = (1 << 4),

	LCFS_MOUNT_FLAGS_MASK = (1 << 5) - 1
};

/* Starts zeroed. All pointers are borrowed for the call. */
struct lcfs_mount_options_s {
	const char **objdirs; /* object directories, searched in order; at least one */
	size_t n_objdirs;
	const char *workdir; /* of a writable mount, with upperdir; else NULL */
	const char *upperdir;
	/* Exactly 64 hex digits: the fs-verity digest of the image. Implies
	 * REQUIRE_VERITY. NULL: not checked. */
	const char *expected_fsverity_digest;
	uint32_t flags; /* enum lcfs_mount_flags_t */
	int idmap_fd;	/* a user namespace, with LCFS_MOUNT_FLAGS_IDMAP */
	/* Ignored. Other implementations attach the image here for a moment. */
	const char *image_mountdir;

	uint32_t reserved[4];
	void *reserved2[4];
};

/* Mounts the image at path on mountpoint. The image is opened before the directories, but
 * ENOENT may also mean that one of them is missing.
 *
 * expected_fsverity_digest is compared with the digest that the kernel measures on the
 * descriptor that is mounted, before the image is read. EINVAL: invalid options, or not a
 * composefs image; ENOVERITY: a digest is expected and the image has no fs-verity, or
 * verity is required and no object directory is on a filesystem with fs-verity;
 * EWRONGVERITY: the image has another digest; EPERM and others: of the system calls. */
LCFS_EXTERN int lcfs_mount_image(const char *path, const char *mountpoint,
				 struct lcfs_mount_options_s *options);

/* Like lcfs_mount_image, with an image that is open for reading. The caller keeps fd. */
LCFS_EXTERN int lcfs_mount_fd(int fd, const char *mountpoint,
			      struct lcfs_mount_options_s *options);

#ifdef __cplusplus
}
#endif

#endif
