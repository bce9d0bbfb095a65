/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The artifacts of a pull: manifests of the source whose subject is the manifest that was pulled. */
#include <errno.h>

#include "containers/artifact.h"
#include "containers/pull_priv.h"

/* An artifact, and the streams of its blobs. */
struct incoming {
	struct pull *p;
	struct cfs_artifact a;
	struct cfs_digest *streams; /* configuration, then the layers */
};

/* Reads the manifest of a referrer with its digest checked. in->a owns it, also after
 * a failure. */
static int read_referrer_manifest(struct incoming *in, const struct cfs_oci_descriptor *d,
				  struct cfs_err *err)
{
	struct cfs_transport_document doc = {0};
	struct pull *p = in->p;
	int rc = p->from->document(p->from->ctx, &d->digest, &doc, err);

	in->a = (struct cfs_artifact){.digest = d->digest, .json = doc.bytes};
	if (rc == 0)
		rc = cfs_oci_check_blob(d, cfs_mem_span(&in->a.json), err);
	return rc < 0 ? rc
		      : cfs_oci_manifest_parse(cfs_mem_text(&in->a.json), &in->a.manifest,
					       err);
}

/* What the list says is not trusted. Returns a reason to leave the artifact, or NULL. */
static const char *find_skip_reason(const struct incoming *in)
{
	const struct cfs_oci_manifest *m = &in->a.manifest;

	if (!m->has_subject || !cfs_oci_digest_eq(&m->subject.digest, &in->p->digest))
		return "its subject is not the image";
	return m->is_image ? "it is the image of a container" : NULL;
}

/* Some sources do not know the type of what they list. */
static bool is_artifact_wanted(const struct incoming *in)
{
	const char *type = in->a.manifest.artifact_type;

	return in->p->opts->referrers == CFS_REFERRERS_ALL ||
	       (type && strcmp(type, CFS_CONTAINERS_TYPE_SEAL) == 0);
}

/* The size is checked before the transfer, the digest by cfs_artifact_write_blob as the
 * bytes pass. *out is the stream of the blob. */
static int pull_blob(struct incoming *in, const struct cfs_oci_descriptor *d,
		     bool is_config, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(in->p, 0);
	const struct cfs_transport *from = in->p->from;
	uint64_t max = in->p->opts->max_layer_bytes;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_blob blob;
	int rc;

	cfs_oci_digest_text(&d->digest, text);
	if (d->size > (max ? max : CFS_CONTAINERS_LAYER_BYTES_DEFAULT))
		return cfs_fail(err, EFBIG, "%s: the blob is too large", text);
	rc = from->blob(from->ctx, d, &blob, err);
	if (rc == 0) {
		rc = cfs_artifact_write_blob(blob.feed, d, is_config, &opts, out, err);
		blob.close(blob.feed.ctx);
	}
	return cfs_context(err, rc, "%s", text);
}

/* tag: a reference; NULL: it is kept as the referrer of its subject. */
static int pull_artifact(struct incoming *in, const char *tag, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(in->p, 0);
	const struct cfs_oci_manifest *m = &in->a.manifest;
	int rc;

	in->streams = calloc(m->n_layers + 1, sizeof(*in->streams));
	if (!in->streams)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = pull_blob(in, &m->config, true, &in->streams[0], err);
	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = pull_blob(in, &m->layers[i], false, &in->streams[1 + i], err);
	return rc < 0 ? rc
		      : cfs_artifact_publish(in->p->repo, &opts, &in->a, in->streams, tag,
					     err);
}

/* A callback of the listing. A referrer that belongs to another image is left out with a
 * warning; one that cannot be fetched ends the pull, since a signature could be missing. */
static int take_referrer(void *ctx, const struct cfs_oci_descriptor *d,
			 struct cfs_err *err)
{
	struct incoming in = {.p = ctx};
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = read_referrer_manifest(&in, d, err);
	const char *reason = rc < 0 ? NULL : find_skip_reason(&in);

	cfs_oci_digest_text(&d->digest, text);
	if (reason) {
		cfs_watch_warn(in.p->opts->watch, "referrer %s is left out: %s", text,
			       reason);
	} else if (rc == 0 && is_artifact_wanted(&in)) {
		rc = pull_artifact(&in, NULL, err);
		in.p->n_referrers += rc == 0;
	}
	free(in.streams);
	cfs_artifact_close(&in.a);
	return cfs_context(err, rc, "referrer %s", text);
}

/* The image itself is complete without its referrers: only those that the user named are
 * required. */
int pull_referrers(struct pull *p, struct cfs_err *err)
{
	bool is_all = p->opts->referrers == CFS_REFERRERS_ALL;
	int rc;

	if (p->opts->referrers == CFS_REFERRERS_NONE || !p->from->referrers)
		return 0;
	rc = p->from->referrers(p->from->ctx, &p->digest,
				is_all ? NULL : CFS_CONTAINERS_TYPE_SEAL, take_referrer,
				p, err);
	if (rc == 0 || is_all || rc == -ECANCELED)
		return rc;
	cfs_watch_warn(p->opts->watch, "signatures of the image: %s", err->msg);
	return 0;
}

int pull_named_artifact(struct pull *p, struct cfs_err *err)
{
	/* Borrowed from p. */
	struct incoming in = {.p = p,
			      .a = {.digest = p->digest,
				    .json = p->manifest_json,
				    .manifest = p->manifest}};
	char ref[CFS_CONTAINERS_REF_MAX];
	int rc = p->opts->tag ? cfs_containers_format_ref(p->opts->tag, ref, err)
			      : cfs_fail(err, EINVAL, "an artifact needs a tag");

	p->n_layers = p->manifest.n_layers;
	p->n_missing = p->n_layers;
	if (rc == 0)
		rc = pull_artifact(&in, ref, err);
	free(in.streams);
	return rc;
}
