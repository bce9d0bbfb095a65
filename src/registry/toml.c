/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A reader for a part of TOML, by recursive descent over the bytes. */
#include "registry/toml.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct cfs_text rest;
	size_t line;
	struct registry_toml_item item;
	registry_toml_fn fn;
	void *ctx;
};

static bool has_char(const struct reader *r, char c)
{
	return r->rest.len && r->rest.s[0] == c;
}

static void skip_bytes(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		r->line += r->rest.s[i] == '\n';
	r->rest.s += n;
	r->rest.len -= n;
}

static bool take_char(struct reader *r, char c)
{
	if (!has_char(r, c))
		return false;
	skip_bytes(r, 1);
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (has_char(r, ' ') || has_char(r, '\t'))
		skip_bytes(r, 1);
}

/* The end of a line, "\r\n" as well. */
static bool take_newline(struct reader *r)
{
	if (r->rest.len > 1 && r->rest.s[0] == '\r' && r->rest.s[1] == '\n')
		skip_bytes(r, 1);
	return take_char(r, '\n');
}

static void skip_comment(struct reader *r)
{
	const char *end;

	if (!has_char(r, '#'))
		return;
	end = memchr(r->rest.s, '\n', r->rest.len);
	skip_bytes(r, end ? (size_t)(end - r->rest.s) : r->rest.len);
}

