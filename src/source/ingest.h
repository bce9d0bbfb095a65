/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Scans a directory into a tree. Contents become objects of a store; digests are
 * remembered in a cache. */
#ifndef CFS_SOURCE_INGEST_H
#define CFS_SOURCE_INGEST_H

#include "source/own_places.h"
#include "scan/scan.h"
#include "store/store.h"

struct cfs_keep;
struct cfs_ingest;
typedef int (*cfs_ingest_fn)(const struct cfs_ingest *in, struct cfs_tree **out,
			     struct cfs_err *err);

struct cfs_ingest {
	const struct cfs_watch *watch; /* may be NULL */
	const char *source;	       /* the directory to scan, or what read reads */
	cfs_ingest_fn
		read; /* for callers that let others choose; NULL: cfs_ingest_directory */
	const char *store;	/* object directory; NULL: none */
	struct cfs_store *into; /* or an open store, which the caller commits */
	const char *cache;	/* digest cache file; NULL: read all files */
	struct cfs_keep *keep;	/* contents to keep, see source/read_file.h; NULL: none */
	bool require_verity;
	bool skip_unshown_xattrs;
	/* Further places that the caller writes to; store and cache are added. The watch
	 * warns about everything that is left out. */
	struct cfs_own_places own;
	struct cfs_scan_opts scan;
};

/* On success the objects are durable (except those in `into`), and the cache is
 * written. */
int cfs_ingest_directory(const struct cfs_ingest *in, struct cfs_tree **out,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
