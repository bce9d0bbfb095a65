/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The options of composefs-fuse. */
#ifndef FUSE_OPTIONS_H
#define FUSE_OPTIONS_H

#include "base/base.h"
#include "fuse/fuse.h"

enum { FUSE_OBJDIRS_MAX = 64 };

/* Strings live in arena until _fini. */
struct fuse_options {
	const char *image, *mountpoint;
	const char *objdirs[FUSE_OBJDIRS_MAX];
	size_t n_objdirs;
	const char *digest; /* the digest that the image must have; implies verity */
	enum cfs_fuse_view view;
	bool no_acl, verity;
	bool allow_other;
	uint64_t attr; /* MOUNT_ATTR_* */
	bool foreground, one_thread;
	bool help;
	struct cfs_arena arena;
};

/* Parses the command line. Starts zeroed. -EINVAL; an empty message: getopt has printed it. */
int fuse_options_parse(struct fuse_options *o, int argc, char **argv,
		       struct cfs_err *err) CFS_MUST_CHECK;
void fuse_options_fini(struct fuse_options *o);

#endif
