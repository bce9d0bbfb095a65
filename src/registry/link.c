/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Link headers: <TARGET>; rel="next"; NAME=VALUE, <TARGET>; ... */
#include "registry/link.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "registry/challenge.h"

static void skip_header_bytes(struct cfs_text *t, size_t n)
{
	t->s += n;
	t->len -= n;
}

static void skip_header_blanks(struct cfs_text *t)
{
	while (t->len && (t->s[0] == ' ' || t->s[0] == '\t'))
		skip_header_bytes(t, 1);
}

static int fail_link(struct cfs_text rest, struct cfs_err *err)
{
	return cfs_fail(err, EINVAL, "Link: malformed at \"%.*s\"",
			(int)(rest.len < 40 ? rest.len : 40), rest.s);
}

/* Takes everything up to a byte of ends, and not that byte. */
static struct cfs_text take_until(struct cfs_text *t, const char *ends)
{
	struct cfs_text out = {t->s, 0};

	while (out.len < t->len && !strchr(ends, t->s[out.len]))
		out.len++;
	skip_header_bytes(t, out.len);
	return out;
}

static bool take_header_char(struct cfs_text *t, char c)
{
	if (!t->len || t->s[0] != c)
		return false;
	skip_header_bytes(t, 1);
	return true;
}

/* A word, or a text in quotes. False: the quote does not end. */
static bool take_header_value(struct cfs_text *t, struct cfs_text *out)
{
	if (!take_header_char(t, '"')) {
		*out = take_until(t, " \t;,");
		return true;
	}
	*out = take_until(t, "\"");
	return take_header_char(t, '"');
}

/* Whether a list of relations, separated by blanks, has "next". */
static bool has_next(struct cfs_text list)
{
	while (list.len) {
		struct cfs_text word = take_until(&list, " \t");

		if (word.len == 4 && strncasecmp(word.s, "next", 4) == 0)
			return true;
		skip_header_blanks(&list);
	}
	return false;
}

/* Takes the parameters of a link. 1: its relation is "next"; 0: another one; -EINVAL. */
static int take_parameters(struct cfs_text *t, struct cfs_err *err)
{
	bool is_next = false, has_rel = false;

	for (skip_header_blanks(t); take_header_char(t, ';'); skip_header_blanks(t)) {
		struct cfs_text name, value = {0};

		skip_header_blanks(t);
		name = take_until(t, " \t=;,");
		skip_header_blanks(t);
		if (take_header_char(t, '=')) {
			skip_header_blanks(t);
			if (!take_header_value(t, &value))
				return fail_link(name, err);
		}
		if (name.len == 3 && strncasecmp(name.s, "rel", 3) == 0 && !has_rel) {
			has_rel = true; /* the first one counts */
			is_next = has_next(value);
		}
	}
	return is_next;
}

static int keep_target(struct cfs_text target, char *out, struct cfs_err *err)
{
	if (target.len == 0 || target.len >= CFS_REGISTRY_LINK_MAX ||
	    memchr(target.s, '\0', target.len) || !cfs_registry_is_header_text(target))
		return cfs_fail(err, EINVAL, "Link: expected a URL of at most %d bytes",
				CFS_REGISTRY_LINK_MAX - 1);
	memcpy(out, target.s, target.len);
	out[target.len] = '\0';
	return 1;
}

int cfs_registry_parse_next(struct cfs_text header, char out[CFS_REGISTRY_LINK_MAX],
			    struct cfs_err *err)
{
	for (;;) {
		struct cfs_text target;
		int rc;

		skip_header_blanks(&header);
		if (header.len == 0)
			return 0;
		if (take_header_char(&header, ','))
			continue;
		if (!take_header_char(&header, '<'))
			return fail_link(header, err);
		target = take_until(&header, ">");
		if (!take_header_char(&header, '>'))
			return fail_link(target, err);
		rc = take_parameters(&header, err);
		if (rc < 0)
			return rc;
		if (rc == 1)
			return keep_target(target, out, err);
		if (header.len && header.s[0] != ',')
			return fail_link(header, err);
	}
}
