/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing splitstreams. The sections follow each other without gaps: header, info, stream
 * references, object references, names, chunks. The first ones contain the offsets of the
 * last ones, so the compressed chunks are kept in memory until the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "stream/format.h"
#include "stream/stream.h"

enum {
	PIECE = 128 * 1024,
	ZSTD_LEVEL = 3, /* the default of the library, as in composefs-rs */
	INLINE_MAX =
		64 << 20, /* bytes of one inline chunk, unless one call writes more */
	OUT_LEN = 64 * 1024,
};

/* Unique IDs in the order of their first use. slots is a hash table of index + 1. */
struct id_list {
	size_t id_len;
	uint8_t *v;
	size_t n, cap; /* cap in bytes */
	uint32_t *slots;
	size_t n_slots; /* a power of two, or 0 */
};

struct name_ref {
	char *name;
	uint32_t index; /* in stream_refs */
};

struct compressor {
	ZSTD_CCtx *z;
	struct cfs_mem out;
};

struct cfs_stream_writer {
	enum cfs_hash_alg alg;
	char type[8];
	uint64_t size;
	struct id_list objects, streams;
	struct name_ref *names;
	size_t n_names, names_cap;
	struct compressor chunks;
	struct cfs_mem pending; /* inline bytes since the last reference */
};

/* --- ids ---------------------------------------------------------------------------- */

/* Digests are evenly distributed: their first bytes serve as the hash. */
static size_t find_id_slot(const struct id_list *l, const uint8_t *id)
{
	size_t at = (size_t)cfs_le64(id) & (l->n_slots - 1);

	while (l->slots[at] &&
	       memcmp(l->v + (l->slots[at] - 1) * l->id_len, id, l->id_len))
		at = (at + 1) & (l->n_slots - 1);
	return at;
}

static int grow_id_slots(struct id_list *l, struct cfs_err *err)
{
	size_t n = l->n_slots ? 2 * l->n_slots : 64;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return cfs_fail(err, ENOMEM, "out of memory");
	free(l->slots);
	l->slots = slots;
	l->n_slots = n;
	for (size_t i = 0; i < l->n; i++)
		slots[find_id_slot(l, l->v + i * l->id_len)] = (uint32_t)i + 1;
	return 0;
}

/* Sets *out to the index of the ID, after adding it if it is new. */
static int add_id(struct id_list *l, const struct cfs_digest *id, uint32_t *out,
		  struct cfs_err *err)
{
	size_t at;

