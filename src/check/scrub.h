/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The record of the last scrub: a check in the background that came to its end.
 *
 * The file .scrub of the repository has the line "composefs scrub 1", and lines "WORD NUMBER". It is
 * replaced as a whole. It is for people: nothing depends on it, and it may be removed at any time. Other
 * programs ignore it.
 */
#ifndef CFS_CHECK_SCRUB_H
#define CFS_CHECK_SCRUB_H

#include "base/base.h"

struct cfs_repo;

struct cfs_check_scrub {
	uint64_t begin_sec, end_sec; /* since 1970 */
	uint64_t whole;		     /* 1: of the repository; 0: of some images */
	uint64_t n_objects, n_damaged, n_missing; /* afterwards */
	uint64_t n_repaired;
};

/* Replaces the record. Codes of open(2) and write(2); -ELOOP: a symbolic link is in its
 * place. */
int cfs_check_scrub_write(const struct cfs_repo *repo, const struct cfs_check_scrub *s,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* 1; 0: there is none; -EINVAL: it has another form; other -errno. */
int cfs_check_scrub_read(const struct cfs_repo *repo, struct cfs_check_scrub *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
