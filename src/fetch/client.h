/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch/client: get objects by HTTP through composefs-fetch, a separate program, so that no other links libcurl.
 * Owns:  starting the helper, its question and answers, the count of what came.
 * Uses:  base (child, watch), verity (digests and object paths), fetch.
 * Never: verifies contents, prints.
 */
#ifndef CFS_FETCH_CLIENT_H
#define CFS_FETCH_CLIENT_H

#include "base/base.h"
#include "base/watch.h"
#include "verity/verity.h"

/* An object to get. */
struct cfs_fetch_want {
	struct cfs_digest id;
	uint64_t max_size; /* bytes; a larger one is refused */
};

struct cfs_fetch_server {
	const char *url;	       /* objects are at URL/objects/xx/rest */
	const char *dir;	       /* for temporary files */
	const struct cfs_watch *watch; /* may be NULL */
};

/* What became of the objects; those that are in no count were not tried. */
struct cfs_fetch_tally {
	size_t fetched, absent, wrong, failed;
	/* The reason for the first that was wrong or failed, or why the server was given up; "" if there is none. */
	char why[256 + CFS_OBJECT_PATH_MAX];
};

/* Takes the content of the i-th object. fd: a regular file without a name, whose content is not verified; the client
 * closes it. Returns 1: right, 0: wrong content, or a negative error, which ends fetching. */
typedef int cfs_fetch_take(void *ctx, size_t i, int fd, struct cfs_err *err);

/* Whether this is a URL of http or https. */
bool cfs_fetch_is_url(const char *place);

/* Asks the server for n objects and passes each to take, in any order. A server that fails is no error: *out says so.
 * Fails when take fails, when the helper cannot be started (-ENOTSUP: it is not installed), or by the watch
 * (-ECANCELED). The environment variable COMPOSEFS_FETCH_SECONDS limits the time of all objects together. */
int cfs_fetch_objects(const struct cfs_fetch_server *server,
		      const struct cfs_fetch_want *v, size_t n, cfs_fetch_take *take,
		      void *take_ctx, struct cfs_fetch_tally *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
