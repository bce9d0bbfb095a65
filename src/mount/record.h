/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/record: notes of a program about the mounts that it made, because the kernel does
 * not record these facts, or not on each version: Linux before 6.13 lists object directories as
 * descriptors of the program.
 * Owns:  the files /run/composefs/mounts/ID, one for each mount, by its unique ID; for an
 *        ordinary user, and where /run belongs to somebody else, $XDG_RUNTIME_DIR.
 * Uses:  base, mount/steps.
 * Never: bases a decision on them: they are for people.
 */
#ifndef CFS_MOUNT_RECORD_H
#define CFS_MOUNT_RECORD_H

#include "mount/steps.h"

enum { CFS_MOUNT_RECORD_WORD = 32 };

struct cfs_mount_record {
	int64_t since_sec;		   /* seconds since 1970 */
	char image[CFS_MOUNT_RECORD_WORD]; /* the way of the image: "file", "loop" */
	char verified
		[CFS_MOUNT_RECORD_WORD]; /* "signature", "digest", "first-open", "every-read", "nothing" */
	char server
		[CFS_MOUNT_RECORD_WORD]; /* the name of the counters of its FUSE server, or "" */
	const char **objects;		 /* object directories; none: not known */
	size_t n_objects;
};

/* Notes the mount that was just made at mountpoint with these options. Best effort:
 * nothing is noted if the kernel has no unique IDs (before Linux 6.8), or if the place cannot
 * be written. */
void cfs_mount_record_write(const char *mountpoint, const struct cfs_mount_opts *o,
			    const struct cfs_mount_taken *taken);

/* Removes the records of mounts that are gone, and the older half if there are more than
 * 1024: an unmount by another program leaves its record behind. */
void cfs_mount_record_clean(void);

/* Reads the record of the mount with that ID (of the table) at mountpoint. Only records
 * of this boot count, of root and of the caller. Strings live in the arena. Returns 1 if it
 * was found, 0 if there is none or the kernel does not report the ID; -ENOMEM. */
int cfs_mount_record_read(const char *mountpoint, uint64_t mount_id,
			  struct cfs_arena *arena,
			  struct cfs_mount_record *out) CFS_MUST_CHECK;

/* Returns the unique ID of the mount at mountpoint, or 0 if it is unknown. Call it before
 * the unmount, and remove the record afterwards. */
uint64_t cfs_mount_record_id(const char *mountpoint);
void cfs_mount_record_remove(uint64_t id);

#endif
