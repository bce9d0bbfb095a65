/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* stream: what is written is read back, and equals what composefs-rs writes. */
#include <fcntl.h>
#include <zstd.h>

#include "stream/stream.h"
#include "t.h"

static struct cfs_err err;

enum { GOLDEN_ZSTD = 10504 }; /* the libzstd that made the golden files */

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
	t_ok(fd >= 0);
	t_eq(cfs_map_copy(fd, &map, &err), 0);
	close(fd);
	return map;
}

static struct cfs_stream_writer *new_writer(const char *type)
{
	struct cfs_stream_writer *w;

	t_eq(cfs_stream_writer_new(CFS_SHA256, type, &w, &err), 0);
	return w;
}

static struct cfs_mem finish(struct cfs_stream_writer *w)
{
	struct cfs_mem out = {0};

	t_eq(cfs_stream_writer_finish(w, cfs_sink_mem(&out), &err), 0);
	return out;
}

/* --- copies of what composefs-rs wrote ------------------------------------------------------ */

struct copy {
	struct cfs_stream_writer *w;
	uint64_t object_size;
};

static int copy_data(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	return cfs_stream_write_data(((struct copy *)ctx)->w, p, len, e);
}

static int copy_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
		       struct cfs_err *e)
{
	struct copy *c = ctx;

	*size = c->object_size;
	return cfs_stream_write_object(c->w, id, c->object_size, e);
}

static int copy_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		     struct cfs_err *e)
{
	return cfs_stream_name_stream(((struct copy *)ctx)->w, name, id, e);
}

static void check_copy(const char *name, uint64_t object_size)
{
	struct cfs_map map = load(name);
	struct copy c = {.object_size = object_size};
	struct cfs_stream_sink sink = {copy_data, copy_object, &c};
	struct cfs_stream s;
	struct cfs_mem out;

	t_eq(cfs_stream_open(map.span, CFS_SHA256, &s, &err), 0);
	c.w = new_writer(s.type);
	t_eq(cfs_stream_read(&s, &sink, &err), 0);
	t_eq(cfs_stream_visit_names(&s, copy_name, &c, &err), 0);
	out = finish(c.w);
	t_eq(out.len, map.span.len);
	t_mem(out.p, map.span.p, out.len);
	free(out.p);
	cfs_map_close(&map);
}

T(stream_writer_writes_the_bytes_of_composefs_rs)
{
	if (ZSTD_versionNumber() != GOLDEN_ZSTD)
		t_skip("libzstd is %u, the golden files were made with %d",
		       ZSTD_versionNumber(), GOLDEN_ZSTD);
	check_copy("layer-alpha.ss", 1000);
	check_copy("empty.ss", 0);
}

/* --- there and back ------------------------------------------------------------------------ */

struct seen {
	uint8_t *bytes;
	size_t len, n_objects, n_names;
	char last_name[64];
};

static int see_data(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	struct seen *seen = ctx;

	(void)e;
	memcpy(seen->bytes + seen->len, p, len);
	seen->len += len;
	return 0;
}

static int see_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
		      struct cfs_err *e)
{
	struct seen *seen = ctx;

	(void)e;
	seen->n_objects++;
	*size = id->bytes[31] ? 5 : 0;
	return see_data(ctx, "01234", (size_t)*size, e);
}

static int see_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		    struct cfs_err *e)
{
	struct seen *seen = ctx;
	char text[64];

	(void)e;
	snprintf(text, sizeof(text), "%.*s", (int)name.len, name.s);
	t_ok(strcmp(seen->last_name, text) <= 0);
	t_eq(id->bytes[1], 7);
	strcpy(seen->last_name, text);
	seen->n_names++;
	return 0;
}

static struct cfs_digest make_id(unsigned n)
{
	struct cfs_digest d = {.alg = CFS_SHA256};

	memcpy(d.bytes + 4, &n, sizeof(n));
	d.bytes[31] = 1;
	return d;
}

