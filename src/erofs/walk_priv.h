/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The inside of a walk, for the check and the canonical check. */
#ifndef CFS_EROFS_WALK_PRIV_H
#define CFS_EROFS_WALK_PRIV_H

#include "erofs/dir.h"
#include "erofs/slots.h"
#include "erofs/walk.h"

struct cfs_walk_frame {
	struct cfs_dir dir;
	struct cfs_text name; /* of the directory, borrowed from the image */
	uint64_t parent_nid;  /* the expected inode of ".." */
	size_t path_len;      /* of its path in the buffer, without trailing slash */
	uint32_t trail;	      /* index in trails, or NO_TRAIL */
};

/* A directory on the way to the first name of an inode with several. */
struct cfs_walk_trail {
	uint32_t parent;
	struct cfs_text name;
};

/* An inode with several names. */
struct cfs_walk_first {
	uint64_t slot;
	uint64_t cookie;
	struct cfs_text name;
	uint32_t trail; /* of the directory of its first name */
};

struct cfs_walk {
	const struct cfs_image *im;
	const struct cfs_walk_opts *opts;
	bool show_hidden;	/* yield hidden inodes too */
	struct cfs_slots used;	/* by inodes with xattrs and tails, and by data blocks */
	struct cfs_slots seen;	/* where a visited inode begins */
	struct cfs_slots twice; /* the same, visited more than once */
	bool claimed;		/* an earlier pass filled used */
	bool started;
	struct cfs_walk_frame *frames; /* open directories, the top one first */
	size_t n_frames, frames_cap;
	char *path, *first_path;
	size_t path_cap, first_path_cap;
	size_t top_len;		 /* of the path that the walk begins at */
	uint64_t cost, cost_max; /* of printing all entries, in bytes */
	struct cfs_walk_trail *trails;
	size_t n_trails, trails_cap;
	struct cfs_walk_first *firsts; /* ascending by slot */
	size_t n_firsts, firsts_cap;
	struct cfs_walk_entry entry;
};

#endif
