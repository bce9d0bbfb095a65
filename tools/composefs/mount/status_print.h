/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The output of composefs status: a table, the details of one mount, or JSON. Finds nothing out. */
#ifndef CFS_STATUS_PRINT_H
#define CFS_STATUS_PRINT_H

#include "cli/cli.h"
#include "composefs/mount/health.h"
#include "mount/mount.h"

/* A mount, with what was found out about it. Strings live in the arena of the table. */
struct status_mount {
	struct cfs_image_mount m;
	const char *repo;   /* NULL: not known */
	const char **names; /* references to the image */
	size_t n_names;
	char loop[CFS_LOOP_NAME_MAX]; /* "": none */
	const char *method;	      /* "file", "loop"; NULL: not known */
	struct health health;
};

/* The mounts to show. */
struct status {
	struct cfs_mount_table table;
	struct status_mount *v;
	size_t n, cap;
};

/* Prints a line for each mount. no_trunc: with complete IDs. -ENOMEM. */
int status_print_table(const struct status *st, bool no_trunc,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Prints the details of one mount, a line each; unknown fields are left out. */
void status_print_block(const struct status_mount *s);

/* Prints the object of --json. */
void status_print_json(const struct status *st);

#endif
