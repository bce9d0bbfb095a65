/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* info_paths: a sorted list of object paths without duplicates.
 * Owns:  collecting and sorting a million paths quickly.
 * Uses:  base.
 * Never: reads images or files.
 */
#ifndef CFS_OBJECTS_H
#define CFS_OBJECTS_H

#include "base/base.h"

struct object;

/* Starts zeroed. The paths are borrowed and must live as long as the list. */
struct objects {
	struct object *v;
	size_t n, cap;
};

/* Adds a path, which is borrowed from the image. -ENOMEM. */
int objects_add(struct objects *list, struct cfs_text path,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Sorts by bytes and removes duplicates. */
int objects_sort(struct objects *list, struct cfs_err *err) CFS_MUST_CHECK;
struct cfs_text objects_get(const struct objects *list, size_t i);
void objects_fini(struct objects *list);

#endif
