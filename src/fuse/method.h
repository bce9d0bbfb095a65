/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/method: in which way an image is mounted, and why: what this process may do, found out by trying, then a
 * decision without side effects.
 */
#ifndef CFS_FUSE_METHOD_H
#define CFS_FUSE_METHOD_H

#include <stdbool.h>

#include "base/base.h"

enum cfs_method {
	CFS_METHOD_AUTO,
	CFS_METHOD_KERNEL,	 /* EROFS and overlayfs */
	CFS_METHOD_OVERLAY_FUSE, /* metadata by FUSE, below overlayfs: contents are native */
	CFS_METHOD_FUSE,	 /* all by FUSE, read-only */
};

/* The name of a method: "auto", "kernel", "overlay-fuse", "fuse"; static. */
const char *cfs_method_get_name(enum cfs_method method);

/* 0: this process can do it; or -errno. */
struct cfs_method_facts {
	int erofs;	  /* mount EROFS. -EPERM: not in this user namespace */
	int fuse;	  /* mount FUSE with system calls */
	int overlay;	  /* mount an overlay with data layers */
	int user_overlay; /* the same with the option userxattr */
};

/* Tries to mount each, detached, and lets it go again. */
void cfs_method_probe(struct cfs_method_facts *out);

struct cfs_method_choice {
	enum cfs_method method; /* never AUTO */
	bool userxattr;		/* OVERLAY_FUSE: the option of the overlay */
	bool by_helper;		/* FUSE: mounted by fusermount3 */
	const char *why;	/* for people; static */
};

/* Chooses for CFS_METHOD_AUTO, and otherwise checks that it is possible. -EPERM, -ENODEV: it is not, with the
 * reason; -EROFS: no possible method can be writable. */
int cfs_method_choose(enum cfs_method wanted, const struct cfs_method_facts *facts,
		      bool writable, struct cfs_method_choice *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
