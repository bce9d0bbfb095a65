/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfsctl_text: what commands print under the name of composefs-rs's program (cfsctl 0.9).
 * Owns:  the form of its output.
 * Uses:  cli, repo.
 * Never: does the work of a command.
 */
#ifndef CFS_CFSCTL_TEXT_H
#define CFS_CFSCTL_TEXT_H

#include "repo/repo.h"

/* made: else it was there. */
void cfsctl_say_init(const struct cfs_repo_init *init, const char *path, bool made);

#endif
