/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A diff under construction, and the functions of the room. */
#ifndef CFS_DIFF_PRIV_H
#define CFS_DIFF_PRIV_H

#include "diff/diff.h"

/* Two directories that are being merged, or one and CFS_NO_NODE. */
struct diff_frame {
	cfs_id a, b;	 /* the directories */
	uint32_t ia, ib; /* indices of the next children */
};

struct diff {
	struct cfs_diff d; /* first: cfs_diff_free casts */
	struct cfs_diff_side a, b;
	const struct cfs_watch *watch; /* may be NULL */
	struct cfs_difference *v;
	size_t cap;
	struct cfs_diff_key *keys;
	uint32_t *key_a, *key_b; /* number of a key in a tree -> index in keys */
	cfs_id *first_a, *first_b;
	struct cfs_diff_contents *contents;
	/* Differences of CONTENT that are not decided yet, as indices in v. */
	size_t *pending;
	size_t n_pending, pending_cap;
	struct diff_frame *stack;
	size_t depth, stack_cap;
};

/* add.c: appends a difference. -ENOMEM. */
int diff_add(struct diff *d, enum cfs_diff_field field, cfs_id a, cfs_id b, uint32_t at,
	     struct cfs_err *err) CFS_MUST_CHECK;

/* xattr_names.c: makes one order of the keys of both trees. -ENOMEM. */
int diff_keys(struct diff *d, struct cfs_err *err) CFS_MUST_CHECK;

/* inode.c: compares the inodes of two names. */
int diff_names(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err) CFS_MUST_CHECK;

/* content.c: compares two regular files; diff_read then reads the contents that the trees do not decide. */
int diff_content(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err) CFS_MUST_CHECK;
int diff_read(struct diff *d, unsigned threads, struct cfs_err *err) CFS_MUST_CHECK;

/* uniform.c: properties of a whole tree, which distinguish a cause from a coincidence. */
struct diff_tree_facts {
	bool mtimes_are_zero;
	bool has_one_owner;
	uint32_t uid, gid; /* of the root */
	bool has_xattrs;
};

/* The common properties of all differences of a field. */
struct diff_facts {
	struct diff_tree_facts a, b;
	uint64_t n_mtimes;     /* that differ by a second or more */
	bool mtime_is_one[2];  /* all of a are equal; all of b */
	int64_t mtime_sec[2];  /* the first of each */
	uint64_t n_owners;     /* uids and gids */
	bool owner_is_shifted; /* all by owner_shift, and at least two IDs */
	int64_t owner_shift;
	uint64_t n_modes;
	bool mode_bits_are_one; /* the same bits differ everywhere: mode_bits */
	uint32_t mode_bits;
	bool mode_bits_in[2]; /* only a has them everywhere; only b */
	bool only_devices[2]; /* names on one side only are devices */
};

/* Finds what all differences of d have in common. */
void diff_find_facts(const struct cfs_diff *d, struct diff_facts *out);

/* The inode behind a name, or NULL for CFS_NO_NODE. */
static inline const struct cfs_node *diff_inode(const struct cfs_tree *t, cfs_id name)
{
	return name == CFS_NO_NODE ? NULL : &t->nodes[cfs_tree_inode(t, name)];
}

#endif
