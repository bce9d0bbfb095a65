/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/table: the mounts that this process sees, as /proc/self/mountinfo lists them.
 * Owns:  the format of proc_pid_mountinfo(5), its escapes.
 * Uses:  base.
 * Never: mounts anything.
 */
#ifndef CFS_MOUNT_TABLE_H
#define CFS_MOUNT_TABLE_H

#include "base/base.h"

/* A line. The strings are not escaped, but options: a path in there can have escapes
 * (cfs_mount_option). */
struct cfs_mount_entry {
	uint64_t id;	     /* as statx(2) gives it; used again after an unmount */
	const char *root;    /* the directory of the filesystem that is mounted */
	const char *place;   /* the mount point */
	const char *attrs;   /* options of the mount: "rw,nosuid" */
	const char *fs;	     /* "overlay" */
	const char *source;  /* whatever the mounting program put there */
	const char *options; /* options of the superblock: "ro,datadir+=/a" */
};

/* Starts zeroed. */
struct cfs_mount_table {
	struct cfs_mount_entry *v; /* in the order of the kernel */
	size_t n, cap;
	struct cfs_arena arena;
};

/* Frees the entries, and zeroes it. A zeroed one is valid. */
void cfs_mount_table_fini(struct cfs_mount_table *table);

/* Reads the table of the calling process. -EINVAL: a line has another form; -ENOMEM; the
 * codes of open(2) and read(2). */
int cfs_mount_table_read(struct cfs_mount_table *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same from text. */
int cfs_mount_table_parse(struct cfs_text text, struct cfs_mount_table *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The entry of the mount that the file behind fd (O_PATH is enough) lies in. NULL without
 * an error: the table does not have it. */
int cfs_mount_table_find(const struct cfs_mount_table *table, int fd,
			 const struct cfs_mount_entry **out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* The next option of a comma-separated list from *at on, without escapes, in arena.
 * Returns 1, 0 at the end, -ENOMEM. */
int cfs_mount_option(const char **at, struct cfs_arena *arena, char **out) CFS_MUST_CHECK;

#endif
