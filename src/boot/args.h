/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/args: the kernel arguments of composefs.
 * Owns:  their grammar, that of composefs-rs and of ostree, and the quoting of the kernel.
 * Uses:  base, verity (digests).
 * Never: reads /proc/cmdline, decides what is allowed.
 */
#ifndef CFS_BOOT_ARGS_H
#define CFS_BOOT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "verity/verity.h"

enum {
	CFS_BOOT_CMDLINE_MAX = 65536, /* bytes */
	CFS_BOOT_IMAGES_MAX = 8,
	CFS_BOOT_PATH_MAX = 256, /* bytes, with the NUL */
};

/* An image that may be booted. */
struct cfs_boot_image {
	struct cfs_digest digest;
	bool insecure; /* "?": verified only as far as possible */
};

/* Parts of the new root, as bits. */
enum cfs_boot_part { CFS_BOOT_ROOT = 1, CFS_BOOT_ETC = 2, CFS_BOOT_VAR = 4 };

struct cfs_boot_args {
	struct cfs_boot_image images[CFS_BOOT_IMAGES_MAX]; /* in their order */
	size_t n_images;
	char state[CFS_BOOT_PATH_MAX];	/* composefs.state=; "" if not given */
	char ostree[CFS_BOOT_PATH_MAX]; /* the deployment of ostree=; "" if not given */
	unsigned transient;		/* composefs.transient=: parts */
	bool no_fallback;		/* composefs.fallback=0: only the first image */
	bool volatile_var;		/* systemd.volatile= replaces /var */
};

/* One argument of a command line. All borrowed from it. */
struct cfs_boot_arg {
	struct cfs_text word;	    /* as it is written, with quotes */
	struct cfs_text key, value; /* without quotes; value is empty if there is none */
};

/* Takes the next argument from rest. Returns false at the end. Blanks inside double quotes
 * do not end it; there are no escapes. */
bool cfs_boot_next_arg(struct cfs_text *rest, struct cfs_boot_arg *out);

/* Parses a kernel command line. All arguments are checked before any is used: a malformed
 * one is -EINVAL even if another would do. The last of repeated arguments counts, except
 * for images. -E2BIG: more than CFS_BOOT_IMAGES_MAX images. */
int cfs_boot_args_parse(struct cfs_text cmdline, struct cfs_boot_args *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Copies a path below a directory: not empty, no "..", no control characters, no leading
 * "/" in the result. -EINVAL. For the configuration, too. */
int cfs_boot_path_parse(struct cfs_text text, char out[CFS_BOOT_PATH_MAX],
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
