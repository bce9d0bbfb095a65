/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The reader of tar archives: whatever the bytes, it ends with entries or with a sentence, the same for each way to cut
 * the input; what is not content and the content as stored are the input; and an entry that is written is read back. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "tar/tar.h"

enum { OUT_MAX = 1 << 22, HOLES_MAX = 1 << 16 };

struct seen {
	struct cfs_mem bytes, content, text;
	int rc;
	char msg[CFS_ERR_MAX];
};

static int keep_content_bytes(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_mem *m = ctx;
	struct cfs_sink sink = cfs_sink_mem(m);

	return m->len > OUT_MAX ? cfs_fail(err, EFBIG, "enough")
				: sink.write(sink.ctx, p, len, err);
}

static int keep_raw(void *ctx, enum cfs_tar_raw kind, struct cfs_span bytes,
		    struct cfs_err *err)
{
	fuzz_hold(bytes.len > 0);
	fuzz_hold(kind != CFS_TAR_RAW_PADDING || bytes.len < CFS_TAR_BLOCK);
	return keep_content_bytes(ctx, bytes.p, bytes.len, err);
}

static void check_tar_path(struct cfs_text path)
{
	char out[CFS_TAR_PATH_MAX];
	size_t len;

	fuzz_hold(path.len <= CFS_TAR_PATH_MAX);
	fuzz_hold(cfs_tar_clean_path(path, out, &len, NULL) == 0);
	fuzz_hold(len == path.len && (len == 0 || memcmp(out, path.s, len) == 0));
}

/* Holds the promises of the header about one entry: valid path, mode and time, and
 * segments in order within the size. */
static void check_tar_entry(const struct cfs_tar_entry *e)
{
	uint64_t sum = 0, end = 0;

	check_tar_path(e->path);
	if (e->is_link)
		check_tar_path(e->target);
	fuzz_hold(e->is_link ? !(e->inode.mode & S_IFMT)
			     : cfs_mode_is_valid(e->inode.mode));
	fuzz_hold(e->inode.mtime_nsec < 1000000000);
	fuzz_hold(S_ISREG(e->inode.mode) || (e->stored_len == 0 && e->inode.size == 0));
	fuzz_hold(e->path.len || S_ISDIR(e->inode.mode));
	if (!e->is_sparse) {
		fuzz_hold(e->inode.size == e->stored_len);
		return;
	}
	fuzz_hold(e->n_segments <= CFS_TAR_SEGMENTS_MAX);
	for (size_t i = 0; i < e->n_segments; i++) {
		fuzz_hold(e->segments[i].off >= end);
		end = e->segments[i].off + e->segments[i].len;
		fuzz_hold(end >= e->segments[i].off && end <= e->inode.size);
		sum += e->segments[i].len;
	}
	fuzz_hold(sum == e->stored_len);
}

/* --- there and back ------------------------------------------------------------------- */

static void check_same(const struct cfs_tar_entry *a, const struct cfs_tar_entry *b)
{
	const struct cfs_inode_spec *x = &a->inode, *y = &b->inode;

	fuzz_hold(cfs_text_eq(a->path, b->path));
	fuzz_hold(a->is_link == b->is_link);
	fuzz_hold(cfs_text_eq(a->target, b->target));
	if (a->is_link)
		return;
	fuzz_hold(x->mode == y->mode && x->uid == y->uid && x->gid == y->gid);
	fuzz_hold(x->rdev == y->rdev && x->size == y->size);
	fuzz_hold(x->mtime_sec == y->mtime_sec && x->mtime_nsec == y->mtime_nsec);
	fuzz_hold(cfs_text_eq(x->payload, y->payload));
	fuzz_hold(x->n_xattrs == y->n_xattrs);
}

/* The headers, and behind them as much content as brings them out of the writer's buffer. */
static int write_headers(const struct cfs_tar_entry *e, struct cfs_mem *out)
{
	static const uint8_t zeros[1 << 19];
	uint64_t size = S_ISREG(e->inode.mode) && !e->is_link ? e->inode.size : 0;
	struct cfs_tar_writer *w;
	struct cfs_err err;
	int rc;

	if (cfs_tar_writer_new(cfs_sink_mem(out), &w, &err) < 0)
		return -ENOMEM;
	rc = cfs_tar_write_entry(w, e, &err);
	fuzz_hold(rc == 0 || rc == -EINVAL || rc == -EFBIG || rc == -ENAMETOOLONG);
	if (rc == 0)
		rc = cfs_tar_write_content(
			w, zeros, size < sizeof(zeros) ? size : sizeof(zeros), &err);
	if (rc == 0 && size <= sizeof(zeros))
		rc = cfs_tar_write_end(w, &err);
	cfs_tar_writer_free(w);
	return rc;
}

