/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Entries by path: for sources that name each entry by its whole path, and hard links by the path of their target. */
#ifndef CFS_TREE_PLACE_H
#define CFS_TREE_PLACE_H

#include "tree/builder.h"

/* A hard link whose target has not come yet. */
struct cfs_place_link {
	struct cfs_text target;
	uint64_t at; /* position of the entry in the source, such as a line number */
	cfs_id id;
};

/* The tree so far. Starts zeroed except the builder, which belongs to the caller and has its root. */
struct cfs_place {
	struct cfs_builder *builder;
	char *dir; /* parent directory of the last entry, as written */
	size_t dir_len, dir_cap;
	cfs_id dir_id;
	struct cfs_place_link *links;
	size_t n_links, links_cap;
	struct cfs_arena targets;
	uint64_t n_implied; /* parents that cfs_place_put made */
};

/* Frees the buffers, not the builder. A zeroed one is valid. */
void cfs_place_fini(struct cfs_place *p);

/* Adds an entry below its parent, which must exist: -ENOENT, -ENOTDIR; else the codes of cfs_builder_add. Slashes
 * may be repeated; "." and ".." are not names. */
int cfs_place_add(struct cfs_place *p, struct cfs_text path,
		  const struct cfs_inode_spec *spec, cfs_id *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a hard link. Its target may come later; at is kept for the error then. */
int cfs_place_add_link(struct cfs_place *p, struct cfs_text path, struct cfs_text target,
		       uint64_t at, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds an entry as an archive has it. path: names separated by one '/' each, none at the ends; empty: the root, whose
 * metadata are replaced. Missing parents are made: mode 0755, owner 0:0, time 0. A directory over a directory replaces its
 * metadata; anything else replaces what has the path, with all below it. -ENOTDIR: a parent, or the root, is not a
 * directory; else the codes of cfs_builder_add. */
int cfs_place_put(struct cfs_place *p, struct cfs_text path,
		  const struct cfs_inode_spec *spec, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a hard link, whose target must have come before. A link to itself changes nothing. -ENOENT: no such
 * target; -EINVAL: it is a directory. */
int cfs_place_put_link(struct cfs_place *p, struct cfs_text path, struct cfs_text target,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The node of a path, or CFS_NO_NODE. Symlinks are not followed. -ENOMEM. */
int cfs_place_find(const struct cfs_place *p, struct cfs_text path, cfs_id *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Keeps the parent directory of an entry for the next one. -ENOMEM. */
int cfs_place_remember(struct cfs_place *p, struct cfs_text dir, cfs_id id,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Must be called before a directory is removed or replaced: drops the cached parent. */
static inline void cfs_place_forget(struct cfs_place *p)
{
	p->dir_len = 0;
	p->dir_id = CFS_ROOT;
}

/* After the last entry: resolves the hard links whose targets came later. After a failure *failed is the link, borrowed
 * until cfs_place_fini. -ENOENT: no entry has that path; -EINVAL: it is a directory. */
int cfs_place_finish(struct cfs_place *p, const struct cfs_place_link **failed,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
