/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Causes: differences grouped by their probable reason.
 *
 * Every difference belongs to exactly one cause, and every cause except LINKS_HOLDER has differences. A property of
 * a whole tree ("all mtimes are 0") has precedence over one of all differences of a field ("the same bits
 * everywhere"), and that over the field itself.
 */
#ifndef CFS_DIFF_CAUSES_H
#define CFS_DIFF_CAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/watch.h"

struct cfs_diff;

enum cfs_cause_kind {
	CFS_CAUSE_ONLY,	      /* names on one side only */
	CFS_CAUSE_DEVICES,    /* the same, all of them devices */
	CFS_CAUSE_TYPE,	      /* another file type */
	CFS_CAUSE_MTIME_ZERO, /* all mtimes of a side are 0 */
	CFS_CAUSE_MTIME_ONE, /* all different mtimes of a side are equal: value; of both: value, value2 */
	CFS_CAUSE_MTIME_SUBSECOND, /* seconds are equal; a side: it has whole seconds there */
	CFS_CAUSE_MTIME,	   /* by type */
	CFS_CAUSE_OWNER_ALL,	   /* a side has a single owner: uid value, gid value2 */
	CFS_CAUSE_OWNER_SHIFT,	   /* ids of b are those of a plus value */
	CFS_CAUSE_OWNER,
	CFS_CAUSE_MODE_BITS, /* the same bits everywhere: value; a side: only it has them */
	CFS_CAUSE_MODE,
	CFS_CAUSE_LINKS_FLATTENED, /* names of one inode are separate inodes on a side */
	CFS_CAUSE_LINKS,	   /* names share inodes in another way */
	CFS_CAUSE_LINKS_HOLDER, /* the same names, and the inode at another: no difference */
	CFS_CAUSE_NLINK,	/* the count alone */
	CFS_CAUSE_XATTRS_NONE, /* a side has no xattrs */
	CFS_CAUSE_DELETIONS, /* directories that are opaque to overlay mounts, and on a side are marked as holding
				* whiteouts instead */
	CFS_CAUSE_XATTR_ONLY,  /* the xattr key, on one side only */
	CFS_CAUSE_XATTR_VALUE, /* the xattr key, with another value */
	CFS_CAUSE_CONTENT,     /* of files, or their sizes */
	CFS_CAUSE_STORED,      /* contents are inside the tree on one side only */
	CFS_CAUSE_BACKING,     /* paths of contents */
	CFS_CAUSE_DIGEST_NONE, /* a side has no digests */
	CFS_CAUSE_DIGEST_ALG,  /* digests are by another algorithm */
	CFS_CAUSE_TARGET,
	CFS_CAUSE_RDEV,
	CFS_CAUSE_SIZE, /* of anything but regular files */
	CFS_CAUSE_ROOT, /* metadata of the root directory, when no other entry has that cause */
	CFS_CAUSE_N_KINDS,
};

enum cfs_cause_side { CFS_CAUSE_BOTH, CFS_CAUSE_A, CFS_CAUSE_B };

/* The types of the entries of a cause. */
enum cfs_cause_class {
	CFS_CAUSE_ENTRIES, /* any type */
	CFS_CAUSE_DIRECTORIES,
	CFS_CAUSE_FILES,
	CFS_CAUSE_SYMLINKS,
	CFS_CAUSE_SPECIALS,
	CFS_CAUSE_N_CLASSES,
};

enum { CFS_CAUSE_EXAMPLES = 3 };

struct cfs_cause {
	enum cfs_cause_kind kind;
	enum cfs_cause_side side;
	enum cfs_cause_class class;
	uint32_t key;	   /* XATTR_*: in cfs_diff.keys */
	uint32_t fields;   /* bits 1 << enum cfs_diff_field */
	uint64_t n;	   /* names */
	uint64_t n_groups; /* LINKS_FLATTENED and _HOLDER: inodes */
	int64_t value, value2;
	size_t first
		[CFS_CAUSE_EXAMPLES]; /* indices in cfs_diff.v, of different names except in ROOT */
	size_t n_first;
	size_t last; /* the same, of the last name */
};

struct cfs_causes {
	const struct cfs_diff *diff; /* borrowed */
	struct cfs_cause *v;	     /* most names first */
	size_t n;
};

/* Finds all causes in linear time. Memory: 1 byte for each name of a, 12 for each key of an xattr, 150 for each cause.
 * watch may be NULL. -ENOMEM, -ECANCELED. The caller ends it with cfs_causes_fini. */
int cfs_causes_find(const struct cfs_diff *diff, const struct cfs_watch *watch,
		    struct cfs_causes *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_causes_fini(struct cfs_causes *causes); /* may be zeroed */

#endif
