/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar: sparse files in the four forms of their map. */
#include "t.h"
#include "tar/archive.h"

static struct cfs_err err;
static struct cfs_mem archive;

/* Ten bytes: a hole of two, "ab", a hole of three, "cd", a hole of one. */
static const uint8_t whole[10] = {0, 0, 'a', 'b', 0, 0, 0, 'c', 'd', 0};

static struct cfs_mem *start(void)
{
	archive.len = 0;
	return &archive;
}

static int read_first(const struct cfs_tar_opts *opts, struct cfs_mem *got,
		      struct cfs_mem *stored)
{
	struct cfs_feed_mem from = {{archive.p, archive.len}, 7};
	const struct cfs_sink stored_sink = cfs_sink_mem(stored);
	const struct cfs_tar_entry *e;
	struct cfs_tar *t;
	int rc;

	t_eq(cfs_tar_open(cfs_feed_mem(&from), opts, &t, &err), 0);
	rc = cfs_tar_next(t, &e, &err);
	if (rc == 1) {
		t_ok(e->is_sparse);
		rc = cfs_tar_copy(t, cfs_sink_mem(got), &stored_sink, &err);
		t_eq(got->len, e->inode.size);
		t_eq(stored->len, e->stored_len);
	}
	if (rc == 0)
		rc = cfs_tar_next(t, &e, &err);
	cfs_tar_close(t);
	return rc;
}

static void expect_whole(void)
{
	struct cfs_mem got = {0}, stored = {0};
	int rc = read_first(NULL, &got, &stored);

	if (rc < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(rc, 0);
	t_eq(got.len, sizeof(whole));
	t_mem(got.p, whole, sizeof(whole));
	t_mem(stored.p, "abcd", 4);
	free(got.p);
	free(stored.p);
}

static void expect_failure_with(const struct cfs_tar_opts *opts, int rc, const char *msg)
{
	struct cfs_mem got = {0}, stored = {0};

	t_eq(read_first(opts, &got, &stored), rc);
	t_has(err.msg, msg);
	free(got.p);
	free(stored.p);
}

static void expect_failure(int rc, const char *msg)
{
	expect_failure_with(NULL, rc, msg);
}

static void add_content(struct cfs_mem *a, const char *map)
{
	size_t map_len = map ? 512 : 0;

	add_header(a, &(struct header){.name = "GNUSparseFile.0/f", .size = map_len + 4});
	if (map) {
		add_bytes(a, map, strlen(map));
		add_padding(a);
	}
	add_bytes(a, "abcd", 4);
	add_padding(a);
	add_end(a);
}

T(sparse_pax_0_0_has_a_pair_of_records_for_each_segment)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.size=10", "GNU.sparse.numblocks=2", "GNU.sparse.offset=2",
		"GNU.sparse.numbytes=2", "GNU.sparse.offset=7", "GNU.sparse.numbytes=2",
		NULL);
	add_content(a, NULL);
	expect_whole();
}

T(sparse_pax_0_1_has_one_map)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.size=10", "GNU.sparse.numblocks=2",
		"GNU.sparse.map=2,2,7,2", "GNU.sparse.name=real/name", NULL);
	add_content(a, NULL);
	expect_whole();
}

T(sparse_pax_1_0_has_the_map_in_front_of_the_content)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=10",
		NULL);
	add_content(a, "2\n2\n2\n7\n2\n");
	expect_whole();
}

/* segments: pairs of offset and length, n of them. */
static void put_segments(uint8_t *at, const unsigned *segments, size_t n)
{
	char number[16];

	for (size_t i = 0; i < 2 * n; i++, at += 12) {
		snprintf(number, sizeof(number), "%011o", segments[i]);
		memcpy(at, number, 12);
	}
}

static void add_gnu(const unsigned *segments, size_t n, unsigned size, unsigned stored)
{
	struct header h = {.name = "f", .type = 'S', .magic = GNU_MAGIC, .size = stored};
	struct cfs_mem *a = start();
	uint8_t block[512];
	char number[16];

	make_header(block, &h);
	put_segments(block + 386, segments, n < 4 ? n : 4);
	block[482] = n > 4;
	snprintf(number, sizeof(number), "%011o", size);
	memcpy(block + 483, number, 12);
	sum_header(block);
	add_bytes(a, block, sizeof(block));
	for (size_t i = 4; i < n; i += 21) {
		memset(block, 0, sizeof(block));
		put_segments(block, segments + 2 * i, n - i < 21 ? n - i : 21);
		block[504] = n - i > 21;
		add_bytes(a, block, sizeof(block));
	}
}

T(sparse_gnu_has_the_map_in_the_header)
{
	static const unsigned two[] = {2, 2, 7, 2};
	static const unsigned with_end[] = {2, 2, 7, 2, 10, 0};

	add_gnu(two, 2, 10, 4);
	add_bytes(&archive, "abcd", 4);
	add_padding(&archive);
	expect_whole();
	add_gnu(with_end, 3, 10, 4);
	add_bytes(&archive, "abcd", 4);
	add_padding(&archive);
	expect_whole();
}

