/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The differences between two trees. */
#ifndef CFS_DIFF_DIFFERENCES_H
#define CFS_DIFF_DIFFERENCES_H

#include "base/base.h"
#include "hash/hash.h"
#include "tree/tree.h"
#include "verity/verity.h"

enum cfs_diff_field {
	CFS_DIFF_ENTRY, /* the name is on one side only; it has no other difference */
	CFS_DIFF_TYPE, /* then size, links, device numbers and content are not compared */
	CFS_DIFF_MODE, /* permission bits */
	CFS_DIFF_UID,
	CFS_DIFF_GID,
	CFS_DIFF_SIZE, /* not of directories and symlinks */
	CFS_DIFF_MTIME,
	CFS_DIFF_NLINK, /* not of directories */
	CFS_DIFF_LINK,	/* the first name of the inode among those on both sides */
	CFS_DIFF_RDEV,
	CFS_DIFF_TARGET,  /* of a symlink */
	CFS_DIFF_CONTENT, /* of a regular file, by digest or bytes */
	CFS_DIFF_STORED,  /* the same content is inside one tree, and outside the other */
	CFS_DIFF_BACKING, /* the backing path, when it is not only the digest */
	CFS_DIFF_DIGEST, /* missing, or by another algorithm: contents were not compared */
	CFS_DIFF_XATTR,
	CFS_DIFF_N_FIELDS,
};

#define CFS_DIFF_NONE UINT32_MAX

/* One field of one name. */
struct cfs_difference {
	cfs_id a, b; /* the names; CFS_NO_NODE: none on that side */
	uint32_t at; /* XATTR: in keys; CONTENT: in contents, or CFS_DIFF_NONE */
	uint8_t field;
};

/* A key of an xattr in one of the trees, and its number in each (or CFS_DIFF_NONE). */
struct cfs_diff_key {
	struct cfs_text name;
	uint32_t a, b;
};

/* Digests of two contents that the callback computed, by one algorithm. */
struct cfs_diff_contents {
	uint8_t a[CFS_HASH_MAX_LEN], b[CFS_HASH_MAX_LEN];
};

struct cfs_diff {
	const struct cfs_tree *a, *b; /* borrowed until cfs_diff_free */
	const struct cfs_difference
		*v; /* names in order: depth first, bytewise; then fields */
	size_t n;
	uint64_t n_both, n_only_a, n_only_b; /* names */
	uint64_t n_changed;  /* names on both sides that differ in some field */
	uint64_t n_unproven; /* files of equal size whose content is unknown */
	/* Inodes with several names that are stored at different names in the two trees: no
	 * difference, but the images differ. holder_a, holder_b: the names of the first one. */
	uint64_t n_holders;
	cfs_id holder_a, holder_b;
	const struct cfs_diff_key *keys; /* in byte order */
	uint32_t n_keys;
	const struct cfs_diff_contents *contents;
	enum cfs_hash_alg contents_alg;
	/* By inode: the first of its names that is on both sides, as a node of a. */
	const cfs_id *first_a, *first_b;
};

/* Computes the digest of the content of a regular file, for a side whose tree has none. Called on
 * several threads at once, worker in [0, threads). The message of an error names the file. */
typedef int (*cfs_diff_read_fn)(void *ctx, unsigned worker, cfs_id file,
				enum cfs_hash_alg alg, struct cfs_digest *out,
				struct cfs_err *err);

struct cfs_diff_side {
	const struct cfs_tree *tree;
	/* NULL: the tree has all digests. Else the tree has no digests, and this is called
	 * for files that are not empty, not inside the tree, and of equal size on both sides. */
	cfs_diff_read_fn read;
	void *read_ctx;
};

/* Finds all differences in linear time. Memory: 4 bytes for each name, 16 for each difference, 128
 * for each content that is read. threads: for reading, at least 1. watch may be NULL. -ENOMEM, -ECANCELED,
 * else the codes of the callbacks. */
int cfs_diff_new(const struct cfs_diff_side *a, const struct cfs_diff_side *b,
		 unsigned threads, const struct cfs_watch *watch, struct cfs_diff **out,
		 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_diff_free(struct cfs_diff *diff); /* may be NULL */

/* The value of an xattr of an inode by the number of its key, which may be CFS_DIFF_NONE; false: the
 * inode does not have it. Binary search. */
bool cfs_diff_find_xattr(const struct cfs_tree *t, cfs_id inode, uint32_t key,
			 struct cfs_span *out);

#endif
