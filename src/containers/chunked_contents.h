/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The contents of the files of a zstd:chunked layer, in order: from the repository, or from
 * ranges of the blob. The SHA-256 of each is compared with the table of contents before its
 * last bytes are passed on. */
#ifndef CFS_CONTAINERS_CHUNKED_CONTENTS_H
#define CFS_CONTAINERS_CHUNKED_CONTENTS_H

#include "chunked/chunked.h"
#include "containers/content_index.h"
#include "decompress/decompress.h"
#include "tarsplit/tarsplit.h"

/* Starts with the members of the first group, the rest zero, and fd -1. */
struct chunked_contents {
	const struct cfs_repo *repo;
	const struct cfs_chunked_toc *toc;
	const struct cfs_content_index *index; /* has all that is not wanted */
	const bool *wanted;		       /* for each file: it comes from a range */
	const struct cfs_oci_range *ranges;
	size_t n_ranges;
	struct cfs_feed blob;	      /* the bytes of the ranges */
	struct cfs_watched_fd object; /* that is read; fd -1: none */

	struct cfs_decompress_opts limits;
	size_t n_begun;			     /* files */
	const struct cfs_chunked_file *file; /* that is read */
	struct cfs_hash hash;		     /* of its bytes so far */
	struct cfs_decompress *frames;	     /* of a file from a range */
	uint64_t frames_left;		     /* bytes of them */
	struct cfs_span small;		     /* what is left of an inline content */
	size_t i_range;			     /* where blob is: in this range */
	uint64_t range_done;		     /* bytes of it that were read */
	bool is_reused_wrong; /* a content of the repository was another one */
};

/* The functions for an archive of tar-split. -EILSEQ: bytes that are not those of the table, or
 * other files than tar-split has; else as the feed, and as opening an object. */
struct cfs_tarsplit_contents chunked_contents_get(struct chunked_contents *c);

/* All files were read. -EILSEQ: the table has more. */
int chunked_contents_end(const struct chunked_contents *c,
			 struct cfs_err *err) CFS_MUST_CHECK;
void chunked_contents_fini(struct chunked_contents *c);

#endif
