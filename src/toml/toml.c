/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A reader for a part of TOML, by recursive descent over the bytes. */
#include "toml/toml_priv.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct cfs_text rest;
	size_t line;
	struct cfs_toml_item item;
	struct cfs_mem text; /* of the item, if it has escapes */
	unsigned depth;	     /* of arrays and inline tables */
	bool is_quiet;	     /* within what is not passed on */
	cfs_toml_fn fn;
	void *ctx;
};

static bool has_char(const struct reader *r, char c)
{
	return r->rest.len && r->rest.s[0] == c;
}

static void skip_toml_bytes(struct reader *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		r->line += r->rest.s[i] == '\n';
	r->rest.s += n;
	r->rest.len -= n;
}

static bool take_toml_char(struct reader *r, char c)
{
	if (!has_char(r, c))
		return false;
	skip_toml_bytes(r, 1);
	return true;
}

static void skip_toml_blanks(struct reader *r)
{
	while (has_char(r, ' ') || has_char(r, '\t'))
		skip_toml_bytes(r, 1);
}

/* The end of a line, "\r\n" as well. */
static bool take_newline(struct reader *r)
{
	if (r->rest.len > 1 && r->rest.s[0] == '\r' && r->rest.s[1] == '\n')
		skip_toml_bytes(r, 1);
	return take_toml_char(r, '\n');
}

static void skip_comment(struct reader *r)
{
	const char *end;

	if (!has_char(r, '#'))
		return;
	end = memchr(r->rest.s, '\n', r->rest.len);
	skip_toml_bytes(r, end ? (size_t)(end - r->rest.s) : r->rest.len);
}

/* Blanks, comments and line ends, as they may stand within an array. */
static void skip_lines(struct reader *r)
{
	do {
		skip_toml_blanks(r);
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
	skip_toml_bytes(r, n);
	return 0;
}

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* "..." or '...', of one line, with the escapes in it. */
static int take_raw_string(struct reader *r, struct cfs_text *out, struct cfs_err *err)
{
	char quote = r->rest.s[0];
	size_t n = 1;

	for (; n < r->rest.len && r->rest.s[n] != quote; n++) {
		if (quote == '"' && r->rest.s[n] == '\\' && n + 1 < r->rest.len)
			n++;
		if (is_control((unsigned char)r->rest.s[n]))
			return cfs_fail(err, EINVAL,
					"a string with a control character, or without "
					"its end");
	}
	if (n == r->rest.len)
		return cfs_fail(err, EINVAL, "a string without its end");
	*out = (struct cfs_text){r->rest.s + 1, n - 1};
	skip_toml_bytes(r, n + 1);
	if (n == 1 && has_char(r, quote))
		return cfs_fail(err, EINVAL,
				"strings of several lines are not supported");
	return 0;
}

static int take_string(struct reader *r, struct cfs_text *out, struct cfs_err *err)
{
	bool has_escapes = has_char(r, '"');
	int rc = take_raw_string(r, out, err);

	if (rc < 0 || !has_escapes || !memchr(out->s, '\\', out->len))
		return rc;
	rc = toml_decode_string(*out, &r->text, err);
	*out = cfs_mem_text(&r->text);
	return rc;
}

/* A key outlives the text of its value, so it has no escapes. */
static int take_toml_key(struct reader *r, struct cfs_text *out, struct cfs_err *err)
{
	int rc;

	if (!has_char(r, '"') && !has_char(r, '\''))
		return take_bare(r, out, err);
	rc = take_raw_string(r, out, err);
	if (rc == 0 && memchr(out->s, '\\', out->len))
		return cfs_fail(err, EINVAL, "escapes in keys are not supported");
	return rc;
}

static bool is_quote(const struct reader *r)
{
	return has_char(r, '"') || has_char(r, '\'');
}

static int emit_item(struct reader *r, enum cfs_toml_kind kind, struct cfs_err *err)
{
	if (r->is_quiet)
		return 0;
	r->item.kind = kind;
	return r->fn(r->ctx, &r->item, err);
}

/* --- values ------------------------------------------------------------------------- */

static int take_toml_value(struct reader *r, bool is_element, struct cfs_err *err);
static int take_pair(struct reader *r, struct cfs_err *err);

static int fail_depth(struct cfs_err *err)
{
	return cfs_fail(err, EINVAL, "expected at most %d levels in a value",
			CFS_TOML_DEPTH_MAX);
}

/* Elements of an array in an array are not passed on. */
static int take_array(struct reader *r, bool is_element, struct cfs_err *err)
{
	bool was_quiet = r->is_quiet;
	int rc = emit_item(r, is_element ? CFS_TOML_OTHER_ELEMENT : CFS_TOML_ARRAY, err);

	if (rc == 0 && r->depth++ == CFS_TOML_DEPTH_MAX)
		rc = fail_depth(err);
	r->is_quiet |= is_element;
	skip_toml_bytes(r, 1);
	for (bool comma = true; rc == 0; comma = take_toml_char(r, ',')) {
		skip_lines(r);
		if (take_toml_char(r, ']'))
			break;
		if (!comma)
			return cfs_fail(err, EINVAL, "expected \",\" or \"]\"");
		rc = take_toml_value(r, true, err);
		if (rc == 0)
			skip_lines(r);
	}
	r->is_quiet = was_quiet;
	r->depth--;
	return rc;
}

/* On one line, without a comma behind the last value. */
static int take_inline_table(struct reader *r, struct cfs_err *err)
{
	struct cfs_toml_item item = r->item;
	bool was_quiet = r->is_quiet;
	int rc = emit_item(r, CFS_TOML_INLINE, err);

	if (rc == 0 && r->depth++ == CFS_TOML_DEPTH_MAX)
		rc = fail_depth(err);
	r->is_quiet = true;
	skip_toml_bytes(r, 1);
	skip_toml_blanks(r);
	if (rc == 0 && !take_toml_char(r, '}')) {
		do {
			skip_toml_blanks(r);
			rc = take_pair(r, err);
			if (rc == 0)
				skip_toml_blanks(r);
		} while (rc == 0 && take_toml_char(r, ','));
		if (rc == 0 && !take_toml_char(r, '}'))
			rc = cfs_fail(err, EINVAL, "expected \",\" or \"}\"");
	}
	r->item = item;
	r->is_quiet = was_quiet;
	r->depth--;
	return rc;
}

static bool is_of_word(char c)
{
	return is_bare(c) || c == '.' || c == ':' || c == '+';
}

/* true, false, or something that begins like a number or a date. */
static int take_toml_word(struct reader *r, bool is_element, struct cfs_err *err)
{
	struct cfs_text word = {r->rest.s, 0};

	while (word.len < r->rest.len && is_of_word(word.s[word.len]))
		word.len++;
	if (word.len == 0)
		return cfs_fail(err, EINVAL, "expected a value");
	skip_toml_bytes(r, word.len);
	r->item.value = cfs_text_eq(word, CFS_TEXT("true"));
	if (r->item.value || cfs_text_eq(word, CFS_TEXT("false")))
		return emit_item(r, is_element ? CFS_TOML_OTHER_ELEMENT : CFS_TOML_BOOL,
				 err);
	if (word.len > 1 && (word.s[0] == '+' || word.s[0] == '-'))
		word = (struct cfs_text){word.s + 1, word.len - 1};
	if ((word.s[0] >= '0' && word.s[0] <= '9') ||
	    cfs_text_eq(word, CFS_TEXT("inf")) || cfs_text_eq(word, CFS_TEXT("nan")))
		return emit_item(r, is_element ? CFS_TOML_OTHER_ELEMENT : CFS_TOML_OTHER,
				 err);
	return cfs_fail(err, EINVAL,
			"expected a string in quotes, true, false, a number, [ or {");
}

/* Reads a value and passes it to the callback. Tables in braces are only skipped, and
 * other words than strings are not interpreted. */
static int take_toml_value(struct reader *r, bool is_element, struct cfs_err *err)
{
	int rc;

	if (has_char(r, '{'))
		return take_inline_table(r, err);
	if (has_char(r, '['))
		return take_array(r, is_element, err);
	if (!is_quote(r))
		return take_toml_word(r, is_element, err);
	rc = take_string(r, &r->item.text, err);
	if (rc < 0)
		return rc;
	return emit_item(r, is_element ? CFS_TOML_ELEMENT : CFS_TOML_STRING, err);
}

static int take_pair(struct reader *r, struct cfs_err *err)
{
	int rc = take_toml_key(r, &r->item.key, err);

	if (rc < 0)
		return rc;
	skip_toml_blanks(r);
	if (has_char(r, '.'))
		return cfs_fail(err, EINVAL, "dotted keys are not supported");
	if (!take_toml_char(r, '='))
		return cfs_fail(err, EINVAL, "expected \"=\" after the key");
	skip_toml_blanks(r);
	return take_toml_value(r, false, err);
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
	} while (rc == 0 && take_toml_char(r, '.'));
	r->item.table = (struct cfs_text){start, (size_t)(r->rest.s - start)};
	return rc;
}

