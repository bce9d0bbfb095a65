/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* toml: configuration files in TOML, item by item.
 * Owns:  the grammar of a part of TOML 1.0, and which line is wrong.
 * Uses:  base.
 * Never: knows what a table or a key means, opens files.
 *
 * Strings of several lines, dotted keys and quoted names of tables are refused, never guessed. Values that a
 * configuration of containers does not need are read over: numbers, dates, and what is inside inline tables and arrays of
 * arrays. Whether a key stands twice is not looked at.
 */
#ifndef CFS_TOML_H
#define CFS_TOML_H

#include "base/base.h"

enum cfs_toml_kind {
	CFS_TOML_TABLE,	 /* [TABLE] */
	CFS_TOML_TABLES, /* [[TABLE]]: one more entry */
	CFS_TOML_STRING,
	CFS_TOML_BOOL,
	CFS_TOML_OTHER, /* a number or a date: not interpreted */
	CFS_TOML_INLINE, /* a table in braces, also as an element: its contents are left out */
	CFS_TOML_ARRAY,		/* begins; its elements follow */
	CFS_TOML_ELEMENT,	/* a string in an array */
	CFS_TOML_OTHER_ELEMENT, /* another value in an array */
};

enum { CFS_TOML_DEPTH_MAX = 8 }; /* of arrays and tables in values */

/* Borrowed until the callback returns. Texts have no NUL bytes. */
struct cfs_toml_item {
	enum cfs_toml_kind kind;
	struct cfs_text table; /* "" before the first one; "a.b" */
	struct cfs_text key;   /* of a value */
	struct cfs_text text;  /* of a string, without escapes */
	bool value;	       /* of a boolean */
};

typedef int (*cfs_toml_fn)(void *ctx, const struct cfs_toml_item *item,
			   struct cfs_err *err);

/* For fn: fails with -EINVAL, because the value of item is not what expected says, such as "a string". */
int cfs_toml_fail_type(const struct cfs_toml_item *item, const char *expected,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Calls fn for each item in order, and adds the line to its errors. -EINVAL: not such a text. */
int cfs_toml_parse(struct cfs_text text, cfs_toml_fn fn, void *ctx,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
