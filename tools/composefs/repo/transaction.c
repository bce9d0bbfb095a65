/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs transaction: nothing is collected for as long as it, or a command below it, runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

struct options {
	struct where where;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json),
	 "Print one JSON object as soon as the lock is held", .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [-- COMMAND [ARGUMENT]...]", NULL},
	.about = "Holds the lock of the repository, so that nothing is collected: while "
		 "COMMAND runs, or\nwithout one until it is interrupted.",
	.status =
		"that of COMMAND (128 and the signal that ended it; 127: not found, 126: "
		"it cannot be\nrun); 1 failed, 2 wrong usage",
	.example =
		(const char *const[]){"composefs transaction --repo=repo -- ./import-all",
				      NULL},
	.options = option_table,
};

/* Signals that ask the program to end are for the command. */
static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* Blocks them, and SIGCHLD: they are waited for from before the command starts, so that none is lost. */
static void block_signals(sigset_t *waited, sigset_t *before)
{
	sigemptyset(waited);
	sigaddset(waited, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(waited, passed_on[i]);
	sigprocmask(SIG_BLOCK, waited, before);
}

/* The lock belongs to the open directory. The command inherits it, so that it holds the lock until its own end,
 * also when this program is killed. */
static _Noreturn void exec_command(char **command, int lock, const sigset_t *mask)
{
	int flags = fcntl(lock, F_GETFD), errnum;

	if (flags < 0 || fcntl(lock, F_SETFD, flags & ~FD_CLOEXEC) < 0) {
		cli_print_message("composefs transaction", "keep the lock: %s",
				  strerror(errno));
		_exit(CLI_FAILED);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	errnum = errno;
	cli_print_message("composefs transaction", "%s: cannot be run: %s", command[0],
			  strerror(errnum));
	_exit(errnum == ENOENT ? 127 : 126);
}

/* Waits for the end of the command, and passes signals on. What the terminal sends goes to the command anyway: it is in
 * the same process group. */
static int wait_command(pid_t child, const sigset_t *waited, struct cfs_err *err)
{
	siginfo_t info;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(child, &status, WNOHANG);
		if (pid == child)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		if (pid < 0 && errno != EINTR)
			return cfs_fail_errno(err, "wait");
		if (sigwaitinfo(waited, &info) > 0 && info.si_signo != SIGCHLD &&
		    info.si_code != SI_KERNEL)
			(void)kill(child, info.si_signo);
	}
}

/* 128 and the signal, as shells have it. */
static int run_command(char **command, int lock, struct cfs_err *err)
{
	sigset_t waited, before;
	pid_t child;

	block_signals(&waited, &before);
	child = fork();
	if (child < 0)
		return cfs_fail_errno(err, "fork");
	if (child == 0)
		exec_command(command, lock, &before);
	return wait_command(child, &waited, err);
}

static void print_locked(void)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_bool(&j, "locked", true);
	json_finish(&j);
	fflush(stdout);
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
	if (o.json)
		print_locked();
	if (optind == argc)
		pause(); /* a signal ends the program, and its lock */
	else
		rc = run_command(argv + optind, cfs_repo_dirfd(repo), &err);
	cfs_repo_close(repo);
	return rc < 0 ? command_end(argv[0], rc, &err) : rc;
}
