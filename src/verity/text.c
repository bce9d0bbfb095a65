/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: the text forms of a digest. */
#include "verity/verity.h"

#include <errno.h>
#include <stdio.h>

const char *cfs_digest_hex(const struct cfs_digest *d, char out[CFS_DIGEST_HEX_MAX])
{
	size_t len = cfs_hash_len(d->alg);

	cfs_hex_encode(d->bytes, len, out);
	out[2 * len] = '\0';
	return out;
}

const char *cfs_digest_text(const struct cfs_digest *d, char out[CFS_DIGEST_TEXT_MAX])
{
	char hex[CFS_DIGEST_HEX_MAX];

	snprintf(out, CFS_DIGEST_TEXT_MAX, "%s:%s", cfs_hash_name(d->alg),
		 cfs_digest_hex(d, hex));
	return out;
}

const char *cfs_digest_path(const struct cfs_digest *d, char out[CFS_OBJECT_PATH_MAX])
{
	size_t len = cfs_hash_len(d->alg);

	cfs_hex_encode(d->bytes, 1, out);
	out[2] = '/';
	cfs_hex_encode(d->bytes + 1, len - 1, out + 3);
	out[2 * len + 1] = '\0';
	return out;
}

int cfs_digest_parse(struct cfs_text in, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_text hex = in;
	bool want_256 = cfs_text_skip_prefix(&hex, CFS_TEXT("sha256:"));
	bool want_512 = !want_256 && cfs_text_skip_prefix(&hex, CFS_TEXT("sha512:"));
	struct cfs_digest d = {.alg = hex.len == 2 * CFS_SHA512_LEN ? CFS_SHA512
								    : CFS_SHA256};

	if ((want_256 && d.alg != CFS_SHA256) || (want_512 && d.alg != CFS_SHA512) ||
	    !cfs_hex_decode(hex, d.bytes, cfs_hash_len(d.alg)))
		return cfs_fail(
			err, EINVAL,
			"digest: expected 64 (sha256) or 128 (sha512) hex digits, "
			"got \"%.*s\"",
			(int)(in.len < 200 ? in.len : 200), in.s ? in.s : "");
	*out = d;
	return 0;
}

bool cfs_digest_eq(const struct cfs_digest *a, const struct cfs_digest *b)
{
	return a->alg == b->alg && memcmp(a->bytes, b->bytes, cfs_hash_len(a->alg)) == 0;
}

size_t cfs_digest_format(const struct cfs_digest *d,
			 uint8_t out[CFS_DIGEST_FORMATTED_MAX])
{
	static const char magic[8] = {'F', 'S', 'V', 'e', 'r', 'i', 't', 'y'};
	size_t len = cfs_hash_len(d->alg);

	memcpy(out, magic, sizeof(magic));
	cfs_put_le16(out + 8, (uint16_t)d->alg);
	cfs_put_le16(out + 10, (uint16_t)len);
	memcpy(out + 12, d->bytes, len);
	return 12 + len;
}