	if (l->n >= UINT32_MAX - 1)
		return cfs_fail(err, EOVERFLOW, "too many references");
	if (2 * (l->n + 1) > l->n_slots && grow_id_slots(l, err) < 0)
		return -ENOMEM;
	at = find_id_slot(l, id->bytes);
	if (l->slots[at] == 0) {
		if (cfs_grow(&l->v, &l->cap, (l->n + 1) * l->id_len, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		memcpy(l->v + l->n * l->id_len, id->bytes, l->id_len);
		l->slots[at] = (uint32_t)++l->n;
	}
	*out = l->slots[at] - 1;
	return 0;
}

static int check_alg(const struct cfs_stream_writer *w, const struct cfs_digest *id,
		     struct cfs_err *err)
{
	if (id->alg == w->alg)
		return 0;
	return cfs_fail(err, EINVAL, "reference: expected a %s digest, got %s",
			cfs_hash_name(w->alg), cfs_hash_name(id->alg));
}

/* --- zstd --------------------------------------------------------------------------- */

/* Compresses into memory, which grows with the compressed size alone. */
static int compress_bytes(struct compressor *p, const void *bytes, size_t len,
			  ZSTD_EndDirective end, struct cfs_err *err)
{
	ZSTD_inBuffer in = {bytes, len, 0};
	size_t left = 1;

	while (in.pos < in.size || (end == ZSTD_e_end && left)) {
		ZSTD_outBuffer out;

		if (cfs_grow(&p->out.p, &p->out.cap, p->out.len + OUT_LEN, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		out = (ZSTD_outBuffer){p->out.p, p->out.cap, p->out.len};
		left = ZSTD_compressStream2(p->z, &out, &in, end);
		if (ZSTD_isError(left))
			return cfs_fail(err, ENOMEM, "zstd: %s", ZSTD_getErrorName(left));
		p->out.len = out.pos;
	}
	return 0;
}

static int compressor_init(struct compressor *p, struct cfs_err *err)
{
	*p = (struct compressor){.z = ZSTD_createCCtx()};
	if (!p->z || ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel,
							 ZSTD_LEVEL)))
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

static void compressor_fini(struct compressor *p)
{
	ZSTD_freeCCtx(p->z);
	free(p->out.p);
}

/* --- chunks ------------------------------------------------------------------------- */

int cfs_stream_writer_new(enum cfs_hash_alg alg, const char *type,
			  struct cfs_stream_writer **out, struct cfs_err *err)
{
	size_t len = strlen(type);
	struct cfs_stream_writer *w;
	int rc;

	if (len == 0 || len > sizeof(w->type))
		return cfs_fail(err, EINVAL,
				"content type: expected 1 to 8 bytes, got %zu", len);
	w = calloc(1, sizeof(*w));
	if (!w)
		return cfs_fail(err, ENOMEM, "out of memory");
	w->alg = alg;
	memcpy(w->type, type, len);
	w->objects.id_len = w->streams.id_len = cfs_hash_len(alg);
	rc = compressor_init(&w->chunks, err);
	if (rc < 0)
		cfs_stream_writer_free(w);
	else
		*out = w;
	return rc;
}

void cfs_stream_writer_free(struct cfs_stream_writer *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_names; i++)
		free(w->names[i].name);
	free(w->names);
	free(w->objects.v);
	free(w->objects.slots);
	free(w->streams.v);
	free(w->streams.slots);
	free(w->pending.p);
	compressor_fini(&w->chunks);
	free(w);
}

static int compress_number(struct cfs_stream_writer *w, uint64_t value,
			   struct cfs_err *err)
{
	uint8_t le[8];

	cfs_put_le64(le, value);
	return compress_bytes(&w->chunks, le, sizeof(le), ZSTD_e_continue, err);
}

static int flush_pending(struct cfs_stream_writer *w, struct cfs_err *err)
{
	int rc;

	if (w->pending.len == 0)
		return 0;
	rc = compress_number(w, 0 - (uint64_t)w->pending.len, err);
	if (rc == 0)
		rc = compress_bytes(&w->chunks, w->pending.p, w->pending.len,
				    ZSTD_e_continue, err);
	w->pending.len = 0;
	return rc;
}

static int count_stream_bytes(struct cfs_stream_writer *w, uint64_t len,
			      struct cfs_err *err)
{
	if (len > INT64_MAX - w->size)
		return cfs_fail(err, EFBIG, "the stream is longer than 2^63 bytes");
	w->size += len;
	return 0;
}

int cfs_stream_write_data(struct cfs_stream_writer *w, const void *p, size_t len,
			  struct cfs_err *err)
{
	struct cfs_sink pending = cfs_sink_mem(&w->pending);
	int rc = count_stream_bytes(w, len, err);

	if (rc == 0 && w->pending.len && w->pending.len + len > INLINE_MAX)
		rc = flush_pending(w, err);
	return rc < 0 ? rc : pending.write(pending.ctx, p, len, err);
}

int cfs_stream_write_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			    uint64_t size, struct cfs_err *err)
{
	uint32_t index;
	int rc = check_alg(w, id, err);

	if (rc == 0)
		rc = count_stream_bytes(w, size, err);
	if (rc == 0)
		rc = flush_pending(w, err);
	if (rc == 0)
		rc = add_id(&w->objects, id, &index, err);
	return rc < 0 ? rc : compress_number(w, index, err);
}

int cfs_stream_keep_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			   struct cfs_err *err)
{
	uint32_t index;
	int rc = check_alg(w, id, err);

	return rc < 0 ? rc : add_id(&w->objects, id, &index, err);
}

