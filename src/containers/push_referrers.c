/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The artifacts of a push: those whose subject is the manifest that was sent. */
#include <errno.h>

#include "containers/artifact.h"
#include "containers/push_priv.h"

static int push_blob(const struct push *p, const struct cfs_oci_descriptor *d,
		     bool is_config, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_artifact_open_blob(p->repo, d, is_config, err);
	bool is_present;

	return fd < 0 ? fd : p->to->put_blob(p->to->ctx, fd, d, &is_present, err);
}

static int push_artifact_blobs(const struct push *p, const struct cfs_oci_manifest *m,
			       struct cfs_err *err)
{
	int rc = push_blob(p, &m->config, true, err);

	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = push_blob(p, &m->layers[i], false, err);
	return rc;
}

int push_named_artifact(const struct push *p, struct cfs_err *err)
{
	const struct cfs_container *c = &p->container;
	struct cfs_oci_descriptor d = {.media_type = c->manifest.media_type,
				       .digest = c->digest,
				       .size = c->manifest_json.len};
	int rc;

	if (p->to->has_plain_layers)
		return cfs_fail(err, ENOTSUP,
				"expected the image of a container, got an artifact");
	if (!d.media_type)
		d.media_type = CFS_OCI_TYPE_MANIFEST;
	rc = push_artifact_blobs(p, &c->manifest, err);
	return rc < 0 ? rc
		      : p->to->put_manifest(p->to->ctx, cfs_mem_span(&c->manifest_json),
					    &d, err);
}

/* Sends an artifact: its blobs first, because a registry refuses a manifest whose
 * blobs it lacks. */
static int push_artifact(struct push *p, const struct cfs_artifact *a,
			 struct cfs_err *err)
{
	const struct cfs_oci_manifest *m = &a->manifest;
	struct cfs_oci_descriptor d = {
		.media_type = m->media_type ? m->media_type : CFS_OCI_TYPE_MANIFEST,
		.digest = a->digest,
		.size = a->json.len,
		.artifact_type =
			m->artifact_type ? m->artifact_type : m->config.media_type,
		.annotations = m->annotations};
	int rc = push_artifact_blobs(p, m, err);

	return rc < 0 ? rc
		      : p->to->put_referrer(p->to->ctx, cfs_mem_span(&a->json), &d,
					    &m->subject.digest, err);
}

/* Callback for each artifact that refers to the image. Signatures of a manifest that
 * was changed on the way would not verify, so they are not sent. */
static int take_artifact(void *ctx, const struct cfs_artifact *a, struct cfs_err *err)
{
	struct push *p = ctx;
	const char *type = a->manifest.artifact_type;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc;

	if (p->opts->referrers != CFS_REFERRERS_ALL &&
	    (!type || strcmp(type, CFS_CONTAINERS_TYPE_SEAL) != 0))
		return 0;
	p->n_referrers++;
	if (!p->is_same_manifest)
		return 0;
	rc = push_artifact(p, a, err);
	return cfs_context(err, rc, "referrer %s", cfs_oci_digest_text(&a->digest, text));
}

int push_check_referrers(const struct push *p, struct cfs_err *err)
{
	if (p->opts->referrers == CFS_REFERRERS_ALL && !p->to->put_referrer)
		return cfs_fail(err, ENOTSUP, "referrers cannot be stored there");
	return 0;
}

/* The blobs of an image that was pulled are not kept. Compressed anew they may give another
 * manifest, and the artifacts refer to the former one. */
int push_referrers(struct push *p, struct cfs_err *err)
{
	int rc;

	if (p->opts->referrers == CFS_REFERRERS_NONE || !p->to->put_referrer)
		return 0;
	rc = cfs_artifact_list(p->repo, &p->container.digest, take_artifact, p, err);
	if (rc < 0 || p->n_referrers == 0 || p->is_same_manifest)
		return rc;
	if (p->opts->referrers == CFS_REFERRERS_ALL)
		return cfs_fail(err, ESTALE,
				"%zu referrers are about the manifest before its layers "
				"were compressed again, and are not sent",
				p->n_referrers);
	cfs_watch_warn(p->opts->watch,
		       "the signatures of the image are about its manifest before the "
		       "layers were compressed again, and are not sent: sign it again "
		       "with \"composefs oci seal\"");
	p->n_referrers = 0;
	return 0;
}
