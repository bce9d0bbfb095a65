/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/recognize: which mounts show composefs images, and their details.
 * Owns:  the marks by which a mount is recognized.
 * Uses:  mount/table, mount/record, verity.
 * Never: trusts the table: who may mount can write anything there.
 */
#ifndef CFS_MOUNT_RECOGNIZE_H
#define CFS_MOUNT_RECOGNIZE_H

#include "mount/record.h"
#include "mount/table.h"
#include "verity/verity.h"

/* The directories of the filesystem of the room trigger, as they appear among the data layers. */
#define CFS_MOUNT_VERIFY_DIR "composefs-verify"
#define CFS_MOUNT_FETCH_DIR  "composefs-fetch"
#define CFS_MOUNT_LAST_DIR   "composefs-last"

/* A mount of an image. NULL and zero: not known, or not there. Everything is borrowed
 * from the table and the arena. */
struct cfs_image_mount {
	uint64_t mount_id;
	const char *place;
	bool has_id;
	struct cfs_digest id; /* the image ID that the mounting program stated */
	const char *image;    /* the image file that it stated */
	const char **objects; /* object directories, without those of a server */
	size_t n_objects;
	const char *upperdir, *workdir;
	const char
		*method; /* "fuse"; "overlay-fuse" of a user namespace; NULL: not known */
	bool verifies_at_open; /* a server verifies each object when it is opened first */
	bool requires_verity;  /* the kernel verifies each object against the image */
	bool read_only;
	const char *attrs; /* "rw,nosuid" */
	bool has_record;   /* cfs_image_mount_find alone looks for it */
	struct cfs_mount_record record;
};

/* Whether the entry shows an image: it is an overlay of one and object directories, or a FUSE mount of
 * composefs. 1 or 0; -ENOMEM. */
int cfs_image_mount_recognize(const struct cfs_mount_entry *entry,
			      struct cfs_arena *arena, struct cfs_image_mount *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* The same, and reads the record of the mount, which has the object directories that the kernel
 * does not list. */
int cfs_image_mount_find(const struct cfs_mount_entry *entry, struct cfs_arena *arena,
			 struct cfs_image_mount *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The file that holds the image: image, or its object in the first object directory.
 * Returns false if neither is known or the path is too long. */
bool cfs_image_mount_file(const struct cfs_image_mount *m, char *out, size_t cap);

/* The loop device whose backing file has that path: 1, and its name ("loop3"); 0: none;
 * or -errno. */
enum { CFS_LOOP_NAME_MAX = 32 };
int cfs_loop_find(const char *path, char out[CFS_LOOP_NAME_MAX],
		  struct cfs_err *err) CFS_MUST_CHECK;

#endif
