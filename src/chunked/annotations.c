/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The annotations of a zstd:chunked layer. The footer of the blob says the same, but it is
 * not covered by the digest of the manifest. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "chunked/chunked.h"

/* Writers before May 2024 use names without "github" and have no tar-split. */
#define PREFIX "io.github.containers.zstd-chunked."

enum { TOC_TYPE = 1, NUMBERS_MAX = 4 };

/* Numbers with colons between them; just so many. */
static bool parse_numbers(const char *s, unsigned n, uint64_t out[NUMBERS_MAX])
{
	for (unsigned i = 0; i < n; i++) {
		char *end;

		if (*s < '0' || *s > '9')
			return false;
		errno = 0;
		out[i] = strtoull(s, &end, 10);
		if (errno || *end != (i + 1 < n ? ':' : '\0'))
			return false;
		s = end + 1;
	}
	return true;
}

static int set_part(const uint64_t numbers[NUMBERS_MAX], uint64_t blob_len, uint64_t max,
		    struct cfs_chunked_part *out, struct cfs_err *err)
{
	*out = (struct cfs_chunked_part){{numbers[0], numbers[1]}, numbers[2]};
	if (!out->at.len || out->at.off > blob_len ||
	    out->at.len > blob_len - out->at.off)
		return cfs_fail(err, EINVAL, "expected a part of the blob");
	if (out->at.len > max || out->plain_len > CFS_CHUNKED_PLAIN_MAX)
		return cfs_fail(err, EFBIG, "expected at most %" PRIu64 " bytes", max);
	return 0;
}

static int parse_part(const char *text, unsigned n, uint64_t blob_len, uint64_t max,
		      struct cfs_chunked_part *out, struct cfs_err *err)
{
	uint64_t numbers[NUMBERS_MAX] = {0, 0, 0, TOC_TYPE};

	if (!parse_numbers(text, n, numbers))
		return cfs_fail(err, EINVAL, "expected %u numbers, got \"%.100s\"", n,
				text);
	if (numbers[3] != TOC_TYPE)
		return cfs_fail(err, EINVAL, "expected type %d, got %" PRIu64, TOC_TYPE,
				numbers[3]);
	return set_part(numbers, blob_len, max, out, err);
}

static int parse_sum(const char *text, uint8_t out[CFS_SHA256_LEN], struct cfs_err *err)
{
	struct cfs_oci_digest digest;
	int rc = cfs_oci_digest_parse(cfs_text(text), &digest, err);

	if (rc == 0 && digest.alg != CFS_SHA256)
		return cfs_fail(err, EINVAL, "expected sha256");
	if (rc == 0)
		memcpy(out, digest.bytes, CFS_SHA256_LEN);
	return rc;
}

/* Returns 0 if the layer is not zstd:chunked, which is usual. Annotations are written by
 * the registry: their positions must lie in the blob and must not overlap. */
int cfs_chunked_parse_layer(const struct cfs_oci_descriptor *d,
			    struct cfs_chunked_layer *out, struct cfs_err *err)
{
	const char *toc = cfs_oci_find_annotation(d, PREFIX "manifest-position");
	const char *sum = cfs_oci_find_annotation(d, PREFIX "manifest-checksum");
	const char *tarsplit = cfs_oci_find_annotation(d, PREFIX "tarsplit-position");
	int rc;

	if (!toc || !sum || !tarsplit)
		return 0;
	rc = cfs_context(err,
			 parse_part(toc, 4, d->size, CFS_CHUNKED_TOC_MAX, &out->toc, err),
			 "manifest-position");
	if (rc == 0)
		rc = cfs_context(err, parse_sum(sum, out->toc_sha256, err),
				 "manifest-checksum");
	if (rc == 0)
		rc = cfs_context(err,
				 parse_part(tarsplit, 3, d->size,
					    CFS_CHUNKED_TARSPLIT_MAX, &out->tarsplit,
					    err),
				 "tarsplit-position");
	if (rc == 0 && out->tarsplit.at.off < out->toc.at.off + out->toc.at.len)
		rc = cfs_fail(err, EINVAL,
			      "tarsplit-position: expected at least %" PRIu64
			      ", got %" PRIu64,
			      out->toc.at.off + out->toc.at.len, out->tarsplit.at.off);
	return rc < 0 ? rc : 1;
}
