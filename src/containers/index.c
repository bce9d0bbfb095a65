/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening an index of a repository. */
#include "containers/index.h"

#include <errno.h>
#include <stdio.h>

#include "containers/container_priv.h"
#include "repo/repo.h"

/* A name that means nothing is reported when the image is opened. */
static int find_index(const struct cfs_repo *repo, const char *name,
		      struct cfs_oci_digest *out, struct cfs_err *err)
{
	bool is_index;
	int rc = containers_find_name(repo, name, &is_index, out, err);

	return rc == -ENOENT || rc == -EINVAL ? 0 : rc < 0 ? rc : is_index;
}

int cfs_container_index_open(const struct cfs_repo *repo, const char *name,
			     struct cfs_container_index *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_container_index){0};
	rc = find_index(repo, name, &out->digest, err);
	if (rc <= 0)
		return rc;
	rc = containers_read_checked(repo, CFS_CONTAINERS_INDEX,
				     CFS_CONTAINERS_TYPE_INDEX, CFS_OCI_MANIFEST_MAX,
				     &out->digest, &out->json, &out->stream, err);
	if (rc == 0)
		rc = cfs_context(
			err,
			cfs_oci_index_parse(cfs_mem_text(&out->json), &out->index, err),
			"index");
	return rc < 0 ? rc : 1;
}

void cfs_container_index_close(struct cfs_container_index *x)
{
	cfs_oci_index_fini(&x->index);
	free(x->json.p);
	*x = (struct cfs_container_index){0};
}

int cfs_container_index_visit(const struct cfs_oci_index *index, cfs_index_entry_fn fn,
			      void *ctx, struct cfs_err *err)
{
	char name[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < index->n_entries; i++) {
		const struct cfs_oci_index_entry *e = &index->entries[i];

		cfs_oci_digest_text(&e->descriptor.digest, name + 1);
		if (!e->is_attestation)
			rc = fn(ctx, e, name, err);
	}
	return rc;
}

const char *cfs_index_entry_platform(const struct cfs_oci_index_entry *entry,
				     char out[CFS_OCI_PLATFORM_MAX])
{
	const struct cfs_oci_platform *p = &entry->platform;
	const char *variant = p->variant ? p->variant : "";

	*out = '\0';
	if (entry->has_platform)
		snprintf(out, CFS_OCI_PLATFORM_MAX, "%.40s/%.40s%s%.40s", p->os,
			 p->architecture, *variant ? "/" : "", variant);
	return out;
}
