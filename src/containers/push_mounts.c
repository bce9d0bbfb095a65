/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers that another repository of the registry has, and that need not be sent. The tags of the
 * repository record it: the blobs of a manifest with the tag HOST/NAME:TAG are those of NAME. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "containers/push_priv.h"
#include "repo/repo.h"

/* --- the record --------------------------------------------------------------------- */

static int add_mount_source(struct push *p, const struct cfs_oci_digest *digest,
			    const char *from, struct cfs_err *err)
{
	struct push_mount *m;

	if (cfs_grow(&p->mounts, &p->mounts_cap, p->n_mounts + 1, sizeof(*p->mounts)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	m = &p->mounts[p->n_mounts++];
	m->digest = *digest;
	snprintf(m->from, sizeof(m->from), "%s", from);
	return 0;
}

/* An image that cannot be read is no record, and does not stop the push of another one: it only
 * saves a transfer. */
static int note_tag(void *ctx, const char *tag, struct cfs_err *err)
{
	struct cfs_oci_reference r;
	struct cfs_container c;
	struct cfs_err unused;
	struct push *p = ctx;
	int rc = 0;

	if (cfs_oci_reference_parse(tag, &r, &unused) < 0 || !r.has_host ||
	    strcmp(r.host, p->to->host) != 0)
		return 0;
	if (cfs_container_open(p->repo, tag, &c, &unused) == 0)
		for (size_t i = 0; rc == 0 && i < c.manifest.n_layers; i++)
			rc = add_mount_source(p, &c.manifest.layers[i].digest, r.name,
					      err);
	cfs_container_close(&c);
	return rc;
}

int push_list_mounts(struct push *p, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc = 0;

	if (p->to->mount_blob && p->to->host && !p->opts->mount_from) {
		rc = cfs_repo_list_refs(p->repo, CFS_REPO_STREAMS, &refs, err);
		if (rc == 0)
			rc = cfs_containers_visit_tags(&refs, note_tag, p, err);
		cfs_repo_list_fini(&refs);
	}
	return rc;
}

static const char *find_mount_source(const struct push *p,
				     const struct cfs_oci_digest *digest)
{
	for (size_t i = 0; i < p->n_mounts; i++)
		if (cfs_oci_digest_eq(&p->mounts[i].digest, digest))
			return p->mounts[i].from;
	return p->opts->mount_from;
}

/* --- blobs ------------------------------------------------------------------------- */

/* Whatever goes wrong here goes wrong again when the blob is sent, and is reported then. */
int push_mount_blob(const struct push *p, const struct cfs_oci_descriptor *d,
		    struct cfs_err *err)
{
	const char *from = p->to->mount_blob ? find_mount_source(p, &d->digest) : NULL;
	struct cfs_err refused;
	int rc = from ? p->to->mount_blob(p->to->ctx, d, from, &refused) : 0;

	if (rc == -ECANCELED)
		*err = refused;
	return rc == -ECANCELED || rc > 0 ? rc : 0;
}