T(stream_writer_names_each_object_once_in_order_of_first_use)
{
	enum { N = 3000 };
	struct cfs_stream_writer *w = new_writer("ocilayer");
	struct cfs_digest id;
	struct cfs_stream s;
	struct cfs_mem out;

	for (unsigned i = 0; i < 2 * N; i++) {
		id = make_id(i % N);
		t_eq(cfs_stream_write_object(w, &id, 5, &err), 0);
	}
	id = make_id(N);
	t_eq(cfs_stream_keep_object(w, &id, &err), 0);
	out = finish(w);
	t_eq(cfs_stream_open((struct cfs_span){out.p, out.len}, CFS_SHA256, &s, &err), 0);
	t_eq(s.size, 2 * N * 5);
	t_eq(cfs_stream_count_ids(&s, s.object_refs), N + 1);
	for (unsigned i = 0; i <= N; i++) {
		struct cfs_digest got = cfs_stream_get_id(&s, s.object_refs, i);

		id = make_id(i);
		t_ok(cfs_digest_eq(&got, &id));
	}
	free(out.p);
}

T(stream_writer_sorts_names_and_the_reader_gets_all_bytes_back)
{
	enum { N = 500 };
	struct cfs_stream_writer *w = new_writer("x");
	uint8_t *all = malloc(N * N), *expected = malloc(N * N);
	struct seen seen = {.bytes = all};
	struct cfs_stream_sink sink = {see_data, see_object, &seen};
	struct cfs_digest id;
	struct cfs_stream s;
	struct cfs_mem out;
	size_t len = 0;

	for (unsigned i = 0; i < N; i++) {
		char name[16];

		memset(expected + len, (int)i, i);
		t_eq(cfs_stream_write_data(w, expected + len, i, &err), 0);
		len += i;
		id = make_id(i);
		if (i % 3 == 0) {
			t_eq(cfs_stream_write_object(w, &id, 5, &err), 0);
			memcpy(expected + len, "01234", 5);
			len += 5;
		}
		id.bytes[1] = 7;
		snprintf(name, sizeof(name), "name-%u", (i * 7) % N);
		t_eq(cfs_stream_name_stream(w, cfs_text(name), &id, &err), 0);
	}
	out = finish(w);
	t_eq(cfs_stream_open((struct cfs_span){out.p, out.len}, CFS_SHA256, &s, &err), 0);
	t_str(s.type, "x");
	t_eq(cfs_stream_read(&s, &sink, &err), 0);
	t_eq(seen.len, len);
	t_mem(all, expected, len);
	t_eq(cfs_stream_visit_names(&s, see_name, &seen, &err), 0);
	t_eq(seen.n_names, N);
	free(all);
	free(expected);
	free(out.p);
}

T(stream_writer_refuses_what_the_format_cannot_hold)
{
	struct cfs_stream_writer *w;
	struct cfs_digest long_id = {.alg = CFS_SHA512}, id = make_id(1);

	t_eq(cfs_stream_writer_new(CFS_SHA256, "", &w, &err), -EINVAL);
	t_eq(cfs_stream_writer_new(CFS_SHA256, "ninebytes", &w, &err), -EINVAL);
	w = new_writer("ocilayer");
	t_eq(cfs_stream_write_object(w, &long_id, 1, &err), -EINVAL);
	t_has(err.msg, "expected a sha256 digest");
	t_eq(cfs_stream_keep_object(w, &long_id, &err), -EINVAL);
	t_eq(cfs_stream_name_stream(w, CFS_TEXT("a"), &long_id, &err), -EINVAL);
	t_eq(cfs_stream_name_stream(w, CFS_TEXT("a\0b"), &id, &err), -EINVAL);
	t_eq(cfs_stream_name_stream(w, CFS_TEXT(""), &id, &err), -EINVAL);
	t_eq(cfs_stream_write_object(w, &id, INT64_MAX, &err), 0);
	t_eq(cfs_stream_write_object(w, &id, 1, &err), -EFBIG);
	cfs_stream_writer_free(w);
}
