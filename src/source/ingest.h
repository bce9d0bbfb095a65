/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a directory to a tree. Contents become objects of a store, digests are remembered in a cache. */
#ifndef CFS_SOURCE_INGEST_H
#define CFS_SOURCE_INGEST_H

#include "source/own_places.h"
#include "scan/scan.h"
#include "store/store.h"

struct cfs_ingest {
	const struct cfs_watch *watch; /* may be NULL */
	const char *source;	       /* the directory */
	const char *store;	       /* directory of objects; NULL: none */
	struct cfs_store *into;	       /* or an open store, which the caller commits */
	const char *cache;	       /* file of digests; NULL: all files are read */
	bool require_verity;
	bool skip_unshown_xattrs;
	/* What else the caller writes to; store and cache are added. The watch warns of all that is left out. */
	struct cfs_own_places own;
	struct cfs_scan_opts scan;
};

/* When this succeeds, the objects are durable (but those of into) and the cache is written. */
int cfs_ingest_directory(const struct cfs_ingest *in, struct cfs_tree **out,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
