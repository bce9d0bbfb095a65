/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking container images. */
#include "containers/check.h"

#include <errno.h>

#include "containers/artifact.h"
#include "containers/index.h"
#include "containers/layer_check.h"
#include "containers/merge.h"
#include "repo/repo.h"

struct checking {
	const struct cfs_repo *repo;
	const struct cfs_watch *watch;
	void (*fault)(void *ctx, const char *sentence);
	void *ctx;
	size_t n_faults;
};

/* What says that the repository is damaged; anything else ends the check. */
static bool is_fault(int rc)
{
	return rc == -EUCLEAN || rc == -EILSEQ || rc == -ENOENT || rc == -EINVAL ||
	       rc == -ENOTDIR;
}

static int note_fault(struct checking *c, int rc, const struct cfs_err *err)
{
	if (rc >= 0 || !is_fault(rc))
		return rc;
	c->n_faults++;
	c->fault(c->ctx, err->msg);
	return 0;
}

/* --- layers ------------------------------------------------------------------------- */

static int check_layer(const struct checking *c, const struct cfs_oci_digest *diff_id,
		       struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = cfs_containers_check_layer(c->repo, diff_id, true, c->watch, err);

	if (rc > 0)
		return 0;
	if (rc == 0)
		rc = cfs_fail(err, ENOENT, "it does not exist");
	return cfs_context(err, rc, "layer %s", cfs_oci_digest_text(diff_id, text));
}

/* A blob that a pull kept. It need not exist. */
static int check_kept(const struct checking *c, const struct cfs_oci_descriptor *d,
		      struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int fd = cfs_containers_open_kept(c->repo, d, err);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -ENOENT)
		return 0;
	return cfs_context(err, fd, "blob %s", cfs_oci_digest_text(&d->digest, text));
}

static int check_layers(struct checking *c, const struct cfs_container *image,
			struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < image->config.n_diff_ids; i++)
		rc = note_fault(c, check_layer(c, &image->config.diff_ids[i], err), err);
	for (size_t i = 0; rc == 0 && i < image->manifest.n_layers; i++)
		rc = note_fault(c, check_kept(c, &image->manifest.layers[i], err), err);
	return rc;
}

/* --- the image ---------------------------------------------------------------------- */

/* By the rules of a pull without options; an image that was made by others has another ID. */
static int compute_image_id(const struct checking *c, const struct cfs_container *image,
			    struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_watch quiet = {.cancelled = c->watch ? c->watch->cancelled : NULL};
	struct cfs_containers_merge merge = {.watch = &quiet};
	struct cfs_profile_rules rules;
	struct cfs_tree *tree;
	int rc = cfs_containers_make_rules(c->repo, &merge, &rules, err);

	if (rc == 0)
		rc = cfs_containers_merge_tree(c->repo, image->config.diff_ids,
					       image->config.n_diff_ids, &merge, &tree,
					       err);
	if (rc < 0)
		return rc;
	rc = cfs_profile_measure(tree, &rules, &quiet, out, err);
	cfs_tree_free(tree);
	return rc;
}

/* The recorded image must be the one that the layers give; otherwise mounting the
 * container would show other files than its layers. */
static int check_recorded_image(struct checking *c, const struct cfs_container *image,
				struct cfs_err *err)
{
	char expected[CFS_DIGEST_TEXT_MAX], actual[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest id;
	int rc;

	if (!image->has_image)
		return 0;
	rc = compute_image_id(c, image, &id, err);
	if (rc == 0 && !cfs_digest_eq(&id, &image->image))
		rc = cfs_fail(
			err, EILSEQ,
			"its layers give the image %s, but %s is recorded: it was made "
			"with other options, or forged",
			cfs_digest_text(&id, actual),
			cfs_digest_text(&image->image, expected));
	return rc;
}

static int check_artifact_blob(const struct checking *c,
			       const struct cfs_oci_descriptor *d, bool is_config,
			       struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int fd = cfs_artifact_open_blob(c->repo, d, is_config, err);

	if (fd >= 0)
		close(fd);
	return cfs_context(err, fd < 0 ? fd : 0, "blob %s",
			   cfs_oci_digest_text(&d->digest, text));
}

static int check_artifact(struct checking *c, const struct cfs_oci_manifest *m,
			  struct cfs_err *err)
{
	int rc = note_fault(c, check_artifact_blob(c, &m->config, true, err), err);

	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = note_fault(c, check_artifact_blob(c, &m->layers[i], false, err),
				err);
	return rc;
}

/* Checks the image of one platform, or an artifact. If it cannot be opened although its manifest was found, that is
 * damage, which is noted, and the check goes on; without a manifest it is an error of the caller. */
static int check_container(struct checking *c, const char *name, struct cfs_err *err)
{
	struct cfs_container image;
	int rc = cfs_container_open(c->repo, name, &image, err);
	bool has_manifest = image.digest.alg != 0;

	if (rc < 0 && has_manifest) {
		rc = note_fault(c, rc, err);
	} else if (rc == 0 && !image.manifest.is_image) {
		rc = check_artifact(c, &image.manifest, err);
	} else if (rc == 0) {
		rc = check_layers(c, &image, err);
		if (rc == 0)
			rc = note_fault(c, check_recorded_image(c, &image, err), err);
	}
	cfs_container_close(&image);
	return rc;
}

static int check_entry(void *ctx, const struct cfs_oci_index_entry *entry,
		       const char *name, struct cfs_err *err)
{
	int rc = check_container(ctx, name, err);

	(void)entry;
	return rc == -ENOENT ? note_fault(ctx, rc, err) : rc;
}

int cfs_containers_check(const struct cfs_repo *repo, const char *name,
			 void (*fault)(void *ctx, const char *sentence), void *ctx,
			 const struct cfs_watch *watch, size_t *n_faults,
			 struct cfs_err *err)
{
	struct checking c = {.repo = repo, .watch = watch, .fault = fault, .ctx = ctx};
	struct cfs_container_index x;
	int rc = cfs_container_index_open(repo, name, &x, err);

	if (rc > 0)
		rc = cfs_container_index_visit(&x.index, check_entry, &c, err);
	else if (rc == 0)
		rc = check_container(&c, name, err);
	else if (x.digest.alg != 0)
		rc = note_fault(&c, rc, err);
	cfs_container_index_close(&x);
	*n_faults = c.n_faults;
	return rc;
}
