/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check, private: fetching missing objects. */
#ifndef CFS_CHECK_FETCH_H
#define CFS_CHECK_FETCH_H

#include "check/check.h"

/* Adds the wanted objects that a source has to the store; others are not an error. */
int check_fetch(const struct cfs_repo *repo, struct cfs_store *store,
		const struct cfs_ids *wanted, const struct cfs_check_sources *from,
		uint64_t *n_fetched, struct cfs_err *err) CFS_MUST_CHECK;

#endif
