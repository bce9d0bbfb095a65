/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* template: the option --format of commands that list something: text with fields in it, such as
 * "{{.Name}} {{.ID}}".
 * Owns:  the grammar of templates.
 * Uses:  base.
 * Never: knows what a field means.
 */
#ifndef CFS_TEMPLATE_H
#define CFS_TEMPLATE_H

#include <stdio.h>

#include "base/base.h"

/* A field that templates may name. Tables of them end with a row of zeros. */
struct cli_field {
	const char *name;
	void (*put)(FILE *to, const void *row); /* prints the value */
};

/* Checks a template before anything is printed. -EINVAL: an unknown field, and err lists the fields; or "{{" without
 * "}}". \t, \n and \\ stand for a tab, a line break and a backslash. */
int cli_template_check(const char *text, const struct cli_field *fields,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Does the template, which was checked, name this field? */
bool cli_template_has(const char *text, const char *field);

/* Prints one row, and a line break. */
void cli_template_print(FILE *to, const char *text, const struct cli_field *fields,
			const void *row);

#endif
