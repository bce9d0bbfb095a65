/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What was found as bytes: how it comes out of the jail. */
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
 * digest. */
enum {
	WIRE_SIZE = 0,	      /* 8 bytes */
	WIRE_PATH_LEN = 8,    /* 2 bytes */
	WIRE_HAS_DIGEST = 10, /* 0 or 1 */
	WIRE_LEN = 11,
};

static void put_finding(struct cfs_out *out, const struct cfs_kernel_finding *f)
{
	uint8_t *head = cfs_out_room(out, RULE_LEN);
	size_t path_len = strlen(f->first);

	cfs_put_le64(head + RULE_N, f->n);
	head[RULE_PATH_LEN] = (uint8_t)path_len;
	cfs_out_put(out, f->first, path_len);
}

static void put_object(struct cfs_out *out, const struct cfs_fsck_object *o,
		       enum cfs_hash_alg alg)
{
	uint8_t *head = cfs_out_room(out, WIRE_LEN);

	cfs_put_le64(head + WIRE_SIZE, o->size);
	cfs_put_le16(head + WIRE_PATH_LEN, (uint16_t)o->path_len);
	head[WIRE_HAS_DIGEST] = o->digest != NULL;
	cfs_out_put(out, o->path, o->path_len);
	if (o->digest)
		cfs_out_put(out, o->digest, cfs_hash_len(alg));
}

int fsck_wire_put(const struct cfs_fsck_answer *answer, struct cfs_sink to,
		  struct cfs_err *err)
{
	const struct cfs_fsck_objects *objects = &answer->objects;
	struct cfs_out out;
	int rc;

	if (cfs_out_init(&out, to, PIECE_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		put_finding(&out, &answer->kernel[i]);
	cfs_out_char(&out, objects->n ? (char)objects->alg : 0);
	for (size_t i = 0; i < objects->n; i++)
		put_object(&out, &objects->v[i], objects->alg);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

/* Takes the first len bytes off in. */
static bool take(struct cfs_span *in, size_t len, struct cfs_span *out)
{
	return cfs_span_sub(*in, 0, len, out) &&
	       cfs_span_sub(*in, len, in->len - len, in);
}

/* An object of an answer; digest.p NULL: it has none. False when the bytes make no sense. */
static bool take_object(struct cfs_span *in, enum cfs_hash_alg alg, uint64_t *size,
			struct cfs_span *path, struct cfs_span *digest)
{
	struct cfs_span head;
	size_t path_len;

	if (!take(in, WIRE_LEN, &head))
		return false;
	*size = cfs_le64(head.p + WIRE_SIZE);
	path_len = cfs_le16(head.p + WIRE_PATH_LEN);
	if (path_len == 0 || path_len > CFS_PAYLOAD_MAX || !take(in, path_len, path) ||
	    memchr(path->p, '\0', path_len))
		return false;
	*digest = (struct cfs_span){0};
	return head.p[WIRE_HAS_DIGEST] == 0 ||
	       (head.p[WIRE_HAS_DIGEST] == 1 && take(in, cfs_hash_len(alg), digest));
}

static bool take_finding(struct cfs_span *in, struct cfs_kernel_finding *f)
{
	struct cfs_span head, path;

	static_assert(CFS_KERNEL_PATH_MAX >= UINT8_MAX, "any length fits");
	if (!take(in, RULE_LEN, &head) || !take(in, head.p[RULE_PATH_LEN], &path))
		return false;
	f->n = cfs_le64(head.p + RULE_N);
	memcpy(f->first, path.p, path.len);
	f->first[path.len] = '\0';
	return true;
}

static int take_objects(struct cfs_span in, struct cfs_fsck_objects *objects,
			struct cfs_err *err)
{
	struct cfs_span path, digest;
	uint64_t size;
	int rc = 0;

	while (rc == 0 && in.len) {
		if (!take_object(&in, objects->alg, &size, &path, &digest))
			return cfs_fail(err, EUCLEAN,
					"isolated check: object %zu of the answer makes "
					"no sense",
					objects->n);
		rc = cfs_fsck_objects_add(objects, cfs_span_text(path), size, digest.p,
					  err);
	}
	return rc;
}

int fsck_wire_take(struct cfs_span in, struct cfs_fsck_answer *answer,
		   struct cfs_err *err)
{
	struct cfs_span alg;

	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (!take_finding(&in, &answer->kernel[i]))
			return cfs_fail(err, EUCLEAN,
					"isolated check: the answer has no finding %zu",
					i);
	if (!take(&in, 1, &alg) ||
	    (in.len && *alg.p != CFS_SHA256 && *alg.p != CFS_SHA512))
		return cfs_fail(err, EUCLEAN,
				"isolated check: the answer is no list of objects");
	answer->objects.alg = (enum cfs_hash_alg) * alg.p;
	return take_objects(in, &answer->objects, err);
}
