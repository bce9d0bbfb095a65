/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From layers to the tree of an image. */
#include "containers/merge.h"

#include <errno.h>
#include <string.h>

#include "containers/layer_read.h"
#include "layers/layers.h"
#include "repo/repo.h"
#include "selinux/selinux.h"

struct merge {
	const struct cfs_repo *repo;
	const struct cfs_containers_merge *opts;
	struct cfs_layers *layers;
};

static int hide_entry(void *ctx, const struct cfs_tar_entry *entry,
		      const struct cfs_inode_spec *inode, struct cfs_err *err)
{
	struct merge *m = ctx;

	(void)inode;
	return cfs_layers_hide(m->layers, entry, err);
}

static int add_layer_entry(void *ctx, const struct cfs_tar_entry *entry,
			   const struct cfs_inode_spec *inode, struct cfs_err *err)
{
	struct merge *m = ctx;

	return cfs_layers_add(m->layers, entry, inode, err);
}

/* Merges one layer. Its whiteouts are read before its entries, so that they hide lower
 * layers only. The first layer has nothing below it to hide. */
static int merge_layer(struct merge *m, const struct cfs_oci_digest *diff_id,
		       bool is_first, struct cfs_err *err)
{
	char name[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = 0;

	cfs_layers_begin(m->layers, cfs_oci_digest_text(diff_id, name));
	if (!is_first && !m->opts->in_order)
		rc = cfs_containers_read_layer(m->repo, diff_id, false, hide_entry, m,
					       m->opts->watch, err);
	if (rc == 0)
		rc = cfs_containers_read_layer(m->repo, diff_id, true, add_layer_entry, m,
					       m->opts->watch, err);
	return rc;
}

/* Applies the layers from the lowest to the highest. *out is owned by the caller. */
static int merge_layers(struct merge *m, const struct cfs_oci_digest *diff_ids, size_t n,
			struct cfs_tree **out, struct cfs_err *err)
{
	struct cfs_layers_opts opts = {
		.alg = cfs_repo_get_meta(m->repo)->alg,
		.in_order = m->opts->in_order,
		.strict_parents = m->opts->strict_parents,
		.watch = m->opts->watch,
	};
	int rc = cfs_layers_new(&opts, &m->layers, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = merge_layer(m, &diff_ids[i], i == 0, err);
	if (rc < 0) {
		cfs_layers_free(m->layers);
		return rc;
	}
	return cfs_layers_finish(&m->layers, out, err);
}

/* Reads a file of an SELinux policy, which is an object. */
static int read_object_content(const void *ctx, const struct cfs_tree *tree, cfs_id file,
			       size_t max, struct cfs_mem *out, struct cfs_err *err)
{
	const struct cfs_repo *repo = ctx;
	struct cfs_digest id = {.alg = tree->alg}, found;
	cfs_autofd int fd = -1;
	size_t before = out->len;
	int rc;

	if (!tree->nodes[file].digest)
		return cfs_fail(err, ENODATA, "expected a digest");
	memcpy(id.bytes, tree->nodes[file].digest, cfs_hash_len(id.alg));
	fd = cfs_repo_open_object(repo, &id, CFS_REPO_SEALED, err);
	rc = fd < 0 ? fd : cfs_input_read_fd(fd, max, out, err);
	if (rc == 0)
		rc = cfs_verity_digest_mem(
			id.alg, (struct cfs_span){out->p + before, out->len - before},
			&found, err);
	if (rc == 0 && !cfs_digest_eq(&found, &id))
		rc = cfs_fail(err, EILSEQ,
			      "its object is damaged: run \"composefs fsck\"");
	return rc;
}

/* *out is a new tree, which the caller frees; merged stays as it is. A bootable image is
 * labelled by the SELinux policy that lies in the tree itself. */
static int apply_merge_rules(const struct cfs_repo *repo, const struct cfs_tree *merged,
			     const struct cfs_profile_rules *rules,
			     const struct cfs_watch *watch, struct cfs_tree **out,
			     struct cfs_err *err)
{
	const struct cfs_selinux_reader reader = {read_object_content, repo};
	struct cfs_selinux_labels labels;
	int rc;

	if (rules->root == CFS_ROOT_USR &&
	    cfs_tree_find(merged, CFS_ROOT, CFS_TEXT("usr")) == CFS_NO_NODE)
		return cfs_fail(err, ENOENT,
				"/usr: expected a directory, which gives the root its "
				"metadata: take that of the layers with --root=own");
	if (!rules->bootable)
		return cfs_profile_apply(merged, rules, watch, out, err);
	rc = cfs_selinux_label(merged, &reader, watch, &labels, err);
	if (rc == 0)
		rc = cfs_profile_apply_labels(merged, rules, &labels, watch, out, err);
	cfs_selinux_labels_fini(&labels);
	return rc;
}

int cfs_containers_make_rules(const struct cfs_repo *repo,
			      const struct cfs_containers_merge *opts,
			      struct cfs_profile_rules *out, struct cfs_err *err)
{
	const struct cfs_repo_meta *meta = cfs_repo_get_meta(repo);
	const struct cfs_profile *profile;
	int rc = cfs_profile_find("oci-1", &profile, err);

	if (rc < 0)
		return rc;
	*out = profile->rules;
	out->alg = meta->alg;
	out->format = meta->format == 0 ? CFS_FORMAT_0 : CFS_FORMAT_1;
	if (opts->keep_user_xattrs)
		out->xattrs = CFS_XATTRS_OCI_USER;
	out->bootable = opts->bootable;
	if (opts->own_root)
		out->root = CFS_ROOT_FOUND;
	return 0;
}

int cfs_containers_merge_tree(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_ids, size_t n_layers,
			      const struct cfs_containers_merge *opts,
			      struct cfs_tree **out, struct cfs_err *err)
{
	struct merge m = {.repo = repo, .opts = opts};
	struct cfs_profile_rules rules;
	struct cfs_tree *merged;
	int rc = cfs_containers_make_rules(repo, opts, &rules, err);

	if (rc == 0)
		rc = merge_layers(&m, diff_ids, n_layers, &merged, err);
	if (rc < 0)
		return rc;
	rc = apply_merge_rules(repo, merged, &rules, opts->watch, out, err);
	cfs_tree_free(merged);
	return rc;
}
