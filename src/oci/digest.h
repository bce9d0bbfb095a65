/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Content digests: "sha256:HEX" and "sha512:HEX" of all bytes of a blob. They are not
 * fs-verity digests (struct cfs_digest), which name objects and images. */
#ifndef CFS_OCI_DIGEST_H
#define CFS_OCI_DIGEST_H

#include "base/base.h"
#include "hash/hash.h"

struct cfs_oci_digest {
	enum cfs_hash_alg alg;
	uint8_t bytes[CFS_HASH_MAX_LEN]; /* cfs_hash_len(alg) count, the rest is zero */
};

enum { CFS_OCI_DIGEST_TEXT_MAX = sizeof("sha512:") + 2 * CFS_HASH_MAX_LEN };

/* Lower-case digits only, as the specification requires. -EINVAL: not a digest, or of
 * another algorithm. */
int cfs_oci_digest_parse(struct cfs_text in, struct cfs_oci_digest *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* "sha256:HEX" and a NUL; returns out. */
const char *cfs_oci_digest_text(const struct cfs_oci_digest *d,
				char out[CFS_OCI_DIGEST_TEXT_MAX]);

/* Are both of the same algorithm, and equal? */
bool cfs_oci_digest_eq(const struct cfs_oci_digest *a, const struct cfs_oci_digest *b);

/* The digest of bytes in memory. */
void cfs_oci_digest_of(enum cfs_hash_alg alg, struct cfs_span bytes,
		       struct cfs_oci_digest *out);

/* Takes the digest of what h has seen; h is used up. */
void cfs_oci_digest_final(struct cfs_hash *h, struct cfs_oci_digest *out);

/* -EILSEQ "expected sha256:..., got sha256:..." unless both are equal. */
int cfs_oci_digest_expect(const struct cfs_oci_digest *expected,
			  const struct cfs_oci_digest *actual,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
