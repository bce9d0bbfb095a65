/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar-split: lines, and the archive of lines and contents. */
#include "t.h"
#include "tarsplit/tarsplit.h"

#define HEAD "{\"type\":2,\"payload\":\"aGVhZA==\",\"position\":0}\n"
#define FILE5                                                                            \
	"{\"type\":1,\"name\":\"a/"                                                      \
	"b\",\"size\":5,\"payload\":\"AAAAAAAAAQI=\",\"position\":1}\n"
#define DIR0 "{\"type\":1,\"name\":\"d/\",\"payload\":null,\"position\":1}\n"
#define RAW                                                                              \
	"{\"type\":1,\"name_raw\":\"Yf8=\",\"size\":1,\"payload\":null,\"position\":1}"  \
	"\n"

/* --- lines -------------------------------------------------------------------------- */

static int read_lines(const char *json, size_t piece, char *seen, struct cfs_err *err)
{
	struct cfs_feed_mem from = {cfs_text_span(cfs_text(json)), piece};
	const struct cfs_tarsplit_entry *e;
	struct cfs_tarsplit *t;
	int rc = cfs_tarsplit_open(cfs_feed_mem(&from), &t, err);

	*seen = '\0';
	t_eq(rc, 0);
	while ((rc = cfs_tarsplit_next(t, &e, err)) > 0)
		seen += sprintf(seen, "%d[%.*s][%.*s]%llu,%llu;", e->kind,
				(int)e->bytes.len, (const char *)e->bytes.p,
				(int)e->name.len, e->name.s, (unsigned long long)e->size,
				(unsigned long long)e->crc64);
	cfs_tarsplit_close(t);
	return rc;
}

T(tarsplit_lines_are_read_in_pieces_of_any_size)
{
	char seen[1000];
	struct cfs_err err;

	for (size_t piece = 0; piece < 20; piece++) {
		t_eq(read_lines(HEAD DIR0 FILE5 RAW, piece, seen, &err), 0);
		t_str(seen, "0[head][]0,0;1[][d/]0,0;1[][a/b]5,258;1[][a\xff]1,0;");
	}
}

T(tarsplit_needs_no_newline_at_the_end_and_may_be_empty)
{
	char seen[1000];
	struct cfs_err err;

	t_eq(read_lines("{\"type\":2,\"payload\":\"eA==\"}", 0, seen, &err), 0);
	t_str(seen, "0[x][]0,0;");
	t_eq(read_lines("", 0, seen, &err), 0);
	t_str(seen, "");
}

T(tarsplit_refuses_malformed_lines_and_names_them)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"x\n", "line 2: expected a JSON object"},
		{"[]\n", "line 2: expected a JSON object"},
		{"\n", "line 2: expected a JSON object"},
		{"{}\n", "type: expected 1 or 2"},
		{"{\"type\":3}\n", "type: expected 1 or 2"},
		{"{\"type\":\"1\"}\n", "type: expected a number"},
		{"{\"type\":2,\"type\":2}\n", "duplicate"},
		{"{\"type\":2,\"payload\":3}\n", "payload: expected a string"},
		{"{\"type\":2,\"payload\":\"a\"}\n", "payload: expected base64"},
		{"{\"type\":1,\"size\":-1}\n", "size: expected a number from 0 on"},
		{"{\"type\":1,\"size\":1.5}\n", "size: expected a number from 0 on"},
		{"{\"type\":1,\"payload\":\"eA==\"}\n", "a checksum of 8 bytes, got 1"},
		{"{\"type\":1,\"name\":[]}\n", "name: expected a string"},
		{"{\"type\":1,\"name_raw\":\"AA==\"}\n", "name_raw: has a NUL"},
	};
	char text[1000], seen[1000];
	struct cfs_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), HEAD "%s", bad[i].json);
		t_eq(read_lines(text, 0, seen, &err), -EINVAL);
		t_has(err.msg, "tar-split: line 2: ");
		t_has(err.msg, bad[i].why);
	}
}

static ssize_t read_spaces(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	uint64_t *n = ctx;

	(void)err;
	memset(p, ' ', len);
	*n += len;
	return (ssize_t)len;
}

