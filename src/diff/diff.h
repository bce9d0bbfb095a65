/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff: what differs between two trees, and the causes that explain it.
 * Owns:  the merge of two trees, the comparison of two inodes, what counts as the same
 *        content, the grouping of differences into causes.
 * Uses:  base (worker pool), hash, verity (digests), tree.
 * Never: opens files (a callback does), knows images or text, prints.
 *
 * trees -> differences (cfs_diff_new) -> causes (cfs_causes_find, causes.h). Each is frozen data that
 * points into what it was made of; nobody compares twice.
 */
#ifndef CFS_DIFF_H
#define CFS_DIFF_H

#include "base/base.h"
#include "hash/hash.h"
#include "tree/tree.h"
#include "verity/verity.h"
#include "diff/causes.h"

/* --- differences --------------------------------------------------------------------- */

enum cfs_diff_field {
	CFS_DIFF_ENTRY, /* the name is there on one side only; nothing else is told of it */
	CFS_DIFF_TYPE, /* then size, links, device numbers and content are not compared */
	CFS_DIFF_MODE, /* permission bits */
	CFS_DIFF_UID,
	CFS_DIFF_GID,
	CFS_DIFF_SIZE, /* not of directories and symlinks */
	CFS_DIFF_MTIME,
	CFS_DIFF_NLINK, /* not of directories */
	CFS_DIFF_LINK,	/* which name of those on both sides is the first of its inode */
	CFS_DIFF_RDEV,
	CFS_DIFF_TARGET,  /* of a symlink */
	CFS_DIFF_CONTENT, /* of a regular file, by digest or bytes */
	CFS_DIFF_STORED,  /* the same content lies in one tree, and outside the other */
	CFS_DIFF_BACKING, /* where the content lies, and not only by its digest */
	CFS_DIFF_DIGEST, /* one has none, or one by another algorithm: no content was compared */
	CFS_DIFF_XATTR,
	CFS_DIFF_N_FIELDS,
};

#define CFS_DIFF_NONE UINT32_MAX

/* One field of one name. */
struct cfs_difference {
	cfs_id a, b; /* the names; CFS_NO_NODE: not there */
	uint32_t at; /* XATTR: in keys; CONTENT: in contents, or CFS_DIFF_NONE */
	uint8_t field;
};

/* The name of an xattr that one of the trees has, and its number in each (or CFS_DIFF_NONE). */
struct cfs_diff_key {
	struct cfs_text name;
	uint32_t a, b;
};

/* Digests of contents that had to be asked for, by one algorithm. */
struct cfs_diff_contents {
	uint8_t a[CFS_HASH_MAX_LEN], b[CFS_HASH_MAX_LEN];
};

struct cfs_diff {
	const struct cfs_tree *a, *b; /* lent, as long as the diff lives */
	const struct cfs_difference
		*v; /* names in order: depth first, bytewise; then fields */
	size_t n;
	uint64_t n_both, n_only_a, n_only_b; /* names */
	uint64_t n_changed;  /* names on both sides that differ in some field */
	uint64_t n_unproven; /* files of equal size whose content nothing tells */
	/* Inodes of several names that the trees keep at different ones of them: no difference, but
	 * two images. And the first: its name in a, and that in b. */
	uint64_t n_holders;
	cfs_id holder_a, holder_b;
	const struct cfs_diff_key *keys; /* in byte order */
	uint32_t n_keys;
	const struct cfs_diff_contents *contents;
	enum cfs_hash_alg contents_alg;
	/* By inode: the first of its names that both sides have, as a name in a. */
	const cfs_id *first_a, *first_b;
};

/* The digest of the content of a regular file, for a side whose tree tells none. Called on several
 * threads at once, worker in [0, threads). The failure says which file. */
typedef int (*cfs_diff_read_fn)(void *ctx, unsigned worker, cfs_id file,
				enum cfs_hash_alg alg, struct cfs_digest *out,
				struct cfs_err *err);

struct cfs_diff_side {
	const struct cfs_tree *tree;
	/* NULL: the tree tells what is known. Else the tree has no digests, and this is asked
	 * about files that are neither empty nor kept in it, of the size that the other has. */
	cfs_diff_read_fn read;
	void *read_ctx;
};

/* All differences. Linear in both trees; memory: 4 bytes a name, 16 a difference, 128 a content that
 * is read. threads: for reading, at least 1. -ENOMEM, else the codes of the callbacks. */
int cfs_diff_new(const struct cfs_diff_side *a, const struct cfs_diff_side *b,
		 unsigned threads, struct cfs_diff **out,
		 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_diff_free(struct cfs_diff *diff); /* NULL is fine */

/* The value of an xattr of an inode by the number of its name (CFS_DIFF_NONE is none); false: it has
 * none. Binary search. */
bool cfs_diff_xattr(const struct cfs_tree *t, cfs_id inode, uint32_t key,
		    struct cfs_span *out);

#endif
