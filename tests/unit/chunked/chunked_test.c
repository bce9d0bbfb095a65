/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* zstd:chunked: annotations, the table of contents, the ranges that are fetched. */
#include "chunked/chunked.h"
#include "t.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "\"digest\":\"sha256:" HEX64 "\""

static struct cfs_err err;

/* --- annotations -------------------------------------------------------------------- */

#define KEY "\"io.github.containers.zstd-chunked."
#define SUM KEY "manifest-checksum\":\"sha256:" HEX64 "\""

static const char manifest[] =
	"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"c\",\"size\":1,"
	"\"digest\":\"sha256:" HEX64 "\"},\"layers\":[{\"mediaType\":\"l\","
	"\"digest\":\"sha256:" HEX64 "\",\"size\":1000,\"annotations\":{%s}}]}";

static int read_annotations(const char *annotations, struct cfs_chunked_layer *out)
{
	struct cfs_oci_manifest m;
	char text[2000];
	int rc;

	snprintf(text, sizeof(text), manifest, annotations);
	t_eq(cfs_oci_manifest_parse(cfs_text(text), &m, &err), 0);
	rc = cfs_chunked_parse_layer(&m.layers[0], out, &err);
	cfs_oci_manifest_fini(&m);
	return rc;
}

T(chunked_annotations_say_where_the_parts_are)
{
	struct cfs_chunked_layer l;

	t_eq(read_annotations(SUM "," KEY "manifest-position\":\"500:100:4000:1\"," KEY
				  "tarsplit-position\":\"608:392:5000\"",
			      &l),
	     1);
	t_eq(l.toc.at.off, 500);
	t_eq(l.toc.at.len, 100);
	t_eq(l.toc.plain_len, 4000);
	t_eq(l.toc_sha256[0], 0x01);
	t_eq(l.tarsplit.at.off, 608);
	t_eq(l.tarsplit.at.len, 392);
	t_eq(l.tarsplit.plain_len, 5000);
}

T(chunked_annotations_without_tarsplit_or_of_old_writers_are_none)
{
	struct cfs_chunked_layer l;

	t_eq(read_annotations("", &l), 0);
	t_eq(read_annotations(SUM "," KEY "manifest-position\":\"500:100:4000:1\"", &l),
	     0);
	t_eq(read_annotations("\"io.containers.zstd-chunked.manifest-checksum\":\"x\","
			      "\"io.containers.zstd-chunked.manifest-position\":\"1\"",
			      &l),
	     0);
}

T(chunked_annotations_outside_of_the_blob_or_its_limits_are_refused)
{
	static const struct {
		const char *toc, *tarsplit, *why;
	} bad[] = {
		{"500:100:4000:2", "608:392:1", "manifest-position: expected type 1"},
		{"500:100:4000", "608:392:1", "expected 4 numbers"},
		{"500:100:4000:1:1", "608:392:1", "expected 4 numbers"},
		{"500:100: 4000:1", "608:392:1", "expected 4 numbers"},
		{"-5:100:4000:1", "608:392:1", "expected 4 numbers"},
		{"99999999999999999999:1:1:1", "608:392:1", "expected 4 numbers"},
		{"18446744073709551615:100:1:1", "608:392:1", "a part of the blob"},
		{"500:501:4000:1", "608:392:1", "a part of the blob"},
		{"500:0:4000:1", "608:392:1", "a part of the blob"},
		{"500:100:99999999999:1", "608:392:1", "expected at most"},
		{"500:100:4000:1", "608:393:1", "tarsplit-position: expected a part"},
		{"500:100:4000:1", "599:10:1",
		 "tarsplit-position: expected at least 600, got 599"},
	};
	struct cfs_chunked_layer l;
	char text[1000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 SUM "," KEY "manifest-position\":\"%s\"," KEY
			     "tarsplit-position\":\"%s\"",
			 bad[i].toc, bad[i].tarsplit);
		t_ok(read_annotations(text, &l) < 0);
		t_has(err.msg, bad[i].why);
	}
	t_eq(read_annotations(KEY "manifest-checksum\":\"sha512:" HEX64 HEX64 "\"," KEY
				  "manifest-position\":\"500:100:4000:1\"," KEY
				  "tarsplit-position\":\"608:392:1\"",
			      &l),
	     -EINVAL);
	t_has(err.msg, "manifest-checksum");
}

/* --- the table ---------------------------------------------------------------------- */

