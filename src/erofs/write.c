/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The image writer: plan, then emit, with the digest of the bytes as they pass. */
#include "erofs/write.h"

#include <errno.h>

#include "verity/verity.h"

static int discard_bytes(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx, (void)p, (void)len, (void)err;
	return 0;
}

/* Emits to the sink and to the digest. */
static int emit_and_digest(const struct cfs_plan *plan, enum cfs_hash_alg alg,
			   struct cfs_sink sink, struct cfs_digest *digest,
			   struct cfs_err *err)
{
	struct cfs_verity *verity;
	struct cfs_tee tee;
	int rc;

	if (cfs_verity_new(alg, &verity) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	tee = (struct cfs_tee){sink, cfs_verity_get_sink(verity)};
	rc = cfs_emit(plan, sink.write ? cfs_sink_tee(&tee) : tee.b, err);
	if (rc == 0)
		cfs_verity_final(verity, digest);
	cfs_verity_free(verity);
	return rc;
}

int cfs_image_write(const struct cfs_tree *tree, const struct cfs_image_write *how,
		    struct cfs_sink sink, struct cfs_err *err)
{
	const struct cfs_sink nowhere = {.write = discard_bytes};
	struct cfs_plan *plan;
	int rc = cfs_plan_new(tree, &how->form, how->watch, &plan, err);

	if (rc < 0)
		return rc;
	if (how->version)
		*how->version = cfs_plan_version(plan);
	if (how->digest)
		rc = emit_and_digest(plan, tree->alg, sink, how->digest, err);
	else
		rc = cfs_emit(plan, sink.write ? sink : nowhere, err);
	cfs_plan_free(plan);
	return rc;
}
