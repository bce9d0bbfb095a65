/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs: the main tool: one command per file, one table per family.
 * Owns:  the tables of commands, their exit statuses.
 * Uses:  base, cli.
 * Never: does the work of a command.
 */
#ifndef CFS_COMPOSEFS_H
#define CFS_COMPOSEFS_H

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/complete.h"
#include "cli/json.h"
#include "cli/options.h"

/* Beside CLI_OK, CLI_FAILED and CLI_USAGE. */
enum {
	STATUS_DAMAGED = 3, /* an image or object is not what it should be */
	STATUS_MISSING = 4, /* nothing is damaged, but objects are not there */
	STATUS_UNFIT =
		5, /* sound, but the kernel that was asked about would mishandle it */
};

/* Of commands that compare, as diff(1) has them; trouble is any failure, and wrong usage. */
enum {
	STATUS_SAME = 0,
	STATUS_DIFFERENT = 1,
	STATUS_TROUBLE = 2,
};

/* A command: argv[0] is "composefs NAME". Returns the status of the program. */
typedef int (*command_main)(int argc, char **argv);

struct command {
	const char *name;
	command_main run;
	const char *help; /* NULL: another name of the one before */
};

/* A row that says what those behind it are for. */
#define COMMAND_GROUP(title)                                                             \
	{                                                                                \
		(title), NULL, NULL                                                      \
	}

/* Those that work on repositories; ended by a row of zeros. In a build without them there are none. */
extern const struct command repo_commands[];
/* The same of signatures; and of those that the kernel checks itself. */
extern const struct command sig_commands[], ipe_commands[];

/* Offers images, references, streams and paths for the tab key; in a build without repositories nothing. */
void repo_complete_kind(struct cli_completion *c, const char *kind);

int cmd_diff(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_fsck(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
