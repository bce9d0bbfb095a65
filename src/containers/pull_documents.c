/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The documents of a pull: from the name to a manifest and its configuration. */
#include <errno.h>

#include "containers/pull_priv.h"

/* Reads a document of an index and checks it against the descriptor there. */
static int read_child(const struct pull *p, const struct cfs_oci_descriptor *d,
		      struct cfs_transport_document *out, struct cfs_err *err)
{
	int rc = p->from->document(p->from->ctx, &d->digest, out, err);

	if (rc == 0)
		rc = cfs_oci_check_blob(d, cfs_mem_span(&out->bytes), err);
	return rc;
}

/* Replaces an index by the document that it has for the platform. */
static int choose_child(struct pull *p, struct cfs_transport_document *doc,
			struct cfs_err *err)
{
	struct cfs_transport_document child = {0};
	struct cfs_oci_platform here;
	struct cfs_oci_index index;
	size_t i = 0;
	int rc = cfs_oci_index_parse(cfs_mem_text(&doc->bytes), &index, err);

	cfs_oci_platform_detect(&here);
	if (rc == 0)
		rc = cfs_oci_index_select(
			&index, p->opts->platform ? p->opts->platform : &here, &i, err);
	if (rc == 0) {
		p->digest = index.entries[i].descriptor.digest;
		rc = read_child(p, &index.entries[i].descriptor, &child, err);
	}
	cfs_oci_index_fini(&index);
	free(doc->bytes.p);
	*doc = child;
	return rc;
}

static int read_wanted_document(struct pull *p, struct cfs_transport_document *doc,
				struct cfs_err *err)
{
	const struct cfs_oci_descriptor *entry = p->opts->entry;

	if (!entry)
		return p->from->document(p->from->ctx, NULL, doc, err);
	p->digest = entry->digest;
	return read_child(p, entry, doc, err);
}

/* Follows indexes down to the manifest for the wanted platform; nesting has a limit,
 * because an index can name itself. */
static int find_platform_manifest(struct pull *p, struct cfs_transport_document *doc,
				  struct cfs_err *err)
{
	int rc = read_wanted_document(p, doc, err);

	for (int depth = 0; rc == 0; depth++) {
		const char *type = *doc->media_type ? doc->media_type : NULL;
		enum cfs_oci_kind kind;

		rc = cfs_oci_find_kind(cfs_mem_text(&doc->bytes), type, &kind, err);
		if (rc < 0 || kind == CFS_OCI_MANIFEST)
			break;
		if (p->opts->entry)
			return cfs_fail(err, EINVAL, "expected a manifest, got an index");
		if (depth == CFS_OCI_INDEX_DEPTH_MAX)
			return cfs_fail(err, EINVAL, "expected at most %d nested indexes",
					CFS_OCI_INDEX_DEPTH_MAX);
		rc = choose_child(p, doc, err);
	}
	return rc;
}

static int read_image_manifest(struct pull *p, struct cfs_err *err)
{
	struct cfs_transport_document doc = {0};
	int rc = find_platform_manifest(p, &doc, err);

	p->manifest_json = doc.bytes;
	if (rc < 0)
		return rc;
	if (p->digest.alg == 0)
		cfs_oci_digest_of(CFS_SHA256, cfs_mem_span(&doc.bytes), &p->digest);
	return cfs_oci_manifest_parse(cfs_mem_text(&p->manifest_json), &p->manifest, err);
}

/* Reads the configuration, which must have a diff_id for each layer: without one a
 * layer could not be verified. */
static int read_image_config(struct pull *p, struct cfs_err *err)
{
	int rc = cfs_transport_read(p->from, &p->manifest.config, CFS_OCI_CONFIG_MAX,
				    &p->config_json, err);

	if (rc < 0 || !p->manifest.is_image)
		return rc;
	rc = cfs_oci_config_parse(cfs_mem_text(&p->config_json), &p->config, err);
	if (rc == 0 && p->config.n_diff_ids != p->manifest.n_layers)
		rc = cfs_fail(
			err, EINVAL,
			"rootfs: diff_ids: expected %zu, one for each layer, got %zu",
			p->manifest.n_layers, p->config.n_diff_ids);
	return rc;
}

int pull_documents(struct pull *p, struct cfs_err *err)
{
	int rc = cfs_context(err, read_image_manifest(p, err), "manifest");

	return rc < 0 ? rc : cfs_context(err, read_image_config(p, err), "configuration");
}