static int parse(const char *json, size_t piece, struct cfs_chunked_toc *out)
{
	struct cfs_feed_mem from = {cfs_text_span(cfs_text(json)), piece};

	return cfs_chunked_toc_parse(cfs_feed_mem(&from), 1000, out, &err);
}

#define REG(size, off, end)                                                              \
	"{\"type\":\"reg\",\"name\":\"a\",\"size\":" #size ",\"offset\":" #off           \
	",\"endOffset\":" #end "," DIGEST "}"

T(chunked_table_keeps_files_with_content_in_order)
{
	static const char json[] =
		" { \"x\" : [ \"]}\\\"\" , {} ] , \"entries\" : [ {\"type\":\"dir\"} "
		"," REG(5, 10, 20) ",{\"type\":\"chunk\",\"offset\":15}," REG(
			7, 20, 1000) ",{\"type\":\"reg\",\"name\":\"\\\"}\"} ] , "
				     "\"version\":1,\n"
				     "\"tarSplitDigest\":\"sha256:" HEX64 "\"}\n ";
	struct cfs_chunked_toc toc;

	for (size_t piece = 0; piece < 9; piece++) {
		t_eq(parse(json, piece, &toc), 0);
		t_eq(toc.n_files, 2);
		t_eq(toc.files[0].size, 5);
		t_eq(toc.files[0].off, 10);
		t_eq(toc.files[0].end, 20);
		t_eq(toc.files[0].sha256[1], 0x23);
		t_eq(toc.files[1].end, 1000);
		t_ok(toc.has_tarsplit_digest);
		t_eq(toc.tarsplit_sha256[1], 0x23);
		cfs_chunked_toc_fini(&toc);
	}
}

T(chunked_table_may_be_empty)
{
	struct cfs_chunked_toc toc;

	t_eq(parse("{\"version\":1,\"entries\":[]}", 0, &toc), 0);
	t_eq(toc.n_files, 0);
	t_ok(!toc.has_tarsplit_digest);
	cfs_chunked_toc_fini(&toc);
}

static void refuse_table(const char *json, const char *why)
{
	struct cfs_chunked_toc toc;

	t_eq(parse(json, 0, &toc), -EINVAL);
	t_has(err.msg, "table of contents: ");
	t_has(err.msg, why);
	cfs_chunked_toc_fini(&toc);
}

T(chunked_table_that_is_malformed_is_refused)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"", "ends early"},
		{"[]", "expected '{'"},
		{"{}", "expected version and entries"},
		{"{\"version\":1}", "expected version and entries"},
		{"{\"entries\":[]}", "expected version and entries"},
		{"{\"version\":2,\"entries\":[]}", "version: expected 1"},
		{"{\"version\":1,\"entries\":[]", "ends early"},
		{"{\"version\":1,\"entries\":[]}x", "behind its end"},
		{"{\"version\":1,\"entries\":null}", "expected '['"},
		{"{\"version\":1 \"entries\":[]}", "expected ',' or '}'"},
		{"{\"version\":1,\"entries\":[],\"entries\":[]}", "a second list"},
		{"{\"version\":1,\"entries\":[],}", "expected '\"'"},
		{"{\"tarSplitDigest\":\"x\"}", "expected a digest by sha256"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse_table(bad[i].json, bad[i].why);
	refuse_table("{\"x\":[}", "");
}

T(chunked_table_entries_that_are_malformed_are_refused_by_number)
{
	static const struct {
		const char *entry, *why;
	} bad[] = {
		{"1", "type: expected a string"},
		{"{\"type\":1}", "type: expected a string"},
		{"{\"type\":\"reg\",\"size\":-1}", "size: expected a number"},
		{"{\"type\":\"reg\",\"size\":1}", "digest: expected"},
		{"{\"type\":\"reg\",\"size\":1,\"size\":1}", "uplicate"},
		{"{\"type\":\"reg\",\"size\":99999999999999999999}", "too big"},
		{REG(1, 20, 20), "got 20 to 20"},
		{REG(1, 9, 20), "got 9 to 20"},
		{REG(1, 20, 1001), "got 20 to 1001"},
		{REG(1, 30, 20), "got 30 to 20"},
		{"{\"type\":\"reg\"", "entry 1"},
		{"}", "entry 1"},
	};
	char text[1000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"version\":1,\"entries\":[" REG(5, 5, 10) ",%s]}",
			 bad[i].entry);
		refuse_table(text, bad[i].why);
		t_has(err.msg, "entry 1: ");
	}
}

