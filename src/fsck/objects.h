/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck/objects: the objects that an image references, each compared with an object directory.
 * Owns:  their list, the comparison on all cores, the faults that it finds.
 * Uses:  base, verity, erofs.
 * Never: prints.
 */
#ifndef CFS_FSCK_OBJECTS_H
#define CFS_FSCK_OBJECTS_H

#include <stdatomic.h>

#include "base/base.h"
#include "erofs/erofs.h"

enum {
	/* A path in the image can have megabytes, and each object has one: longer ones are cut off. */
	CFS_FSCK_USER_MAX = 255,
};

/* One object, and after the check its fault. */
struct cfs_fsck_object {
	const char *path; /* below the object directory, NUL-terminated */
	size_t path_len;
	const char *user; /* path in the image of a file that uses it, NUL-terminated */
	size_t user_len;
	uint64_t n_users;      /* files that use it; hard links count once */
	const uint8_t *digest; /* NULL: the image has none */
	uint64_t size;
	uint64_t other_size; /* of another file, when sizes_differ */
	bool sizes_differ, digests_differ;
	int code; /* 0, -ENOENT: missing, -EUCLEAN: damaged, else why it could not be read */
	const char *fault; /* a sentence when code is not 0 */
};

/* All of them by path, each once. Starts zeroed. */
struct cfs_fsck_objects {
	struct cfs_arena arena;
	struct cfs_fsck_object *v;
	size_t n, cap;
	enum cfs_hash_alg alg;
	atomic_size_t n_done;
	const struct cfs_watch *
		watch; /* of cfs_fsck_objects_check; may be NULL. Progress counts "objects" */
};

/* Frees the list. A zeroed one is valid. */
void cfs_fsck_objects_fini(struct cfs_fsck_objects *o);

/* Adds a copy of object, whose strings need no NUL; user is cut off at CFS_FSCK_USER_MAX bytes. The digest is of
 * o->alg. */
int cfs_fsck_objects_add(struct cfs_fsck_objects *o, const struct cfs_fsck_object *object,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the objects of an image, each once: files that share an object count as its users. watch may be NULL.
 * -EUCLEAN: the image is damaged; -ECANCELED. */
int cfs_fsck_objects_collect(struct cfs_fsck_objects *o, const struct cfs_image *im,
			     const struct cfs_watch *watch,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Compares each with the file below dirfd: existence, type, size, digest (asked of the kernel where it has one, else
 * computed). Faults are stored in the objects; a negative return means out of memory. */
int cfs_fsck_objects_check(struct cfs_fsck_objects *o, int dirfd,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
