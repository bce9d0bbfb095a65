/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Content digests: text, comparison, computation. */
#include "oci/digest.h"

#include <errno.h>
#include <stdio.h>

static bool has_upper_case(struct cfs_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.s[i] >= 'A' && t.s[i] <= 'Z')
			return true;
	return false;
}

int cfs_oci_digest_parse(struct cfs_text in, struct cfs_oci_digest *out,
			 struct cfs_err *err)
{
	static const struct {
		struct cfs_text prefix;
		enum cfs_hash_alg alg;
	} known[] = {{CFS_TEXT("sha256:"), CFS_SHA256},
		     {CFS_TEXT("sha512:"), CFS_SHA512}};

	*out = (struct cfs_oci_digest){0};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct cfs_text hex = in;

		if (!cfs_text_skip_prefix(&hex, known[i].prefix))
			continue;
		out->alg = known[i].alg;
		if (!has_upper_case(hex) &&
		    cfs_hex_decode(hex, out->bytes, cfs_hash_len(out->alg)))
			return 0;
	}
	return cfs_fail(
		err, EINVAL,
		"digest: expected sha256: or sha512: and lower-case hex digits, got "
		"\"%.*s\"",
		(int)(in.len < 200 ? in.len : 200), in.s);
}

const char *cfs_oci_digest_text(const struct cfs_oci_digest *d,
				char out[CFS_OCI_DIGEST_TEXT_MAX])
{
	int n = snprintf(out, CFS_OCI_DIGEST_TEXT_MAX, "%s:", cfs_hash_name(d->alg));
	size_t len = cfs_hash_len(d->alg);

	cfs_hex_encode(d->bytes, len, out + n);
	out[(size_t)n + 2 * len] = '\0';
	return out;
}

bool cfs_oci_digest_eq(const struct cfs_oci_digest *a, const struct cfs_oci_digest *b)
{
	return a->alg == b->alg && memcmp(a->bytes, b->bytes, cfs_hash_len(a->alg)) == 0;
}

void cfs_oci_digest_final(struct cfs_hash *h, struct cfs_oci_digest *out)
{
	*out = (struct cfs_oci_digest){.alg = h->alg};
	cfs_hash_final(h, out->bytes);
}

void cfs_oci_digest_of(enum cfs_hash_alg alg, struct cfs_span bytes,
		       struct cfs_oci_digest *out)
{
	struct cfs_hash h;

	cfs_hash_init(&h, alg);
	cfs_hash_update(&h, bytes.p, bytes.len);
	cfs_oci_digest_final(&h, out);
}

int cfs_oci_digest_expect(const struct cfs_oci_digest *expected,
			  const struct cfs_oci_digest *actual, struct cfs_err *err)
{
	char want[CFS_OCI_DIGEST_TEXT_MAX], got[CFS_OCI_DIGEST_TEXT_MAX];

	if (cfs_oci_digest_eq(expected, actual))
		return 0;
	return cfs_fail(err, EILSEQ, "digest mismatch: expected %s, got %s",
			cfs_oci_digest_text(expected, want),
			cfs_oci_digest_text(actual, got));
}
