/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* expected: the search for the rules by which a tree has an expected digest.
 * Owns:  the text and JSON of the answer.
 * Uses:  cli, profile, source.
 * Never: knows a rule.
 */
#ifndef CFS_EXPECTED_H
#define CFS_EXPECTED_H

#include <stdbool.h>

#include "source/source.h"

struct expected_opts {
	const char *program; /* shown with the progress */
	const char *digest;  /* as the user wrote it */
	bool json;
};

/* Opens the tree of that name, searches and prints the rules, or what was tried. Returns STATUS_SAME or
 * STATUS_DIFFERENT. Sets the algorithm and digests of source. */
int expected_explain(const char *name, const struct expected_opts *opts,
		     struct cfs_source_opts source, struct cfs_err *err) CFS_MUST_CHECK;

#endif
