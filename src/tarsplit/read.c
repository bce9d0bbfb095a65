/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lines of tar-split. */
#include "tarsplit/tarsplit.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

enum { BUFFER_LEN = 64 * 1024, LINE_VALUES_MAX = 1000 };

/* The numbers of tar-split. */
enum { TYPE_FILE = 1, TYPE_SEGMENT = 2 };

struct cfs_tarsplit {
	struct cfs_feed from;
	uint8_t *buf; /* CFS_TARSPLIT_LINE_MAX at most; [off, len) was not used yet */
	size_t cap, off, len;
	bool at_end;
	uint64_t n_lines;
	json_t *line;  /* owns the name of the entry */
	uint8_t *data; /* what base64 stands for */
	size_t data_cap;
	struct cfs_tarsplit_entry entry;
};

int cfs_tarsplit_open(struct cfs_feed json, struct cfs_tarsplit **out,
		      struct cfs_err *err)
{
	struct cfs_tarsplit *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t)
		return cfs_fail(err, ENOMEM, "out of memory");
	t->from = json;
	return 0;
}

void cfs_tarsplit_close(struct cfs_tarsplit *t)
{
	if (!t)
		return;
	json_decref(t->line);
	free(t->buf);
	free(t->data);
	free(t);
}

/* --- lines -------------------------------------------------------------------------- */

/* Reads more of the lines and drops those already used. -EFBIG bounds a line that
 * never ends; t->at_end marks the end of the input. */
