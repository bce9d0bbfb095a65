/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfs_fsck_objects: the objects that an image needs, each held against the image.
 * Owns:  finding them all, looking at each on all cores, what is wrong with which.
 * Uses:  base, verity, erofs.
 * Never: prints.
 */
#ifndef CFS_FSCK_OBJECTS_H
#define CFS_FSCK_OBJECTS_H

#include <stdatomic.h>

#include "base/base.h"
#include "erofs/erofs.h"

/* One object; what is wrong with it once it was looked at. */
struct cfs_fsck_object {
	const char *path; /* below the object directory */
	size_t path_len;
	const uint8_t *digest; /* NULL: the image tells none */
	uint64_t size;
	int code; /* 0, -ENOENT when it is not there, -EUCLEAN when it is wrong, else why
			    * it could not be read */
	const char *wrong; /* a sentence, when code is not 0 */
};

/* All of them, by path, each once. Starts zeroed. */
struct cfs_fsck_objects {
	struct cfs_arena arena;
	struct cfs_fsck_object *v;
	size_t n, cap;
	enum cfs_hash_alg alg;
	atomic_size_t n_done;
	/* Called by the thread that called cfs_fsck_objects_check, now and then; may be NULL. */
	void (*progress)(void *ctx, size_t done, size_t all);
	void *progress_ctx;
};

void cfs_fsck_objects_fini(struct cfs_fsck_objects *o);

/* Adds one, all of it copied; digest NULL: none, else of o->alg. */
int cfs_fsck_objects_add(struct cfs_fsck_objects *o, struct cfs_text path, uint64_t size,
			 const uint8_t *digest, struct cfs_err *err) CFS_MUST_CHECK;

/* -EUCLEAN: the image is damaged. */
int cfs_fsck_objects_collect(struct cfs_fsck_objects *o, const struct cfs_image *im,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Looks at each below dirfd: there, a regular file, the size, the digest (asked of the kernel where it knows,
 * else computed). Findings go into the objects; a negative return is out of memory. */
int cfs_fsck_objects_check(struct cfs_fsck_objects *o, int dirfd,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
