/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch: objects by HTTP. A program of its own does it, composefs-fetch, so that libcurl stays out of the others.
 * Owns:  asking it, what is said of each source.
 * Uses:  child, cli, repo.
 * Never: believes what is brought.
 */
#ifndef CFS_TOOL_FETCH_H
#define CFS_TOOL_FETCH_H

#include "repo/repo.h"
#include "check/check.h"

/* Base URLs, below which there is objects/xx/rest. */
struct fetch_urls {
	const char *name; /* of the program */
	const char *dir;  /* where temporary files may be */
	const char *const *v;
	const struct cfs_watch *watch; /* may be NULL */
};

/* Is this place a URL? */
bool fetch_is_url(const char *place);

/* cfs_check_sources.fetch; ctx is a struct fetch_urls. Says on stderr what was not had, in one line. */
int fetch_objects(void *ctx, size_t k, const struct cfs_check_want *v, size_t n,
		  cfs_check_take *take, void *take_ctx,
		  struct cfs_err *err) CFS_MUST_CHECK;

#endif
