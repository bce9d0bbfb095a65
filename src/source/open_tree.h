/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opens an argument of a command as a tree.
 *
 * An existing file takes precedence. A directory is scanned. A file (or "-", standard
 * input) whose first byte is "/" is a dump; any other file is an image. Other names are
 * images of the repository. A prefix selects the kind: "dir:", "dump:", "image:",
 * "repo:".
 */
#ifndef CFS_SOURCE_OPEN_TREE_H
#define CFS_SOURCE_OPEN_TREE_H

#include "base/base.h"
#include "diff/diff.h"
#include "erofs/erofs.h"

enum cfs_source_kind { CFS_SOURCE_IMAGE, CFS_SOURCE_DUMP, CFS_SOURCE_DIRECTORY };

/* The repository that the caller chose. */
struct cfs_source_repo {
	bool is_given; /* given by the user; otherwise it may be missing or inaccessible */
	void *ctx;
	/* Returns the directory of the repository, borrowed. */
	int (*find)(void *ctx, const char **path, struct cfs_err *err);
	/* Opens an image by name. The caller calls cfs_map_close(map). */
	int (*open_image)(void *ctx, const char *name, struct cfs_map *map,
			  struct cfs_image *im, struct cfs_err *err);
};

/* Options. Zero values are the defaults, except for the repository. */
struct cfs_source_opts {
	struct cfs_source_repo repo;
	enum cfs_hash_alg alg; /* digest algorithm for a directory; 0: SHA-256 */
	bool one_file_system;  /* skip other mounts below a directory */
	bool digests;	       /* read and digest all files of a directory */
};

struct cfs_source {
	const char *name; /* without the prefix; borrowed */
	enum cfs_source_kind kind;
	struct cfs_tree *tree;
	struct cfs_image image; /* for an image; borrows from map */
	struct cfs_map map;
	int dirfd;		       /* for a directory, otherwise -1 */
	const struct cfs_watch *watch; /* on reading its files; may be NULL */
};

/* Opens an argument. A directory is scanned with hard links, all xattrs and devices. The
 * algorithm of a dump is that of its digests. Errors begin with the name. */
int cfs_source_open(struct cfs_source *s, const char *name,
		    const struct cfs_source_opts *opts,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Returns true if the name means standard input, which can be read only once. */
bool cfs_source_is_stdin(const char *name);
void cfs_source_close(struct cfs_source *s); /* accepts a zeroed struct */

/* Returns one side for cfs_diff_new, borrowed from s. Contents of a directory are read on
 * demand. */
struct cfs_diff_side cfs_source_get_diff_side(struct cfs_source *s);

#endif
