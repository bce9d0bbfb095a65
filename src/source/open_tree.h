/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a name to a tree.
 *
 * An existing file takes precedence: a directory is scanned; a file (or "-", standard input) whose first byte is "/"
 * is a dump, any other an image. Other names are images of the repository. A prefix selects the kind: "dir:",
 * "dump:", "image:", "repo:".
 */
#ifndef CFS_SOURCE_OPEN_TREE_H
#define CFS_SOURCE_OPEN_TREE_H

#include "base/base.h"
#include "diff/diff.h"
#include "erofs/erofs.h"

enum cfs_source_kind { CFS_SOURCE_IMAGE, CFS_SOURCE_DUMP, CFS_SOURCE_DIRECTORY };

/* The repository that the caller chose. */
struct cfs_source_repo {
	bool is_given; /* by the user; else it may be missing or inaccessible */
	void *ctx;
	/* Its directory; borrowed. */
	int (*find)(void *ctx, const char **path, struct cfs_err *err);
	/* Maps the image of that name; the caller ends it with cfs_map_close(map). */
	int (*open_image)(void *ctx, const char *name, struct cfs_map *map,
			  struct cfs_image *im, struct cfs_err *err);
};

/* Zero is the default, but for the repository. */
struct cfs_source_opts {
	struct cfs_source_repo repo;
	enum cfs_hash_alg alg; /* of the digests of a directory; 0: SHA-256 */
	bool one_file_system;  /* skip other mounts below a directory */
	bool digests;	       /* read and digest all files of a directory */
};

struct cfs_source {
	const char *name; /* borrowed, without the prefix */
	enum cfs_source_kind kind;
	struct cfs_tree *tree;
	struct cfs_image image; /* of an image; borrows from map */
	struct cfs_map map;
	int dirfd; /* of a directory, else -1 */
};

/* A directory is scanned with hard links, all xattrs and devices. The digests of a dump determine its algorithm. Errors
 * begin with the name. */
int cfs_source_open(struct cfs_source *s, const char *name,
		    const struct cfs_source_opts *opts,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Whether the name means standard input, which can be read only once. */
bool cfs_source_is_stdin(const char *name);
void cfs_source_close(struct cfs_source *s); /* a zeroed one is valid */

/* For cfs_diff_new. Contents of a directory are read on demand. Borrows from s. */
struct cfs_diff_side cfs_source_for_diff(struct cfs_source *s);

#endif
