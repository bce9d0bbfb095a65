/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The places that a command writes to while it scans a directory. A scan leaves them out: otherwise each run would
 * have another image.
 */
#ifndef CFS_SOURCE_OWN_PLACES_H
#define CFS_SOURCE_OWN_PLACES_H

#include "base/base.h"
#include "base/replace.h"
#include "scan/scan.h"

enum { CFS_OWN_PLACES_MAX = 8 };

/* Starts zeroed. A place too many is -E2BIG. */
struct cfs_own_places {
	struct cfs_scan_exclude v[CFS_OWN_PLACES_MAX];
	size_t n;
};

/* The directory, or the target of a symlink; what: "the object store". A directory that does not exist is not added.
 * Fails as stat(2). */
int cfs_own_places_add_dir(struct cfs_own_places *p, const char *path, const char *what,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The file that is replaced, and the temporary file beside it. Borrows from r until the scan. */
int cfs_own_places_add_file(struct cfs_own_places *p, const struct cfs_replace *r,
			    const char *what, struct cfs_err *err) CFS_MUST_CHECK;

/* The regular files behind standard output and standard error, under any name. */
int cfs_own_places_add_std(struct cfs_own_places *p, struct cfs_err *err) CFS_MUST_CHECK;

#endif
