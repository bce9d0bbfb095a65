/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The places that a command writes to while it scans a directory. The scan leaves them
 * out; otherwise each run would give a different image.
 */
#ifndef CFS_SOURCE_OWN_PLACES_H
#define CFS_SOURCE_OWN_PLACES_H

#include "base/base.h"
#include "base/replace.h"
#include "scan/scan.h"

enum { CFS_OWN_PLACES_MAX = 8 };

/* Starts zeroed. -E2BIG if there are too many. */
struct cfs_own_places {
	struct cfs_scan_exclude v[CFS_OWN_PLACES_MAX];
	size_t n;
};

/* Adds a directory, or the target of a symlink. what describes it in messages: "the
 * object store". A missing directory is ignored. Fails as stat(2). */
int cfs_own_places_add_dir(struct cfs_own_places *p, const char *path, const char *what,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a file that is being replaced, and its temporary file. Borrows from r until the
 * scan ends. */
int cfs_own_places_add_file(struct cfs_own_places *p, const struct cfs_replace *r,
			    const char *what, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds standard output and standard error if they are regular files. */
int cfs_own_places_add_std(struct cfs_own_places *p, struct cfs_err *err) CFS_MUST_CHECK;

#endif