T(sparse_gnu_continues_the_map_in_further_blocks)
{
	enum { N = 60 };
	struct cfs_mem got = {0}, stored = {0};
	unsigned segments[2 * N];
	char bytes[N];

	for (unsigned i = 0; i < N; i++) {
		segments[2 * i] = 3 * i + 1;
		segments[2 * i + 1] = 1;
		bytes[i] = (char)('!' + i);
	}
	add_gnu(segments, N, 3 * N, N);
	add_bytes(&archive, bytes, N);
	add_padding(&archive);
	t_eq(read_first(NULL, &got, &stored), 0);
	t_eq(got.len, 3 * N);
	for (unsigned i = 0; i < N; i++) {
		t_eq(got.p[3 * i], 0);
		t_eq(got.p[3 * i + 1], bytes[i]);
	}
	free(got.p);
	free(stored.p);
}

T(sparse_gnu_refuses_a_block_behind_the_last_segment)
{
	static const unsigned two[] = {2, 2, 7, 2};

	add_gnu(two, 2, 10, 4);
	archive.p[482] = 1;
	sum_header(archive.p);
	add_end(&archive);
	expect_failure(-EINVAL, "a block of segments follows their end");
}

static void expect_map_fails(const char *map, int rc, const char *msg)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.size=10", map, NULL);
	add_content(a, NULL);
	expect_failure(rc, msg);
}

T(sparse_maps_are_ascending_inside_the_file_and_as_long_as_the_content)
{
	expect_map_fails("GNU.sparse.map=0,3,2,1", -EINVAL,
			 "segment 1 (1 bytes at 2) overlaps");
	expect_map_fails("GNU.sparse.map=7,4", -EINVAL,
			 "overlaps the one before or leaves");
	expect_map_fails("GNU.sparse.map=11,0", -EINVAL,
			 "overlaps the one before or leaves");
	expect_map_fails("GNU.sparse.map=1,9223372036854775807", -EINVAL,
			 "leaves the file");
	expect_map_fails("GNU.sparse.map=2,2,7,1", -EINVAL, "expected 3 stored bytes");
	expect_map_fails("GNU.sparse.map=2,2,7", -EINVAL,
			 "expected decimal digits, got none");
	expect_map_fails("GNU.sparse.offset=1", -EINVAL, "segments");
	expect_map_fails("GNU.sparse.numbytes=1", -EINVAL,
			 "expected GNU.sparse.offset before");
	expect_map_fails("GNU.sparse.major=2", -ENOTSUP,
			 "sparse format 2.0 is not supported");
}

T(sparse_files_say_their_size_and_number_of_segments)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.map=0,4", NULL);
	add_content(a, NULL);
	expect_failure(-EINVAL, "sparse file: its size is missing");
	a = start();
	add_pax(a, "GNU.sparse.map=0,4", "GNU.sparse.size=4", "GNU.sparse.numblocks=2",
		NULL);
	add_content(a, NULL);
	expect_failure(-EINVAL, "expected 2 segments, got 1");
}

static void expect_pax_map_fails(const char *map, int rc, const char *msg)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=10",
		NULL);
	add_content(a, map);
	expect_failure(rc, msg);
}

T(sparse_refuses_maps_that_are_not_numbers)
{
	expect_pax_map_fails("x\n", -EINVAL, "sparse map: expected decimal digits");
	expect_pax_map_fails("\n", -EINVAL,
			     "sparse map: expected decimal digits, got none");
	expect_pax_map_fails("10001\n", -EINVAL, "sparse map: expected at most 10000");
	expect_pax_map_fails("000000000000000000000\n", -EINVAL, "at most 20 digits");
	expect_pax_map_fails("2\n1\n", -EINVAL, "expected a line of at most 20 digits");
}

T(sparse_maps_end_before_the_content_does)
{
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=10",
		NULL);
	add_header(a, &(struct header){.name = "f", .size = 511});
	for (int i = 0; i < 8; i++)
		add_bytes(a, "900\n1\n1\n2\n3\n4\n5\n6\n7\n8\n", 22);
	add_padding(a);
	expect_failure(-EINVAL, "sparse map: the entry ends within it");
}

T(sparse_holes_are_bounded)
{
	struct cfs_tar_opts opts = {.max_holes = 5};
	struct cfs_mem *a = start();

	add_pax(a, "GNU.sparse.size=10", "GNU.sparse.map=2,2,7,2", NULL);
	add_content(a, NULL);
	expect_failure_with(&opts, -EFBIG, "the holes of the archive exceed 5 bytes");
	a = start();
	add_pax(a, "GNU.sparse.size=9223372036854775807", "GNU.sparse.map=0,4", NULL);
	add_content(a, NULL);
	expect_failure(-EFBIG, "the holes of the archive exceed 68719476736 bytes");
}

T(sparse_segments_are_bounded)
{
	struct cfs_mem *a = start(), map = {0};

	add_bytes(&map, "GNU.sparse.map=0,0", 18);
	for (int i = 0; i < CFS_TAR_SEGMENTS_MAX; i++)
		add_bytes(&map, ",0,0", 4);
	add_bytes(&map, "", 1);
	add_pax(a, "GNU.sparse.size=10", (const char *)map.p, NULL);
	add_content(a, NULL);
	expect_failure(-EFBIG, "expected at most 10000 segments");
	free(map.p);
}
