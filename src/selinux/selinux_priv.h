/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the room share. */
#ifndef CFS_SELINUX_PRIV_H
#define CFS_SELINUX_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "selinux/policy.h"
#include "selinux/selinux.h"

/* A line of a file of contexts. */
struct selinux_spec {
	pcre2_code *code;
	struct cfs_text prefix; /* each match begins with it */
	struct cfs_text label;	/* len 0: none */
	const char *file;
	size_t line;
	char type; /* of the file, or 0 for all types */
};

struct selinux_alias {
	struct cfs_text path, original;
};

struct cfs_selinux_policy {
	struct cfs_arena arena; /* texts */
	struct selinux_spec *specs;
	size_t n_specs, specs_cap;
	struct selinux_alias *aliases; /* sorted by path, no path twice */
	size_t n_aliases, aliases_cap;
	size_t compiled_len; /* bytes of all compiled expressions */
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
};

/* The lines of a text, without comments and empty lines. Starts with the text and zeros. */
struct selinux_lines {
	struct cfs_text rest;
	size_t line; /* the number of the last one, from 1 */
};

enum { SELINUX_FIELDS_MAX = 4 };

/* Splits the next line into fields at white space; a line with more than
 * SELINUX_FIELDS_MAX fields has that many. Returns their number, 0 at the end, or -EINVAL
 * for a line that is too long. */
int selinux_next_line(struct selinux_lines *l, struct cfs_text fields[SELINUX_FIELDS_MAX],
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Copies a text into the arena of the policy. */
int selinux_keep(struct cfs_selinux_policy *p, struct cfs_text text, struct cfs_text *out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* match.c: sets up PCRE2 with its limits, and frees it. */
int selinux_match_init(struct cfs_selinux_policy *p, struct cfs_err *err) CFS_MUST_CHECK;
void selinux_match_fini(struct cfs_selinux_policy *p);

/* Compiles the expression of a specification, with type and the place set. */
int selinux_compile(struct cfs_selinux_policy *p, struct selinux_spec *spec,
		    struct cfs_text regex, struct cfs_err *err) CFS_MUST_CHECK;

#endif
