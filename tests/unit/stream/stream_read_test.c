/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Splitstreams: those of another writer are read, damaged ones are refused. */
#include <fcntl.h>

#include "stream/stream.h"
#include "t.h"

static struct cfs_err err;

/* --- the kept ones ----------------------------------------------------------------------- */

static struct cfs_map load(const char *name)
{
	const char *golden = getenv("CFS_GOLDEN");
	struct cfs_map map;
	char path[4096];
	int fd;

	if (!golden)
		t_skip("CFS_GOLDEN is not set");
	snprintf(path, sizeof(path), "%s/splitstream/%s", golden, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		t_fail(__FILE__, __LINE__, "%s: cannot be opened", path);
	t_eq(cfs_map_copy(fd, &map, &err), 0);
	close(fd);
	return map;
}

/* The stream put together; an object is zeros, or a document, as size tells. */
struct rebuilt {
	struct cfs_mem bytes;
	struct cfs_span document; /* NULL: the object is zeros */
	uint64_t object_size;
	struct cfs_digest object;
	size_t n_objects;
};

static int take_data(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	struct rebuilt *r = ctx;
	struct cfs_sink to = cfs_sink_mem(&r->bytes);

	return to.write(to.ctx, p, len, e);
}

static int take_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
		       struct cfs_err *e)
{
	struct rebuilt *r = ctx;
	uint8_t zeros[4096] = {0};

	r->object = *id;
	r->n_objects++;
	*size = r->object_size;
	return take_data(ctx, r->document.p ? r->document.p : zeros, (size_t)*size, e);
}

static int rebuild(const struct cfs_stream *s, struct rebuilt *r)
{
	struct cfs_stream_sink sink = {take_data, take_object, r};

	err.msg[0] = '\0';
	return cfs_stream_read(s, &sink, &err);
}

T(a_layer_is_rebuilt_bit_for_bit)
{
	struct cfs_map map = load("layer-alpha.ss"), tar = load("layer-alpha.tar");
	struct rebuilt r = {.object_size = 1000};
	struct cfs_digest zeros;
	struct cfs_stream s;
	uint8_t body[1000] = {0};

	t_eq(cfs_stream_open(map.span, CFS_SHA256, &s, &err), 0);
	t_str(s.type, "ocilayer");
	t_eq(s.size, tar.span.len);
	t_eq(rebuild(&s, &r), 0);
	t_eq(r.bytes.len, tar.span.len);
	t_mem(r.bytes.p, tar.span.p, tar.span.len);
	t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){body, 1000}, &zeros,
				   &err),
	     0);
	t_ok(cfs_digest_eq(&zeros, &r.object));
	free(r.bytes.p);
	cfs_map_close(&map);
	cfs_map_close(&tar);
}

static int count_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *e)
{
	(void)id;
	(void)e;
	t_eq(name.len, sizeof("sha256:") - 1 + 64);
	++*(int *)ctx;
	return 0;
}

T(a_document_is_one_object_and_names_its_layers_in_both_headers)
{
	static const char *const names[] = {"config.ss", "config-oldheader.ss"};

	for (size_t i = 0; i < 2; i++) {
		struct cfs_map map = load(names[i]), json = load("config.json");
		struct rebuilt r = {.document = json.span, .object_size = json.span.len};
		struct cfs_stream s;
		int n = 0;

		t_eq(cfs_stream_open(map.span, CFS_SHA256, &s, &err), 0);
		t_str(s.type, "ociconfg");
		t_eq(cfs_stream_count_ids(&s, s.object_refs), 1);
		t_eq(cfs_stream_count_ids(&s, s.stream_refs), 3);
		t_eq(cfs_stream_visit_names(&s, count_name, &n, &err), 0);
		t_eq(n, 3);
		t_eq(rebuild(&s, &r), 0);
		t_eq(r.n_objects, 1);
		r.object_size--;
		t_eq(rebuild(&s, &r), -EUCLEAN);
		t_has(err.msg, "in all");
		r.object_size += 2;
		t_eq(rebuild(&s, &r), -EUCLEAN);
		t_has(err.msg, ", got more");
		free(r.bytes.p);
		cfs_map_close(&map);
		cfs_map_close(&json);
	}
}

T(an_empty_stream_is_valid)
{
	struct cfs_map map = load("empty.ss");
	struct rebuilt r = {0};
	struct cfs_stream s;
	int n = 0;

	t_eq(cfs_stream_open(map.span, CFS_SHA256, &s, &err), 0);
	t_eq(rebuild(&s, &r), 0);
	t_eq(r.bytes.len, 0);
	t_eq(cfs_stream_visit_names(&s, count_name, &n, &err), 0);
	t_eq(n, 0);
	t_eq(cfs_stream_open(map.span, CFS_SHA512, &s, &err), -EUCLEAN);
	t_has(err.msg, "algorithm");
	cfs_map_close(&map);
}

/* --- made here, to be wrong --------------------------------------------------------------- */

/* One raw block in one frame without a size: nothing to compress with is needed. */
static size_t frame(uint8_t *out, const void *p, size_t len)
{
	static const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58};
	uint32_t block = (uint32_t)len << 3 | 1;

	memcpy(out, head, sizeof(head));
	out[6] = (uint8_t)block;
	out[7] = (uint8_t)(block >> 8);
	out[8] = (uint8_t)(block >> 16);
	memcpy(out + 9, p, len);
	return 9 + len;
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

struct made {
	uint8_t bytes[4096];
	size_t len, info;
};

