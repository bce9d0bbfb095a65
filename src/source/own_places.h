/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* own_places: what a command itself writes to while it reads a source: not to be part of the image, which would be
 * another one at each run.
 * Owns:  the list of these places.
 * Uses:  base (replacing files), scan.
 * Never: does a command's work.
 */
#ifndef CFS_OWN_PLACES_H
#define CFS_OWN_PLACES_H

#include "base/base.h"
#include "base/replace.h"
#include "scan/scan.h"

enum { OWN_PLACES_MAX = 8 };

/* Starts zeroed. */
struct own_places {
	struct cfs_scan_exclude v[OWN_PLACES_MAX];
	size_t n;
};

/* The directory, or what its symlink leads to; what: "the object store". One that is not there is no place. */
int own_places_add_dir(struct own_places *p, const char *path, const char *what,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The file that is replaced, and the temporary one beside it. Lent from r until the scan. */
int own_places_add_file(struct own_places *p, const struct cfs_replace *r,
			const char *what, struct cfs_err *err) CFS_MUST_CHECK;

/* The files behind standard output and standard error, under any name; no pipe, device or terminal. */
int own_places_add_std(struct own_places *p, struct cfs_err *err) CFS_MUST_CHECK;

#endif
