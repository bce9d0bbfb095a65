/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files that compute disk usage share. */
#ifndef CFS_GC_USAGE_PRIV_H
#define CFS_GC_USAGE_PRIV_H

#include "gc/mark.h"
#include "gc/sharing.h"
#include "gc/usage.h"

struct cfs_gc_usage {
	const struct cfs_repo *repo;
	const struct cfs_gc_usage_opts *opts; /* borrowed while it is computed */
	struct gc_marks mark;		      /* its live IDs are all objects */
	struct cfs_ids held; /* of these, objects that are kept without names of images */
	struct share_object *objects; /* one for each live ID */
	struct share_image *lists;
	struct cfs_gc_usage_image *images;
	size_t n_images;
	size_t *entry_of;   /* the index in the list of entries, for each image */
	const char **names; /* of all images, consecutively */
	struct cfs_gc_usage_total total;
	int objects_fd;		       /* the directory, while objects are measured */
	struct cfs_beneath_near *near; /* by thread, while objects are measured */
	bool *cached_bad; /* by thread: the page cache of an object is unknown */
};

/* usage_measure.c: shows that done of all items of a stage are done. */
void gc_report_usage(const struct cfs_gc_usage *u, const char *stage, uint64_t done,
		     uint64_t all);

/* usage_measure.c: fills in u->objects, one for each live ID. An object that does not exist is marked
 * as missing; one that cannot be examined is an error. */
int gc_measure_objects(struct cfs_gc_usage *u, struct cfs_err *err) CFS_MUST_CHECK;

#endif