/* Parses [NAME] or [[NAME]]. */
static int take_table(struct reader *r, struct cfs_err *err)
{
	bool is_array;
	int rc;

	skip_toml_bytes(r, 1);
	is_array = take_toml_char(r, '[');
	skip_toml_blanks(r);
	rc = take_table_name(r, err);
	if (rc < 0)
		return cfs_fail(err, EINVAL, "expected the name of a table");
	skip_toml_blanks(r);
	if (!take_toml_char(r, ']') || (is_array && !take_toml_char(r, ']')))
		return cfs_fail(err, EINVAL, "expected \"%s\" after the name",
				is_array ? "]]" : "]");
	r->item.key = r->item.text = (struct cfs_text){0};
	return emit_item(r, is_array ? CFS_TOML_TABLES : CFS_TOML_TABLE, err);
}

static int take_toml_line(struct reader *r, struct cfs_err *err)
{
	int rc = has_char(r, '[') ? take_table(r, err) : take_pair(r, err);

	if (rc < 0)
		return rc;
	skip_toml_blanks(r);
	skip_comment(r);
	if (r->rest.len && !take_newline(r))
		return cfs_fail(err, EINVAL, "expected the end of the line");
	return 0;
}

int cfs_toml_fail_type(const struct cfs_toml_item *item, const char *expected,
		       struct cfs_err *err)
{
	return cfs_fail(err, EINVAL, "%.*s: expected %s", (int)item->key.len, item->key.s,
			expected);
}

int cfs_toml_parse(struct cfs_text text, cfs_toml_fn fn, void *ctx, struct cfs_err *err)
{
	struct reader r = {.rest = text, .line = 1, .fn = fn, .ctx = ctx};
	int rc = 0;

	r.item.table = CFS_TEXT("");
	skip_lines(&r);
	while (rc == 0 && r.rest.len) {
		size_t line = r.line;

		rc = cfs_context(err, take_toml_line(&r, err), "line %zu", line);
		if (rc == 0)
			skip_lines(&r);
	}
	free(r.text.p);
	return rc;
}
