/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* ingest: a directory -> a tree, its contents -> a store, what is known of them -> a cache.
 * Owns:  how scan, store and cache work together, what the user sees meanwhile.
 * Uses:  base, tree, scan, store, cache, cli.
 * Never: writes images.
 */
#ifndef CFS_INGEST_H
#define CFS_INGEST_H

#include "source/own_places.h"
#include "scan/scan.h"
#include "store/store.h"

struct ingest {
	const struct cfs_watch *watch; /* may be NULL */
	const char *source;	       /* the directory */
	const char *store;	       /* NULL: objects are not kept */
	struct cfs_store *into;	       /* or a store of the caller's, who commits it */
	const char *cache;	       /* NULL: all files are read */
	bool require_verity;
	bool skip_unshown_xattrs;
	/* What else is written meanwhile; store and cache are known. All that is left out of the source is said. */
	struct own_places own;
	struct cfs_scan_opts scan;
};

/* The objects (but those of into) are durable and the cache is written when this succeeds. */
int ingest_directory(const struct ingest *in, struct cfs_tree **out,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
