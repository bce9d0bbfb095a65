/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* image_contents: what an image of the repository holds, in numbers.
 * Owns:  counting its entries, and measuring its objects on disk.
 * Uses:  base, erofs, repo.
 * Never: prints.
 */
#ifndef CFS_IMAGE_CONTENTS_H
#define CFS_IMAGE_CONTENTS_H

#include "repo/repo.h"

/* What the image holds. Names of one inode count once, except in n_entries. */
struct image_contents {
	uint32_t version;
	uint64_t n_entries, n_directories, n_files, n_symlinks, n_others;
	uint64_t file_bytes; /* lengths of its regular files */
	uint64_t n_objects, n_missing, object_bytes;
	int64_t mtime_min, mtime_max;
};

/* Opens and verifies the image, and counts. c starts zeroed. */
int image_contents_read(const struct cfs_repo *repo, const struct cfs_watch *watch,
			const struct cfs_digest *id, struct image_contents *c,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
