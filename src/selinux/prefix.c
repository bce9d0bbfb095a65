/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text with which each match of an expression begins. Most specifications of a policy
 * begin with a path, so that comparing prefixes saves nearly all matches. In doubt there is
 * no prefix: an expression that is tried too often costs time, one that is not tried costs
 * a label.
 */
#include "selinux/policy.h"

static bool is_regex_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_text(struct cfs_text t, size_t at, const char *word)
{
	struct cfs_text left = {t.s + at, t.len - at};

	return cfs_text_has_prefix(left, cfs_text(word));
}

/* Groups whose syntax is known to hold nothing but an expression. Comments, names,
 * callouts, verbs and conditions may hold brackets that mean nothing. */
static bool is_known_group(struct cfs_text r, size_t open)
{
	static const char *const known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};

	if (has_text(r, open, "(*"))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_text(r, open, known[i]))
			return true;
	return !has_text(r, open, "(?");
}

/* Moves behind the class that begins at *at. Returns false in doubt: no end, or a bracket
 * inside, which may be that of "[:alpha:]". */
static bool skip_class(struct cfs_text r, size_t *at)
{
	size_t i = *at + 1;

	if (i < r.len && r.s[i] == '^')
		i++;
	if (i < r.len && r.s[i] == ']') /* the first one is literal */
		i++;
	for (; i < r.len && r.s[i] != ']'; i++) {
		if (r.s[i] == '[')
			return false;
		if (r.s[i] == '\\' && ++i < r.len && is_regex_alnum(r.s[i]) &&
		    (r.s[i] == 'Q' || r.s[i] == 'E' || r.s[i] == 'c'))
			return false;
	}
	*at = i;
	return i < r.len;
}

/* Returns true if the expression is one alternative: each match begins as its text does. */
static bool is_one_alternative(struct cfs_text r)
{
	size_t depth = 0;

	for (size_t i = 0; i < r.len; i++) {
		if (r.s[i] == '\\') {
			if (++i == r.len || r.s[i] == 'Q' || r.s[i] == 'E' ||
			    r.s[i] == 'c')
				return false;
		} else if (r.s[i] == '[') {
			if (!skip_class(r, &i))
				return false;
		} else if (r.s[i] == '(') {
			if (!is_known_group(r, i))
				return false;
			depth++;
		} else if (r.s[i] == ')') {
			if (depth-- == 0) /* closes the group around the expression */
				return false;
		} else if (r.s[i] == '|' && depth == 0) {
			return false;
		}
	}
	return depth == 0;
}

/* Returns true if what follows a character may mean that it is not there at all. */
static bool is_optional(struct cfs_text r, size_t next)
{
	return next < r.len && (r.s[next] == '?' || r.s[next] == '*' || r.s[next] == '{');
}

size_t cfs_selinux_literal_prefix(struct cfs_text regex, char *out)
{
	size_t len = 0;

	if (!is_one_alternative(regex))
		return 0;
	for (size_t i = 0; i < regex.len; i++) {
		char c = regex.s[i];

		if (c == '\\') {
			/* is_one_alternative made sure that a character follows. */
			c = regex.s[++i];
			if (is_regex_alnum(c) || (unsigned char)c >= 0x80)
				return len;
		} else if (c == 0 || strchr(".^$?*+|[](){}", c)) {
			return len;
		}
		if (is_optional(regex, i + 1))
			return len;
		out[len++] = c;
	}
	return len;
}
