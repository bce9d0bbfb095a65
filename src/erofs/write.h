/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The writer: a plan has every size and position, each computed once; emit writes them. */
#ifndef CFS_EROFS_WRITE_H
#define CFS_EROFS_WRITE_H

#include "base/base.h"
#include "tree/tree.h"

enum { CFS_IMAGE_VERSION_MAX = 1 };

/* Format version: min, or 1 when max allows it and the tree has a whiteout. A max below
 * min counts as min. */
struct cfs_image_opts {
	uint32_t min_version;
	uint32_t max_version;
	/* The superblock says 0 blocks: statfs(2) shows a filesystem of size 0, like /proc, instead of a full one. The
	 * kernel uses the field for nothing else. */
	bool no_blocks;
	/* Find the smallest mtime by unsigned seconds, as cfsctl 0.9 does: a time before 1970 counts as the largest.
	 * mkcomposefs 1.0.8 compares signed seconds. */
	bool unsigned_times;
	/* An added mark does not replace an xattr of the tree with the same key, so that there are two, the mark
	 * first, as cfsctl 0.9 writes it. Only for identifying the writer of an image. */
	bool both_marks;
};

/* --- The whole: tree -> bytes ------------------------------------------------------------ */

struct cfs_digest;

/* Starts zeroed. */
struct cfs_image_write {
	struct cfs_image_opts form;
	struct cfs_digest *
		digest; /* NULL, or where the fs-verity digest of the image goes, by the algorithm of
				    * the tree */
	uint32_t *version; /* NULL, or where the format version that was chosen goes */
	const struct cfs_watch *watch; /* may be NULL */
};

/* Writes the image of a tree to the sink, which may have no write function: then only the digest is computed.
 * Nothing is held in memory as a whole. Fails as cfs_plan_new does, before the first byte is written, or as the
 * sink does. */
int cfs_image_write(const struct cfs_tree *tree, const struct cfs_image_write *how,
		    struct cfs_sink sink, struct cfs_err *err) CFS_MUST_CHECK;

/* --- In two steps ------------------------------------------------------------------------ */

struct cfs_plan;

/* Makes a plan. All limits of the format are checked here: -EINVAL the version, -EFBIG an
 * image or directory too large for the format, -ERANGE the xattrs of one inode. The tree, and
 * watch (may be NULL; -ECANCELED), are borrowed until cfs_plan_free. */
int cfs_plan_new(const struct cfs_tree *tree, const struct cfs_image_opts *opts,
		 const struct cfs_watch *watch, struct cfs_plan **out,
		 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_plan_free(struct cfs_plan *plan);

/* Bytes of the image, a multiple of 4096. */
uint64_t cfs_plan_image_len(const struct cfs_plan *plan);

/* The chosen format version. */
uint32_t cfs_plan_version(const struct cfs_plan *plan);

/* Writes the image in ascending order, in large pieces. Fails only when the sink fails, with
 * -ECANCELED, or with -ENOMEM before the first byte. May be called again. */
int cfs_emit(const struct cfs_plan *plan, struct cfs_sink sink,
	     struct cfs_err *err) CFS_MUST_CHECK;

#endif
