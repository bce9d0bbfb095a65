/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo_command: the frame of a command that works on one repository.
 * Owns:  the order: parse the options, open the repository, work, close it, report the error.
 * Uses:  base, repo, cli.
 * Never: knows a command.
 */
#ifndef CFS_REPO_COMMAND_H
#define CFS_REPO_COMMAND_H

#include "cli/repo_option.h"

/* What the work of a command gets. All of it is borrowed. */
struct repo_work {
	const char *program; /* "composefs NAME", for messages */
	char **operands;     /* their number is as the command requires; NULL ends them */
	struct cfs_repo *repo;
	void *options; /* the struct that the options were parsed into */
};

struct repo_command {
	const struct cli_syntax *syntax;
	int min, max;	      /* number of operands */
	const char *expected; /* the message for a wrong number of operands */
	enum cfs_repo_access access;
	/* Returns 0, a negative errno with its sentence in err, or an exit status above 0
	 * whose messages were printed. */
	int (*work)(const struct repo_work *w, struct cfs_err *err);
};

/* Returns the exit status. where is the member of options that selects the repository. */
int repo_command_run(const struct repo_command *c, int argc, char **argv, void *options,
		     struct where *where);

#endif
