/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs transaction: keep the garbage collector out while this program, or a command
 * that it starts, runs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "composefs/repo_command.h"
#include "cli/verbosity.h"

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
	.about = "Run COMMAND while holding the lock of the repository, so that gc "
		 "removes "
		 "nothing. Without\nCOMMAND, hold the lock until a signal arrives.",
	.status = "that of COMMAND (128 plus the number of the signal that killed it, "
		  "127 not "
		  "found, 126\ncannot be executed); 1 failure, 2 wrong usage",
	.example =
		(const char *const[]){"composefs transaction --repo=repo -- ./import-all",
				      NULL},
	.options = option_table,
};

/* Signals that are forwarded to the command. */
static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* Blocks these signals and SIGCHLD before the command starts, so that sigwaitinfo()
 * misses none. */
static void block_signals(sigset_t *waited, sigset_t *before)
{
	sigemptyset(waited);
	sigaddset(waited, SIGCHLD);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(waited, forwarded[i]);
	sigprocmask(SIG_BLOCK, waited, before);
}

/* Executes the command. The lock belongs to the open file description of the directory.
 * The command inherits it, and so holds the lock until it exits, even if this program is
 * killed. */
static _Noreturn void exec_command(char **command, int lock, const sigset_t *mask)
{
	int flags = fcntl(lock, F_GETFD), errnum;

	if (flags < 0 || fcntl(lock, F_SETFD, flags & ~FD_CLOEXEC) < 0) {
		cli_print_message("composefs transaction", "cannot pass on the lock: %s",
				  strerror(errno));
		_exit(CLI_FAILED);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	errnum = errno;
	cli_print_message("composefs transaction", "%s: cannot execute: %s", command[0],
			  strerror(errnum));
	_exit(errnum == ENOENT ? 127 : 126);
}

/* Waits for the command, and forwards signals to it. Signals of the terminal reach it
 * anyway, because it is in the same process group. */
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

/* Returns the exit status, or 128 plus the signal number, as shells do. */
static int run_locked_command(char **command, int lock, struct cfs_err *err)
{
	sigset_t waited, before;
	pid_t child;

	block_signals(&waited, &before);
	cli_flush_warnings();
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

static int hold_lock(const struct repo_work *w, struct cfs_err *err)
{
	const struct options *o = w->options;

	if (o->json)
		print_locked();
	if (*w->operands)
		return run_locked_command(w->operands, cfs_repo_get_dirfd(w->repo), err);
	pause(); /* a signal ends the program, and its lock */
	return 0;
}

static const struct repo_command command = {&syntax,	    0,	      INT_MAX, "",
					    CFS_REPO_WRITE, hold_lock};

int cmd_transaction(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
