/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The outer form of JSON, read from a feed. */
#include <errno.h>

#include "chunked/chunked_priv.h"

/* --- bytes -------------------------------------------------------------------------- */

/* Looks at the next byte: 1, or 0 at the end. */
static int peek_byte(struct json_scan *s, uint8_t *out, struct cfs_err *err)
{
	if (s->off == s->len && !s->at_end) {
		ssize_t n = s->from.read(s->from.ctx, s->buf, sizeof(s->buf), err);

		if (n < 0)
			return (int)n;
		s->at_end = n == 0;
		s->off = 0;
		s->len = (size_t)n;
	}
	if (s->off == s->len)
		return 0;
	*out = s->buf[s->off];
	return 1;
}

static int take_byte(struct json_scan *s, uint8_t *out, struct cfs_err *err)
{
	int rc = peek_byte(s, out, err);

	if (rc == 0)
		return cfs_fail(err, EINVAL, "ends early");
	s->off += rc > 0;
	return rc < 0 ? rc : 0;
}

static bool is_json_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next byte that is not white space: 1, or 0 at the end. It stays. */
static int peek_token(struct json_scan *s, uint8_t *out, struct cfs_err *err)
{
	int rc;

	while ((rc = peek_byte(s, out, err)) > 0 && is_json_space(*out))
		s->off++;
	return rc;
}

static int take_json_token(struct json_scan *s, uint8_t *out, struct cfs_err *err)
{
	int rc = peek_token(s, out, err);

	if (rc == 0)
		return cfs_fail(err, EINVAL, "ends early");
	s->off += rc > 0;
	return rc < 0 ? rc : 0;
}

static int expect_token(struct json_scan *s, uint8_t wanted, struct cfs_err *err)
{
	uint8_t c = 0;
	int rc = take_json_token(s, &c, err);

	if (rc == 0 && c != wanted)
		return cfs_fail(err, EINVAL, "expected '%c'", wanted);
	return rc;
}

/* --- values ------------------------------------------------------------------------- */

/* Where json_scan_value is in a value. */
struct value_state {
	size_t depth; /* of brackets */
	bool in_string, is_escaped;
};

/* Whether the value ends with this byte. */
static bool step_value(struct value_state *v, uint8_t c)
{
	if (v->in_string) {
		bool ends = c == '"' && !v->is_escaped;

		v->is_escaped = c == '\\' && !v->is_escaped;
		v->in_string = !ends;
		return ends && v->depth == 0;
	}
	v->in_string = c == '"';
	v->depth += c == '{' || c == '[';
	if (c == '}' || c == ']')
		return --v->depth == 0;
	return false;
}

/* A number or a word ends before one of these. */
static bool ends_word(const struct value_state *v, uint8_t c)
{
	return v->depth == 0 && !v->in_string &&
	       (c == ',' || c == '}' || c == ']' || c == ':' || is_json_space(c));
}

/* Copies one value as text, without parsing it, for a parser that gets it whole. The
 * limit holds while bytes arrive, so a large value never fills memory. */
int json_scan_value(struct json_scan *s, struct cfs_mem *out, struct cfs_err *err)
{
	struct value_state v = {0};
	bool ends = false;
	uint8_t c = 0;
	int rc = peek_token(s, &c, err);

	out->len = 0;
	while (rc >= 0 && !ends) {
		rc = peek_byte(s, &c, err);
		if (rc <= 0 || ends_word(&v, c))
			break;
		if (out->len >= CFS_CHUNKED_ENTRY_MAX)
			return cfs_fail(err, EFBIG,
					"expected a value of at most %d bytes",
					CFS_CHUNKED_ENTRY_MAX);
		if (cfs_grow(&out->p, &out->cap, out->len + 1, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		ends = step_value(&v, c);
		out->p[out->len++] = c;
		s->off++;
	}
	return rc < 0 ? rc : 0;
}

/* --- objects and lists -------------------------------------------------------------- */

/* A longer key is cut off: no key that is looked for has that length. Escapes stay as
 * they are; a key with escapes is none of ours. */
static int take_member_key(struct json_scan *s, char key[JSON_SCAN_KEY_MAX],
			   struct cfs_err *err)
{
	bool is_escaped = false;
	size_t len = 0;
	int rc = expect_token(s, '"', err);

	while (rc == 0) {
		uint8_t c = 0;

		rc = take_byte(s, &c, err);
		if (rc < 0 || (c == '"' && !is_escaped))
			break;
		is_escaped = c == '\\' && !is_escaped;
		if (len + 1 < JSON_SCAN_KEY_MAX)
			key[len++] = (char)c;
	}
	key[len] = '\0';
	return rc < 0 ? rc : expect_token(s, ':', err);
}

/* After a value: 1 if another one follows, 0 if end follows. */
static int take_comma(struct json_scan *s, uint8_t end, struct cfs_err *err)
{
	uint8_t c = 0;
	int rc = take_json_token(s, &c, err);

	if (rc == 0 && c != ',' && c != end)
		return cfs_fail(err, EINVAL, "expected ',' or '%c'", end);
	return rc < 0 ? rc : c == ',';
}

/* After the opening bracket: 1 if a value follows; 0 if end follows, which is taken. */
static int begin_values(struct json_scan *s, uint8_t end, struct cfs_err *err)
{
	uint8_t c = 0;
	int rc = peek_token(s, &c, err);

	if (rc <= 0 || c != end)
		return rc < 0 ? rc : 1;
	s->off++;
	return 0;
}

int json_scan_object(struct json_scan *s,
		     int (*member)(void *ctx, const char *key, struct cfs_err *err),
		     void *ctx, struct cfs_err *err)
{
	char key[JSON_SCAN_KEY_MAX];
	int rc = expect_token(s, '{', err);

	if (rc == 0)
		rc = begin_values(s, '}', err);
	while (rc > 0) {
		rc = take_member_key(s, key, err);
		if (rc == 0)
			rc = member(ctx, key, err);
		if (rc == 0)
			rc = take_comma(s, '}', err);
	}
	return rc;
}

int json_scan_list(struct json_scan *s, int (*value)(void *ctx, struct cfs_err *err),
		   void *ctx, struct cfs_err *err)
{
	int rc = expect_token(s, '[', err);

	if (rc == 0)
		rc = begin_values(s, ']', err);
	while (rc > 0) {
		rc = value(ctx, err);
		if (rc == 0)
			rc = take_comma(s, ']', err);
	}
	return rc;
}

int json_scan_end(struct json_scan *s, struct cfs_err *err)
{
	uint8_t c = 0;
	int rc = peek_token(s, &c, err);

	return rc > 0 ? cfs_fail(err, EINVAL, "goes on behind its end") : rc;
}
