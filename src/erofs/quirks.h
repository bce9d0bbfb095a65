/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What kernels mishandle in images: a table of rules. cfs_image_check_kernels (check.h) finds the
 * inodes that they are about.
 *
 * Versions are those of the mainline. The kernel of a distribution or a stable release can have features and fixes of
 * later versions.
 */
#ifndef CFS_EROFS_KERNEL_H
#define CFS_EROFS_KERNEL_H

#include "erofs/image.h"

#define CFS_KERNEL_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define CFS_KERNEL_NEVER		 UINT32_MAX

enum cfs_kernel_effect {
	CFS_KERNEL_REFUSES,  /* fails with an error */
	CFS_KERNEL_MISLEADS, /* shows something else than the image describes */
	CFS_KERNEL_COPES,    /* works with a limitation: no reason for a warning */
};

struct cfs_kernel_look; /* an inode as the rules see it */

struct cfs_kernel_rule {
	const char *name; /* for programs: never changes */
	bool (*is_about)(const struct cfs_kernel_look *look);
	uint32_t from, fixed; /* kernels in [from, fixed) */
	enum cfs_kernel_effect effect;
	const char *wrong; /* what such a kernel does */
};

enum { CFS_KERNEL_N_RULES = 21, CFS_KERNEL_PATH_MAX = 255 };

extern const struct cfs_kernel_rule cfs_kernel_rules[CFS_KERNEL_N_RULES];

/* The inodes of an image that a rule is about. */
struct cfs_kernel_finding {
	uint64_t n; /* inodes */
	char first[CFS_KERNEL_PATH_MAX +
		   1]; /* the path of the first one, truncated to fit */
};

/* Parses "5.14", or a release from uname(2) ("6.12.95+deb13-amd64"): two numbers, then the end or a dot, dash or plus.
 * -EINVAL. */
int cfs_kernel_parse(const char *text, uint32_t *out, struct cfs_err *err) CFS_MUST_CHECK;

static inline bool cfs_kernel_rule_hits(const struct cfs_kernel_rule *rule,
					uint32_t version)
{
	return version >= rule->from && version < rule->fixed;
}

/* Whether a rule is about all kernel versions. */
static inline bool cfs_kernel_rule_hits_all(const struct cfs_kernel_rule *rule)
{
	return rule->from == 0 && rule->fixed == CFS_KERNEL_NEVER;
}

/* 0 when there is a kernel that shows the image as described; -EUCLEAN when there is none: the message has the first
 * reason and the path of an inode. */
int cfs_kernel_fits_all(const struct cfs_kernel_finding found[CFS_KERNEL_N_RULES],
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