/* Blanks, comments and line ends, as they may stand within an array. */
static void skip_lines(struct reader *r)
{
	do {
		skip_blanks(r);
		skip_comment(r);
	} while (take_newline(r));
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int take_bare(struct reader *r, struct cfs_text *out, struct cfs_err *err)
{
	size_t n = 0;

	while (n < r->rest.len && is_bare(r->rest.s[n]))
		n++;
	*out = (struct cfs_text){r->rest.s, n};
	if (n == 0)
		return cfs_fail(err, EINVAL, "expected a key");
	skip_bytes(r, n);
	return 0;
}

/* "..." or '...', of one line and without escapes. */
static int take_string(struct reader *r, struct cfs_text *out, struct cfs_err *err)
{
	char quote = r->rest.s[0];
	size_t n = 1;

	for (; n < r->rest.len && r->rest.s[n] != quote; n++) {
		unsigned char c = (unsigned char)r->rest.s[n];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return cfs_fail(err, EINVAL,
					"a string with a control character, or without "
					"its end");
		if (c == '\\' && quote == '"')
			return cfs_fail(err, EINVAL,
					"escapes in strings are not supported");
	}
	if (n == r->rest.len)
		return cfs_fail(err, EINVAL, "a string without its end");
	*out = (struct cfs_text){r->rest.s + 1, n - 1};
	skip_bytes(r, n + 1);
	if (n == 1 && has_char(r, quote))
		return cfs_fail(err, EINVAL,
				"strings of several lines are not supported");
	return 0;
}

static bool is_quote(const struct reader *r)
{
	return has_char(r, '"') || has_char(r, '\'');
}

static int emit_item(struct reader *r, enum registry_toml_kind kind, struct cfs_err *err)
{
	r->item.kind = kind;
	return r->fn(r->ctx, &r->item, err);
}

/* --- values ------------------------------------------------------------------------- */

static int take_element(struct reader *r, struct cfs_err *err)
{
	int rc;

	if (!is_quote(r))
		return cfs_fail(err, EINVAL,
				"arrays of other values than strings are not supported");
	rc = take_string(r, &r->item.text, err);
	return rc < 0 ? rc : emit_item(r, REGISTRY_TOML_ELEMENT, err);
}

static int take_array(struct reader *r, struct cfs_err *err)
{
	int rc = emit_item(r, REGISTRY_TOML_OTHER, err);

	skip_bytes(r, 1);
	for (bool comma = true; rc == 0; comma = take_char(r, ',')) {
		skip_lines(r);
		if (take_char(r, ']'))
			return 0;
		if (!comma)
			return cfs_fail(err, EINVAL, "expected \",\" or \"]\"");
		rc = take_element(r, err);
		if (rc == 0)
			skip_lines(r);
	}
	return rc;
}

static int take_word(struct reader *r, struct cfs_err *err)
{
	struct cfs_text word;
	bool is_number = true;
	int rc = 0;

	if (!take_char(r, '+'))
		take_char(r, '-');
	rc = take_bare(r, &word, err);
	if (rc < 0)
		return cfs_fail(err, EINVAL, "expected a value");
	for (size_t i = 0; i < word.len; i++)
		is_number &= word.s[i] == '_' || (word.s[i] >= '0' && word.s[i] <= '9');
	r->item.value = cfs_text_eq(word, CFS_TEXT("true"));
	if (r->item.value || cfs_text_eq(word, CFS_TEXT("false")))
		return emit_item(r, REGISTRY_TOML_BOOL, err);
	if (is_number)
		return emit_item(r, REGISTRY_TOML_OTHER, err);
	return cfs_fail(err, EINVAL, "expected a string, true, false, a number or [");
}

static int take_value(struct reader *r, struct cfs_err *err)
{
	int rc;

	if (has_char(r, '{'))
		return cfs_fail(err, EINVAL,
				"inline tables are not supported: use [[TABLE]]");
	if (has_char(r, '['))
		return take_array(r, err);
	if (!is_quote(r))
		return take_word(r, err);
	rc = take_string(r, &r->item.text, err);
	return rc < 0 ? rc : emit_item(r, REGISTRY_TOML_STRING, err);
}

static int take_pair(struct reader *r, struct cfs_err *err)
{
	int rc = is_quote(r) ? take_string(r, &r->item.key, err)
			     : take_bare(r, &r->item.key, err);

	if (rc < 0)
		return rc;
	skip_blanks(r);
	if (has_char(r, '.'))
		return cfs_fail(err, EINVAL, "dotted keys are not supported");
	if (!take_char(r, '='))
		return cfs_fail(err, EINVAL, "expected \"=\" after the key");
	skip_blanks(r);
	return take_value(r, err);
}

/* --- lines -------------------------------------------------------------------------- */

/* "a.b", without blanks. */
static int take_table_name(struct reader *r, struct cfs_err *err)
{
	const char *start = r->rest.s;
	struct cfs_text part;
	int rc;

	do {
		rc = take_bare(r, &part, err);
	} while (rc == 0 && take_char(r, '.'));
	r->item.table = (struct cfs_text){start, (size_t)(r->rest.s - start)};
	return rc;
}

static int take_table(struct reader *r, struct cfs_err *err)
{
	bool is_array;
	int rc;

	skip_bytes(r, 1);
	is_array = take_char(r, '[');
	skip_blanks(r);
	rc = take_table_name(r, err);
	if (rc < 0)
		return cfs_fail(err, EINVAL, "expected the name of a table");
	skip_blanks(r);
	if (!take_char(r, ']') || (is_array && !take_char(r, ']')))
		return cfs_fail(err, EINVAL, "expected \"%s\" after the name",
				is_array ? "]]" : "]");
	r->item.key = r->item.text = (struct cfs_text){0};
	return emit_item(r, is_array ? REGISTRY_TOML_TABLES : REGISTRY_TOML_TABLE, err);
}

static int take_line(struct reader *r, struct cfs_err *err)
{
	int rc = has_char(r, '[') ? take_table(r, err) : take_pair(r, err);

	if (rc < 0)
		return rc;
	skip_blanks(r);
	skip_comment(r);
	if (r->rest.len && !take_newline(r))
		return cfs_fail(err, EINVAL, "expected the end of the line");
	return 0;
}

int registry_parse_toml(struct cfs_text text, registry_toml_fn fn, void *ctx,
			struct cfs_err *err)
{
	struct reader r = {.rest = text, .line = 1, .fn = fn, .ctx = ctx};
	int rc = 0;

	r.item.table = CFS_TEXT("");
	skip_lines(&r);
	while (rc == 0 && r.rest.len) {
		size_t line = r.line;

		rc = cfs_context(err, take_line(&r, err), "line %zu", line);
		if (rc == 0)
			skip_lines(&r);
	}
	return rc;
}
