/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/place: where deployments are.
 * Owns:  the options that select state disk, boot partition and repository, and their
 *        defaults.
 * Uses:  deploy, cli.
 * Never: does the work of a verb.
 */
#ifndef CFS_BOOT_PLACE_H
#define CFS_BOOT_PLACE_H

#include "cli/complete.h"
#include "cli/repo_option.h"
#include "deploy/deploy.h"

struct boot_options {
	const char *root, *boot, *run;
	struct where where;
	char repo[CFS_REPO_PATH_MAX];
};

/* Rows for the option table of a verb whose struct contains a struct boot_options. */
#define BOOT_PLACE_OPTIONS(type, member)                                                 \
	{"root",                                                                         \
	 "DIR",                                                                          \
	 CLI_AT(type, member.root),                                                      \
	 "Use the state disk that is mounted at DIR (default: /sysroot, or /)",          \
	 CLI_TEXT,                                                                       \
	 .group = "Place"},                                                              \
		{"boot", "DIR", CLI_AT(type, member.boot),                               \
		 "Use this boot partition (default: the first of /boot, /efi, "          \
		 "/boot/efi)",                                                           \
		 CLI_TEXT},                                                              \
	{                                                                                \
		"run", "DIR", CLI_AT(type, member.run),                                  \
			"Read which system runs from DIR/composefs/booted (default: "    \
			"/run)",                                                         \
			CLI_TEXT                                                         \
	}

/* Opens the place; with lock for changes. Call cfs_deploy_close in any case. */
int boot_place_open(struct boot_options *o, bool lock, struct cfs_deploy_place *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Opens the repository: unless an option names another, composefs on the state disk. */
int boot_repo_open(struct boot_options *o, enum cfs_repo_access access,
		   struct cfs_repo **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Completes the operand DEPLOYMENT: roles, and the IDs of images of this machine. */
void boot_complete_deployment(struct cli_completion *c);

#endif
