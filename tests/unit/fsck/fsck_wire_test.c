/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: what was found crosses the border of the jail whole, and nothing else does. */
#include "t.h"

#include "fsck/wire.h"

static const uint8_t digest[CFS_HASH_MAX_LEN] = {1, 2, 3, 0xff};

/* Where the objects begin: each rule about kernels has 9 bytes, one of them a path, too. */
enum { OBJECTS_OFF = 9 * CFS_KERNEL_N_RULES + 5 };

/* An answer as bytes: two objects, one of them without digest. */
static struct cfs_mem put(enum cfs_hash_alg alg)
{
	struct cfs_fsck_answer answer = {.objects.alg = alg};
	struct cfs_mem bytes = {0};

	answer.kernel[2].n = 70000;
	strcpy(answer.kernel[2].first, "/path");
	t_eq(cfs_fsck_objects_add(&answer.objects, CFS_TEXT("ab/cd"), 70000, digest,
				  NULL),
	     0);
	t_eq(cfs_fsck_objects_add(&answer.objects, CFS_TEXT("x"), UINT64_MAX, NULL, NULL),
	     0);
	t_eq(fsck_wire_put(&answer, cfs_sink_mem(&bytes), NULL), 0);
	cfs_fsck_objects_fini(&answer.objects);
	return bytes;
}

static int take(const struct cfs_mem *bytes, size_t len)
{
	struct cfs_fsck_answer answer = {0};
	struct cfs_err err = {""};
	int rc = fsck_wire_take((struct cfs_span){bytes->p, len}, &answer, &err);

	if (rc < 0)
		t_has(err.msg, "isolated check: ");
	cfs_fsck_objects_fini(&answer.objects);
	return rc;
}

T(objects_cross_whole)
{
	enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < 2; i++) {
		struct cfs_fsck_answer answer = {0};
		struct cfs_mem bytes = put(algs[i]);

		t_eq(fsck_wire_take((struct cfs_span){bytes.p, bytes.len}, &answer, NULL),
		     0);
		t_eq(answer.kernel[2].n, 70000);
		t_str(answer.kernel[2].first, "/path");
		t_eq(answer.kernel[1].n, 0);
		t_str(answer.kernel[1].first, "");
		t_eq(answer.objects.n, 2);
		t_eq(answer.objects.alg, algs[i]);
		t_str(answer.objects.v[0].path, "ab/cd");
		t_eq(answer.objects.v[0].size, 70000);
		t_mem(answer.objects.v[0].digest, digest, cfs_hash_len(algs[i]));
		t_str(answer.objects.v[1].path, "x");
		t_ok(answer.objects.v[1].size == UINT64_MAX &&
		     !answer.objects.v[1].digest);
		cfs_fsck_objects_fini(&answer.objects);
		free(bytes.p);
	}
}

/* Where a list is cut between two objects, it is a shorter list: the end is the jail's matter. */
T(a_list_that_is_cut_is_refused)
{
	struct cfs_mem bytes = put(CFS_SHA256);
	const size_t first_end = OBJECTS_OFF + 1 + 11 + 5 + 32;

	for (size_t len = 0; len < bytes.len; len++)
		t_eq(take(&bytes, len),
		     len == OBJECTS_OFF + 1 || len == first_end ? 0 : -EUCLEAN);
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

		bytes.p[OBJECTS_OFF + edits[i].off] = edits[i].value;
		t_eq(take(&bytes, bytes.len), -EUCLEAN);
		free(bytes.p);
	}
}

static int take_path_of(size_t len)
{
	static char path[CFS_PAYLOAD_MAX + 1];
	struct cfs_fsck_answer answer = {.objects.alg = CFS_SHA256};
	struct cfs_mem bytes = {0};
	int rc;

	memset(path, 'p', sizeof(path));
	t_eq(cfs_fsck_objects_add(&answer.objects, (struct cfs_text){path, len}, 1, NULL,
				  NULL),
	     0);
	t_eq(fsck_wire_put(&answer, cfs_sink_mem(&bytes), NULL), 0);
	cfs_fsck_objects_fini(&answer.objects);
	rc = take(&bytes, bytes.len);
	free(bytes.p);
	return rc;
}

T(paths_are_bounded)
{
	t_eq(take_path_of(CFS_PAYLOAD_MAX), 0);
	t_eq(take_path_of(CFS_PAYLOAD_MAX + 1), -EUCLEAN);
}
