/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading splitstreams. */
#include "stream/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <zstd.h>

#include "stream/format.h"

/* --- header ------------------------------------------------------------------------- */

/* Offsets of the fields of the header. Releases of composefs-rs before 2026 used another
 * order. */
struct header_layout {
	size_t magic, version, alg, lg_block, info;
};

static const struct header_layout header_layouts[] = {
	{0, 11, 14, 15, 16},
	{18, 29, 30, 31, 0},
};

static const struct header_layout *find_layout(const uint8_t *header)
{
	for (size_t i = 0; i < sizeof(header_layouts) / sizeof(header_layouts[0]); i++)
		if (memcmp(header + header_layouts[i].magic, STREAM_MAGIC,
			   STREAM_MAGIC_LEN) == 0)
			return &header_layouts[i];
	return NULL;
}

/* Parses the range whose start and end are stored at p. */
static int get_range(struct cfs_span bytes, const uint8_t *p, const char *what,
		     struct cfs_span *out, struct cfs_err *err)
{
	uint64_t start = cfs_le64(p), end_piece = cfs_le64(p + 8);

	if (start > end_piece || !cfs_span_sub(bytes, start, end_piece - start, out))
		return cfs_fail(err, EUCLEAN,
				"%s: %" PRIu64 " to %" PRIu64
				" is outside the %zu bytes of the file",
				what, start, end_piece, bytes.len);
	return 0;
}

static int get_ids(struct cfs_span bytes, const uint8_t *p, const char *what,
		   const struct cfs_stream *s, struct cfs_span *out, struct cfs_err *err)
{
	int rc = get_range(bytes, p, what, out, err);

	if (rc == 0 && out->len % cfs_hash_len(s->alg))
		return cfs_fail(err, EUCLEAN,
				"%s: expected a multiple of %zu bytes, got %zu", what,
				cfs_hash_len(s->alg), out->len);
	return rc;
}

/* Recognises the layouts of both versions of composefs-rs. The algorithm must be that
 * of the repository. */
static int check_stream_header(const uint8_t *header, enum cfs_hash_alg alg,
			       const struct header_layout **out, struct cfs_err *err)
{
	const struct header_layout *l = find_layout(header);

	if (!l)
		return cfs_fail(err, EUCLEAN,
				"expected a splitstream, got another kind of file");
	if (header[l->version] != 0)
		return cfs_fail(err, EUCLEAN, "version: expected 0, got %d",
				header[l->version]);
	if (header[l->alg] != alg || header[l->lg_block] != STREAM_LG_BLOCK)
		return cfs_fail(err, EUCLEAN, "algorithm: expected %d, %d, got %d, %d",
				(int)alg, (int)STREAM_LG_BLOCK, header[l->alg],
				header[l->lg_block]);
	*out = l;
	return 0;
}

int cfs_stream_open(struct cfs_span bytes, enum cfs_hash_alg alg, struct cfs_stream *out,
		    struct cfs_err *err)
{
	const struct header_layout *l;
	struct cfs_span info;
	int rc;

	*out = (struct cfs_stream){.alg = alg};
	if (bytes.len < STREAM_HEADER_LEN)
		return cfs_fail(err, EUCLEAN, "expected a header of %d bytes, got %zu",
				STREAM_HEADER_LEN, bytes.len);
	rc = check_stream_header(bytes.p, alg, &l, err);
	if (rc == 0)
		rc = get_range(bytes, bytes.p + l->info, "info", &info, err);
	if (rc == 0 && info.len < STREAM_INFO_LEN)
		rc = cfs_fail(err, EUCLEAN, "info: expected %d bytes, got %zu",
			      STREAM_INFO_LEN, info.len);
	if (rc == 0)
		rc = get_ids(bytes, info.p, "stream references", out, &out->stream_refs,
			     err);
	if (rc == 0)
		rc = get_ids(bytes, info.p + 16, "object references", out,
			     &out->object_refs, err);
	if (rc == 0)
		rc = get_range(bytes, info.p + 32, "chunks", &out->chunks, err);
	if (rc == 0)
		rc = get_range(bytes, info.p + 48, "names", &out->names, err);
	if (rc < 0)
		return rc;
	memcpy(out->type, info.p + 64, 8);
	out->size = cfs_le64(info.p + 72);
	return 0;
}

size_t cfs_stream_count_ids(const struct cfs_stream *s, struct cfs_span ids)
{
	return ids.len / cfs_hash_len(s->alg);
}

struct cfs_digest cfs_stream_get_id(const struct cfs_stream *s, struct cfs_span ids,
				    size_t i)
{
	struct cfs_digest d = {.alg = s->alg};

	memcpy(d.bytes, ids.p + i * cfs_hash_len(s->alg), cfs_hash_len(s->alg));
	return d;
}

/* --- zstd --------------------------------------------------------------------------- */

/* Decompresses consecutive frames up to the end of a section. */
struct decompressor {
	ZSTD_DStream *z;
	ZSTD_inBuffer in;
	size_t hint; /* 0: a frame has just ended */
	const char *what;
};

