/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs transaction: nothing is collected for as long as it, or a command below it, runs. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "repo_commands.h"
#include "where.h"

struct options {
	struct where where;
	bool json;
};

static const struct cli_option option_table[] = {
	{.help = "Options:"},
	{"json", NULL, offsetof(struct options, json), NULL,
	 "Print one JSON object as soon as the lock is held"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [-- COMMAND [ARGUMENT]...]", NULL},
	.about = "Holds the lock of the repository, so that nothing is collected: while "
		 "COMMAND runs, or\nwithout one until it is interrupted.",
	.status = "that of COMMAND (128 and the signal that ended it, 127: it cannot be "
		  "run); "
		  "1 failed,\n2 wrong usage",
	.example =
		(const char *const[]){"composefs transaction --repo=repo -- ./import-all",
				      NULL},
	.options = option_table,
};

/* 128 and the signal, as shells say it. */
static int run_command(char **command, struct cfs_err *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return cfs_fail_errno(err, "fork");
	if (child == 0) {
		execvp(command[0], command);
		cli_say("composefs transaction", "%s: cannot be run", command[0]);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return cfs_fail_errno(err, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int cmd_transaction(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 0, argc, ""), rc;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_WRITE, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	if (o.json) {
		puts("{\"locked\":true}");
		fflush(stdout);
	}
	if (optind == argc)
		pause(); /* a signal ends the program, and its lock */
	else
		rc = run_command(argv + optind, &err);
	cfs_repo_close(repo);
	return rc < 0 ? command_end(argv[0], rc, &err) : rc;
}
