/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether a layer of the repository is what its name says. Programs that share the repository
 * may name a stream after a digest that they did not compute. */
#include "containers/layer_check.h"

#include <errno.h>

#include "containers/layer_emit.h"
#include "containers/layer_read.h"
#include "containers/names.h"
#include "repo/repo.h"

static int drop_entry(void *ctx, const struct cfs_tar_entry *entry,
		      const struct cfs_inode_spec *inode, struct cfs_err *err)
{
	(void)ctx, (void)entry, (void)inode, (void)err;
	return 0;
}

static int drop_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx, (void)p, (void)len, (void)err;
	return 0;
}

/* Errors that are answers about the layer. Others say nothing about it. */
static bool is_layer_damage(int rc)
{
	return rc == -ENOENT || rc == -EUCLEAN || rc == -EILSEQ || rc == -EINVAL ||
	       rc == -EFBIG;
}

int cfs_containers_check_layer(const struct cfs_repo *repo,
			       const struct cfs_oci_digest *diff_id, bool with_digest,
			       const struct cfs_watch *watch, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], entry[CFS_REPO_LINK_MAX];
	const struct cfs_sink nowhere = {drop_data, NULL};
	struct cfs_digest stream;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, diff_id, name);
	rc = cfs_repo_find_stream(repo, name, entry, &stream, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = cfs_containers_read_layer(repo, diff_id, true, drop_entry, NULL,
					       watch, err);
	if (rc == 0 && with_digest)
		rc = cfs_containers_emit_layer(repo, diff_id, nowhere, NULL, watch, err);
	if (rc == 0)
		return 1;
	return is_layer_damage(rc) ? -EUCLEAN : rc;
}
