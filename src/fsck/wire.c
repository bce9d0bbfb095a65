/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The findings as bytes that leave the sandbox. */
#include "fsck/wire.h"

#include <errno.h>

enum { PIECE_LEN = 65536 };

/* For each rule about kernels: this, then the path. */
enum {
	RULE_N = 0,	   /* 8 bytes */
	RULE_PATH_LEN = 8, /* 1 byte */
	RULE_LEN = 9,
};

/* Then the algorithm of the digests in a byte, 0 when there are no objects; and each object: this, its path, its
 * user, its digest. */
enum {
	WIRE_SIZE = 0,	     /* 8 bytes */
	WIRE_OTHER_SIZE = 8, /* 8 bytes */
	WIRE_N_USERS = 16,   /* 8 bytes */
	WIRE_PATH_LEN = 24,  /* 2 bytes */
	WIRE_USER_LEN = 26,  /* 1 byte */
	WIRE_FLAGS = 27,     /* 1 byte */
	WIRE_LEN = 28,
};

enum {
	HAS_DIGEST = 1,
	SIZES_DIFFER = 2,
	DIGESTS_DIFFER = 4,
	ALL_FLAGS = HAS_DIGEST | SIZES_DIFFER | DIGESTS_DIFFER,
};

static_assert(CFS_FSCK_USER_MAX == UINT8_MAX, "any length in a byte is valid");

static void encode_finding(struct cfs_out *out, const struct cfs_kernel_finding *f)
{
	uint8_t *head = cfs_out_room(out, RULE_LEN);
	size_t path_len = strlen(f->first);

	cfs_put_le64(head + RULE_N, f->n);
	head[RULE_PATH_LEN] = (uint8_t)path_len;
	cfs_out_put(out, f->first, path_len);
}

static uint8_t flags_of(const struct cfs_fsck_object *o)
{
	return (uint8_t)((o->digest ? HAS_DIGEST : 0) |
			 (o->sizes_differ ? SIZES_DIFFER : 0) |
			 (o->digests_differ ? DIGESTS_DIFFER : 0));
}

/* Encodes an object for the parent process; decode_object() checks each field. */
static void encode_object(struct cfs_out *out, const struct cfs_fsck_object *o,
			  enum cfs_hash_alg alg)
{
	uint8_t *head = cfs_out_room(out, WIRE_LEN);

	cfs_put_le64(head + WIRE_SIZE, o->size);
	cfs_put_le64(head + WIRE_OTHER_SIZE, o->other_size);
	cfs_put_le64(head + WIRE_N_USERS, o->n_users);
	cfs_put_le16(head + WIRE_PATH_LEN, (uint16_t)o->path_len);
	head[WIRE_USER_LEN] = (uint8_t)o->user_len;
	head[WIRE_FLAGS] = flags_of(o);
	cfs_out_put(out, o->path, o->path_len);
	cfs_out_put(out, o->user, o->user_len);
	if (o->digest)
		cfs_out_put(out, o->digest, cfs_hash_len(alg));
}

int fsck_wire_encode(const struct cfs_fsck_answer *answer, struct cfs_sink to,
		     struct cfs_err *err)
{
	const struct cfs_fsck_objects *objects = &answer->objects;
	struct cfs_out out;
	int rc;

	if (cfs_out_init(&out, to, PIECE_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		encode_finding(&out, &answer->kernel[i]);
	cfs_out_char(&out, objects->n ? (char)objects->alg : 0);
	for (size_t i = 0; i < objects->n; i++)
		encode_object(&out, &objects->v[i], objects->alg);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

/* Moves the first len bytes from in to out. */
static bool cut_span(struct cfs_span *in, size_t len, struct cfs_span *out)
{
	return cfs_span_sub(*in, 0, len, out) &&
	       cfs_span_sub(*in, len, in->len - len, in);
}

/* A path of 1 to max bytes without NUL. */
static bool cut_path(struct cfs_span *in, size_t len, size_t max, struct cfs_span *out)
{
	return len > 0 && len <= max && cut_span(in, len, out) &&
	       !memchr(out->p, '\0', len);
}

/* Decodes one object, which borrows from in. Returns false if the bytes are not a valid
 * object. */
static bool decode_object(struct cfs_span *in, enum cfs_hash_alg alg,
			  struct cfs_fsck_object *out)
{
	struct cfs_span head, path, user, digest = {0};
	uint8_t flags;

	if (!cut_span(in, WIRE_LEN, &head))
		return false;
	flags = head.p[WIRE_FLAGS];
	if ((flags & ~ALL_FLAGS) ||
	    !cut_path(in, cfs_le16(head.p + WIRE_PATH_LEN), CFS_PAYLOAD_MAX, &path) ||
	    !cut_path(in, head.p[WIRE_USER_LEN], CFS_FSCK_USER_MAX, &user) ||
	    ((flags & HAS_DIGEST) && !cut_span(in, cfs_hash_len(alg), &digest)))
		return false;
	*out = (struct cfs_fsck_object){
		.path = (const char *)path.p,
		.path_len = path.len,
		.user = (const char *)user.p,
		.user_len = user.len,
		.n_users = cfs_le64(head.p + WIRE_N_USERS),
		.digest = digest.p,
		.size = cfs_le64(head.p + WIRE_SIZE),
		.other_size = cfs_le64(head.p + WIRE_OTHER_SIZE),
		.sizes_differ = flags & SIZES_DIFFER,
		.digests_differ = flags & DIGESTS_DIFFER,
	};
	return out->n_users > 0;
}

static bool decode_finding(struct cfs_span *in, struct cfs_kernel_finding *f)
{
	struct cfs_span head, path;

	static_assert(CFS_KERNEL_PATH_MAX >= UINT8_MAX, "any length fits");
	if (!cut_span(in, RULE_LEN, &head) || !cut_span(in, head.p[RULE_PATH_LEN], &path))
		return false;
	f->n = cfs_le64(head.p + RULE_N);
	memcpy(f->first, path.p, path.len);
	f->first[path.len] = '\0';
	return true;
}

/* Parses what the sandboxed child answers. It read a hostile image, so nothing in the
 * answer is trusted. */
static int decode_objects(struct cfs_span in, struct cfs_fsck_objects *objects,
			  struct cfs_err *err)
{
	struct cfs_fsck_object object;
	int rc = 0;

	while (rc == 0 && in.len) {
		if (!decode_object(&in, objects->alg, &object))
			return cfs_fail(
				err, EUCLEAN,
				"isolated check: invalid object %zu in the answer",
				objects->n);
		rc = cfs_fsck_objects_add(objects, &object, err);
	}
	return rc;
}

int fsck_wire_decode(struct cfs_span in, struct cfs_fsck_answer *answer,
		     struct cfs_err *err)
{
	struct cfs_span alg;

	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (!decode_finding(&in, &answer->kernel[i]))
			return cfs_fail(err, EUCLEAN,
					"isolated check: invalid finding %zu in the "
					"answer",
					i);
	if (!cut_span(&in, 1, &alg) ||
	    (in.len && *alg.p != CFS_SHA256 && *alg.p != CFS_SHA512))
		return cfs_fail(err, EUCLEAN,
				"isolated check: unknown digest algorithm in the answer");
	answer->objects.alg = (enum cfs_hash_alg) * alg.p;
	return decode_objects(in, &answer->objects, err);
}
