/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which kernels mishandle what an image has: a table of rules. cfs_image_check_kernels (check.h) finds the
 * inodes that they are about.
 *
 * Versions are those of Linus' releases. A distribution's kernel can have more than its number says, and a stable
 * one can have a fix that its number does not promise.
 */
#ifndef CFS_EROFS_KERNEL_H
#define CFS_EROFS_KERNEL_H

#include "erofs/image.h"

#define CFS_KERNEL_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define CFS_KERNEL_NEVER		 UINT32_MAX

enum cfs_kernel_effect {
	CFS_KERNEL_REFUSES,  /* an error where there should be none */
	CFS_KERNEL_MISLEADS, /* shows something else than the image tells */
	CFS_KERNEL_COPES,    /* works, but not as well: nothing to warn about */
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

/* What of an image a rule is about. */
struct cfs_kernel_finding {
	uint64_t n;			     /* inodes */
	char first[CFS_KERNEL_PATH_MAX + 1]; /* the path of one, perhaps cut off */
};

/* "5.14", or as uname says it ("6.12.95+deb13-amd64"): two numbers, and what follows begins with a dot, a dash or a
 * plus. -EINVAL. */
int cfs_kernel_parse(const char *text, uint32_t *out, struct cfs_err *err) CFS_MUST_CHECK;

static inline bool cfs_kernel_rule_hits(const struct cfs_kernel_rule *rule,
					uint32_t version)
{
	return version >= rule->from && version < rule->fixed;
}

/* Is it about every kernel that there is? */
static inline bool cfs_kernel_rule_hits_all(const struct cfs_kernel_rule *rule)
{
	return rule->from == 0 && rule->fixed == CFS_KERNEL_NEVER;
}

/* Does every kernel show what the image says? 0, or -EUCLEAN: no kernel does, and the message has the first reason
 * and the path of an inode. */
int cfs_kernel_fits_all(const struct cfs_kernel_finding found[CFS_KERNEL_N_RULES],
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
