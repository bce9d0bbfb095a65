/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* expected: the rules under which a tree has the digest that somebody expects.
 * Owns:  how the answer is printed.
 * Uses:  composefs, profile, side.
 * Never: knows a rule.
 */
#ifndef CFS_EXPECTED_H
#define CFS_EXPECTED_H

#include <stdbool.h>

#include "composefs/diff/side.h"

struct expected_opts {
	const char *program; /* for progress */
	const char *digest;  /* as a person wrote it */
	bool json;
};

/* Opens the tree of that name once, and looks for the rules. Returns STATUS_SAME or STATUS_DIFFERENT after having
 * printed what was found, or what was tried. side: its algorithm and digests are set here. */
int expected_explain(const char *name, const struct expected_opts *opts,
		     struct side_opts side, struct cfs_err *err) CFS_MUST_CHECK;

#endif
