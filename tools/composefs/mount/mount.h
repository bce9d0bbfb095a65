/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounting what a command finds by a name.
 */
#ifndef CFS_COMPOSEFS_MOUNT_H
#define CFS_COMPOSEFS_MOUNT_H

#include "cli/repo_option.h"
#include "composefs/composefs.h"
#include "fuse/method.h"
#include "mount/mount.h"
#include "repo/repo.h"

/* Finds an image by name; errors as cfs_repo_find_image. */
typedef int (*mount_find_fn)(const struct cfs_repo *repo, const char *name,
			     struct cfs_digest *out, struct cfs_err *err);

/* What verifies the objects of a mount. */
enum mount_verify {
	MOUNT_VERIFY_AUTO, /* the kernel in a repository with fs-verity, otherwise nothing */
	MOUNT_VERIFY_KERNEL,
	MOUNT_VERIFY_FIRST_OPEN,
	MOUNT_VERIFY_EVERY_READ,
	MOUNT_VERIFY_OFF,
};

/* The options of a mount. Zero is the default. */
struct mount_options {
	struct where where;
	const char *changes, *upperdir, *workdir, *trusted, *statement, *name, *floor,
		*idmap;
	enum mount_verify verify;
	struct cli_list lazy;	    /* sources of missing objects */
	const char *order, *record; /* of the objects that are opened: files */
	bool prefetch;		    /* fetch missing objects in the background */
	bool kill_readers;	    /* of damaged objects */
	bool read_write, verify_image, allow_suid, allow_dev, require_signature, json;
	enum cfs_method method;
};

/* An image ID from the caller identifies the image when the kernel verifies it. A name does
 * not: everyone who can write to the repository can change it. */
bool mount_is_verified(const struct mount_options *o, const struct cfs_repo *repo,
		       const char *name);

/* Whether the kernel verifies the image and the objects. */
bool mount_has_kernel_verity(const struct mount_options *o, const struct cfs_repo *repo);

/* Opens a directory, which is created with mode 0700 if it is missing. -EPERM: another user
 * can write to it, and could exchange what is in there. */
int mount_open_private(const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* Creates a directory in one, unless it exists. -EBUSY: something is mounted there. */
int mount_make_dir(int dirfd, const char *name, struct cfs_err *err) CFS_MUST_CHECK;

/* Makes the directories of a writable layer, DIR/upper and DIR/work, and their paths. */
int mount_make_changes(const char *dir, char upper[PATH_MAX], char work[PATH_MAX],
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Attaches a tmpfs for the changes of one mount at the new directory "memory" of dirfd, which
 * only the caller can write to. After the mount, detach it: it lives as long as the mount.
 * -EBUSY: something is mounted there; -errno of mkdir(2), mount(2). */
int mount_attach_memory(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;
int mount_detach_memory(int dirfd, struct cfs_err *err) CFS_MUST_CHECK;

/* Mounts the image that find() finds at a path. The caller holds the lock of the repository
 * until then: from then on the kernel reports that the image is in use. */
int mount_image(const struct mount_options *o, const struct cfs_repo *repo,
		mount_find_fn find, const char *name, const char *at,
		struct cfs_digest *id, struct cfs_err *err) CFS_MUST_CHECK;

/* The words of --method. */
extern const struct cli_choice mount_methods[];

/* Mounts the image behind fd by the method that is wanted, or the best one, with
 * the owners mapped that are to be, and records the mount. */
int mount_by_method(const struct mount_options *o, int fd, const struct cfs_digest *id,
		    const char *at, const struct cfs_mount_opts *opts,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A command with the options of "mount" and the operands NAME MOUNTPOINT. about: its texts. */
int mount_named(const struct cli_syntax *about, mount_find_fn find, int argc,
		char **argv);

#endif
