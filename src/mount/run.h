/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The state of a mount while its steps are carried out: what perform.c, apart.c and
 * apply.c share. */
#ifndef CFS_MOUNT_RUN_H
#define CFS_MOUNT_RUN_H

#include "mount/mount_priv.h"

/* An empty directory that exists wherever /proc is mounted. Mounts are attached to it in
 * a mount namespace that ends soon, one over the other: no path of the caller leads
 * through it. */
#define MOUNT_PLACE "/proc/thread-self/ns"

/* Descriptors are -1 while they are not open. */
struct mount_run {
	const char *mountpoint;
	int image; /* the caller's */
	int loop;  /* the loop device of the image, if there is one */
	char loop_path[CFS_LOOP_PATH_MAX];
	int context;		    /* of the superblock that is being configured */
	const char *fs;		    /* its type */
	int mount;		    /* result of the last way, detached */
	int image_mount;	    /* result of the ways for the image */
	const char *const *objdirs; /* names, for messages */
	const int *objdir_fds;	    /* the caller's, or those of attached copies */
	size_t n_objdirs;
};

/* Closes *fd, unless it is -1, and sets it to -1. */
void mount_drop_fd(int *fd);

/* Carries out one step. Returns 0 or -errno, with what the kernel reported in the
 * message. */
int mount_perform(struct mount_run *r, const struct cfs_step *step,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Tries one way after the other, while *move_on: the step that failed allows the next
 * way. *taken: the name of the last one tried. */
int mount_run_ways(struct mount_run *r, const struct cfs_ways *ways, const char **taken,
		   bool *move_on, struct cfs_err *err) CFS_MUST_CHECK;

/* mount_run_ways in a private mount namespace, with the image mount and copies of the
 * object directories attached there. */
int mount_run_ways_apart(struct mount_run *r, const struct cfs_ways *ways,
			 const char **taken, struct cfs_err *err) CFS_MUST_CHECK;

#endif
