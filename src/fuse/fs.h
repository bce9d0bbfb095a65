/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/fs: what is served, and the server. */
#ifndef CFS_FUSE_FS_H
#define CFS_FUSE_FS_H

#include "erofs/image.h"

enum cfs_fuse_view {
	/* What a mount of the image shows, with contents of files. */
	CFS_FUSE_FILES,
	/* What EROFS shows: the lower layer of an overlay. Contents of external files cannot be read. */
	CFS_FUSE_LAYER,
	/* The same for an overlay with the option userxattr: trusted.overlay.X of the image is user.overlay.X,
	 * and user.overlay.X is escaped. */
	CFS_FUSE_USER_LAYER,
};

struct cfs_fuse_proofs;

/* What is served. Borrowed while it is served; all threads read it. */
struct cfs_fuse_fs {
	const struct cfs_image *im; /* in memory that cannot be truncated: cfs_map_copy */
	enum cfs_fuse_view view;
	bool no_acl; /* ignore POSIX ACLs */
	bool require_verity; /* open only objects whose fs-verity digest is the one in the image */
	struct cfs_fuse_proofs *proofs; /* verify every read, see proof.h; NULL: none */
	int report_fd;			/* with proofs: stays open; -1: none */
	const int
		*objdir_fds; /* object directories, searched in order; O_PATH is enough */
	size_t n_objdirs;
};

enum { CFS_FUSE_THREADS_MAX = 16 };

struct cfs_fuse_serve_opts {
	unsigned n_threads; /* 0: one for each CPU, at most 4 */
	/* Called once, when the mount answers requests; a negative result ends the server. May be NULL. */
	int (*ready)(void *ctx);
	void *ctx;
};

/* Serves requests from dev until the filesystem is unmounted. -EPROTO: the kernel is too old; the codes of
 * read(2), of starting threads, and of ready. */
int cfs_fuse_serve(const struct cfs_fuse_fs *fs, int dev,
		   const struct cfs_fuse_serve_opts *opts,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
