/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Building a tree: every rule is checked as entries arrive. */
#ifndef CFS_TREE_BUILDER_H
#define CFS_TREE_BUILDER_H

#include "tree/node.h"

struct cfs_builder;

int cfs_builder_new(enum cfs_hash_alg alg, struct cfs_builder **out,
		    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_builder_free(struct cfs_builder *b);

/* Lifts the limit on all xattrs of an inode (CFS_XATTR_BUDGET). It binds what people write; in an image
 * there can be more, since its writer adds marks to the directories of whiteouts. */
void cfs_builder_lift_budget(struct cfs_builder *b);

/* The root, first of all. -EEXIST: there is one; -ENOTDIR: not a directory. */
int cfs_builder_root(struct cfs_builder *b, const struct cfs_inode_spec *spec,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* A child of parent. Errors (the rule is in the message, places are the caller's):
 * -ENOTDIR parent is no directory; -EINVAL, -ENAMETOOLONG, -EEXIST the name, or -EINVAL
 * the type; symlink target -EINVAL, -ENAMETOOLONG; content -EINVAL; xattrs -ERANGE,
 * -EINVAL; -EFBIG an external file above 2^53. Nothing is added then. When names of a
 * directory arrive in order no lookup is made; else an index of all names is built at the
 * first need. */
int cfs_builder_add(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
		    const struct cfs_inode_spec *spec, cfs_id *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A hard link, whose target is told later. */
int cfs_builder_add_link(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
			 cfs_id *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Tells the target of a hard link: an inode or another hard link, anywhere. -EINVAL:
 * itself, or a directory. */
int cfs_builder_set_target(struct cfs_builder *b, cfs_id link, cfs_id target,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The child of that name, or CFS_NO_NODE. Cheap for the child that was added last.
 * -ENOMEM: the index could not be built. */
int cfs_builder_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a name, with all that is below it. Other names of the same inode stay, whichever came first. The name may
 * be added anew; nothing may be added below the removed node. -EINVAL: the root. */
int cfs_builder_remove(struct cfs_builder *b, cfs_id id,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Gives a directory, the root among them, other metadata; what is in it stays. -ENOTDIR: the node or the spec is no
 * directory; else the codes of cfs_builder_add. */
int cfs_builder_update_dir(struct cfs_builder *b, cfs_id dir,
			   const struct cfs_inode_spec *spec,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The mode of a node so far (0 for a hard link), for callers that walk paths. */
uint32_t cfs_builder_mode(const struct cfs_builder *b, cfs_id id);

/* Ends the building: sorts, drops what was removed (an inode has as many fewer links), resolves hard links (-ELOOP: they run in a circle; -EINVAL:
 * one has no target or ends at a directory), hands over the tree. The builder is gone
 * then, whatever the result. -EINVAL: no root. */
int cfs_builder_freeze(struct cfs_builder **b, struct cfs_tree **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
