/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* selinux: the SELinux labels of a tree, by the policy inside the tree.
 * Owns:  the search for the policy, the grammar of its files, matching, aliases, limits.
 * Uses:  base, tree; PCRE2 (without it, trees with a policy are refused).
 * Never: opens files, changes a tree, asks the kernel or libselinux for a label.
 *
 * Image IDs depend on the labels, so the rules are fixed here and do not follow a version
 * of libselinux: the last line that matches wins, whatever its form. The policy is foreign
 * input: sizes, lines, compiled expressions and the steps of a match are limited.
 * Source of the rules: composefs-rs 0.9, for the same image IDs.
 */
#ifndef CFS_SELINUX_H
#define CFS_SELINUX_H

#include "base/base.h"
#include "tree/tree.h"

enum {
	CFS_SELINUX_FILE_MAX = 16 << 20, /* bytes of a file of the policy */
	CFS_SELINUX_LINE_MAX = 8192,	 /* bytes of a line */
	CFS_SELINUX_LINES_MAX = 65536,	 /* specifications of a policy */
	CFS_SELINUX_ALIASES_MAX = 4096,
	CFS_SELINUX_COMPILED_MAX = 256 << 20, /* bytes of all compiled expressions */
	CFS_SELINUX_STEPS_MAX = 200000,	      /* of one match, as PCRE2 counts */
	CFS_SELINUX_PATH_MAX = 65535,	      /* bytes of a path that is labelled */
};

/* Reads the content of a regular file of the tree. It appends at most max bytes to out
 * (-EFBIG) and makes sure that they are those of the file: they have its digest. */
struct cfs_selinux_reader {
	int (*read)(const void *ctx, const struct cfs_tree *tree, cfs_id file, size_t max,
		    struct cfs_mem *out, struct cfs_err *err);
	const void *ctx;
};

/* Labels of the names of a tree. Starts zeroed. */
struct cfs_selinux_labels {
	/* Indexed by node, a hard link by its own number; len 0: no label. NULL: the tree
	 * names no policy. */
	struct cfs_text *of;
	struct cfs_selinux_policy *policy; /* has the text */
};

/* Returns true if the tree has a file /etc/selinux/config, which names a policy or not.
 * Symlinks are followed within the tree. Needs no PCRE2. */
bool cfs_selinux_has_config(const struct cfs_tree *tree);

/* Labels all names of a tree by the policy that its /etc/selinux/config names. -ENOENT,
 * -ENOTDIR, -EISDIR, -ELOOP: the policy or its file_contexts is missing; -EINVAL: a line of
 * it; -EFBIG: a limit of its size; -E2BIG: a match exceeds its limit of steps or memory;
 * -ENOTSUP: built without PCRE2; -ECANCELED. The message names the file and the line.
 * watch may be NULL. The caller calls cfs_selinux_labels_fini, also after an error. */
int cfs_selinux_label(const struct cfs_tree *tree,
		      const struct cfs_selinux_reader *reader,
		      const struct cfs_watch *watch, struct cfs_selinux_labels *out,
		      struct cfs_err *err) CFS_MUST_CHECK;
void cfs_selinux_labels_fini(struct cfs_selinux_labels *labels);

#endif
