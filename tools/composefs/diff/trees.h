/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trees: the operands of diff and explain.
 * Owns:  their description in --help, the repository that they may be in.
 * Uses:  cli, source.
 * Never: opens a tree.
 */
#ifndef CFS_TREES_H
#define CFS_TREES_H

#include "cli/repo_option.h"
#include "source/source.h"

/* For --help; whose: "A and B are each". */
#define TREES_ABOUT(whose)                                                               \
	whose " an image file, a directory, a dump (- is standard input), or an\n"       \
	      "image of a repository; image:, dump:, dir: or repo: as a prefix selects " \
	      "one."

/* The repository of the command line; borrows from where. */
struct cfs_source_repo trees_get_repo(struct where *where);

#endif
