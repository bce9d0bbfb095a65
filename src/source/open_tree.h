/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* side: one side of a comparison: the tree that an argument names.
 * Owns:  the meaning of the argument, the tree, the bytes of an image, the descriptor of a directory.
 * Uses:  base, tree, dump, diff, erofs, scan.
 * Never: compares, prints, knows repositories.
 *
 * An existing file takes precedence: a directory is scanned; a file (or "-", standard input) whose first byte is "/"
 * is a dump, any other an image. Other names are images of the repository. A prefix selects the kind: "dir:",
 * "dump:", "image:", "repo:".
 */
#ifndef CFS_SIDE_H
#define CFS_SIDE_H

#include "base/base.h"
#include "diff/diff.h"
#include "erofs/erofs.h"

enum side_kind { SIDE_IMAGE, SIDE_DUMP, SIDE_DIRECTORY };

/* The repository that the caller chose. */
struct side_repo {
	bool is_given; /* by the user; else it may be missing or inaccessible */
	void *ctx;
	/* Its directory; borrowed. */
	int (*find)(void *ctx, const char **path, struct cfs_err *err);
	/* Maps the image of that name; the caller ends it with cfs_map_close(map). */
	int (*open_image)(void *ctx, const char *name, struct cfs_map *map,
			  struct cfs_image *im, struct cfs_err *err);
};

/* Zero is the default, but for the repository. */
struct side_opts {
	struct side_repo repo;
	enum cfs_hash_alg alg; /* of the digests of a directory; 0: SHA-256 */
	bool one_file_system;  /* skip other mounts below a directory */
	bool digests;	       /* read and digest all files of a directory */
};

struct side {
	const char *name; /* borrowed, without the prefix */
	enum side_kind kind;
	struct cfs_tree *tree;
	struct cfs_image image; /* of an image; borrows from map */
	struct cfs_map map;
	int dirfd; /* of a directory, else -1 */
};

/* A directory is scanned with hard links, all xattrs and devices. The digests of a dump determine its algorithm. Errors
 * begin with the name. */
int side_open(struct side *s, const char *name, const struct side_opts *opts,
	      struct cfs_err *err) CFS_MUST_CHECK;

/* Whether the name means standard input, which can be read only once. */
bool side_is_stdin(const char *name);
void side_close(struct side *s); /* a zeroed one is valid */

/* For cfs_diff_new. Contents of a directory are read on demand. Borrows from s. */
struct cfs_diff_side side_for_diff(struct side *s);

#endif
