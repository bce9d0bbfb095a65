/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading: from blocks to entries, and their contents. */
#include <errno.h>
#include <inttypes.h>

#include "tar/tar_priv.h"

int cfs_tar_open(struct cfs_feed from, const struct cfs_tar_opts *opts,
		 struct cfs_tar **out, struct cfs_err *err)
{
	static const struct cfs_tar_opts no_opts;
	struct cfs_tar *t = calloc(1, sizeof(*t));

	if (!t)
		return cfs_fail(err, ENOMEM, "out of memory");
	t->feed = from;
	t->opts = opts ? opts : &no_opts;
	*out = t;
	return 0;
}

void cfs_tar_close(struct cfs_tar *t)
{
	if (!t)
		return;
	free(t->buf);
	free(t->head.pax.p);
	free(t->head.long_name.p);
	free(t->head.long_link.p);
	free(t->head.xattrs);
	free(t->head.segments);
	free(t->head.name.p);
	free(t->head.path.p);
	free(t->head.target.p);
	free(t);
}

uint64_t cfs_tar_get_offset(const struct cfs_tar *t)
{
	return t->off;
}

/* --- contents --------------------------------------------------------------------------- */

/* Hands the next len stored bytes to both sinks. */
static int copy_stored(struct cfs_tar *t, uint64_t len, struct cfs_sink content,
		       const struct cfs_sink *stored, struct cfs_err *err)
{
	while (len) {
		struct cfs_span piece;
		int rc = tar_take(t, len, &piece, err);

		if (rc == 0 && piece.len == 0)
			rc = tar_fail_truncated(t->left, "content", err);
		if (rc < 0)
			return rc;
		len -= piece.len;
		t->left -= piece.len;
		rc = content.write(content.ctx, piece.p, piece.len, err);
		if (rc == 0 && stored)
			rc = stored->write(stored->ctx, piece.p, piece.len, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Writes a hole. It may have terabytes, so it looks for cancellation. */
static int write_zeros(struct cfs_tar *t, uint64_t len, struct cfs_sink to,
		       struct cfs_err *err)
{
	static const uint8_t zeros[8192];
	int rc = 0;

	while (rc == 0 && len) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);

		rc = cfs_watch_poll(t->opts->watch, err);
		if (rc == 0)
			rc = to.write(to.ctx, zeros, n, err);
		len -= n;
	}
	return rc;
}

/* Writes a sparse file with its holes as zeros to content, and its stored bytes alone
 * to stored. */
static int copy_sparse_content(struct cfs_tar *t, struct cfs_sink content,
			       const struct cfs_sink *stored, struct cfs_err *err)
{
	const struct cfs_tar_entry *e = &t->entry;
	uint64_t off = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < e->n_segments; i++) {
		const struct cfs_tar_segment *s = &e->segments[i];

		rc = write_zeros(t, s->off - off, content, err);
		if (rc == 0)
			rc = copy_stored(t, s->len, content, stored, err);
		off = s->off + s->len;
	}
	return rc < 0 ? rc : write_zeros(t, e->inode.size - off, content, err);
}

int cfs_tar_add_place(const struct cfs_tar *t, int rc, struct cfs_err *err)
{
	char name[512];

	if (rc >= 0 || rc == -ECANCELED || rc == -ENOMEM)
		return rc;
	if (t->entry.name.len == 0)
		return cfs_context(err, rc, "offset %" PRIu64, t->entry.off);
	cfs_show_text(t->entry.name, name, sizeof(name));
	return cfs_context(err, rc, "entry \"%s\" at offset %" PRIu64, name,
			   t->entry.off);
}

int cfs_tar_copy(struct cfs_tar *t, struct cfs_sink content,
		 const struct cfs_sink *stored, struct cfs_err *err)
{
	int rc = t->entry.is_sparse ? copy_sparse_content(t, content, stored, err)
				    : copy_stored(t, t->left, content, stored, err);

	return cfs_tar_add_place(t, rc, err);
}

