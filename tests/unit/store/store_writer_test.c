/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* store: a content that arrives in pieces becomes the same object as one that is added whole. */
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "t.h"
#include "tmpdir.h"

enum { BUF = 1 << 20, HOLE = 64 << 10 };

static struct cfs_err err;

static struct cfs_store *open_store(void)
{
	struct cfs_store *s;

	tmp_fresh();
	t_eq(cfs_store_open(AT_FDCWD, tmp_in("store"), &(struct cfs_store_opts){0}, &s,
			    &err),
	     0);
	return s;
}

/* len bytes, all different enough; the second half zero if sparse. */
static uint8_t *make_bytes(size_t len, bool sparse)
{
	uint8_t *p = calloc(1, len + 1);
	uint32_t x = 1;

	for (size_t i = 0; i < (sparse ? len / 2 : len); i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

static struct cfs_store_writer *open_writer(struct cfs_store *s, uint64_t max_len)
{
	struct cfs_store_writer *w;

	t_eq(cfs_store_writer_open(s, 0, max_len, &w, &err), 0);
	return w;
}

static int write_pieces(struct cfs_store_writer *w, const uint8_t *p, size_t len,
			size_t piece)
{
	struct cfs_sink sink = cfs_store_writer_get_sink(w);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += piece)
		rc = sink.write(sink.ctx, p + at, len - at < piece ? len - at : piece,
				&err);
	return rc;
}

static const char *object(const struct cfs_digest *d)
{
	char path[CFS_OBJECT_PATH_MAX], name[CFS_OBJECT_PATH_MAX + 8];

	snprintf(name, sizeof(name), "store/%s", cfs_digest_path(d, path));
	return tmp_in(name);
}

static void check_object(const struct cfs_digest *d, const uint8_t *p, size_t len)
{
	cfs_autofd int fd = open(object(d), O_RDONLY | O_CLOEXEC);
	struct cfs_map map;

	t_ok(fd >= 0);
	t_eq(cfs_map_fd(fd, &map, &err), 0);
	t_eq(map.span.len, len);
	t_ok(len == 0 || memcmp(map.span.p, p, len) == 0);
	cfs_map_close(&map);
}

static void check_length(size_t len, size_t piece, bool sparse)
{
	uint8_t *p = make_bytes(len, sparse);
	struct cfs_store *s = open_store();
	struct cfs_store_writer *w = open_writer(s, len);
	struct cfs_digest got, expected;

	t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){p, len}, &expected,
				   &err),
	     0);
	t_eq(write_pieces(w, p, len, piece), 0);
	t_eq(cfs_store_writer_finish(w, &expected, &got, &err), 0);
	t_ok(cfs_digest_eq(&got, &expected));
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	check_object(&got, p, len);
	free(p);
}

T(store_writer_makes_the_object_of_any_length_from_any_pieces)
{
	static const size_t lengths[] = {0,   1,       4095,	HOLE,	     BUF - 1,
					 BUF, BUF + 1, 2 * BUF, 2 * BUF + 77};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		check_length(lengths[i], BUF / 3, false);
		check_length(lengths[i], 3 * BUF, true);
	}
	check_length(70000, 1, false);
}

T(store_writer_leaves_holes_for_zeros)
{
	enum { LEN = 8 * BUF };
	uint8_t *p = calloc(1, LEN);
	struct cfs_store *s = open_store();
	struct cfs_store_writer *w = open_writer(s, LEN);
	struct cfs_digest d;
	struct stat st;

	t_eq(write_pieces(w, p, LEN, 12345), 0);
	t_eq(cfs_store_writer_finish(w, NULL, &d, &err), 0);
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(stat(object(&d), &st), 0);
	t_eq(st.st_size, LEN);
	t_ok(st.st_blocks * 512 < BUF);
	free(p);
}

/* Anything but directories below the store. */
static int count_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	t_ok(d != NULL);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			n++;
	closedir(d);
	return n;
}

T(store_writer_adds_nothing_with_another_digest)
{
	struct cfs_digest wrong = {.alg = CFS_SHA256, .bytes = {1}}, d;
	uint8_t *p = make_bytes(2 * BUF, false);
	struct cfs_store *s = open_store();

	for (size_t len = 100; len <= 2 * BUF; len += 2 * BUF - 100) {
		struct cfs_store_writer *w = open_writer(s, len);

		t_eq(write_pieces(w, p, len, BUF), 0);
		t_eq(cfs_store_writer_finish(w, &wrong, &d, &err), -EILSEQ);
		t_has(err.msg, "expected sha256:0100");
	}
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(count_files(tmp_in("store")), 0);
	free(p);
}

T(store_writer_refuses_the_byte_after_the_last)
{
	uint8_t *p = make_bytes(3 * BUF, false);
	struct cfs_store *s = open_store();

	for (size_t max = 10; max <= 2 * BUF + 10; max += 2 * BUF) {
		struct cfs_store_writer *w = open_writer(s, max);
		struct cfs_sink sink = cfs_store_writer_get_sink(w);

		t_eq(write_pieces(w, p, max, BUF), 0);
		t_eq(sink.write(sink.ctx, p, 1, &err), -EFBIG);
		t_has(err.msg, "expected at most");
		cfs_store_writer_drop(w);
	}
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	t_eq(count_files(tmp_in("store")), 0);
	free(p);
}

T(store_writer_that_is_dropped_leaves_nothing_and_the_worker_goes_on)
{
	uint8_t *p = make_bytes(2 * BUF, false);
	struct cfs_store *s = open_store();
	struct cfs_store_writer *w = open_writer(s, 2 * BUF);
	struct cfs_digest d;

	t_eq(write_pieces(w, p, 2 * BUF, BUF), 0);
	cfs_store_writer_drop(w);
	t_eq(cfs_store_add_mem(s, 0, (struct cfs_span){p, 100}, &d, &err), 0);
	t_eq(cfs_store_commit(s, &err), 0);
	cfs_store_close(s);
	check_object(&d, p, 100);
	t_eq(count_files(tmp_in("store")), 1);
	free(p);
}
