/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Single layers from archives. */
#include <errno.h>

#include "containers/check.h"
#include "containers/layer_write.h"
#include "containers/names.h"
#include "decompress/decompress.h"
#include "repo/repo.h"

/* Stores a layer of the user. One that has not the announced diff_id leaves nothing
 * with a name. */
static int write_checked(struct cfs_feed from, const struct cfs_oci_digest *diff_id,
			 const struct cfs_containers_layer_opts *opts,
			 struct cfs_containers_layer *out, struct cfs_err *err)
{
	struct cfs_decompress_opts limits = {.watch = opts->watch};
	struct cfs_decompress *d;
	int rc = cfs_decompress_open(from, &limits, &d, err);

	if (rc < 0)
		return rc;
	rc = cfs_containers_write_layer(cfs_decompress_get_feed(d), diff_id->alg, opts,
					out, err);
	cfs_decompress_close(d);
	return rc < 0 ? rc : cfs_oci_digest_expect(diff_id, &out->diff_id, err);
}

/* The stream gets its name only after the diff_id was compared and everything is on
 * disk. A failure leaves at most objects without a name, which a collection removes. */
int cfs_containers_import_layer(struct cfs_repo *repo, struct cfs_feed from,
				const struct cfs_oci_digest *diff_id,
				const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_store_opts store = {.n_workers = CFS_CONTAINERS_LAYER_WORKERS,
				       .watch = watch};
	struct cfs_containers_layer_opts opts = {.alg = cfs_repo_get_meta(repo)->alg,
						 .watch = watch};
	struct cfs_repo_link link = {.kind = CFS_REPO_STREAMS};
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_containers_layer layer;
	int rc = cfs_repo_open_store(repo, &store, &opts.store, err);

	if (rc < 0)
		return rc;
	rc = write_checked(from, diff_id, &opts, &layer, err);
	if (rc == 0)
		rc = cfs_store_commit(opts.store, err);
	cfs_store_close(opts.store);
	if (rc < 0)
		return rc;
	link.id = layer.stream;
	link.name =
		cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, diff_id, name);
	return cfs_repo_publish(repo, &link, err);
}
