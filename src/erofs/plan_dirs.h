/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories: their entries in byte order, cut into blocks. */
#ifndef CFS_EROFS_PLAN_DIRS_H
#define CFS_EROFS_PLAN_DIRS_H

#include "erofs/plan.h"

/* An entry as a directory of the image has it. */
struct cfs_plan_entry {
	const char *name;
	uint32_t name_len;
	bool own;  /* the first name of the inode: neither "." or ".." nor a hard link */
	cfs_id id; /* of the inode */
};

/* The start of an iteration that yields no "." and "..". It does not compare names, and so does not
 * load their bytes from memory. */
#define CFS_PLAN_PAST_DOTS ((struct cfs_plan_pos){.special = CFS_SPECIAL_WHITEOUT})

/* The entry at pos, in byte order; moves pos behind it. False: there is none. */
bool cfs_plan_next(const struct cfs_plan *plan, cfs_id dir, struct cfs_plan_pos *pos,
		   struct cfs_plan_entry *out);

/* The entries that fill one block. */
struct cfs_plan_group {
	struct cfs_plan_pos end;
	uint32_t n;
	uint32_t len; /* bytes; 0: no entry is left */
};

/* The group that starts at pos. */
struct cfs_plan_group cfs_plan_group_at(const struct cfs_plan *plan, cfs_id dir,
					struct cfs_plan_pos pos);

/* Writes the next n entries from pos on to p, as a block or a tail stores them. */
void cfs_plan_put_entries(const struct cfs_plan *plan, cfs_id dir,
			  struct cfs_plan_pos pos, uint32_t n, uint8_t *p);

/* Lists all n_dirs directories, breadth-first, and cuts each into blocks. -ENOMEM. */
int cfs_plan_dirs(struct cfs_plan *plan, uint32_t n_dirs,
		  struct cfs_err *err) CFS_MUST_CHECK;

#endif
