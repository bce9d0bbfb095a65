/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories of an image. */
#ifndef CFS_EROFS_DIR_H
#define CFS_EROFS_DIR_H

#include "erofs/inode.h"

struct cfs_dirent {
	struct cfs_text name; /* borrowed from the image: 1..255 bytes, no '/', no NUL */
	uint64_t nid;
	uint64_t off;	   /* of the entry in the image */
	uint8_t file_type; /* EROFS_FT_*, by the entry */
};

/* An iteration over a directory. Private but for parent_nid. */
struct cfs_dir {
	const struct cfs_image *im;
	uint64_t nid, off;   /* of its inode */
	uint64_t parent_nid; /* of "..", once the end was reached */
	struct cfs_span blocks, tail;
	struct cfs_span block;	/* the current one */
	struct cfs_text before; /* name of the entry before this one; len 0: none */
	uint32_t block_no;	/* of the next block */
	uint16_t entry, n_entries;
	bool has_self, has_parent;
};

/* -ENOTDIR: not a directory. */
int cfs_dir_open(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_dir *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The next entry besides "." and "..": 1, or 0 at the end. -EUCLEAN: offsets, names and their order,
 * types, "." and "..". */
int cfs_dir_next(struct cfs_dir *dir, struct cfs_dirent *out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* The position behind the entry that cfs_dir_next returned last: the same for the same image, above
 * UINT16_MAX, and 0 before the first entry. */
uint64_t cfs_dir_tell(const struct cfs_dir *dir);

/* Continues an iteration that was just opened at such a position, which may come from an untrusted
 * source. "." and ".." are not demanded then. -EINVAL: the directory has no such position; -EUCLEAN. */
int cfs_dir_seek(struct cfs_dir *dir, uint64_t position,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the entry of a name ("." and ".." too) by binary search: 1, or 0 when there is none. Checks
 * only the entries on the way. -ENOTDIR: not a directory. */
int cfs_dir_find(const struct cfs_image *im, const struct cfs_inode *inode,
		 struct cfs_text name, struct cfs_dirent *out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* The inode of an entry. -EUCLEAN too when its type is not the one in the entry. */
int cfs_dirent_read_inode(const struct cfs_image *im, const struct cfs_dirent *entry,
			  struct cfs_inode *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
