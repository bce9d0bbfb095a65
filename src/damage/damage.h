/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* damage: what the kernel log says about damaged objects of mounted images.
 * Owns:  the form of the records of the log, of the messages of fs-verity and of servers that verify
 *        objects at the first open; which object of which mount a message is about.
 * Uses:  base, verity, erofs, mount (table, recognize).
 * Never: reads the damaged object, repairs, prints.
 *
 * The log holds less than what happened: the kernel limits the rate of these messages (10
 * in 5 seconds, about all files together), and old records are overwritten.
 */
#ifndef CFS_DAMAGE_H
#define CFS_DAMAGE_H

#include "damage/limit.h"
#include "mount/recognize.h"

enum {
	CFS_DAMAGE_DEVICE_MAX = 32, /* struct super_block of the kernel */
	/* The longest record of /dev/kmsg; read(2) fails if the buffer is smaller. */
	CFS_DAMAGE_RECORD_MAX = 8192,
};

/* A message that a file is damaged. */
struct cfs_damage {
	uint64_t usec; /* since boot: when it was logged */
	/* Of a server: the object, "xx/rest". "": of fs-verity, and the next two say which file. */
	char object[CFS_OBJECT_PATH_MAX];
	uint64_t inode;
	char device[CFS_DAMAGE_DEVICE_MAX]; /* name of the filesystem: "vda1" */
};

/* Parses a record of the log, as /dev/kmsg gives it: "PRIORITY,NUMBER,USEC,FLAGS;TEXT".
 * Returns false if it is another one. A message of fs-verity counts if the kernel wrote it, and one of a server if a
 * program did: root alone may write to the log. */
bool cfs_damage_parse(struct cfs_text record, struct cfs_damage *out);

/* --- the log ------------------------------------------------------------------------- */

/* Starts zeroed except for fd = -1. */
struct cfs_damage_log {
	int fd;
	bool skips; /* the rest of a line that is too long */
	bool ended; /* a file: the end was reached */
	char *buf;
	size_t len;
};

/* Opens /dev/kmsg, or a file (a FIFO is waited for) that has records in the same form.
 * follow: skips what is in
 * /dev/kmsg already, and does not wait for more of a FIFO. */
int cfs_damage_log_open(const char *path, bool follow, struct cfs_damage_log *out,
			struct cfs_err *err) CFS_MUST_CHECK;
void cfs_damage_log_close(struct cfs_damage_log *log);

/* Returns 1 and the next message about damage; 0 if there is none at the moment. */
int cfs_damage_log_next(struct cfs_damage_log *log, struct cfs_damage *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Messages. Starts zeroed; the caller frees v. */
struct cfs_damage_list {
	struct cfs_damage *v; /* sorted by object, then by inode */
	size_t n, cap;
};

/* Reads all messages that are in the log. */
int cfs_damage_log_read(struct cfs_damage_log *log, struct cfs_damage_list *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* --- objects ------------------------------------------------------------------------- */

/* An object of an image that messages are about. */
struct cfs_damaged {
	const char *dir;		/* its object directory */
	char path[CFS_OBJECT_PATH_MAX]; /* below it: "xx/rest" */
	uint64_t n;			/* messages */
	const char
		*used_by; /* the first file of the image with it; "": the image itself */
};

/* Starts zeroed; strings live in the arena of the caller. */
struct cfs_damaged_list {
	struct cfs_damaged *v;
	size_t n, cap;
};

/* Finds the objects of an image that messages are about. A message that is older than the
 * file (the inode was used by another one) does not count. -errno: an object directory or
 * the image cannot be read, so nothing is known. */
int cfs_damage_find(const struct cfs_image_mount *m, const struct cfs_mount_table *table,
		    const struct cfs_damage_list *messages, struct cfs_arena *arena,
		    struct cfs_damaged_list *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The name that the kernel gives the filesystem of a file in its messages: 1; 0: it has
 * none (no block device). */
int cfs_damage_find_device(const struct cfs_mount_table *table, int fd,
			   char out[CFS_DAMAGE_DEVICE_MAX],
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
