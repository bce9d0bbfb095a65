/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repair_sources: where repair fetches objects from, and the repair of a repository.
 * Owns:  the meaning of the arguments of --from; the number of rounds of a repair.
 * Uses:  composefs, check, fetch.
 * Never: prints results.
 */
#ifndef CFS_REPO_SOURCES_H
#define CFS_REPO_SOURCES_H

#include "check/check.h"
#include "cli/options.h"

enum { REPAIR_FROM_MAX = 64 };

/* Starts zeroed. Strings are borrowed. */
struct repair_sources {
	const char *program; /* for messages */
	const char *dirs[REPAIR_FROM_MAX], *urls[REPAIR_FROM_MAX];
	size_t n_dirs, n_urls;
};

/* Sorts the arguments of --from into directories and URLs. -EINVAL, -E2BIG: wrong
 * usage. */
int repair_sources_sort(struct repair_sources *out, const char *program,
			const struct cli_list *from, struct cfs_err *err) CFS_MUST_CHECK;

/* A missing directory is probably a typing mistake, so it is an error, unlike a directory
 * without the object. */
int repair_sources_check(const struct repair_sources *s,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Repairs what a report lists, once. */
int repair_report(const struct repair_sources *s, struct cfs_repo *repo,
		  const struct cfs_check_report *report, const struct cfs_watch *watch,
		  struct cfs_check_repaired *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Checks and repairs until nothing changes, because a fetched image may reference missing
 * objects. *left is the result of the last check. */
int repair_repo(const struct repair_sources *s, struct cfs_repo *repo,
		const struct cfs_check_opts *opts, struct cfs_check_repaired *all,
		struct cfs_check_report *left, struct cfs_err *err) CFS_MUST_CHECK;

#endif
