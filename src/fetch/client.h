/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch/client: fetches objects over HTTP through composefs-fetch, a separate program, so
 * that no other program links libcurl.
 * Owns:  starting the helper, its request and answers, the count of results.
 * Uses:  base (child, watch), verity (digests and object paths), fetch.
 * Never: verifies contents, prints.
 */
#ifndef CFS_FETCH_CLIENT_H
#define CFS_FETCH_CLIENT_H

#include "base/base.h"
#include "base/watch.h"
#include "verity/verity.h"

/* An object to fetch. */
struct cfs_fetch_want {
	struct cfs_digest id;
	uint64_t max_size; /* in bytes; a larger object is refused */
};

struct cfs_fetch_server {
	const char *url;	       /* objects are at URL/objects/xx/rest */
	const char *dir;	       /* for temporary files */
	const struct cfs_watch *watch; /* may be NULL */
};

/* The results. Objects that are in no count were not tried. */
struct cfs_fetch_tally {
	size_t fetched, absent, wrong, failed;
	/* The reason for the first object that was wrong or failed, or why the server was
	 * given up; otherwise "". */
	char why[256 + CFS_OBJECT_PATH_MAX];
};

/* Receives the content of object i. fd: an unnamed regular file whose content is not
 * verified; the client closes it. Returns 1 if the content is right, 0 if it is wrong, or
 * a negative error, which ends the request. */
typedef int cfs_fetch_take_fn(void *ctx, size_t i, int fd, struct cfs_err *err);

/* Returns true for an http or https URL. */
bool cfs_fetch_is_url(const char *place);

/* Requests n objects from the server and passes each to take, in any order. If the server
 * fails, the function succeeds and *out gives the reason. Fails if take fails, if the
 * helper cannot be started (-ENOTSUP: not installed), or if the watch is cancelled
 * (-ECANCELED). The environment variable COMPOSEFS_FETCH_SECONDS limits the time for all
 * objects. */
int cfs_fetch_objects(const struct cfs_fetch_server *server,
		      const struct cfs_fetch_want *v, size_t n, cfs_fetch_take_fn *take,
		      void *take_ctx, struct cfs_fetch_tally *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
