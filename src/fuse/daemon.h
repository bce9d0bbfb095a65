/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/daemon: a server in the foreground, or in a process of its own. */
#ifndef CFS_FUSE_DAEMON_H
#define CFS_FUSE_DAEMON_H

#include "fuse/fs.h"

/* Zero is the default. Borrowed until the server ends. */
struct cfs_fuse_daemon_opts {
	/* The absolute path where the filesystem is mounted: SIGINT, SIGTERM and SIGHUP unmount it, and the server ends when
	 * nothing uses it any more; a second signal ends it at once. NULL: it is not attached, as the
	 * layer of an overlay; the signals have their default effect, and a process of its own leaves the mount
	 * namespace, which it would keep alive. */
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

/* The mount namespace of the process. It exists, with all mounts, as long as a process is in it. So the server of a layer
 * must not be in the namespace where the overlay will be attached, or each would keep the other. */
enum cfs_fuse_mounts {
	CFS_FUSE_MOUNTS_SHARED, /* the namespace of the starter */
	CFS_FUSE_MOUNTS_COPIED, /* a private copy of it, once the mount answers */
	CFS_FUSE_MOUNTS_NONE, /* an empty one, once the mount answers: no path leads anywhere */
};

/* Starts zeroed. Borrowed until the server ends. */
struct cfs_fuse_service {
	/* Serves requests from dev until the filesystem is unmounted. Calls ready (may be NULL) once, when the mount
	 * answers requests; a negative result ends the server. */
	int (*serve)(void *ctx, int dev, int (*ready)(void *ctx), void *ready_ctx,
		     struct cfs_err *err);
	void *ctx;
	const char *mountpoint; /* as in cfs_fuse_daemon_opts */
	enum cfs_fuse_mounts mounts;
	const int *fds; /* stay open; negative ones are ignored */
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
