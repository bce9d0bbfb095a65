/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lines of a policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "selinux/selinux_priv.h"

int cfs_selinux_policy_new(struct cfs_selinux_policy **out, struct cfs_err *err)
{
	struct cfs_selinux_policy *p = calloc(1, sizeof(*p));
	int rc = p ? selinux_match_init(p, err) : cfs_fail(err, ENOMEM, "out of memory");

	if (rc < 0)
		cfs_selinux_policy_free(cfs_steal(&p));
	*out = p;
	return rc;
}

void cfs_selinux_policy_free(struct cfs_selinux_policy *p)
{
	if (!p)
		return;
	selinux_match_fini(p);
	cfs_arena_fini(&p->arena);
	free(p->specs);
	free(p->aliases);
	free(p);
}

int selinux_keep(struct cfs_selinux_policy *p, struct cfs_text text, struct cfs_text *out,
		 struct cfs_err *err)
{
	const char *copy = cfs_arena_copy(&p->arena, text.s, text.len);

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	*out = (struct cfs_text){copy, text.len};
	return 0;
}

/* --- Lines --------------------------------------------------------------------------- */

static bool is_context_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct cfs_text take_context_line(struct selinux_lines *l)
{
	struct cfs_text line = l->rest;
	const char *eol = memchr(line.s, '\n', line.len);

	if (eol)
		line.len = (size_t)(eol - line.s);
	l->rest.s += line.len + (eol != NULL);
	l->rest.len -= line.len + (eol != NULL);
	l->line++;
	return line;
}

/* Splits a line at blanks. Returns the number of fields; SELINUX_FIELDS_MAX means that
 * there may be more. */
static int split_fields(struct cfs_text line, struct cfs_text fields[SELINUX_FIELDS_MAX])
{
	int n = 0;

	for (size_t i = 0; n < SELINUX_FIELDS_MAX;) {
		size_t first;

		while (i < line.len && is_context_space(line.s[i]))
			i++;
		if (i == line.len)
			break;
		first = i;
		while (i < line.len && !is_context_space(line.s[i]))
			i++;
		fields[n++] = (struct cfs_text){line.s + first, i - first};
	}
	return n;
}

int selinux_next_line(struct selinux_lines *l, struct cfs_text fields[SELINUX_FIELDS_MAX],
		      struct cfs_err *err)
{
	while (l->rest.len) {
		struct cfs_text line = take_context_line(l);
		int n = split_fields(line, fields);

		if (n == 0 || fields[0].s[0] == '#')
			continue;
		if (line.len > CFS_SELINUX_LINE_MAX)
			return cfs_fail(err, EINVAL, "expected at most %d bytes, got %zu",
					CFS_SELINUX_LINE_MAX, line.len);
		return n;
	}
	return 0;
}

/* --- Contexts ------------------------------------------------------------------------ */

static int parse_type(struct cfs_text field, char *out, struct cfs_err *err)
{
	if (field.len != 2 || field.s[0] != '-' || !memchr("-bcdpls", field.s[1], 7))
		return cfs_fail(err, EINVAL,
				"type: expected one of -- -b -c -d -p -l -s, got "
				"\"%.*s\"",
				(int)(field.len < 64 ? field.len : 64), field.s);
	*out = field.s[1];
	return 0;
}

/* A context is ASCII: what follows may be white space to one reader and text to another. */
static int parse_label(struct cfs_selinux_policy *p, struct cfs_text field,
		       struct cfs_text *out, struct cfs_err *err)
{
	if (cfs_text_eq(field, CFS_TEXT("<<none>>")))
		return 0;
	for (size_t i = 0; i < field.len; i++)
		if (field.s[i] < 0x20 || field.s[i] > 0x7e)
			return cfs_fail(
				err, EINVAL,
				"context: expected ASCII characters, got the byte "
				"0x%02x",
				(unsigned char)field.s[i]);
	return selinux_keep(p, field, out, err);
}

static int keep_prefix(struct cfs_selinux_policy *p, struct cfs_text regex,
		       struct cfs_text *out, struct cfs_err *err)
{
	char buf[CFS_SELINUX_LINE_MAX];

	*out = (struct cfs_text){buf, cfs_selinux_literal_prefix(regex, buf)};
	return selinux_keep(p, *out, out, err);
}

/* Parses a line of file_contexts. The literal prefix of the expression spares most
 * comparisons. */
static int parse_spec(struct cfs_selinux_policy *p, const struct cfs_text *fields, int n,
		      struct selinux_spec *out, struct cfs_err *err)
{
	int rc = 0;

	if (n != 2 && n != 3)
		return cfs_fail(err, EINVAL,
				"expected \"REGEX [TYPE] CONTEXT\", got %d%s %s", n,
				n == SELINUX_FIELDS_MAX ? " or more" : "",
				n == 1 ? "field" : "fields");
	if (n == 3)
		rc = parse_type(fields[1], &out->type, err);
	if (rc == 0)
		rc = parse_label(p, fields[n - 1], &out->label, err);
	if (rc == 0)
		rc = keep_prefix(p, fields[0], &out->prefix, err);
	return rc < 0 ? rc : selinux_compile(p, out, fields[0], err);
}

static int add_spec(struct cfs_selinux_policy *p, const struct selinux_spec *place,
		    const struct cfs_text *fields, int n, struct cfs_err *err)
{
	struct selinux_spec *spec;

	if (p->n_specs == CFS_SELINUX_LINES_MAX)
		return cfs_fail(err, EFBIG, "expected at most %d specifications",
				CFS_SELINUX_LINES_MAX);
	if (cfs_grow(&p->specs, &p->specs_cap, p->n_specs + 1, sizeof(*p->specs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	spec = &p->specs[p->n_specs++];
	*spec = *place;
	return parse_spec(p, fields, n, spec, err);
}

int cfs_selinux_policy_add_contexts(struct cfs_selinux_policy *p, const char *name,
				    struct cfs_text text, struct cfs_err *err)
{
	struct cfs_text fields[SELINUX_FIELDS_MAX];
	struct selinux_lines lines = {.rest = text};
	struct selinux_spec place = {
		.file = cfs_arena_copy(&p->arena, name, strlen(name))};
	int rc;

	if (!place.file)
		return cfs_fail(err, ENOMEM, "out of memory");
	while ((rc = selinux_next_line(&lines, fields, err)) > 0) {
		place.line = lines.line;
		rc = add_spec(p, &place, fields, rc, err);
		if (rc < 0)
			break;
	}
	return cfs_context(err, rc, "%s: line %zu", name, lines.line);
}
