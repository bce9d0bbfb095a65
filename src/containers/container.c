/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening a container image of a repository. */
#include "containers/container_priv.h"

#include <errno.h>

#include "containers/index.h"
#include "repo/repo.h"

const char *cfs_containers_get_image_key(unsigned format, bool bootable)
{
	if (format == 2)
		return bootable ? "composefs.image.boot" : "composefs.image";
	return bootable ? "composefs.image.boot.v1" : "composefs.image.v1";
}

/* --- which manifest ----------------------------------------------------------------- */

/* Of an index, the image for the platform. */
static int find_manifest_digest(const struct cfs_repo *repo, const char *name,
				const struct cfs_oci_platform *platform,
				struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_container_index x;
	struct cfs_oci_platform here;
	bool is_index;
	size_t i = 0;
	int rc = containers_find_name(repo, name, &is_index, out, err);

	if (rc < 0 || !is_index)
		return rc;
	cfs_oci_platform_detect(&here);
	rc = cfs_container_index_open(repo, name, &x, err);
	if (rc > 0)
		rc = cfs_oci_index_select(&x.index, platform ? platform : &here, &i, err);
	if (rc == 0)
		*out = x.index.entries[i].descriptor.digest;
	cfs_container_index_close(&x);
	return rc;
}

/* --- documents ---------------------------------------------------------------------- */

/* The repository may belong to somebody else: what it stores under a digest counts
 * only if it has that digest. */
static int check_manifest_digest(const struct cfs_mem *json,
				 const struct cfs_oci_digest *expected, const char *name,
				 struct cfs_err *err)
{
	char texts[2][CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_oci_digest actual;

	cfs_oci_digest_of(expected->alg, cfs_mem_span(json), &actual);
	if (cfs_oci_digest_eq(expected, &actual))
		return 0;
	return cfs_fail(err, EUCLEAN, "stream %s: expected digest %s, got %s", name,
			cfs_oci_digest_text(expected, texts[0]),
			cfs_oci_digest_text(&actual, texts[1]));
}

int containers_read_checked(const struct cfs_repo *repo, const char *kind,
			    const char *type, size_t max,
			    const struct cfs_oci_digest *digest, struct cfs_mem *json,
			    struct cfs_digest *stream, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	int rc;

	cfs_containers_format_stream_name(kind, digest, name);
	rc = cfs_containers_read_document(repo, name, type, max, json, stream, err);
	return rc < 0 ? rc : check_manifest_digest(json, digest, name, err);
}

/* Callback for each name of the configuration's stream: keeps the IDs of the images
 * made of it. */
static int note_image(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *err)
{
	struct cfs_container *c = ctx;

	(void)err;
	if (cfs_text_eq(name, cfs_text(cfs_containers_get_image_key(1, false)))) {
		c->has_image = true;
		c->image = *id;
	}
	if (cfs_text_eq(name, cfs_text(cfs_containers_get_image_key(1, true)))) {
		c->has_boot_image = true;
		c->boot_image = *id;
	}
	return 0;
}

int cfs_containers_visit_config_names(const struct cfs_repo *repo,
				      const struct cfs_oci_digest *config,
				      cfs_stream_name_fn fn, void *ctx,
				      struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_CONFIG, config, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_visit_names(&s, fn, ctx, err);
	cfs_map_close(&map);
	return cfs_context(err, rc, "stream %s", name);
}

/* Reads the configuration with its digest checked. An artifact has one that is no
 * configuration of a container. */
static int open_container_config(const struct cfs_repo *repo, struct cfs_container *c,
				 struct cfs_err *err)
{
	int rc = containers_read_checked(repo, CFS_CONTAINERS_CONFIG,
					 CFS_CONTAINERS_TYPE_CONFIG, CFS_OCI_CONFIG_MAX,
					 &c->manifest.config.digest, &c->config_json,
					 &c->config_stream, err);

	if (rc < 0 || !c->manifest.is_image)
		return rc;
	rc = cfs_oci_config_parse(cfs_mem_text(&c->config_json), &c->config, err);
	return rc < 0 ? cfs_context(err, rc, "configuration")
		      : cfs_containers_visit_config_names(
				repo, &c->manifest.config.digest, note_image, c, err);
}

int cfs_container_open(const struct cfs_repo *repo, const char *name,
		       struct cfs_container *out, struct cfs_err *err)
{
	return cfs_container_open_platform(repo, name, NULL, out, err);
}

int cfs_container_open_platform(const struct cfs_repo *repo, const char *name,
				const struct cfs_oci_platform *platform,
				struct cfs_container *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_container){0};
	rc = find_manifest_digest(repo, name, platform, &out->digest, err);
	if (rc == 0)
		rc = containers_read_checked(
			repo, CFS_CONTAINERS_MANIFEST, CFS_CONTAINERS_TYPE_MANIFEST,
			CFS_OCI_MANIFEST_MAX, &out->digest, &out->manifest_json,
			&out->manifest_stream, err);
	if (rc == 0)
		rc = cfs_context(err,
				 cfs_oci_manifest_parse(cfs_mem_text(&out->manifest_json),
							&out->manifest, err),
				 "manifest");
	return rc < 0 ? rc : open_container_config(repo, out, err);
}

void cfs_container_close(struct cfs_container *c)
{
	cfs_oci_config_fini(&c->config);
	cfs_oci_manifest_fini(&c->manifest);
	free(c->manifest_json.p);
	free(c->config_json.p);
	*c = (struct cfs_container){0};
}
