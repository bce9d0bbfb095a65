/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* side: one side of a comparison: the tree that an argument names.
 * Owns:  the meaning of the argument, the tree, the bytes of an image, the descriptor of a directory.
 * Uses:  base, tree, dump, diff, erofs, scan, cli.
 * Never: compares, prints.
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
#include "cli/repo_option.h"

/* For --help; whose: "A and B are each". */
#define SIDE_ABOUT(whose)                                                                \
	whose " an image file, a directory, a dump (- is standard input), or an\n"       \
	      "image of a repository; image:, dump:, dir: or repo: as a prefix selects " \
	      "one."

enum side_kind { SIDE_IMAGE, SIDE_DUMP, SIDE_DIRECTORY };

/* Zero is the default. */
struct side_opts {
	struct where *where;   /* the repository of the command line */
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
