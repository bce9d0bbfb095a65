/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Events and progress of a collection, for the caller. */
#include "gc/collect_priv.h"

void gc_note(const struct gc_run *c, enum cfs_gc_note what, const char *name,
	     const char *why)
{
	if (c->opts->note)
		c->opts->note(c->opts->ctx, what, name, why);
}

int gc_step(const struct gc_run *c, const char *stage, uint64_t done, uint64_t all,
	    struct cfs_err *err)
{
	cfs_watch_progress(
		c->opts->watch,
		&(struct cfs_progress){.stage = stage, .done = done, .all = all});
	return cfs_watch_poll(c->opts->watch, err);
}
