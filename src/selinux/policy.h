/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A policy in memory: specifications and aliases. Used by the rest of the room, its tests
 * and the fuzzer.
 */
#ifndef CFS_SELINUX_POLICY_H
#define CFS_SELINUX_POLICY_H

#include "base/base.h"

struct cfs_selinux_policy;

/* Makes a policy without rules. *out is NULL on failure. -ENOMEM. */
int cfs_selinux_policy_new(struct cfs_selinux_policy **out,
			   struct cfs_err *err) CFS_MUST_CHECK;
void cfs_selinux_policy_free(struct cfs_selinux_policy *p); /* NULL is fine */

/* Adds the lines "REGEX [TYPE] CONTEXT" of a file; those that come later win. text and name
 * (for messages) are copied. -EINVAL: a line; -EFBIG: a limit. */
int cfs_selinux_policy_add_contexts(struct cfs_selinux_policy *p, const char *name,
				    struct cfs_text text,
				    struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the lines "PATH ORIGINAL" of a file; those that come later win. */
int cfs_selinux_policy_add_aliases(struct cfs_selinux_policy *p, const char *name,
				   struct cfs_text text,
				   struct cfs_err *err) CFS_MUST_CHECK;

/* The original of an alias, or the path itself. path: as rewritten by the aliases of its
 * parents. */
struct cfs_text cfs_selinux_policy_find_original(const struct cfs_selinux_policy *p,
						 struct cfs_text path);

/* --- Matching ------------------------------------------------------------------------ */

/* The specifications that can match a path below a directory, ascending. */
struct cfs_selinux_candidates {
	uint32_t *v;
	size_t n, cap;
};

/* Narrows the candidates of a parent (NULL: all) to those for the path of a directory and
 * everything below it. -ENOMEM. */
int cfs_selinux_narrow(const struct cfs_selinux_policy *p,
		       const struct cfs_selinux_candidates *parent, struct cfs_text dir,
		       struct cfs_selinux_candidates *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the label of a path. subject: the path and the character of its type (see
 * cfs_selinux_get_type_char). candidates: NULL: all. *out: len 0: no label; borrowed from the
 * policy. -E2BIG: a limit of the match; the message names the line. */
int cfs_selinux_find(const struct cfs_selinux_policy *p,
		     const struct cfs_selinux_candidates *candidates,
		     struct cfs_text subject, struct cfs_text *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The character for the type of a file: "-" regular, d l b c p s. */
char cfs_selinux_get_type_char(uint32_t mode);

/* Returns the length of the text with which each match of the expression begins, which is
 * copied to out (regex.len bytes) without escapes. 0 if in doubt. */
size_t cfs_selinux_literal_prefix(struct cfs_text regex, char *out);

#endif