static void check_trip(const struct cfs_tar_entry *e)
{
	static const struct cfs_tar_opts opts = {.encoded_xattr_names = true};
	struct cfs_feed_mem from = {0};
	const struct cfs_tar_entry *got;
	struct cfs_mem out = {0};
	struct cfs_tar *t;

	if (write_headers(e, &out) == 0) {
		from.rest = cfs_mem_span(&out);
		fuzz_hold(cfs_tar_open(cfs_feed_mem(&from), &opts, &t, NULL) == 0);
		fuzz_hold(cfs_tar_next(t, &got, NULL) == 1);
		check_same(e, got);
		cfs_tar_close(t);
	}
	free(out.p);
}

/* -------------------------------------------------------------------------------------- */

static void note_tar_entry(struct seen *s, const struct cfs_tar_entry *e)
{
	struct cfs_sink sink = cfs_sink_mem(&s->text);
	const uint64_t numbers[] = {e->off,	   e->inode.mode, e->inode.uid,
				    e->inode.size, e->stored_len, e->inode.n_xattrs};

	fuzz_hold(sink.write(sink.ctx, numbers, sizeof(numbers), NULL) == 0);
	fuzz_hold(e->path.len == 0 ||
		  sink.write(sink.ctx, e->path.s, e->path.len, NULL) == 0);
}

/* Reads the whole archive in pieces of the given size into s, so that runs with other
 * sizes can be compared. */
static void read_tar_archive(struct cfs_span in, size_t piece, struct seen *s)
{
	struct cfs_feed_mem from = {in, piece};
	const struct cfs_sink content = {keep_content_bytes, &s->content},
			      stored = {keep_content_bytes, &s->bytes};
	struct cfs_tar_opts opts = {
		.max_holes = HOLES_MAX, .raw = keep_raw, .raw_ctx = &s->bytes};
	const struct cfs_tar_entry *e;
	struct cfs_err err = {""};
	struct cfs_tar *t;
	uint64_t expected = 0;

	fuzz_hold(cfs_tar_open(cfs_feed_mem(&from), &opts, &t, &err) == 0);
	while ((s->rc = cfs_tar_next(t, &e, &err)) > 0) {
		check_tar_entry(e);
		note_tar_entry(s, e);
		if (piece == 0)
			check_trip(e);
		s->rc = cfs_tar_copy(t, content, &stored, &err);
		expected += e->inode.size;
		if (s->rc < 0)
			break;
		fuzz_hold(s->content.len == expected);
	}
	fuzz_hold(s->rc == 0 || s->rc == -EINVAL || s->rc == -EFBIG ||
		  s->rc == -ENOTSUP || s->rc == -ENAMETOOLONG || s->rc == -ENOMEM);
	fuzz_hold(s->rc == 0 || err.msg[0]);
	memcpy(s->msg, err.msg, sizeof(s->msg));
	cfs_tar_close(t);
}

static void free_seen(struct seen *s)
{
	free(s->bytes.p);
	free(s->content.p);
	free(s->text.p);
}

static bool is_same_bytes(const struct cfs_mem *a, const struct cfs_mem *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct seen whole = {0}, cut = {0};

	read_tar_archive((struct cfs_span){data, len}, 0, &whole);
	read_tar_archive((struct cfs_span){data, len}, 97, &cut);
	if (whole.rc == 0) {
		fuzz_hold(whole.bytes.len == len);
		fuzz_hold(len == 0 || memcmp(whole.bytes.p, data, len) == 0);
	}
	fuzz_hold(whole.rc == cut.rc && strcmp(whole.msg, cut.msg) == 0);
	fuzz_hold(is_same_bytes(&whole.bytes, &cut.bytes) || whole.rc < 0);
	fuzz_hold(is_same_bytes(&whole.text, &cut.text));
	free_seen(&whole);
	free_seen(&cut);
	return 0;
}
