/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Pulling a container image: documents, layers, the image of the merged tree, names. */
#include <errno.h>

#include "containers/pull_priv.h"

/* Makes the image of the merged layers and adds it to the store. */
static int make_merged_image(struct pull *p, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_profile_rules rules;
	struct cfs_image_opts form;
	struct cfs_tree *tree;
	int rc = cfs_containers_make_rules(p->repo, &p->opts->merge, &rules, err);

	if (rc == 0)
		rc = cfs_containers_merge_tree(p->repo, p->config.diff_ids,
					       p->config.n_diff_ids, &p->opts->merge,
					       &tree, err);
	if (rc < 0)
		return rc;
	form = cfs_profile_get_image_opts(&rules);
	rc = cfs_repo_add_tree(p->repo, p->store, tree, &form, out, err);
	cfs_tree_free(tree);
	return rc;
}

static int pull_image(struct pull *p, struct cfs_pull_result *out, struct cfs_err *err)
{
	int rc = pull_layers(p, err);

	if (rc == 0)
		rc = make_merged_image(p, &out->image, err);
	if (rc == 0)
		rc = pull_check_seal(p, &out->image, err);
	if (rc == 0)
		rc = pull_publish(p, &out->image, err);
	return rc < 0 ? rc : pull_referrers(p, err);
}

/* An artifact has no image, which a seal announces, and is none of a platform. */
static int check_pulled_kind(const struct pull *p, struct cfs_err *err)
{
	if (p->manifest.is_image ||
	    (!p->opts->entry && p->opts->seal != CFS_SEAL_REQUIRE))
		return 0;
	return cfs_fail(
		err, ENOTSUP,
		"expected the image of a container, got an artifact of type \"%.100s\"",
		p->manifest.artifact_type ? p->manifest.artifact_type
					  : p->manifest.config.media_type);
}

/* Pulls what the source names: an image or an artifact. out is filled in even after a
 * failure, for the messages. */
static int pull_all(struct pull *p, struct cfs_pull_result *out, struct cfs_err *err)
{
	int rc = pull_documents(p, err);

	if (rc == 0)
		rc = check_pulled_kind(p, err);
	if (rc == 0)
		rc = p->manifest.is_image ? pull_image(p, out, err)
					  : pull_named_artifact(p, err);
	out->is_image = p->manifest.is_image;
	out->manifest = p->digest;
	out->config = p->manifest.config.digest;
	out->n_layers = p->n_layers;
	out->n_present = p->n_layers - p->n_missing;
	out->n_referrers = p->n_referrers;
	out->bytes_read = atomic_load(&p->bytes_read);
	out->bytes_saved = atomic_load(&p->bytes_saved);
	return rc;
}

static void close_pull(struct pull *p)
{
	cfs_store_close(p->store);
	cfs_oci_config_fini(&p->config);
	cfs_oci_manifest_fini(&p->manifest);
	free(p->manifest_json.p);
	free(p->config_json.p);
	for (size_t i = 0; p->layers && i < p->n_layers; i++)
		free(p->layers[i].contents);
	cfs_content_index_close(&p->contents);
	free(p->layers);
	free(p->order);
}

/* An invalid tag is reported before anything is transferred. */
static int check_tag(const struct cfs_pull_opts *opts, struct cfs_err *err)
{
	char ref[CFS_CONTAINERS_REF_MAX];

	return opts->tag ? cfs_containers_format_ref(opts->tag, ref, err) : 0;
}

int cfs_containers_pull(struct cfs_repo *repo, const struct cfs_transport *from,
			const struct cfs_pull_opts *opts, struct cfs_pull_result *out,
			struct cfs_err *err)
{
	struct pull p = {.repo = repo, .from = from, .opts = opts};
	unsigned n = opts->n_threads ? opts->n_threads : cfs_pool_count_cpus();
	struct cfs_store_opts store = {.n_workers = n * CFS_CONTAINERS_LAYER_WORKERS,
				       .reads_existing = opts->distrusts_present,
				       .watch = opts->watch};
	int rc = check_tag(opts, err);

	*out = (struct cfs_pull_result){0};
	if (rc == 0)
		rc = cfs_repo_open_store(repo, &store, &p.store, err);
	if (rc == 0)
		rc = pull_all(&p, out, err);
	close_pull(&p);
	return rc;
}
