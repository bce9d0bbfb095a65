/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What images occupy: each alone, what they share, and what would be free without one.
 *
 * An image has its objects and the object that it is itself. Of those some are its own,
 * others are shared with images of the same repository, named or not. Removing an image
 * means to take away all its names and to collect: then goes what nothing else with a
 * name reaches. What a stream with a name reaches stays, and so does an image that is
 * mounted or open. */
#ifndef CFS_GC_USAGE_H
#define CFS_GC_USAGE_H

#include "base/base.h"
#include "verity/verity.h"

struct cfs_repo;
struct cfs_gc_usage;

/* Zero is the default. */
struct cfs_gc_usage_opts {
	bool apparent; /* bytes are the lengths of files, not the blocks that they occupy */
	bool no_cached;		       /* the kernel is not asked what is in memory */
	const struct cfs_watch *watch; /* may be NULL */
};

/* One image. Lent, with its names, until cfs_gc_usage_close. */
struct cfs_gc_usage_image {
	struct cfs_digest id;
	const char *const *names; /* its refs, in order */
	size_t n_names;
	bool in_use;	    /* mounted, or open in some program */
	bool in_stream;	    /* a stream with a name refers to it */
	uint64_t n_entries; /* names in it, the root among them */
	uint64_t n_objects, n_missing;
	uint64_t bytes;	 /* as if it were alone */
	uint64_t own;	 /* of objects that no other image has */
	uint64_t fair;	 /* each object divided by the images that have it */
	uint64_t frees;	 /* when its names are taken away; 0 when it has none */
	uint64_t cached; /* of bytes, in memory now */
};

struct cfs_gc_usage_total {
	uint64_t n_objects, n_missing; /* of all images, each once */
	uint64_t apart;		       /* bytes, if each image had its own copies */
	uint64_t bytes;		       /* really */
	uint64_t cached;	       /* of bytes, in memory now */
	uint64_t
		n_passed_over; /* entries and names of another form than ours: no images */
	bool cached_known;     /* false: no_cached, or the kernel did not tell of all */
	bool use_known; /* false: it did not tell of all images whether they are in use */
};

/* Reads all images of the repository on all CPUs. It stays open for as long. Failures are
 * those of opening and reading images and streams: of a repository that is damaged
 * nothing is said. */
int cfs_gc_usage_open(const struct cfs_repo *repo, const struct cfs_gc_usage_opts *opts,
		      struct cfs_gc_usage **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_gc_usage_close(struct cfs_gc_usage *usage); /* NULL is fine */

const struct cfs_gc_usage_image *cfs_gc_usage_images(const struct cfs_gc_usage *usage,
						     size_t *n_out);
const struct cfs_gc_usage_total *cfs_gc_usage_totals(const struct cfs_gc_usage *usage);

enum { CFS_GC_PAIRS_MAX = 64 }; /* images that are compared at a time */

/* What both images of a pair have. */
struct cfs_gc_usage_pair {
	size_t a, b; /* indices of images; a < b in the order of chosen */
	uint64_t n_objects, bytes;
};

/* Compares each two of n chosen images (indices, at most CFS_GC_PAIRS_MAX). out has room
 * for n * (n - 1) / 2; those that share most come first. -ENOMEM. */
int cfs_gc_usage_pairs(const struct cfs_gc_usage *usage, const size_t *chosen, size_t n,
		       struct cfs_gc_usage_pair *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