static int fill_buffer(struct cfs_tarsplit *t, struct cfs_err *err)
{
	ssize_t n;

	if (t->off) {
		memmove(t->buf, t->buf + t->off, t->len - t->off);
		t->len -= t->off;
		t->off = 0;
	}
	if (t->len >= CFS_TARSPLIT_LINE_MAX)
		return cfs_fail(err, EFBIG, "expected a line of at most %d bytes",
				CFS_TARSPLIT_LINE_MAX);
	if (cfs_grow(&t->buf, &t->cap, t->len + BUFFER_LEN, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = t->from.read(t->from.ctx, t->buf + t->len, BUFFER_LEN, err);
	if (n < 0)
		return (int)n;
	t->at_end = n == 0;
	t->len += (size_t)n;
	return 0;
}

/* The next line without its end, borrowed from the buffer: 1, or 0 at the end. */
static int next_tarsplit_line(struct cfs_tarsplit *t, struct cfs_text *out,
			      struct cfs_err *err)
{
	size_t seen = 0;

	for (;;) {
		/* At first there is no buffer. */
		const uint8_t *start = t->off ? t->buf + t->off : t->buf;
		const uint8_t *end = NULL;
		size_t left = t->len - t->off;
		int rc;

		if (left > seen)
			end = memchr(start + seen, '\n', left - seen);
		if (end || (t->at_end && left)) {
			out->s = (const char *)start;
			out->len = end ? (size_t)(end - start) : left;
			t->off += out->len + (end ? 1 : 0);
			return 1;
		}
		if (t->at_end)
			return 0;
		seen = left;
		rc = fill_buffer(t, err);
		if (rc < 0)
			return rc;
	}
}

/* --- members ------------------------------------------------------------------------ */

/* A text in base64; absent and null: *out is empty. */
static int get_data(struct cfs_tarsplit *t, const char *key, struct cfs_span *out,
		    struct cfs_err *err)
{
	const json_t *member = json_object_get(t->line, key);
	size_t len = json_string_length(member);

	*out = (struct cfs_span){0};
	if (!member || json_is_null(member))
		return 0;
	if (!json_is_string(member))
		return cfs_fail(err, EINVAL, "%s: expected a string", key);
	if (cfs_grow(&t->data, &t->data_cap, len + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (!cfs_base64_decode((struct cfs_text){json_string_value(member), len}, t->data,
			       t->data_cap, &out->len))
		return cfs_fail(err, EINVAL, "%s: expected base64", key);
	out->p = t->data;
	return 0;
}

static int get_json_number(const struct cfs_tarsplit *t, const char *key, uint64_t *out,
			   struct cfs_err *err)
{
	const json_t *member = json_object_get(t->line, key);

	*out = 0;
	if (!member)
		return 0;
	if (!json_is_integer(member) || json_integer_value(member) < 0)
		return cfs_fail(err, EINVAL, "%s: expected a number from 0 on", key);
	*out = (uint64_t)json_integer_value(member);
	return 0;
}

/* Takes the checksum of a file, big endian, from the member "payload". */
static int take_crc64(struct cfs_tarsplit *t, struct cfs_err *err)
{
	struct cfs_span sum;
	int rc = get_data(t, "payload", &sum, err);

	if (rc < 0 || sum.len == 0)
		return rc;
	if (sum.len != sizeof(t->entry.crc64))
		return cfs_fail(err, EINVAL,
				"payload: expected a checksum of 8 bytes, got %zu",
				sum.len);
	for (size_t i = 0; i < sum.len; i++)
		t->entry.crc64 = t->entry.crc64 << 8 | sum.p[i];
	t->entry.has_crc64 = true;
	return 0;
}

/* name_raw stands for a name that is not UTF-8. */
static int take_entry_name(struct cfs_tarsplit *t, struct cfs_err *err)
{
	const json_t *name = json_object_get(t->line, "name");
	struct cfs_span raw;
	int rc = get_data(t, "name_raw", &raw, err);

	if (rc < 0)
		return rc;
	if (name && !json_is_string(name))
		return cfs_fail(err, EINVAL, "name: expected a string");
	if (raw.len > 0 && memchr(raw.p, '\0', raw.len))
		return cfs_fail(err, EINVAL, "name_raw: has a NUL");
	t->entry.name = raw.len ? cfs_span_text(raw)
				: (struct cfs_text){json_string_value(name),
						    json_string_length(name)};
	return 0;
}

static int parse_file_entry(struct cfs_tarsplit *t, struct cfs_err *err)
{
	int rc = take_crc64(t, err);

	t->entry.kind = CFS_TARSPLIT_FILE;
	if (rc == 0)
		rc = get_json_number(t, "size", &t->entry.size, err);
	return rc < 0 ? rc : take_entry_name(t, err);
}

/* Parses one line into t->entry, which borrows from t->line until the next one.
 * Unknown types are refused, since bytes would be missing from the archive. */
static int parse_tarsplit_line(struct cfs_tarsplit *t, struct cfs_text line,
			       struct cfs_err *err)
{
	json_error_t why;
	uint64_t type;
	int rc = cfs_json_check_count(line, LINE_VALUES_MAX, err);

	if (rc < 0)
		return rc;
	json_decref(t->line);
	t->entry = (struct cfs_tarsplit_entry){0};
	t->line = json_loadb(line.s, line.len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(t->line))
		return cfs_fail(err, EINVAL, "expected a JSON object: %s",
				t->line ? "got a list" : why.text);
	rc = get_json_number(t, "type", &type, err);
	if (rc < 0)
		return rc;
	if (type == TYPE_FILE)
		return parse_file_entry(t, err);
	if (type != TYPE_SEGMENT)
		return cfs_fail(err, EINVAL, "type: expected %d or %d, got %" PRIu64,
				TYPE_FILE, TYPE_SEGMENT, type);
	t->entry.kind = CFS_TARSPLIT_BYTES;
	return get_data(t, "payload", &t->entry.bytes, err);
}

int cfs_tarsplit_next(struct cfs_tarsplit *t, const struct cfs_tarsplit_entry **out,
		      struct cfs_err *err)
{
	struct cfs_text line;
	int rc = next_tarsplit_line(t, &line, err);

	*out = &t->entry;
	t->n_lines++;
	if (rc <= 0)
		return cfs_context(err, rc, "tar-split: line %" PRIu64, t->n_lines);
	rc = cfs_context(err, parse_tarsplit_line(t, line, err),
			 "tar-split: line %" PRIu64, t->n_lines);
	return rc < 0 ? rc : 1;
}
