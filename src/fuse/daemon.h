/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/daemon: a server in the foreground, or in a process of its own. */
#ifndef CFS_FUSE_DAEMON_H
#define CFS_FUSE_DAEMON_H

#include "fuse/fs.h"

/* Zero is the default. Borrowed until the server ends. */
struct cfs_fuse_daemon_opts {
	/* The absolute path where the filesystem is mounted: SIGINT, SIGTERM and SIGHUP unmount it, and the server ends when
	 * nothing uses it any more; a second signal ends it at once. NULL: it is not attached, as the
	 * layer of an overlay; the signals have their default effect. */
	const char *mountpoint;
	int image_fd;	    /* kept open, so that the image counts as in use; -1: none */
	unsigned n_threads; /* as in cfs_fuse_serve_opts */
};

/* Serves until the filesystem is unmounted. Changes the signal mask of the process. */
int cfs_fuse_run(const struct cfs_fuse_fs *fs, int dev,
		 const struct cfs_fuse_daemon_opts *o,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* Starts a process that does so, and returns when the mount answers requests. The process has no other descriptors than
 * these and /dev/null, and "/" as its working directory. Not for programs with threads. */
int cfs_fuse_start(const struct cfs_fuse_fs *fs, int dev,
		   const struct cfs_fuse_daemon_opts *o,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* --- any other server -------------------------------------------------------------------- */

/* Starts zeroed. Borrowed until the server ends. */
struct cfs_fuse_service {
	/* Serves requests from dev until the filesystem is unmounted. Calls ready (may be NULL) once, when the mount
	 * answers requests; a negative result ends the server. */
	int (*serve)(void *ctx, int dev, int (*ready)(void *ctx), void *ready_ctx,
		     struct cfs_err *err);
	void *ctx;
	const char *mountpoint; /* as in cfs_fuse_daemon_opts */
	const int *fds;		/* stay open; negative ones are ignored */
	size_t n_fds;
};

/* As cfs_fuse_start. */
int cfs_fuse_start_service(const struct cfs_fuse_service *s, int dev,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Sends a reply; any thread. Returns 0, also if the request was cancelled, or -errno. -EINVAL and -E2BIG: the kernel
 * refuses the body. */
int cfs_fuse_reply(int dev, uint64_t unique, int error,
		   struct cfs_span body) CFS_MUST_CHECK;

#endif
