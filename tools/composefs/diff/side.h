/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* side: whatever a person calls a tree, as a tree: one side of a comparison.
 * Owns:  what a name means, the tree, the bytes of an image, the descriptor of a directory.
 * Uses:  base, tree, dump, diff, erofs, scan, where.
 * Never: compares, prints.
 *
 * What is there as a file counts first: a directory is scanned; a file (or "-", standard input) whose first
 * byte is "/" is a dump, any other is an image. What is not there is an image of the repository. A
 * prefix says it in advance: "dir:", "dump:", "image:", "repo:".
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
	      "image of a repository; image:, dump:, dir: or repo: in front says which."

enum side_kind { SIDE_IMAGE, SIDE_DUMP, SIDE_DIRECTORY };

/* Zero is the default. */
struct side_opts {
	struct where *where;   /* the repository, as the command line has it */
	enum cfs_hash_alg alg; /* of the digests of a directory; 0: SHA-256 */
	bool one_file_system;  /* of a directory: what is mounted in it stays out */
	bool digests; /* of a directory: digests of all files, which are read; else of none */
};

struct side {
	const char *name; /* lent, without prefix */
	enum side_kind kind;
	struct cfs_tree *tree;
	struct cfs_image
		image; /* of an image: its bytes are mapped as long as the side is open */
	struct cfs_map map;
	int dirfd; /* of a directory, else -1 */
};

/* Of a directory everything is kept: hard links, all xattrs, devices. The algorithm of a dump is told
 * by its digests. Errors name the side. */
int side_open(struct side *s, const char *name, const struct side_opts *opts,
	      struct cfs_err *err) CFS_MUST_CHECK;

/* Does the name say standard input? It can be read once. */
bool side_is_stdin(const char *name);
void side_close(struct side *s); /* zeroed is fine */

/* What cfs_diff_new wants: contents of a directory are read when they are asked for. Lent from s. */
struct cfs_diff_side side_for_diff(struct side *s);

#endif
