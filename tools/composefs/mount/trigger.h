/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The server that verifies or fetches objects when they are opened, as layers of a mount.
 */
#ifndef CFS_COMPOSEFS_MOUNT_TRIGGER_H
#define CFS_COMPOSEFS_MOUNT_TRIGGER_H

#include "composefs/mount/mount.h"
#include "lazy/lazy.h"
#include "mount/mount.h"
#include "trigger/trigger.h"

enum { MOUNT_TRIGGER_LAYERS = 3, MOUNT_SOURCES_MAX = 8 };

/* The layers of a mount with such a server. */
struct mount_trigger {
	struct cfs_trigger_layers layers;
	char state_name[CFS_MOUNT_RECORD_WORD];
	int state_fd, state_dir_fd; /* -1: none */
	int kmsg;		    /* the kernel log; -1: may not be written */
	const char *names[MOUNT_TRIGGER_LAYERS];
	int fds[MOUNT_TRIGGER_LAYERS];
	struct cfs_lazy lazy;
	struct cfs_lazy_source sources[MOUNT_SOURCES_MAX];
	char *repo_path;	 /* of lazy */
	struct cfs_digest *fill; /* the objects of lazy, in the order of --order */
	int record;		 /* the file of --record; -1: none */
};

/* Opens the sources of an option that list has, and the path of the repository, which the caller
 * frees. out borrows both. After an error, too, call mount_close_sources. */
int mount_open_sources(const struct cli_list *list, const char *option,
		       const struct cfs_repo *repo,
		       struct cfs_lazy_source sources[MOUNT_SOURCES_MAX],
		       struct cfs_lazy *out, char **repo_path,
		       struct cfs_err *err) CFS_MUST_CHECK;
void mount_close_sources(struct cfs_lazy_source sources[MOUNT_SOURCES_MAX],
			 struct cfs_lazy *lazy);

/* Checks that the repository can be mounted with that level. */
int mount_check_level(const struct mount_options *o, const struct cfs_repo *repo,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Whether a mount with these options needs such a server. */
bool mount_needs_trigger(const struct mount_options *o);

/* Starts the server for the image behind fd, and puts its layers around the object directory of opts, which borrows
 * out. */
int mount_trigger_start(const struct mount_options *o, const struct cfs_repo *repo,
			const char *name, int fd, struct cfs_mount_opts *opts,
			struct mount_trigger *out, struct cfs_err *err) CFS_MUST_CHECK;
void mount_trigger_fini(struct mount_trigger *m);

#endif
