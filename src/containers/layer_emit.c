/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A layer of the repository to a sink. */
#include "containers/layer_emit.h"

#include <errno.h>

#include "containers/layer_feed.h"

enum { PIECE_LEN = 128 * 1024 };

/* Passes the bytes on; actual becomes their digest. */
static int emit_bytes(struct cfs_feed from, struct cfs_sink to,
		      const struct cfs_emit_progress *progress,
		      const struct cfs_watch *watch, struct cfs_oci_digest *actual,
		      struct cfs_err *err)
{
	cfs_autofree uint8_t *piece = malloc(PIECE_LEN);
	struct cfs_hash h;
	ssize_t n;

	if (!piece)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_hash_init(&h, actual->alg);
	while ((n = from.read(from.ctx, piece, PIECE_LEN, err)) > 0) {
		int rc = cfs_watch_poll(watch, err);

		if (rc == 0)
			rc = to.write(to.ctx, piece, (size_t)n, err);
		if (rc < 0)
			return rc;
		cfs_hash_update(&h, piece, (size_t)n);
		if (progress)
			progress->add(progress->ctx, (uint64_t)n);
	}
	cfs_oci_digest_final(&h, actual);
	return (int)n;
}

int cfs_containers_emit_layer(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_id, struct cfs_sink to,
			      const struct cfs_emit_progress *progress,
			      const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_oci_digest actual = {.alg = diff_id->alg};
	char texts[2][CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_layer_feed *feed;
	int rc = cfs_layer_feed_open(repo, diff_id, watch, &feed, err);

	if (rc < 0)
		return rc;
	rc = emit_bytes(cfs_layer_feed_get(feed), to, progress, watch, &actual, err);
	cfs_layer_feed_close(feed);
	if (rc == 0 && !cfs_oci_digest_eq(diff_id, &actual))
		rc = cfs_fail(err, EUCLEAN, "expected digest %s, got %s",
			      cfs_oci_digest_text(diff_id, texts[0]),
			      cfs_oci_digest_text(&actual, texts[1]));
	return rc;
}
