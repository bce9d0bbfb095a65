/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Aliases: a path is labelled as its original. */
#include <errno.h>
#include <string.h>

#include "selinux/selinux_priv.h"

/* Returns the index of the path, or that where it would be. */
static size_t find_alias(const struct cfs_selinux_policy *p, struct cfs_text path)
{
	size_t first = 0, end = p->n_aliases;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (cfs_text_cmp(p->aliases[middle].path, path) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

static bool is_alias(const struct cfs_selinux_policy *p, size_t i, struct cfs_text path)
{
	return i < p->n_aliases && cfs_text_eq(p->aliases[i].path, path);
}

/* Inserts an alias at i, so that the list stays sorted by path. */
static int insert_alias(struct cfs_selinux_policy *p, size_t i, struct cfs_text path,
			struct cfs_err *err)
{
	struct selinux_alias *a;
	int rc;

	if (p->n_aliases == CFS_SELINUX_ALIASES_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d aliases",
				CFS_SELINUX_ALIASES_MAX);
	if (cfs_grow(&p->aliases, &p->aliases_cap, p->n_aliases + 1, sizeof(*a)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	a = &p->aliases[i];
	memmove(a + 1, a, (p->n_aliases - i) * sizeof(*a));
	*a = (struct selinux_alias){0};
	p->n_aliases++;
	rc = selinux_keep(p, path, &a->path, err);
	return rc;
}

/* Takes a line of file_contexts.subs: paths below one directory get the labels of
 * another. A later line for the same path replaces the earlier one. */
static int add_alias(struct cfs_selinux_policy *p, const struct cfs_text *fields, int n,
		     struct cfs_err *err)
{
	size_t i;
	int rc = 0;

	if (n != 2)
		return cfs_fail(err, EINVAL, "expected \"PATH ORIGINAL\", got %d%s %s", n,
				n == SELINUX_FIELDS_MAX ? " or more" : "",
				n == 1 ? "field" : "fields");
	i = find_alias(p, fields[0]);
	if (!is_alias(p, i, fields[0]))
		rc = insert_alias(p, i, fields[0], err);
	return rc < 0 ? rc : selinux_keep(p, fields[1], &p->aliases[i].original, err);
}

int cfs_selinux_policy_add_aliases(struct cfs_selinux_policy *p, const char *name,
				   struct cfs_text text, struct cfs_err *err)
{
	struct cfs_text fields[SELINUX_FIELDS_MAX];
	struct selinux_lines lines = {.rest = text};
	int rc;

	while ((rc = selinux_next_line(&lines, fields, err)) > 0) {
		rc = add_alias(p, fields, rc, err);
		if (rc < 0)
			break;
	}
	return cfs_context(err, rc, "%s: line %zu", name, lines.line);
}

struct cfs_text cfs_selinux_policy_find_original(const struct cfs_selinux_policy *p,
						 struct cfs_text path)
{
	size_t i = find_alias(p, path);

	return is_alias(p, i, path) ? p->aliases[i].original : path;
}
