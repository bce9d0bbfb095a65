/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names of images and streams: which are valid, and what they refer to.
 */
#ifndef CFS_REPO_NAMES_H
#define CFS_REPO_NAMES_H

#include "erofs/erofs.h"
#include "repo/links.h"
#include "stream/stream.h"

enum {
	CFS_REPO_REF_MAX = 1024, /* bytes of the name of a reference */
	CFS_REPO_REF_DEPTH = 8,	 /* its components */
};

/* Checks the name of a reference. -EINVAL: err names the rule that it breaks. */
int cfs_repo_check_ref(struct cfs_text name, struct cfs_err *err) CFS_MUST_CHECK;

/* The name without the prefix "refs/", which users may write; borrowed from name. */
const char *cfs_repo_ref_name(const char *name);

/* Resolves an image ID, "refs/NAME" or NAME. -ENOENT: no such image; -EUCLEAN: a link on
 * the way is damaged. */
int cfs_repo_find_image(const struct cfs_repo *repo, const char *name,
			struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Resolves the image, maps it and verifies it against its ID. Free it with
 * cfs_map_close(map). id may be NULL. Fails as cfs_repo_find_image, cfs_repo_open_object
 * and cfs_image_open do. */
int cfs_repo_open_image(const struct cfs_repo *repo, const char *name,
			struct cfs_map *map, struct cfs_image *im, struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a stream. name: that of a first-level link, or "refs/NAME". */
int cfs_repo_open_stream(const struct cfs_repo *repo, const char *name,
			 struct cfs_map *map, struct cfs_stream *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