/* One object, one stream reference, and the sections given. */
static void make(struct made *m, const void *chunks, size_t chunks_len, const void *names,
		 size_t names_len, uint64_t size)
{
	uint64_t at = 112, ends[4];

	memset(m, 0, sizeof(*m));
	memcpy(m->bytes, "SplitStream", 11);
	m->bytes[14] = CFS_SHA256;
	m->bytes[15] = 12;
	put64(m->bytes + 16, 32);
	put64(m->bytes + 24, 112);
	memset(m->bytes + at, 1, 32);
	memset(m->bytes + at + 32, 2, 32);
	ends[0] = at + 32;
	ends[1] = at + 64;
	ends[2] = ends[1] + frame(m->bytes + ends[1], chunks, chunks_len);
	ends[3] = ends[2] + frame(m->bytes + ends[2], names, names_len);
	for (size_t i = 0; i < 4; i++) {
		put64(m->bytes + 32 + 16 * i, i ? ends[i - 1] : at);
		put64(m->bytes + 40 + 16 * i, ends[i]);
	}
	put64(m->bytes + 32 + 72, size);
	m->len = (size_t)ends[3];
}

static int open_made(const struct made *m, struct cfs_stream *s)
{
	err.msg[0] = '\0';
	return cfs_stream_open((struct cfs_span){m->bytes, m->len}, CFS_SHA256, s, &err);
}

static int read_made(const struct made *m)
{
	struct rebuilt r = {.object_size = 10};
	struct cfs_stream s;
	int rc = open_made(m, &s);

	if (rc == 0)
		rc = rebuild(&s, &r);
	free(r.bytes.p);
	return rc;
}

static int name_made(const char *names, size_t len)
{
	struct cfs_stream s;
	struct made m;
	int n = 0;

	make(&m, "", 0, names, len, 0);
	t_eq(open_made(&m, &s), 0);
	return cfs_stream_visit_names(&s, count_name, &n, &err);
}

T(chunks_that_do_not_add_up_are_refused)
{
	uint8_t c[64] = {0};
	struct made m;

	put64(c, (uint64_t)-3); /* 3 bytes, then the object */
	memcpy(c + 8, "abc", 3);
	make(&m, c, 19, "", 0, 13);
	t_eq(read_made(&m), 0);
	make(&m, c, 19, "", 0, 12);
	t_eq(read_made(&m), -EUCLEAN);
	make(&m, c, 19, "", 0, 14);
	t_eq(read_made(&m), -EUCLEAN);
	make(&m, c, 10, "", 0, 3);
	t_eq(read_made(&m), -EUCLEAN);
	t_has(err.msg, "cut off in inline data");
	make(&m, c, 15, "", 0, 3);
	t_eq(read_made(&m), -EUCLEAN);
	put64(c, 1); /* there is one object */
	make(&m, c, 8, "", 0, 10);
	t_eq(read_made(&m), -EUCLEAN);
	t_has(err.msg, "index below 1, got 1");
	put64(c, (uint64_t)INT64_MIN);
	make(&m, c, 11, "", 0, 3);
	t_eq(read_made(&m), -EUCLEAN);
}

T(names_of_another_form_are_refused)
{
	static const char *const bad[] = {"",	  "0",	 "0:",
					  ":a",	  "1:a", "00:a",
					  "-0:a", "0 a", "99999999999999999999999:a"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_eq(name_made(bad[i], strlen(bad[i]) + 1), -EUCLEAN);
	t_eq(name_made("0:unended", 9), -EUCLEAN);
	t_has(err.msg, "not terminated");
}

T(ranges_outside_the_file_are_refused)
{
	static const size_t fields[] = {16, 24, 32, 40, 48, 56, 64, 72, 80, 88};
	static const uint64_t values[] = {UINT64_MAX, INT64_MAX, 1 << 20, 113};
	struct cfs_stream s;
	struct made good, m;

	make(&good, "", 0, "", 0, 0);
	t_eq(open_made(&good, &s), 0);
	for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
		for (size_t v = 0; v < 3; v++) {
			m = good;
			put64(m.bytes + fields[f], values[v]);
			t_eq(open_made(&m, &s), -EUCLEAN);
		}
	for (size_t len = 0; len < good.len; len++) {
		m = good;
		m.len = len;
		t_ok(open_made(&m, &s) == -EUCLEAN);
	}
	m = good;
	put64(m.bytes + 40, 113); /* not a multiple of an id */
	t_eq(open_made(&m, &s), -EUCLEAN);
	t_has(err.msg, "multiple of 32");
}

T(damaged_and_truncated_zstd_data_is_refused)
{
	uint8_t c[8];
	struct cfs_stream s;
	struct made m;

	put64(c, 0);
	make(&m, c, 8, "", 0, 10);
	t_eq(read_made(&m), 0);
	t_eq(open_made(&m, &s), 0);
	m.bytes[176] ^= 1; /* the frame's magic */
	t_eq(read_made(&m), -EUCLEAN);
	make(&m, c, 8, "", 0, 10);
	put64(m.bytes + 72, 176 + 12); /* the end of the chunks */
	t_eq(read_made(&m), -EUCLEAN);
	put64(m.bytes + 72, 176);
	t_eq(read_made(&m), -EUCLEAN);
	put64(m.bytes + 72, 176 + 18); /* a byte more than the frame */
	t_eq(read_made(&m), -EUCLEAN);
}

T(references_to_empty_objects_are_bounded)
{
	uint8_t c[80] = {0};
	struct rebuilt r = {.object_size = 0};
	struct cfs_stream s;
	struct made m;

	make(&m, c, sizeof(c), "", 0, 0);
	t_eq(open_made(&m, &s), 0);
	t_eq(rebuild(&s, &r), -EUCLEAN);
	t_eq(r.n_objects, 2);
}
