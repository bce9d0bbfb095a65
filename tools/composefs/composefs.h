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
	STATUS_DAMAGED = 3, /* an image or object is damaged */
	STATUS_MISSING = 4, /* nothing is damaged, but objects are missing */
	STATUS_UNFIT = 5,   /* valid, but the kernel would handle it incorrectly */
};

/* For commands that compare, as in diff(1). STATUS_TROUBLE is any failure or wrong
 * usage. */
enum {
	STATUS_SAME = 0,
	STATUS_DIFFERENT = 1,
	STATUS_TROUBLE = 2,
};

/* The main function of a command. argv[0] is "composefs NAME". Returns the exit
 * status. */
typedef int (*command_main)(int argc, char **argv);

struct command {
	const char *name;
	command_main run;
	const char *help; /* NULL: an alias of the row before */
	bool has_verbs;	  /* the first operand is a verb, which has its own --help */
};

/* A heading for the rows after it. */
#define COMMAND_GROUP(title)                                                             \
	{                                                                                \
		(title), NULL, NULL, false                                               \
	}

/* The commands for repositories, ended by a row of zeros. A build without repositories
 * has none. */
extern const struct command repo_commands[];
/* The commands for container images. */
extern const struct command oci_commands[];
/* The commands for what a machine boots. */
extern const struct command boot_commands[];
/* The commands for signatures, and for signatures that the kernel verifies. */
extern const struct command sig_commands[], ipe_commands[];

/* Completes images, references, streams and paths. Does nothing in a build without
 * repositories. */
void repo_complete_kind(struct cli_completion *c, const char *kind);

/* The main function of each command on images. */
int cmd_diff(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_fsck(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_prefetch(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