/* --- a table without end ------------------------------------------------------------- */

struct endless {
	const char *text; /* repeated */
	size_t head_len;  /* the part that is not */
	size_t at;
	uint64_t n_read;
};

static ssize_t read_endless(void *ctx, void *p, size_t len, struct cfs_err *e)
{
	struct endless *from = ctx;
	char *to = p;

	(void)e;
	for (size_t i = 0; i < len; i++) {
		if (!from->text[from->at])
			from->at = from->head_len;
		to[i] = from->text[from->at++];
	}
	from->n_read += len;
	return (ssize_t)len;
}

T(chunked_table_beyond_its_limits_is_refused)
{
	static const char head[] = "{\"version\":1,\"entries\":[";
	struct endless entry = {"{\"version\":1,\"entries\":[\"xxxxxxxxx",
				sizeof(head) - 1, 0, 0};
	struct cfs_chunked_toc toc;

	entry.head_len++; /* one string */
	t_eq(cfs_chunked_toc_parse((struct cfs_feed){read_endless, &entry}, 1000, &toc,
				   &err),
	     -EFBIG);
	t_ok(entry.n_read < 2 * CFS_CHUNKED_ENTRY_MAX);
	cfs_chunked_toc_fini(&toc);
}

T(chunked_table_with_too_many_entries_is_refused)
{
	static const char head[] = "{\"version\":1,\"entries\":[";
	struct endless entries = {"{\"version\":1,\"entries\":[{\"type\":\"x\"},",
				  sizeof(head) - 1, 0, 0};
	struct cfs_chunked_toc toc;

	if (getenv("T_PART"))
		t_skip("takes too long here");
	t_eq(cfs_chunked_toc_parse((struct cfs_feed){read_endless, &entries}, 1000, &toc,
				   &err),
	     -EFBIG);
	t_has(err.msg, "entries");
	cfs_chunked_toc_fini(&toc);
}

/* --- ranges ------------------------------------------------------------------------- */

/* Files of len bytes with gaps of gap bytes; the wanted ones are marked by 'x'. Returns the
 * ranges as text. */
static const char *choose(const char *marks, uint64_t len, uint64_t gap, size_t max)
{
	static char text[4000];
	struct cfs_chunked_toc toc = {.n_files = strlen(marks)};
	struct cfs_oci_range *ranges;
	bool wanted[1000];
	size_t n;

	toc.files = calloc(toc.n_files + 1, sizeof(*toc.files));
	for (size_t i = 0; i < toc.n_files; i++) {
		toc.files[i].off = i * (len + gap);
		toc.files[i].end = toc.files[i].off + len;
		wanted[i] = marks[i] == 'x';
	}
	t_eq(cfs_chunked_choose_ranges(&toc, wanted, max, &ranges, &n, &err), 0);
	*text = '\0';
	for (size_t i = 0; i < n; i++)
		sprintf(text + strlen(text), "%llu+%llu ",
			(unsigned long long)ranges[i].off,
			(unsigned long long)ranges[i].len);
	free(ranges);
	free(toc.files);
	return text;
}

T(chunked_ranges_of_nothing_are_none)
{
	t_str(choose("", 10, 0, 9), "");
	t_str(choose("---", 10, 0, 9), "");
}

T(chunked_ranges_join_files_that_touch_or_nearly_do)
{
	t_str(choose("-xx-", 10, 0, 9), "10+20 ");
	t_str(choose("-xx-", 10000, 100, 9), "10100+20100 ");
	t_str(choose("x-x", 10000, 0, 9), "0+10000 20000+10000 ");
}

T(chunked_ranges_fetch_a_gap_that_is_small_beside_what_is_wanted)
{
	t_str(choose("xxxxxxxx-x", 10000, 0, 9), "0+100000 ");
	t_str(choose("xxxxxx-x", 10000, 0, 9), "0+60000 70000+10000 ");
	t_str(choose("xxxxxxxxx-x", 70000, 0, 9), "0+630000 700000+70000 ");
}

T(chunked_ranges_beyond_the_limit_join_over_the_smallest_gaps)
{
	t_str(choose("x-x--x---x", 100000, 0, 3),
	      "0+300000 500000+100000 900000+100000 ");
	t_str(choose("x-x--x---x", 100000, 0, 2), "0+600000 900000+100000 ");
	t_str(choose("x-x--x---x", 100000, 0, 1), "0+1000000 ");
}
