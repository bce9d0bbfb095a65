/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files share that build the tree which the rules allow: select.c decides which nodes
 * it has, inode.c what their inodes hold, apply.c builds it. */
#ifndef CFS_PROFILE_APPLY_PRIV_H
#define CFS_PROFILE_APPLY_PRIV_H

#include <assert.h>

#include "profile/profile_priv.h"

/* What happens to a node. */
struct profile_fate {
	cfs_id out;	     /* number in the new tree, or CFS_NO_NODE */
	uint32_t n_left_out; /* number of names of this inode that are left out */
	cfs_id labelled_by;  /* the name whose label the inode has */
	bool left_out;
	bool opaque; /* an opaque directory, whose whiteouts are left out */
	bool emptied; /* a directory whose entries are left out, and whose time becomes that of /usr */
};

/* A directory whose entries are being added. */
struct profile_frame {
	cfs_id dir, out;
	uint32_t next;
};

struct profile_job {
	const struct cfs_tree *in;
	const struct cfs_profile_rules *rules;
	const struct cfs_text *labels; /* of the names of in; NULL: none */
	bool is_labelled;	       /* the labels are known, even if there are none */
	const struct cfs_watch *watch; /* may be NULL */
	struct cfs_builder *b;
	struct profile_fate *fates; /* indexed by node */
	uint8_t *marks; /* indexed by node, see cfs_deletions_mark; NULL if not needed */
	const struct cfs_node *usr; /* NULL if not needed */
	struct profile_frame *stack;
	size_t depth, stack_cap;
	struct cfs_xattr *xattrs; /* xattrs of one node */
	size_t xattrs_cap;
	struct cfs_digest digest; /* digest of its content */
	char payload[CFS_PAYLOAD_BUF];
};

static inline bool profile_is_directory(const struct cfs_tree *t, cfs_id id)
{
	return !cfs_node_is_link(&t->nodes[id]) && S_ISDIR(t->nodes[id].mode);
}

/* A whiteout whose names become separate inodes. */
static inline bool profile_is_split_whiteout(const struct profile_job *j, cfs_id id)
{
	return j->marks && j->marks[id] & CFS_DELETION_WHITEOUT;
}

/* --- select.c ------------------------------------------------------------------------- */

/* Sets the fates of the directories that the rules treat in their own way (/usr, /run, /boot,
 * /sysroot) and of everything below them. -ENOENT, -ENOTDIR: one that the rules need is
 * missing. */
int profile_find_special_directories(struct profile_job *j,
				     struct cfs_err *err) CFS_MUST_CHECK;

/* An opaque directory hides everything in the lower layers, so its whiteouts have no
 * effect and are left out. */
int profile_find_deletions(struct profile_job *j, struct cfs_err *err) CFS_MUST_CHECK;

/* --- inode.c --------------------------------------------------------------------------- */

/* Fills in the inode of a node as the rules want it. It borrows from the tree, and from j
 * until the next call. -ENODATA: the rules need content or a digest that the tree lacks. */
int profile_describe_inode(struct profile_job *j, cfs_id id, struct cfs_inode_spec *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Appends the label of a name to the xattrs of its inode, if labels are known. */
void profile_describe_label(struct profile_job *j, cfs_id name,
			    struct cfs_inode_spec *out);

#endif
