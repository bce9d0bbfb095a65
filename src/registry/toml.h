/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The part of TOML that registries.conf uses: tables, arrays of tables, and keys with strings,
 * booleans, integers or arrays of strings. What is left out is refused, never guessed: escapes in
 * strings, strings of several lines, inline tables, dotted keys, floats and dates.
 * Source: TOML 1.0. */
#ifndef CFS_REGISTRY_TOML_H
#define CFS_REGISTRY_TOML_H

#include "base/base.h"

enum registry_toml_kind {
	REGISTRY_TOML_TABLE,  /* [TABLE] */
	REGISTRY_TOML_TABLES, /* [[TABLE]]: one more entry */
	REGISTRY_TOML_STRING,
	REGISTRY_TOML_BOOL,
	REGISTRY_TOML_OTHER,   /* an integer, or an empty array: not interpreted */
	REGISTRY_TOML_ELEMENT, /* a string in an array */
};

/* Everything is borrowed from the text. */
struct registry_toml_item {
	enum registry_toml_kind kind;
	struct cfs_text table; /* "" before the first one; "a.b" without quotes */
	struct cfs_text key;   /* of a value */
	struct cfs_text text;  /* of a string */
	bool value;	       /* of a boolean */
};

typedef int (*registry_toml_fn)(void *ctx, const struct registry_toml_item *item,
				struct cfs_err *err);

/* Calls fn for each item in order, and adds the line to its errors. -EINVAL: not such a text. */
int registry_parse_toml(struct cfs_text text, registry_toml_fn fn, void *ctx,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