static int decompress_open(struct decompressor *u, struct cfs_span packed,
			   const char *what, struct cfs_err *err)
{
	*u = (struct decompressor){.z = ZSTD_createDStream(), .what = what, .hint = 1};
	u->in = (ZSTD_inBuffer){packed.p, packed.len, 0};
	if (!u->z || ZSTD_isError(ZSTD_DCtx_setParameter(u->z, ZSTD_d_windowLogMax,
							 CFS_STREAM_WINDOW_LOG)))
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

/* Decompresses up to len bytes, fewer only at the end. Returns the number of bytes. */
static ssize_t decompress_bytes(struct decompressor *u, void *p, size_t len,
				struct cfs_err *err)
{
	ZSTD_outBuffer out = {p, len, 0};

	while (out.pos < len) {
		size_t before = out.pos, in_before = u->in.pos;

		if (u->in.pos == u->in.size && u->hint == 0)
			break;
		u->hint = ZSTD_decompressStream(u->z, &out, &u->in);
		if (ZSTD_isError(u->hint))
			return cfs_fail(err, EUCLEAN, "%s: %s", u->what,
					ZSTD_getErrorName(u->hint));
		if (out.pos == before && u->in.pos == in_before && u->hint)
			return cfs_fail(err, EUCLEAN, "%s: cut off in a zstd frame",
					u->what);
	}
	return (ssize_t)out.pos;
}

/* --- names -------------------------------------------------------------------------- */

/* Parses INDEX:NAME. INDEX is decimal, without leading zeros. */
static int parse_stream_name(const struct cfs_stream *s, struct cfs_text record,
			     cfs_stream_name_fn fn, void *ctx, struct cfs_err *err)
{
	size_t n = cfs_stream_count_ids(s, s->stream_refs), index = 0, at = 0;
	struct cfs_digest id;

	while (at < record.len && record.s[at] >= '0' && record.s[at] <= '9' && index < n)
		index = index * 10 + (size_t)(record.s[at++] - '0');
	if (at == 0 || at + 1 >= record.len || record.s[at] != ':' || index >= n ||
	    (record.s[0] == '0' && at > 1))
		return cfs_fail(err, EUCLEAN,
				"names: expected INDEX:NAME with an index below %zu, got "
				"\"%.*s\"",
				n, (int)(record.len > 80 ? 80 : record.len), record.s);
	id = cfs_stream_get_id(s, s->stream_refs, index);
	return fn(ctx, (struct cfs_text){record.s + at + 1, record.len - at - 1}, &id,
		  err);
}

/* Calls fn for each name. The names are NUL-terminated, one after the other. */
static int parse_names(const struct cfs_stream *s, struct cfs_text all,
		       cfs_stream_name_fn fn, void *ctx, struct cfs_err *err)
{
	while (all.len) {
		const char *end_piece = memchr(all.s, '\0', all.len);
		size_t len = end_piece ? (size_t)(end_piece - all.s) : 0;
		int rc;

		if (!end_piece)
			return cfs_fail(err, EUCLEAN,
					"names: the last one is not terminated");
		rc = parse_stream_name(s, (struct cfs_text){all.s, len}, fn, ctx, err);
		if (rc < 0)
			return rc;
		all = (struct cfs_text){all.s + len + 1, all.len - len - 1};
	}
	return 0;
}

/* Decompresses the names of a stream, up to their limit. */
static int decompress_names(struct decompressor *u, struct cfs_mem *out,
			    struct cfs_err *err)
{
	enum { STEP = 64 * 1024 };
	ssize_t n = STEP;

	while (n == STEP) {
		if (out->len > CFS_STREAM_NAMES_MAX)
			return cfs_fail(err, EUCLEAN, "names: expected at most %d bytes",
					CFS_STREAM_NAMES_MAX);
		if (cfs_grow(&out->p, &out->cap, out->len + STEP, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = decompress_bytes(u, out->p + out->len, STEP, err);
		if (n < 0)
			return (int)n;
		out->len += (size_t)n;
	}
	return 0;
}

int cfs_stream_visit_names(const struct cfs_stream *s, cfs_stream_name_fn fn, void *ctx,
			   struct cfs_err *err)
{
	struct cfs_mem all = {0};
	struct decompressor u;
	int rc = decompress_open(&u, s->names, "names", err);

	if (rc == 0)
		rc = decompress_names(&u, &all, err);
	if (rc == 0)
		rc = parse_names(s, cfs_mem_text(&all), fn, ctx, err);
	ZSTD_freeDStream(u.z);
	free(all.p);
	return rc;
}

/* --- chunks ------------------------------------------------------------------------- */

enum { PIECE = 128 * 1024 };

struct cfs_stream_cursor {
	const struct cfs_stream *s;
	struct decompressor u;
	uint64_t done;	      /* bytes of the stream so far */
	uint64_t inline_left; /* bytes of the inline chunk that is being read */
	uint64_t n_empty; /* references to empty objects, limited so that the loop ends */
	uint8_t piece[PIECE];
};

int cfs_stream_cursor_new(const struct cfs_stream *s, struct cfs_stream_cursor **out,
			  struct cfs_err *err)
{
	struct cfs_stream_cursor *c = malloc(sizeof(*c));
	int rc;

	*out = NULL;
	if (!c)
		return cfs_fail(err, ENOMEM, "out of memory");
	*c = (struct cfs_stream_cursor){.s = s};
	rc = decompress_open(&c->u, s->chunks, "chunks", err);
	if (rc < 0) {
		cfs_stream_cursor_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void cfs_stream_cursor_free(struct cfs_stream_cursor *c)
{
	if (c)
		ZSTD_freeDStream(c->u.z);
	free(c);
}

static int fail_too_long(const struct cfs_stream_cursor *c, struct cfs_err *err)
{
	return cfs_fail(err, EUCLEAN,
			"chunks: expected %" PRIu64
			" bytes, as the header says, got more",
			c->s->size);
}

static int begin_inline(struct cfs_stream_cursor *c, uint64_t len, struct cfs_err *err)
{
	if (len > c->s->size - c->done)
		return fail_too_long(c, err);
	c->done += len;
	c->inline_left = len;
	return 0;
}

/* Gives the next piece of inline data. The stream says how long it is, so an early end
 * is damage. */
static int next_inline(struct cfs_stream_cursor *c, struct cfs_stream_piece *out,
		       struct cfs_err *err)
{
	size_t len = c->inline_left < PIECE ? (size_t)c->inline_left : PIECE;
	ssize_t n = decompress_bytes(&c->u, c->piece, len, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return cfs_fail(err, EUCLEAN, "chunks: cut off in inline data");
	c->inline_left -= len;
	*out = (struct cfs_stream_piece){.kind = CFS_STREAM_DATA,
					 .data = {c->piece, len}};
	return 0;
}

static int next_object(struct cfs_stream_cursor *c, uint64_t index,
		       struct cfs_stream_piece *out, struct cfs_err *err)
{
	uint64_t n = cfs_stream_count_ids(c->s, c->s->object_refs);

	if (index >= n)
		return cfs_fail(err, EUCLEAN,
				"chunks: expected an index below %" PRIu64
				", got %" PRIu64,
				n, index);
	*out = (struct cfs_stream_piece){.kind = CFS_STREAM_OBJECT};
	out->object = cfs_stream_get_id(c->s, c->s->object_refs, (size_t)index);
	return 0;
}

int cfs_stream_add_object_size(struct cfs_stream_cursor *c, uint64_t size,
			       struct cfs_err *err)
{
	uint64_t n = cfs_stream_count_ids(c->s, c->s->object_refs);

	if (size > c->s->size - c->done || (size == 0 && ++c->n_empty > n))
		return fail_too_long(c, err);
	c->done += size;
	return 0;
}

static int end_piece(const struct cfs_stream_cursor *c, struct cfs_stream_piece *out,
		     struct cfs_err *err)
{
	if (c->done != c->s->size)
		return cfs_fail(err, EUCLEAN,
				"chunks: expected %" PRIu64 " bytes in all, got %" PRIu64,
				c->s->size, c->done);
	*out = (struct cfs_stream_piece){.kind = CFS_STREAM_END};
	return 0;
}

int cfs_stream_next(struct cfs_stream_cursor *c, struct cfs_stream_piece *out,
		    struct cfs_err *err)
{
	while (c->inline_left == 0) {
		uint8_t head[8];
		ssize_t n = decompress_bytes(&c->u, head, sizeof(head), err);
		int64_t value = (int64_t)cfs_le64(head);
		int rc;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return end_piece(c, out, err);
		if (n < (ssize_t)sizeof(head))
			return cfs_fail(err, EUCLEAN, "chunks: cut off");
		if (value >= 0)
			return next_object(c, (uint64_t)value, out, err);
		rc = begin_inline(c, 0 - (uint64_t)value, err);
		if (rc < 0)
			return rc;
	}
	return next_inline(c, out, err);
}

/* --- the whole ---------------------------------------------------------------------- */

static int pass_piece(struct cfs_stream_cursor *c, const struct cfs_stream_piece *piece,
		      const struct cfs_stream_sink *sink, struct cfs_err *err)
{
	uint64_t size = 0;
	int rc;

	if (piece->kind == CFS_STREAM_DATA)
		return sink->data(sink->ctx, piece->data.p, piece->data.len, err);
	rc = sink->object(sink->ctx, &piece->object, &size, err);
	return rc < 0 ? rc : cfs_stream_add_object_size(c, size, err);
}

int cfs_stream_read(const struct cfs_stream *s, const struct cfs_stream_sink *sink,
		    struct cfs_err *err)
{
	struct cfs_stream_piece piece = {.kind = CFS_STREAM_DATA};
	struct cfs_stream_cursor *c;
	int rc = cfs_stream_cursor_new(s, &c, err);

	while (rc == 0) {
		rc = cfs_stream_next(c, &piece, err);
		if (rc < 0 || piece.kind == CFS_STREAM_END)
			break;
		rc = pass_piece(c, &piece, sink, err);
	}
	cfs_stream_cursor_free(c);
	return rc;
}
