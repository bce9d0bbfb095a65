/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc, private: a collection in progress. */
#ifndef CFS_GC_COLLECT_PRIV_H
#define CFS_GC_COLLECT_PRIV_H

#include <time.h>

#include "gc/mark.h"

struct gc_run {
	const struct cfs_gc_opts *opts;
	struct cfs_gc_result *out;
	struct cfs_repo *repo;
	struct gc_marks mark;
	struct cfs_ids garbage; /* objects that were not marked when they were listed */
	/* Everything to remove is chosen before the first removal, so that an error
	 * leaves the repository unchanged. */
	struct cfs_ids gone;   /* of the garbage */
	bool *gone_entries[2]; /* by enum cfs_repo_kind and the index of the entry */
	uint8_t *expired;      /* by the index of the ref: gc_find_expired */
	bool *gone_refs[2];    /* the same for references */
	int objects;	       /* the directory, or -1 when there is none */
	int prefix_dir;	       /* objects/xx of prefix_byte, or -1 */
	unsigned prefix_byte;
	time_t now;
};

/* Passes an event on to the caller of gc, if it listens. */
void gc_note(const struct gc_run *c, enum cfs_gc_note what, const char *name,
	     const char *why);
/* Reports progress, and polls for cancellation. */
int gc_step(const struct gc_run *c, const char *stage, uint64_t done, uint64_t all,
	    struct cfs_err *err) CFS_MUST_CHECK;

/* --- objects.c ---------------------------------------------------------------------- */

/* Lists the objects that are not marked as garbage. */
int gc_list_objects(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Marks the garbage that is in use, and what it refers to: an image may be mounted whose
 * entry was removed. */
int gc_keep_used(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Decides which garbage is removed; then removes it, with its signatures. */
int gc_choose_objects(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;
int gc_remove_signatures(const struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;
int gc_remove_objects(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* --- links.c ------------------------------------------------------------------------ */

/* Decides which references have expired. */
int gc_choose_expired(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Decides which first-level links, dangling references and artifacts without their subject
 * are removed. */
int gc_choose_links(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Removes them, references that expired first. Counts alone in a dry run. */
int gc_remove_links(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

/* --- leftovers.c -------------------------------------------------------------------- */

/* Removes old temporary files. Counts alone in a dry run. */
int gc_remove_leftovers(struct gc_run *c, struct cfs_err *err) CFS_MUST_CHECK;

#endif
