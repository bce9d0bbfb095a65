/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* table: rows of text in aligned columns.
 * Owns:  widths, padding, the escaping of what a terminal must not get.
 * Uses:  base.
 * Never: knows what a column means.
 */
#ifndef CFS_TABLE_H
#define CFS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/base.h"

struct cli_column {
	const char *title;
	bool right; /* aligned: numbers */
};

enum { CLI_COLUMNS_MAX = 16 };

/* Starts with columns, n_columns and zeros. All cells are kept until it is printed. */
struct cli_table {
	const struct cli_column *columns;
	size_t n_columns;
	struct cfs_arena arena;
	const char **cells;
	size_t n, cap;
	bool failed; /* out of memory */
};

/* Adds the next cell, row by row. The text is copied. */
void cli_table_add(struct cli_table *t, const char *text);

/* Prints the titles and all rows. -ENOMEM: a cell could not be added. */
int cli_table_print(FILE *to, const struct cli_table *t,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Frees the cells. The table can be filled again. */
void cli_table_fini(struct cli_table *t);

#endif