T(tarsplit_line_without_end_is_refused_after_its_limit)
{
	const struct cfs_tarsplit_entry *e;
	struct cfs_tarsplit *t;
	struct cfs_err err;
	uint64_t n = 0;

	t_eq(cfs_tarsplit_open((struct cfs_feed){read_spaces, &n}, &t, &err), 0);
	t_eq(cfs_tarsplit_next(t, &e, &err), -EFBIG);
	t_ok(n <= CFS_TARSPLIT_LINE_MAX + 65536);
	cfs_tarsplit_close(t);
}

T(tarsplit_line_with_many_values_is_refused)
{
	char text[4096] = HEAD "{\"type\":2,\"x\":[", seen[1000];
	struct cfs_err err;

	for (size_t i = 0; i < 1000; i++)
		strcat(text, "0,");
	strcat(text, "0]}\n");
	t_eq(read_lines(text, 0, seen, &err), -EFBIG);
	t_has(err.msg, "tar-split: line 2: expected JSON of at most 1000 values");
}

/* --- archives ----------------------------------------------------------------------- */

static struct {
	size_t left;
	int at_end; /* what the call after the last byte returns */
} content;

static int begin_content(void *ctx, const struct cfs_tarsplit_entry *file,
			 struct cfs_err *err)
{
	size_t *len = ctx;

	(void)err;
	content.left = *len == SIZE_MAX ? (size_t)file->size : *len;
	return 0;
}

static ssize_t read_content(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	size_t n = len < content.left ? len : content.left;

	(void)ctx;
	if (n == 0 && content.at_end < 0)
		return cfs_fail(err, -content.at_end, "another digest");
	memset(p, 'x', n);
	content.left -= n;
	return (ssize_t)n;
}

static ssize_t rebuild(const char *json, size_t content_len, char *out,
		       struct cfs_err *err)
{
	struct cfs_feed_mem from = {cfs_text_span(cfs_text(json)), 0};
	struct cfs_tarsplit_archive a = {
		.contents = {begin_content, read_content, &content_len}};
	struct cfs_feed feed = cfs_tarsplit_feed(&a);
	ssize_t n;

	t_eq(cfs_tarsplit_open(cfs_feed_mem(&from), &a.lines, err), 0);
	while ((n = feed.read(feed.ctx, out, 3, err)) > 0)
		out += n;
	*out = '\0';
	cfs_tarsplit_close(a.lines);
	return n;
}

T(tarsplit_archive_has_lines_and_contents_in_order)
{
	char out[100];
	struct cfs_err err;

	content.at_end = 0;
	t_eq(rebuild(HEAD FILE5 HEAD DIR0 HEAD RAW, SIZE_MAX, out, &err), 0);
	t_str(out, "headxxxxxheadheadx");
}

T(tarsplit_archive_refuses_contents_of_another_length)
{
	char out[100];
	struct cfs_err err;

	content.at_end = 0;
	t_eq(rebuild(HEAD FILE5, 4, out, &err), -EILSEQ);
	t_has(err.msg, "expected 1 more bytes of the content of a file, got none");
	t_eq(rebuild(HEAD FILE5, 6, out, &err), -EILSEQ);
	t_has(err.msg, "expected the end of the content of a file, got more");
}

T(tarsplit_archive_keeps_the_last_bytes_of_a_content_that_is_wrong)
{
	char out[100];
	struct cfs_err err;

	content.at_end = -EILSEQ;
	t_eq(rebuild(HEAD FILE5, SIZE_MAX, out, &err), -EILSEQ);
	t_str(out, "headxxx");
}

/* --- checksums ---------------------------------------------------------------------- */

T(crc64_is_that_of_go)
{
	uint64_t crc = 0;

	t_eq(cfs_crc64_update(0, "", 0), 0);
	t_ok(cfs_crc64_update(0, "123456789", 9) == UINT64_C(0xb90956c775a41001));
	for (size_t i = 0; i < 9; i++)
		crc = cfs_crc64_update(crc, &"123456789"[i], 1);
	t_ok(crc == UINT64_C(0xb90956c775a41001));
}
