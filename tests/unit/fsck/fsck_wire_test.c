/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: the findings leave the sandbox complete, and no other bytes are accepted. */
#include "t.h"

#include "fsck/wire.h"

static const uint8_t digest[CFS_HASH_MAX_LEN] = {1, 2, 3, 0xff};

/* Where the objects begin: each rule about kernels has 9 bytes, one of them a path, too. */
enum { OBJECTS_OFF = 9 * CFS_KERNEL_N_RULES + 5 };

static const struct cfs_fsck_object first = {.path = "ab/cd",
					     .path_len = 5,
					     .user = "/usr",
					     .user_len = 4,
					     .n_users = 3,
					     .digest = digest,
					     .size = 70000,
					     .other_size = 80000,
					     .sizes_differ = true};
static const struct cfs_fsck_object second = {.path = "x",
					      .path_len = 1,
					      .user = "/x",
					      .user_len = 2,
					      .n_users = 1,
					      .size = UINT64_MAX,
					      .digests_differ = true};

/* An answer as bytes: two objects, one of them without digest. */
static struct cfs_mem encode(enum cfs_hash_alg alg)
{
	struct cfs_fsck_answer answer = {.objects.alg = alg};
	struct cfs_mem bytes = {0};

	answer.kernel[2].n = 70000;
	strcpy(answer.kernel[2].first, "/path");
	t_eq(cfs_fsck_objects_add(&answer.objects, &first, NULL), 0);
	t_eq(cfs_fsck_objects_add(&answer.objects, &second, NULL), 0);
	t_eq(fsck_wire_encode(&answer, cfs_sink_mem(&bytes), NULL), 0);
	cfs_fsck_objects_fini(&answer.objects);
	return bytes;
}

static int decode(const struct cfs_mem *bytes, size_t len)
{
	struct cfs_fsck_answer answer = {0};
	struct cfs_err err = {""};
	int rc = fsck_wire_decode((struct cfs_span){bytes->p, len}, &answer, &err);

	if (rc < 0)
		t_has(err.msg, "isolated check: ");
	cfs_fsck_objects_fini(&answer.objects);
	return rc;
}

T(objects_are_transferred_completely)
{
	enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < 2; i++) {
		struct cfs_fsck_answer answer = {0};
		struct cfs_mem bytes = encode(algs[i]);

		t_eq(fsck_wire_decode((struct cfs_span){bytes.p, bytes.len}, &answer,
				      NULL),
		     0);
		t_eq(answer.kernel[2].n, 70000);
		t_str(answer.kernel[2].first, "/path");
		t_eq(answer.kernel[1].n, 0);
		t_str(answer.kernel[1].first, "");
		t_eq(answer.objects.n, 2);
		t_eq(answer.objects.alg, algs[i]);
		t_str(answer.objects.v[0].path, "ab/cd");
		t_str(answer.objects.v[0].user, "/usr");
		t_eq(answer.objects.v[0].n_users, 3);
		t_eq(answer.objects.v[0].size, 70000);
		t_eq(answer.objects.v[0].other_size, 80000);
		t_ok(answer.objects.v[0].sizes_differ &&
		     !answer.objects.v[0].digests_differ);
		t_mem(answer.objects.v[0].digest, digest, cfs_hash_len(algs[i]));
		t_str(answer.objects.v[1].path, "x");
		t_ok(answer.objects.v[1].size == UINT64_MAX &&
		     !answer.objects.v[1].digest);
		t_ok(!answer.objects.v[1].sizes_differ &&
		     answer.objects.v[1].digests_differ);
		cfs_fsck_objects_fini(&answer.objects);
		free(bytes.p);
	}
}

/* A list that is cut between two objects is a valid shorter list; the sandbox reports a truncated answer. */
T(a_truncated_list_is_refused)
{
	struct cfs_mem bytes = encode(CFS_SHA256);
	const size_t first_end = OBJECTS_OFF + 1 + 28 + 5 + 4 + 32;

	for (size_t len = 0; len < bytes.len; len++)
		t_eq(decode(&bytes, len),
		     len == OBJECTS_OFF + 1 || len == first_end ? 0 : -EUCLEAN);
	free(bytes.p);
}

T(invalid_fields_are_refused)
{
	static const struct {
		size_t off;
		uint8_t value;
	} edits[] = {
		{0, 0},		 /* no algorithm */
		{0, 3},		 /* none that is known */
		{1 + 16, 0},	 /* no user */
		{1 + 24, 0},	 /* a path of length 0 */
		{1 + 25, 255},	 /* a path that ends behind the answer */
		{1 + 26, 0},	 /* a user of length 0 */
		{1 + 26, 255},	 /* a user that ends behind the answer */
		{1 + 27, 8},	 /* an unknown flag */
		{1 + 28, 0},	 /* NUL in a path */
		{1 + 28 + 5, 0}, /* NUL in a user */
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct cfs_mem bytes = encode(CFS_SHA256);

		bytes.p[OBJECTS_OFF + edits[i].off] = edits[i].value;
		t_eq(decode(&bytes, bytes.len), -EUCLEAN);
		free(bytes.p);
	}
}

static int decode_path_of(size_t len)
{
	static char path[CFS_PAYLOAD_MAX + 1];
	struct cfs_fsck_object object = {
		.path = path, .path_len = len, .user = "/u", .user_len = 2, .n_users = 1};
	struct cfs_fsck_answer answer = {.objects.alg = CFS_SHA256};
	struct cfs_mem bytes = {0};
	int rc;

	memset(path, 'p', sizeof(path));
	t_eq(cfs_fsck_objects_add(&answer.objects, &object, NULL), 0);
	t_eq(fsck_wire_encode(&answer, cfs_sink_mem(&bytes), NULL), 0);
	cfs_fsck_objects_fini(&answer.objects);
	rc = decode(&bytes, bytes.len);
	free(bytes.p);
	return rc;
}

T(paths_are_bounded)
{
	t_eq(decode_path_of(CFS_PAYLOAD_MAX), 0);
	t_eq(decode_path_of(CFS_PAYLOAD_MAX + 1), -EUCLEAN);
}

/* A path in an image has no limit: what is shown is cut off. */
T(long_names_of_users_are_truncated)
{
	static char user[CFS_FSCK_USER_MAX + 2];
	struct cfs_fsck_object object = {.path = "x",
					 .path_len = 1,
					 .user = user,
					 .user_len = CFS_FSCK_USER_MAX + 1,
					 .n_users = 1};
	struct cfs_fsck_answer answer = {.objects.alg = CFS_SHA256}, got = {0};
	struct cfs_mem bytes = {0};

	memset(user, 'u', CFS_FSCK_USER_MAX + 1);
	t_eq(cfs_fsck_objects_add(&answer.objects, &object, NULL), 0);
	t_eq(fsck_wire_encode(&answer, cfs_sink_mem(&bytes), NULL), 0);
	t_eq(fsck_wire_decode((struct cfs_span){bytes.p, bytes.len}, &got, NULL), 0);
	t_eq(strlen(got.objects.v[0].user), CFS_FSCK_USER_MAX);
	cfs_fsck_objects_fini(&answer.objects);
	cfs_fsck_objects_fini(&got.objects);
	free(bytes.p);
}
