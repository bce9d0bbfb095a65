/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names that must be references of images. */
#ifndef CFS_REPO_REFERENCE_H
#define CFS_REPO_REFERENCE_H

#include "repo/repo.h"

/* Completes the message of a command that looked for a reference and got rc: an image ID has
 * none of the name. Returns rc. */
int repo_fail_reference(const struct cfs_repo *repo, const char *name, int rc,
			struct cfs_err *err);

#endif
