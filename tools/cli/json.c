/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A JSON writer. Names in an image are bytes, and JSON is UTF-8, so bytes that are not
 * UTF-8 are replaced. */
#include "cli/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/base.h"

/* Returns the number of bytes that need no escape, in JSON and on a terminal. */
static size_t count_plain(const uint8_t *p, size_t left)
{
	size_t len = 0;

	while (len < left) {
		const uint8_t *c = p + len;
		size_t n = cfs_utf8_measure(c, left - len);

		if (*c == '"' || *c == '\\' || cfs_show_hidden_len(c, left - len))
			break;
		len += n;
	}
	return len;
}

/* Prints one escaped character. Returns its length in the text. */
static size_t put_escaped_bytes(FILE *to, const uint8_t *p, size_t left)
{
	size_t n = cfs_utf8_measure(p, left);

	if (n == 0) {
		fputs("\\ufffd", to);
		return 1;
	}
	putc('\\', to);
	if (*p == '"' || *p == '\\')
		putc(*p, to);
	else
		fprintf(to, "u%04x", cfs_utf8_decode(p, n));
	return n;
}

void json_print_string(FILE *to, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;

	putc('"', to);
	while (p < end) {
		size_t n = count_plain(p, (size_t)(end - p));

		fwrite(p, 1, n, to);
		p += n;
		if (p < end)
			p += put_escaped_bytes(to, p, (size_t)(end - p));
	}
	putc('"', to);
}

/* --- values -------------------------------------------------------------------------- */

/* Prints the comma before a value, a line break before elements that are objects or
 * arrays, and the key. Returns false if the value is inside one that was left out because
 * it was nested too deeply. */
static bool begin_value(struct json *j, const char *key, bool is_nested)
{
	bool is_element = j->depth > 0 && j->closing[j->depth] == ']';

	if (j->n_left_out)
		return false;
	if (j->has_elements[j->depth])
		putc(',', j->to);
	if (is_element && is_nested)
		fprintf(j->to, "\n%*s", (int)j->depth, "");
	j->has_elements[j->depth] = true;
	if (key) {
		json_print_string(j->to, key, strlen(key));
		putc(':', j->to);
	}
	return true;
}

static void begin_nested(struct json *j, const char *key, char opening, char closing)
{
	if (j->n_left_out || j->depth == JSON_DEPTH_MAX) {
		if (begin_value(j, key, false))
			fputs("null", j->to);
		j->n_left_out++;
		return;
	}
	begin_value(j, key, true);
	putc(opening, j->to);
	j->depth++;
	j->has_elements[j->depth] = false;
	j->closing[j->depth] = closing;
}

void json_begin_object(struct json *j, const char *key)
{
	begin_nested(j, key, '{', '}');
}

void json_begin_array(struct json *j, const char *key)
{
	begin_nested(j, key, '[', ']');
}

void json_end(struct json *j)
{
	if (j->n_left_out) {
		j->n_left_out--;
		return;
	}
	if (j->depth == 0)
		return;
	putc(j->closing[j->depth], j->to);
	j->depth--;
}

void json_finish(struct json *j)
{
	while (j->depth || j->n_left_out)
		json_end(j);
	putc('\n', j->to);
}

void json_put_text(struct json *j, const char *key, struct cfs_text value)
{
	if (begin_value(j, key, false))
		json_print_string(j->to, value.s, value.len);
}

void json_put_string(struct json *j, const char *key, const char *value)
{
	if (value)
		json_put_text(j, key, cfs_text(value));
	else
		json_put_null(j, key);
}

void json_put_strings(struct json *j, const char *key, const char *const *v, size_t n)
{
	json_begin_array(j, key);
	for (size_t i = 0; i < n; i++)
		json_put_string(j, NULL, v[i]);
	json_end(j);
}

void json_put_uint(struct json *j, const char *key, uint64_t value)
{
	if (begin_value(j, key, false))
		fprintf(j->to, "%" PRIu64, value);
}

void json_put_int(struct json *j, const char *key, int64_t value)
{
	if (begin_value(j, key, false))
		fprintf(j->to, "%" PRId64, value);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
	if (begin_value(j, key, false))
		fputs(value ? "true" : "false", j->to);
}

void json_put_null(struct json *j, const char *key)
{
	if (begin_value(j, key, false))
		fputs("null", j->to);
}