int cfs_tar_take_content(struct cfs_tar *t, struct cfs_err *err)
{
	if (t->pos != t->len)
		return cfs_tar_add_place(
			t,
			cfs_fail(err, EINVAL,
				 "expected its content elsewhere, got a part of it"),
			err);
	t->off += t->left;
	t->left = 0;
	return 0;
}

static int drop_content_bytes(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx;
	(void)p;
	(void)len;
	(void)err;
	return 0;
}

/* Finishes the previous entry: skips its content, if it was not read, and the padding. */
static int leave_entry(struct cfs_tar *t, struct cfs_err *err)
{
	ssize_t n = copy_stored(t, t->left, (struct cfs_sink){drop_content_bytes, NULL},
				NULL, err);

	if (n == 0)
		n = tar_fill(t, (size_t)t->padding, err);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n < t->padding)
		return tar_fail_truncated(t->padding - (uint64_t)n,
					  "padding behind the content", err);
	return tar_use_raw(t, CFS_TAR_RAW_PADDING, (size_t)n, err);
}

/* --- extension headers ------------------------------------------------------------------ */

/* Reads the data of an extension header with its padding, in one piece, so that the caller's raw function gets it in one
 * piece, too. to NULL: it has no effect. */
static int read_header_data(struct cfs_tar *t, uint64_t len, struct cfs_mem *to,
			    struct cfs_err *err)
{
	uint64_t whole = cfs_align_up(len, CFS_TAR_BLOCK);
	struct cfs_mem unused = {0}, *m = to ? to : &unused;
	int rc = 0;

