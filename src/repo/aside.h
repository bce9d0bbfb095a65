/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The directory for objects that were replaced or found damaged. A file in it is named by
 * its ID, then ".1", ".2" and so on if that name exists. Garbage collection removes
 * nothing from it.
 */
#ifndef CFS_REPO_ASIDE_H
#define CFS_REPO_ASIDE_H

#include "verity/verity.h"

struct cfs_repo;

#define CFS_REPO_ASIDE ".quarantine"

/* Moves the file in the place of the object to CFS_REPO_ASIDE, whatever its type. */
int cfs_repo_move_aside(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
