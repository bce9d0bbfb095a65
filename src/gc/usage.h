/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Disk usage of images: each alone, what they share, and what removing one frees.
 *
 * An image uses its objects, and the object that it is itself. Some are its own, others
 * are shared with other images of the repository, named or not. Removing an image means
 * to remove its names and to collect garbage: then everything is removed that no other
 * name refers to. Images in use, and what streams with a name refer to, stay. */
#ifndef CFS_GC_USAGE_H
#define CFS_GC_USAGE_H

#include "base/base.h"
#include "verity/verity.h"

struct cfs_repo;
struct cfs_gc_usage;

/* Zero is the default. */
struct cfs_gc_usage_opts {
	bool apparent;	/* count the lengths of files instead of their blocks */
	bool no_cached; /* do not ask the kernel for the page cache */
	const struct cfs_watch *watch; /* may be NULL */
};

/* One image. Borrowed, with its names, until cfs_gc_usage_close. */
struct cfs_gc_usage_image {
	struct cfs_digest id;
	const char *const *names; /* its references, sorted */
	size_t n_names;
	bool in_use;	    /* mounted, or open in a process */
	bool in_stream;	    /* a stream with a name refers to it */
	uint64_t n_entries; /* names in it, the root among them */
	uint64_t n_objects, n_missing;
	uint64_t bytes;	 /* of all its objects */
	uint64_t own;	 /* of objects that no other image uses */
	uint64_t fair;	 /* each object divided by the number of images that use it */
	uint64_t frees;	 /* freed by removing its names; 0 if it has none */
	uint64_t cached; /* of bytes, in the page cache */
};

struct cfs_gc_usage_total {
	uint64_t n_objects, n_missing; /* of all images, each once */
	uint64_t apart;		       /* bytes if nothing were shared */
	uint64_t bytes;		       /* bytes on disk */
	uint64_t cached;	       /* of bytes, in memory now */
	uint64_t n_passed_over; /* damaged links, and files that do not belong there */
	bool cached_known;	/* false: no_cached, or unknown for some object */
	bool use_known;		/* false: unknown for some image whether it is in use */
};

/* Reads all images of the repository on all CPUs. The repository stays open until
 * cfs_gc_usage_close. Fails if an image or stream is damaged. */
int cfs_gc_usage_open(const struct cfs_repo *repo, const struct cfs_gc_usage_opts *opts,
		      struct cfs_gc_usage **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_gc_usage_close(struct cfs_gc_usage *usage); /* NULL is fine */

/* The images and the totals, borrowed until cfs_gc_usage_close. */
const struct cfs_gc_usage_image *cfs_gc_usage_get_images(const struct cfs_gc_usage *usage,
							 size_t *n_out);
const struct cfs_gc_usage_total *
cfs_gc_usage_get_totals(const struct cfs_gc_usage *usage);

enum { CFS_GC_PAIRS_MAX = 64 }; /* images in one comparison */

/* What both images of a pair use. */
struct cfs_gc_usage_pair {
	size_t a, b; /* indices of images; a < b in the order of chosen */
	uint64_t n_objects, bytes;
};

/* Compares all pairs of n chosen images (indexes, at most CFS_GC_PAIRS_MAX). out has room
 * for n * (n - 1) / 2 and is sorted by shared bytes, most first. -ENOMEM. */
int cfs_gc_usage_compute_pairs(const struct cfs_gc_usage *usage, const size_t *chosen,
			       size_t n, struct cfs_gc_usage_pair *out,
			       struct cfs_err *err) CFS_MUST_CHECK;

#endif