	m->len = 0;
	if (cfs_grow(&m->p, &m->cap, (size_t)whole + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (rc == 0 && m->len < whole) {
		struct cfs_span piece;

		rc = tar_take(t, whole - m->len, &piece, err);
		if (rc == 0 && piece.len == 0)
			rc = tar_fail_truncated(whole - m->len, "an extension header",
						err);
		if (rc == 0) {
			memcpy(m->p + m->len, piece.p, piece.len);
			m->len += piece.len;
		}
	}
	if (rc == 0 && t->opts->raw && whole)
		rc = t->opts->raw(t->opts->raw_ctx, CFS_TAR_RAW_HEADER, cfs_mem_span(m),
				  err);
	m->len = (size_t)len;
	free(unused.p);
	return rc;
}

/* Where the data of an extension header go. False: this is another type of entry. */
static bool find_extension(struct tar_head *h, struct cfs_mem **to, bool **has)
{
	*to = NULL;
	*has = NULL;
	if (h->dialect == TAR_V7)
		return false;
	switch (h->block[TAR_TYPE]) {
	case 'x':
		*to = &h->pax;
		*has = &h->has_pax;
		return true;
	case 'L':
		*to = &h->long_name;
		*has = &h->has_long_name;
		return true;
	case 'K':
		*to = &h->long_link;
		*has = &h->has_long_link;
		return true;
	case 'g': /* stored, and has no effect */
		return true;
	default:
		return false;
	}
}

/* Appends the content of an extension header to *to. *has refuses a second one, since
 * readers disagree about which counts. -EFBIG above the sum that one entry may have. */
static int read_extension(struct cfs_tar *t, struct cfs_mem *to, bool *has,
			  struct cfs_err *err)
{
	struct tar_head *h = &t->head;
	uint64_t len;
	int rc = tar_parse_count(h->block + TAR_SIZE, TAR_LONG_LEN,
				 "size of an extension header", INT64_MAX, &len, err);

	if (rc < 0)
		return rc;
	if (has && *has)
		return cfs_fail(err, EINVAL,
				"expected one extension header \"%c\", got a second",
				h->block[TAR_TYPE]);
	if (len > CFS_TAR_EXTENSIONS_MAX - h->extensions_len)
		return cfs_fail(err, EFBIG,
				"expected at most %d bytes of extension headers, got "
				"more",
				(int)CFS_TAR_EXTENSIONS_MAX);
	h->extensions_len += len;
	if (has)
		*has = true;
	return read_header_data(t, len, to, err);
}

/* --- entries ---------------------------------------------------------------------------- */

static void begin_entry(struct cfs_tar *t)
{
	struct tar_head *h = &t->head;

	h->has_pax = h->has_long_name = h->has_long_link = false;
	h->extensions_len = 0;
	h->n_xattrs = h->n_segments = 0;
	h->said = (struct tar_said){0};
	t->entry = (struct cfs_tar_entry){.off = t->off};
	t->left = t->padding = 0;
}

static bool has_extensions(const struct tar_head *h)
{
	return h->has_pax || h->has_long_name || h->has_long_link;
}

/* Everything behind the end belongs to the archive, and is not interpreted. */
static int read_rest(struct cfs_tar *t, struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0) {
		ssize_t n = tar_fill(t, 1, err);

		if (n <= 0)
			return (int)n;
		rc = tar_use_raw(t, CFS_TAR_RAW_END, t->len - t->pos, err);
	}
	return rc;
}

/* Called at the first zero block. The second one may be missing at the end of the feed. */
static int read_end(struct cfs_tar *t, struct cfs_err *err)
{
	const uint8_t *block;
	int rc = tar_use_raw(t, CFS_TAR_RAW_END, CFS_TAR_BLOCK, err);

	if (rc == 0)
		rc = tar_peek_block(t, &block, err);
	if (rc <= 0)
		return rc;
	if (!cfs_span_is_zero((struct cfs_span){block, CFS_TAR_BLOCK}))
		return cfs_fail(err, EINVAL,
				"expected a second zero block after the first, got data");
	return read_rest(t, err);
}

static int check_end(const struct tar_head *h, struct cfs_err *err)
{
	if (has_extensions(h))
		return cfs_fail(err, EINVAL,
				"expected an entry after an extension header, got the "
				"end of the archive");
	return 0;
}

/* Reads headers up to that of an entry: 1, or 0 at the end. */
static int read_headers(struct cfs_tar *t, struct cfs_err *err)
{
	struct tar_head *h = &t->head;
	struct cfs_mem *to;
	bool *has;

	for (;;) {
		const uint8_t *block;
		int rc = tar_peek_block(t, &block, err);

		if (rc == 0)
			return check_end(h, err);
		if (rc < 0)
			return rc;
		if (cfs_span_is_zero((struct cfs_span){block, CFS_TAR_BLOCK})) {
			rc = check_end(h, err);
			return rc < 0 ? rc : read_end(t, err);
		}
		memcpy(h->block, block, CFS_TAR_BLOCK);
		rc = tar_check_block(h, err);
		if (rc == 0)
			rc = tar_use_raw(t, CFS_TAR_RAW_HEADER, CFS_TAR_BLOCK, err);
		if (rc < 0)
			return rc;
		if (!find_extension(h, &to, &has))
			return 1;
		rc = read_extension(t, to, has, err);
		if (rc < 0)
			return rc;
	}
}

/* Programs that write capabilities in the form of libarchive alone lose them here: the format of record, of OCI layers
 * and of GNU tar, is the other one. */
static void warn_ignored_headers(const struct cfs_tar *t)
{
	char name[512];

	if (!t->head.said.has_archive_capability || t->head.said.has_capability)
		return;
	cfs_show_text(t->entry.name, name, sizeof(name));
	cfs_watch_warn(t->opts->watch,
		       "entry \"%s\": LIBARCHIVE.xattr.security.capability is ignored, "
		       "since SCHILY.xattr.security.capability is missing",
		       name);
}

int cfs_tar_next(struct cfs_tar *t, const struct cfs_tar_entry **out, struct cfs_err *err)
{
	int rc = cfs_watch_poll(t->opts->watch, err);

	if (rc < 0)
		return rc;
	rc = leave_entry(t, err);
	if (rc == 0) {
		begin_entry(t);
		rc = read_headers(t, err);
	}
	if (rc > 0) {
		rc = tar_describe(t, err);
		rc = rc < 0 ? rc : 1;
	}
	if (rc <= 0)
		return cfs_tar_add_place(t, rc, err);
	warn_ignored_headers(t);
	*out = &t->entry;
	return rc;
}
