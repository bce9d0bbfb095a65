/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The data of a plan, which the files of the writer share.
 *
 * The tree is never changed or copied: what the image needs is kept beside it, by the number of the
 * node. plan_build.c fills it in, step by step; emit.c writes it.
 */
#ifndef CFS_EROFS_PLAN_H
#define CFS_EROFS_PLAN_H

#include "erofs/format.h"
#include "erofs/write.h"

/* --- The xattrs of an image ---------------------------------------------------------- */

/* The xattrs that the writer adds, in byte order of their keys. */
enum cfs_added {
	CFS_ADDED_METACOPY,
	CFS_ADDED_ROOT_OPAQUE,
	CFS_ADDED_OPAQUE,
	CFS_ADDED_WHITEOUT,
	CFS_ADDED_WHITEOUTS,
	CFS_ADDED_REDIRECT,
	CFS_ADDED_USER_OPAQUE,
	CFS_ADDED_USER_WHITEOUT,
	CFS_ADDED_USER_WHITEOUTS,
	CFS_N_ADDED
};

/* A (key, value) pair of the image: below n_pairs a pair of the tree, then one for each of
 * enum cfs_added with its fixed value, and two whose value depends on the inode. */
typedef uint32_t cfs_pair;

#define CFS_PAIR_METACOPY (UINT32_MAX - 1)
#define CFS_PAIR_REDIRECT UINT32_MAX

/* The two as an index. */
enum { CFS_OWN_METACOPY, CFS_OWN_REDIRECT, CFS_N_OWN };

/* The index of a pair in the shared table, or one of these. */
#define CFS_PAIR_UNSEEN UINT32_MAX
#define CFS_PAIR_ONCE	(UINT32_MAX - 1)

static inline bool cfs_is_shared(uint32_t share)
{
	return share < CFS_PAIR_ONCE;
}

/* A key as the image has it. */
struct cfs_key {
	const char *suffix; /* after the prefix of index */
	uint8_t suffix_len;
	uint8_t index;	 /* enum erofs_xattr_index */
	bool is_acl;	 /* exactly one of the two keys of POSIX ACLs */
	uint32_t filter; /* its bit of h_name_filter */
	uint32_t rank;	 /* position in the byte order of all keys */
};

/* An entry of the shared table. */
struct cfs_shared {
	cfs_pair pair;
	cfs_id node;  /* an inode that has it */
	uint32_t pos; /* from the start of the table, in units of 4 bytes */
};

/* --- Inodes and directories ---------------------------------------------------------- */

enum cfs_plan_flag {
	CFS_PLAN_COMPACT = 1,
	CFS_PLAN_BLOCK = 2,	     /* not a directory, and has one data block */
	CFS_PLAN_WHITEOUT = 4,	     /* a whiteout of the input: shown as an empty file */
	CFS_PLAN_HOLDS_WHITEOUT = 8, /* a directory with whiteouts */
};

struct cfs_plan_inode {
	uint64_t nid;
	union {
		uint32_t own_shares[CFS_N_OWN]; /* files: as cfs_plan.shares */
		uint32_t dir;			/* directories: index in cfs_plan.dirs */
	};
	uint32_t xattr_len; /* the whole area, 0 when there are no xattrs */
	uint16_t tail_len;  /* bytes after the xattrs */
	uint8_t flags;
	uint8_t n_refs; /* xattrs that are references to the shared table */
};

/* The position of an iteration over a directory: the next child of the tree, and the next of the
 * names that composefs adds. */
struct cfs_plan_pos {
	uint32_t child;
	uint32_t special;
};

struct cfs_plan_dir {
	cfs_id node;
	uint32_t nlink;
	uint32_t n_blocks;
	struct cfs_plan_pos tail; /* first entry after the blocks */
	uint32_t n_tail;	  /* entries from there on */
};

/* Names that composefs adds, in byte order: "." and ".." to every directory, the others to the root. */
enum {
	CFS_SPECIAL_DOT,
	CFS_SPECIAL_DOTDOT,
	CFS_SPECIAL_WHITEOUT, /* "00".."ff" */
	CFS_N_WHITEOUTS = 256,
	CFS_N_SPECIAL = CFS_SPECIAL_WHITEOUT + CFS_N_WHITEOUTS,
};

struct cfs_plan {
	const struct cfs_tree *tree;
	const struct cfs_watch *watch; /* may be NULL */
	uint32_t version;
	bool has_acl;
	bool no_blocks; /* the superblock says 0 blocks */
	bool unsigned_times;
	bool both_marks;
	uint64_t n_inodes;
	int64_t mtime_sec; /* the smallest of all inodes, as cfs_image_opts.unsigned_times has it */
	uint32_t mtime_nsec;

	/* By node, then the whiteouts of the root, which are not nodes of the tree: they are
	 * numbered from n_nodes on, and all are equal to the node whiteout. */
	struct cfs_plan_inode *inodes;
	struct cfs_node whiteout;
	cfs_pair whiteout_label; /* its xattr, if it has one */
	uint32_t n_whiteouts;	 /* those whose name the root does not have */
	char special_names[CFS_N_SPECIAL][2];

	struct cfs_plan_dir *dirs; /* breadth-first, the root first */
	uint32_t n_dirs;
	cfs_id *block_owners; /* inodes with data blocks, breadth-first */
	size_t n_block_owners, block_owners_cap;

	struct cfs_arena arena; /* escaped keys */
	struct cfs_key *keys; /* those of the tree, then one for each of enum cfs_added */
	cfs_pair added[CFS_N_ADDED];
	uint32_t *shares;	   /* by pair; see CFS_PAIR_UNSEEN */
	struct cfs_shared *shared; /* in order of discovery */
	size_t n_shared, shared_cap;
	uint32_t *shared_order; /* in order of the table */

	uint64_t inodes_end, shared_len, data_start, n_data_blocks; /* bytes, blocks */
};

static inline uint32_t cfs_plan_inode_len(const struct cfs_plan_inode *inode)
{
	return inode->flags & CFS_PLAN_COMPACT ? sizeof(struct erofs_inode_compact)
					       : sizeof(struct erofs_inode_extended);
}

/* The node of a number; the whiteouts of the root have numbers too. */
static inline const struct cfs_node *cfs_plan_node(const struct cfs_plan *plan, cfs_id id)
{
	return id < plan->tree->n_nodes ? &plan->tree->nodes[id] : &plan->whiteout;
}

/* The key of a pair. */
static inline const struct cfs_key *cfs_pair_key(const struct cfs_plan *plan,
						 cfs_pair pair)
{
	const struct cfs_tree *t = plan->tree;

	if (pair < t->n_pairs)
		return &plan->keys[t->pairs[pair].key];
	if (pair == CFS_PAIR_METACOPY)
		return &plan->keys[t->n_keys + CFS_ADDED_METACOPY];
	if (pair == CFS_PAIR_REDIRECT)
		return &plan->keys[t->n_keys + CFS_ADDED_REDIRECT];
	return &plan->keys[t->n_keys + (pair - t->n_pairs)];
}

#endif
