/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_MOUNT_PRIV_H
#define CFS_MOUNT_PRIV_H

#include <sys/types.h>

#include "mount/steps.h"

enum { CFS_PROC_FD_MAX = 32, CFS_LOOP_PATH_MAX = 32 };

#define CFS_MOUNT_RESTRAINTS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

/* Gives upperdir the owner, mode, xattrs and times of the root directory of the image
 * mount, if upperdir belongs to the caller and was never used: it and workdir are
 * empty. userxattr: the image mount is for an overlay with that option. */
int cfs_mount_give_root(int image_mount, bool userxattr, const char *upperdir,
			const char *workdir, struct cfs_err *err) CFS_MUST_CHECK;

/* upper.c: locks upperdir, and checks that no mount which this process sees uses it or
 * workdir. Hold the lock until the mount is attached: then the mount table has it. *lock is
 * -1 without an upperdir. -EBUSY: in use; -errno of open(2) and stat(2). */
int mount_lock_upper(const struct cfs_mount_opts *o, int *lock,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* upper.c: -EROFS if a mount that must be writable is not. */
int mount_check_writable(int mount, const char *workdir,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Attributes of fsmount(2) as flags of mount(2). */
uint64_t cfs_mount_old_flags(uint64_t attr);

/* May -s ignore this unknown option? Not if its name has to do with verification or is
 * similar to that of an option that makes the mount stricter, or if its value looks like
 * a digest. */
enum { CFS_SLOPPY_NAME_MAX = 64 };
bool cfs_mount_may_ignore(struct cfs_text name, struct cfs_text value);

/* perform.c: reads the errors that the kernel reported for this context. */
void mount_read_log(int context, char *out, size_t cap);

/* Formats "/proc/self/fd/N"; returns out. */
const char *cfs_proc_format_fd(int fd, char out[CFS_PROC_FD_MAX]);

/* Puts the file behind fd on a free loop device: read-only, with direct I/O where
 * possible, freed with its last user. *out is its descriptor; path is valid while that is
 * open. name is shown by losetup(8) and may be NULL. */
int cfs_loop_attach(int fd, const char *name, int *out, char path[CFS_LOOP_PATH_MAX],
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The size in bytes of the largest image that is read ahead, given the text of
 * /proc/meminfo. */
uint64_t cfs_prefetch_compute_max(struct cfs_text meminfo);

/* Reads the first len bytes of a file or block device ahead, in pieces. Best effort. */
void cfs_prefetch(int fd, uint64_t len, bool wait);

struct cfs_mount_table;

/* table.c: reads a table that is open. */
int mount_table_read_fd(int fd, struct cfs_mount_table *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* A process of another mount namespace. */
struct mount_process {
	const char *pid;
	int root;			     /* its root directory, O_PATH */
	const struct cfs_mount_table *table; /* the mounts that it sees */
};

/* processes.c: calls fn for one process of each other mount namespace, until it returns a negative
 * number, which is returned. Left out are processes that end meanwhile or may not be examined, and
 * those of other user namespaces: their filesystems may be made by anyone, and never answer. */
int mount_visit_namespaces(int (*fn)(void *ctx, const struct mount_process *process,
				     struct cfs_err *err),
			   void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* record.c: the ID of the mount in which the file behind fd lies: of the mount table, or the unique
 * one of Linux 6.8, which is never used again. -ENOTSUP: the kernel has none. */
enum mount_id_kind { MOUNT_ID = 0x1000, MOUNT_ID_UNIQUE = 0x4000 };
int mount_get_id(int fd, enum mount_id_kind kind, uint64_t *out) CFS_MUST_CHECK;

/* Where records are: of root in /run, of others in $XDG_RUNTIME_DIR. */
enum mount_record_place {
	MOUNT_RECORD_SYSTEM,
	MOUNT_RECORD_USER,
	MOUNT_RECORD_PLACES,
};

/* record.c: opens a directory of records, which is made if that is wanted. -1: there is none, or
 * another user than its owner (of mount_record_owner) can write to it. */
int mount_record_open_place(enum mount_record_place which, bool make);
uid_t mount_record_owner(enum mount_record_place which);

/* record.c: the name of a record there. */
enum { MOUNT_RECORD_NAME = 24 };
void mount_record_name(uint64_t id, char out[MOUNT_RECORD_NAME]);

/* record.c: this boot and this mount namespace; "": not known. */
enum { MOUNT_RECORD_WORD = 64 };
struct mount_record_origin {
	char boot[MOUNT_RECORD_WORD], space[MOUNT_RECORD_WORD];
};
void mount_record_read_origin(struct mount_record_origin *out);

/* recognize.c: whether a data layer is a directory of the server that verifies or fetches objects. */
bool mount_is_server_layer(const char *path);

#endif
