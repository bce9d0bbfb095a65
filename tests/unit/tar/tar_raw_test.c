/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar: the bytes that are not content, which a split stream keeps; the same result whatever the pieces; every
 * truncation is noticed. */
#include "golden.h"
#include "stream/stream.h"
#include "t.h"
#include "tar/archive.h"

static struct cfs_err err;

static const char *const golden[] = {
	"tar/names.tar",     "tar/devices.tar",
	"tar/metadata.tar",  "tar/sparse.tar",
	"tar/lenient.tar",   "tar/xattrs.tar",
	"tar/hardlinks.tar", "splitstream/layer-alpha.tar",
};

enum { N_GOLDEN = sizeof(golden) / sizeof(golden[0]) };

static int keep_raw(void *ctx, enum cfs_tar_raw kind, struct cfs_span bytes,
		    struct cfs_err *e)
{
	struct cfs_sink sink = cfs_sink_mem(ctx);

	(void)kind;
	return sink.write(sink.ctx, bytes.p, bytes.len, e);
}

static int drop(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	(void)ctx;
	(void)p;
	(void)len;
	(void)e;
	return 0;
}

/* Reads all; bytes gets raw bytes and stored content, text a line for each entry. */
static int read_all(struct cfs_span in, size_t piece, struct cfs_mem *bytes,
		    struct cfs_mem *text)
{
	struct cfs_feed_mem from = {in, piece};
	const struct cfs_sink stored = cfs_sink_mem(bytes);
	struct cfs_tar_opts opts = {.raw = keep_raw, .raw_ctx = bytes};
	const struct cfs_tar_entry *e;
	struct cfs_tar *t;
	char line[256];
	int rc;

	t_eq(cfs_tar_open(cfs_feed_mem(&from), &opts, &t, &err), 0);
	while ((rc = cfs_tar_next(t, &e, &err)) > 0) {
		int n = snprintf(
			line, sizeof(line), " %o %u %llu %llu %lld.%u %zu\n",
			e->inode.mode, e->inode.uid, (unsigned long long)e->inode.size,
			(unsigned long long)e->off, (long long)e->inode.mtime_sec,
			e->inode.mtime_nsec, e->inode.n_xattrs);

		add_bytes(text, e->path.s, e->path.len);
		add_bytes(text, line, (size_t)n);
		rc = cfs_tar_copy(t, (struct cfs_sink){drop, NULL}, &stored, &err);
		if (rc < 0)
			break;
	}
	cfs_tar_close(t);
	return rc;
}

static void check_pieces(const char *name)
{
	struct cfs_mem bytes = {0}, text = {0}, bytes1 = {0}, text1 = {0};
	struct cfs_span in;
	uint8_t *p = t_golden(name, &in.len);

	in.p = p;
	if (read_all(in, 0, &bytes, &text) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", name, err.msg);
	t_eq(bytes.len, in.len);
	t_mem(bytes.p, in.p, in.len);
	t_eq(read_all(in, 1, &bytes1, &text1), 0);
	t_eq(bytes1.len, in.len);
	t_mem(bytes1.p, in.p, in.len);
	t_eq(text.len, text1.len);
	t_mem(text.p, text1.p, text.len);
	free(bytes.p);
	free(text.p);
	free(bytes1.p);
	free(text1.p);
	free(p);
}

T(tar_raw_bytes_and_content_are_the_archive)
{
	for (size_t i = 0; i < N_GOLDEN; i++)
		check_pieces(golden[i]);
}

/* An archive may end at a block that would begin an entry, and nowhere else. */
T(tar_notices_every_truncation)
{
	struct cfs_mem bytes = {0}, text = {0};
	struct cfs_span in;
	uint8_t *p = t_golden("tar/sparse.tar", &in.len);
	size_t n_good = 0;

	in.p = p;
	for (size_t len = 1; len < in.len - 1024; len++) {
		struct cfs_span cut = {in.p, len};
		int rc;

		bytes.len = text.len = 0;
		rc = read_all(cut, 0, &bytes, &text);
		t_ok(rc == 0 || rc == -EINVAL);
		n_good += rc == 0;
	}
	/* After usr/ and after the first two of three files; after the third the end begins. */
	t_eq(n_good, 3);
	free(bytes.p);
	free(text.p);
	free(p);
}

/* --- split streams -------------------------------------------------------------------------- */

/* What a layer becomes: content of more than 64 bytes an object, all else inline. */
struct split {
	struct cfs_stream_writer *w;
	struct cfs_mem small; /* content that waits for its padding */
};

static int split_raw(void *ctx, enum cfs_tar_raw kind, struct cfs_span bytes,
		     struct cfs_err *e)
{
	struct split *s = ctx;
	struct cfs_sink sink = cfs_sink_mem(&s->small);
	int rc = sink.write(sink.ctx, bytes.p, bytes.len, e);

	(void)kind;
	if (rc == 0)
		rc = cfs_stream_write_data(s->w, s->small.p, s->small.len, e);
	s->small.len = 0;
	return rc;
}

static void split_content(struct split *s, struct cfs_tar *t,
			  const struct cfs_tar_entry *e)
{
	struct cfs_mem content = {0};
	struct cfs_digest id;

	t_eq(cfs_tar_copy(t, cfs_sink_mem(&content), NULL, &err), 0);
	if (content.len > 64) {
		t_eq(cfs_verity_digest_mem(CFS_SHA256,
					   (struct cfs_span){content.p, content.len}, &id,
					   &err),
		     0);
		t_eq(cfs_stream_write_object(s->w, &id, e->inode.size, &err), 0);
	} else {
		add_bytes(&s->small, content.p, content.len);
	}
	free(content.p);
}

static void check_split(const char *tar_name, const char *stream_name)
{
	struct split s = {0};
	struct cfs_tar_opts opts = {.raw = split_raw, .raw_ctx = &s};
	struct cfs_feed_mem from = {0};
	const struct cfs_tar_entry *e;
	struct cfs_mem out = {0};
	struct cfs_tar *t;
	uint8_t *archive, *expected;
	size_t expected_len;
	int rc;

	archive = t_golden(tar_name, &from.rest.len);
	expected = t_golden(stream_name, &expected_len);
	from.rest.p = archive;
	t_eq(cfs_stream_writer_new(CFS_SHA256, "ocilayer", &s.w, &err), 0);
	t_eq(cfs_tar_open(cfs_feed_mem(&from), &opts, &t, &err), 0);
	while ((rc = cfs_tar_next(t, &e, &err)) > 0)
		if (e->stored_len)
			split_content(&s, t, e);
	t_eq(rc, 0);
	cfs_tar_close(t);
	t_eq(cfs_stream_writer_finish(s.w, cfs_sink_mem(&out), &err), 0);
	t_eq(out.len, expected_len);
	t_mem(out.p, expected, out.len);
	free(out.p);
	free(s.small.p);
	free(archive);
	free(expected);
}

T(tar_splits_layers_as_composefs_rs_does)
{
	check_split("splitstream/layer-alpha.tar", "splitstream/layer-alpha.ss");
	check_split("splitstream/layer-beta.tar", "splitstream/layer-beta.ss");
	check_split("splitstream/layer-gamma.tar", "splitstream/layer-gamma.ss");
}
