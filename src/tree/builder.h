/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds a tree, and checks every rule for each entry. */
#ifndef CFS_TREE_BUILDER_H
#define CFS_TREE_BUILDER_H

#include "base/watch.h"
#include "tree/node.h"

struct cfs_builder;

/* Makes a builder without a root. Digests of the tree are of alg. -ENOMEM. */
int cfs_builder_new(enum cfs_hash_alg alg, struct cfs_builder **out,
		    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_builder_free(struct cfs_builder *b);

/* Lifts the limit on the xattrs of an inode (CFS_XATTR_BUDGET). It holds for input; an image can have
 * more, since its writer adds marks to directories with whiteouts. */
void cfs_builder_lift_budget(struct cfs_builder *b);

/* Has cfs_builder_freeze count the names of each inode, whatever the specs say, and put an inode with several names at
 * the first of them, depth first and in byte order, as a scan does: for sources whose entries come in any order. */
void cfs_builder_settle_names(struct cfs_builder *b);

/* Freezing ends with -ECANCELED when the watch is cancelled. It is borrowed until the builder is freed. */
void cfs_builder_set_watch(struct cfs_builder *b, const struct cfs_watch *watch);

/* Adds the root, before all others. -EEXIST: there is one already; -ENOTDIR: not a directory. */
int cfs_builder_set_root(struct cfs_builder *b, const struct cfs_inode_spec *spec,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a child of parent. After an error nothing was added; the message has the rule, and the
 * caller adds the place: -ENOTDIR parent is not a directory; -EINVAL, -ENAMETOOLONG, -EEXIST
 * the name; -EINVAL the type; -EINVAL, -ENAMETOOLONG the symlink target; -EINVAL the content;
 * -ERANGE, -EINVAL the xattrs; -EFBIG an external file above 2^53. Names of a directory in
 * byte order need no lookup; the first one out of order makes an index of all names. */
int cfs_builder_add(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
		    const struct cfs_inode_spec *spec, cfs_id *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a hard link; cfs_builder_set_target sets its target later. */
int cfs_builder_add_link(struct cfs_builder *b, cfs_id parent, struct cfs_text name,
			 cfs_id *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Sets the target of a hard link: an inode or another hard link, anywhere. -EINVAL: the
 * link itself, or a directory. */
int cfs_builder_set_target(struct cfs_builder *b, cfs_id link, cfs_id target,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The child of that name, or CFS_NO_NODE. Cheap for the child that was added last.
 * -ENOMEM: the index could not be built. */
int cfs_builder_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a name and everything below it. Other names of the same inode stay, whichever came first. The name may
 * be added again; nothing may be added below the removed node. -EINVAL: the root. */
int cfs_builder_remove(struct cfs_builder *b, cfs_id id,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Removes all names of a directory, as cfs_builder_remove does each. -ENOTDIR: not a directory. */
int cfs_builder_remove_children(struct cfs_builder *b, cfs_id dir,
				struct cfs_err *err) CFS_MUST_CHECK;

/* Whether a directory has a name that was not removed. */
bool cfs_builder_has_children(const struct cfs_builder *b, cfs_id dir);

/* Replaces the metadata of a directory, which may be the root; its entries stay. -ENOTDIR: the node or the spec is
 * not a directory; else the codes of cfs_builder_add. */
int cfs_builder_update_dir(struct cfs_builder *b, cfs_id dir,
			   const struct cfs_inode_spec *spec,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The mode of a node (0 for a hard link), for callers that walk paths. */
uint32_t cfs_builder_get_mode(const struct cfs_builder *b, cfs_id id);

/* Makes the tree: sorts, drops removed names (and subtracts them from the link counts), resolves
 * hard links. Frees the builder, whatever the result. -ELOOP: hard links form a loop; -EINVAL: no
 * root, or a hard link has no target or leads to a directory; -ECANCELED. */
int cfs_builder_freeze(struct cfs_builder **builder, struct cfs_tree **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
