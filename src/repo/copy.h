/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Copying images between repositories.
 */
#ifndef CFS_REPO_COPY_H
#define CFS_REPO_COPY_H

#include "base/base.h"
#include "verity/verity.h"

struct cfs_repo;

struct cfs_repo_copied {
	uint64_t copied, present; /* objects, the image included */
	uint64_t bytes;		  /* of the copied ones */
};

/* Copies the image with this ID and its objects from one repository to the other, which is
 * open for WRITE; both have the same algorithm. Objects that are there are not read. All is
 * durable afterwards, and has no name: publish it before the repository is closed, so that
 * its lock keeps garbage collection out. *out is added to. After a failure the objects that
 * were copied are complete, and the next call finds them.
 *
 * The source may belong to another user: objects are opened without following symbolic
 * links, and each content is compared with its ID as it is written. -ENOENT: an object is in
 * neither repository; -EILSEQ: an object has another content or size; -EUCLEAN: the image is
 * damaged, or an object is not a regular file; -EINVAL: the algorithms differ. */
int cfs_repo_copy_image(const struct cfs_repo *from, const struct cfs_digest *id,
			struct cfs_repo *to, const struct cfs_watch *watch,
			struct cfs_repo_copied *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Whether both are the same directory: 1, 0 or -errno. */
int cfs_repo_is_same(const struct cfs_repo *a, const struct cfs_repo *b,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
