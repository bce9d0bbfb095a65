/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Walks: every name of an image, depth first: a directory before its entries, entries in byte order.
 *
 * A walk also fails with -EUCLEAN when two inodes share bytes, when a directory has two names, when
 * ".." is wrong, and when paths and the inodes of later names, with the xattrs that they share, sum up to
 * more than 1 GiB and 64 times the image (not counted with no_paths, which makes none of them). So work
 * and memory are bounded by the length of the image.
 *
 * Memory: about 1/85 of the image, 300 bytes for each open directory, 96 for each inode with several
 * names.
 */
#ifndef CFS_EROFS_WALK_H
#define CFS_EROFS_WALK_H

#include "base/watch.h"
#include "erofs/inode.h"

/* Zero is the default: everything from the root. */
struct cfs_walk_opts {
	struct cfs_text top;	      /* path of the entry to begin at; empty: the root */
	const struct cfs_text *names; /* wanted entries directly below it */
	size_t n_names;		      /* 0: all */
	bool first_names; /* report the first name of later ones: costs a first pass */
	bool no_paths;	  /* path and first stay empty except for the first entry */
	const struct cfs_watch *watch; /* may be NULL: ends the walk with -ECANCELED */
};

struct cfs_walk_entry {
	struct cfs_text path; /* "/" or "/a/b" */
	struct cfs_text name; /* of the first entry: empty */
	uint32_t depth;	      /* below the first entry */
	bool again;	      /* a later name of an inode that was visited before */
	/* With first_names: */
	struct cfs_text first; /* again: the path of the first name; else empty */
	uint64_t *cookie; /* a word for the caller, shared by all names of the inode, at
				* first 0; NULL when the inode has one name only */
	struct cfs_inode inode;
};

struct cfs_walk;

/* opts are borrowed until cfs_walk_free. -ENOENT, -ENOTDIR: no such top. */
int cfs_walk_new(const struct cfs_image *im, const struct cfs_walk_opts *opts,
		 struct cfs_walk **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_walk_free(struct cfs_walk *walk);

static inline void cfs_auto_walk_fn(struct cfs_walk **walk)
{
	cfs_walk_free(*walk);
}

/* A local walk that is freed when it goes out of scope. */
#define cfs_auto_walk __attribute__((cleanup(cfs_auto_walk_fn)))

/* The next entry, borrowed until the next call: 1, or 0 at the end. The first is the root, or
 * opts->top. Not to be called again after an error. */
int cfs_walk_next(struct cfs_walk *walk, const struct cfs_walk_entry **out,
		  struct cfs_err *err) CFS_MUST_CHECK;

#endif
