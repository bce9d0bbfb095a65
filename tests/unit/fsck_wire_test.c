/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: the list of objects crosses the border of the jail whole, and nothing else does. */
#include "t.h"

#include "fsck_wire.h"

static const uint8_t digest[CFS_HASH_MAX_LEN] = {1, 2, 3, 0xff};

/* The list as bytes: two objects, one of them without digest. */
static struct cfs_mem put(enum cfs_hash_alg alg)
{
	struct fsck_objects objects = {.alg = alg};
	struct cfs_mem bytes = {0};

	t_eq(fsck_objects_add(&objects, CFS_TEXT("ab/cd"), 70000, digest, NULL), 0);
	t_eq(fsck_objects_add(&objects, CFS_TEXT("x"), UINT64_MAX, NULL, NULL), 0);
	t_eq(fsck_wire_put(&objects, cfs_sink_mem(&bytes), NULL), 0);
	fsck_objects_fini(&objects);
	return bytes;
}

static int take(const struct cfs_mem *bytes, size_t len)
{
	struct fsck_objects objects = {0};
	struct cfs_err err = {""};
	int rc = fsck_wire_take((struct cfs_span){bytes->p, len}, &objects, &err);

	if (rc < 0)
		t_has(err.msg, "isolated check: ");
	fsck_objects_fini(&objects);
	return rc;
}

T(objects_cross_whole)
{
	enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < 2; i++) {
		struct fsck_objects objects = {0};
		struct cfs_mem bytes = put(algs[i]);

		t_eq(fsck_wire_take((struct cfs_span){bytes.p, bytes.len}, &objects,
				    NULL),
		     0);
		t_eq(objects.n, 2);
		t_eq(objects.alg, algs[i]);
		t_str(objects.v[0].path, "ab/cd");
		t_eq(objects.v[0].size, 70000);
		t_mem(objects.v[0].digest, digest, cfs_hash_len(algs[i]));
		t_str(objects.v[1].path, "x");
		t_ok(objects.v[1].size == UINT64_MAX && !objects.v[1].digest);
		fsck_objects_fini(&objects);
		free(bytes.p);
	}
}

/* Where a list is cut between two objects, it is a shorter list: the end is the jail's matter. */
T(a_list_that_is_cut_is_refused)
{
	struct cfs_mem bytes = put(CFS_SHA256);
	const size_t first_end = 1 + 11 + 5 + 32;

	for (size_t len = 0; len < bytes.len; len++)
		t_eq(take(&bytes, len), len == 1 || len == first_end ? 0 : -EUCLEAN);
	free(bytes.p);
}

T(fields_that_make_no_sense_are_refused)
{
	static const struct {
		size_t off;
		uint8_t value;
	} edits[] = {
		{0, 0},	      /* no algorithm */
		{0, 3},	      /* none that is known */
		{1 + 8, 0},   /* a path without length */
		{1 + 10, 2},  /* neither with nor without digest */
		{1 + 11, 0},  /* NUL in a path */
		{1 + 9, 255}, /* a path that ends behind the answer */
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct cfs_mem bytes = put(CFS_SHA256);

		bytes.p[edits[i].off] = edits[i].value;
		t_eq(take(&bytes, bytes.len), -EUCLEAN);
		free(bytes.p);
	}
}

static int take_path_of(size_t len)
{
	static char path[CFS_PAYLOAD_MAX + 1];
	struct fsck_objects objects = {.alg = CFS_SHA256};
	struct cfs_mem bytes = {0};
	int rc;

	memset(path, 'p', sizeof(path));
	t_eq(fsck_objects_add(&objects, (struct cfs_text){path, len}, 1, NULL, NULL), 0);
	t_eq(fsck_wire_put(&objects, cfs_sink_mem(&bytes), NULL), 0);
	fsck_objects_fini(&objects);
	rc = take(&bytes, bytes.len);
	free(bytes.p);
	return rc;
}

T(paths_are_bounded)
{
	t_eq(take_path_of(CFS_PAYLOAD_MAX), 0);
	t_eq(take_path_of(CFS_PAYLOAD_MAX + 1), -EUCLEAN);
}