int cfs_stream_name_stream(struct cfs_stream_writer *w, struct cfs_text name,
			   const struct cfs_digest *id, struct cfs_err *err)
{
	struct name_ref ref = {0};
	int rc = check_alg(w, id, err);

	if (rc < 0)
		return rc;
	if (name.len == 0 || memchr(name.s, '\0', name.len))
		return cfs_fail(err, EINVAL,
				"name of a reference: expected 1 or more bytes "
				"without NUL");
	if (cfs_grow(&w->names, &w->names_cap, w->n_names + 1, sizeof(*w->names)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = add_id(&w->streams, id, &ref.index, err);
	if (rc < 0)
		return rc;
	ref.name = strndup(name.s, name.len);
	if (!ref.name)
		return cfs_fail(err, ENOMEM, "out of memory");
	w->names[w->n_names++] = ref;
	return 0;
}

/* --- the file ----------------------------------------------------------------------- */

static int compare_stream_names(const void *a, const void *b)
{
	const struct name_ref *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Compresses the sorted table of named streams into p, whose owner frees it. Sorting
 * makes the stream independent of the order of the calls. */
static int compress_names(struct cfs_stream_writer *w, struct compressor *p,
			  struct cfs_err *err)
{
	int rc = compressor_init(p, err);

	if (rc == 0 && w->n_names)
		qsort(w->names, w->n_names, sizeof(*w->names), compare_stream_names);
	for (size_t i = 0; rc == 0 && i < w->n_names; i++) {
		char index[16];
		int len =
			snprintf(index, sizeof(index), "%" PRIu32 ":", w->names[i].index);

		rc = compress_bytes(p, index, (size_t)len, ZSTD_e_continue, err);
		if (rc == 0)
			rc = compress_bytes(p, w->names[i].name,
					    strlen(w->names[i].name) + 1, ZSTD_e_continue,
					    err);
	}
	return rc < 0 ? rc : compress_bytes(p, NULL, 0, ZSTD_e_end, err);
}

/* Encodes the range of len bytes at *off, and advances *off. */
static void encode_range(uint8_t *to, uint64_t *off, uint64_t len)
{
	cfs_put_le64(to, *off);
	*off += len;
	cfs_put_le64(to + 8, *off);
}

/* Encodes the header and the table of ranges of a stream, when all lengths are known. */
static void encode_head(const struct cfs_stream_writer *w, uint64_t names_len,
			uint8_t head[STREAM_HEADER_LEN + STREAM_INFO_LEN])
{
	uint8_t *info = head + STREAM_HEADER_LEN;
	uint64_t off = STREAM_HEADER_LEN;

	memcpy(head, STREAM_MAGIC, STREAM_MAGIC_LEN);
	head[14] = (uint8_t)w->alg;
	head[15] = STREAM_LG_BLOCK;
	encode_range(head + 16, &off, STREAM_INFO_LEN);
	encode_range(info, &off, w->streams.n * w->streams.id_len);
	encode_range(info + 16, &off, w->objects.n * w->objects.id_len);
	encode_range(info + 48, &off, names_len);
	encode_range(info + 32, &off, w->chunks.out.len);
	memcpy(info + 64, w->type, sizeof(w->type));
	cfs_put_le64(info + 72, w->size);
}

/* Writes the head and all sections to the sink. The head holds their positions, so it
 * can be written only when every section is complete. */
static int write_sections(const struct cfs_stream_writer *w,
			  const struct compressor *names, struct cfs_sink to,
			  struct cfs_err *err)
{
	uint8_t head[STREAM_HEADER_LEN + STREAM_INFO_LEN] = {0};
	const struct cfs_span parts[] = {
		{head, sizeof(head)},
		{w->streams.v, w->streams.n * w->streams.id_len},
		{w->objects.v, w->objects.n * w->objects.id_len},
		{names->out.p, names->out.len},
		{w->chunks.out.p, w->chunks.out.len},
	};
	int rc = 0;

	encode_head(w, names->out.len, head);
	for (size_t i = 0; rc == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].len)
			rc = to.write(to.ctx, parts[i].p, parts[i].len, err);
	return rc;
}

int cfs_stream_writer_finish(struct cfs_stream_writer *w, struct cfs_sink to,
			     struct cfs_err *err)
{
	struct compressor names = {0};
	int rc = flush_pending(w, err);

	if (rc == 0)
		rc = compress_bytes(&w->chunks, NULL, 0, ZSTD_e_end, err);
	if (rc == 0)
		rc = compress_names(w, &names, err);
	if (rc == 0)
		rc = write_sections(w, &names, to, err);
	compressor_fini(&names);
	cfs_stream_writer_free(w);
	return rc;
}
