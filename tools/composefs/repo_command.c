/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "composefs/repo_command.h"

#include <unistd.h>

#include "cli/command.h"

int repo_command_run(const struct repo_command *c, int argc, char **argv, void *options,
		     struct where *where)
{
	struct repo_work w = {.program = argv[0], .options = options};
	int status = command_begin(c->syntax, argc, argv, options, c->min, c->max,
				   c->expected),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	w.operands = argv + optind;
	rc = where_open(where, c->access, &w.repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	rc = c->work(&w, &err);
	cfs_repo_close(w.repo);
	return rc > 0 ? rc : command_end(argv[0], rc, &err);
}
