/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Registries as sources of container images. */
#include <errno.h>
#include <string.h>

#include "transport/registry_priv.h"

/* --- documents ---------------------------------------------------------------------- */

int registry_read_document(struct registry_transfer *t, struct cfs_mem *out,
			   struct cfs_err *err)
{
	for (;;) {
		ssize_t n;

		if (out->len > CFS_OCI_MANIFEST_MAX)
			return cfs_fail(err, EFBIG, "expected at most %d bytes, got more",
					CFS_OCI_MANIFEST_MAX);
		if (cfs_grow(&out->p, &out->cap, out->len + CFS_REGISTRY_FRAME_MAX, 1) <
		    0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = registry_transfer_read(t, out->p + out->len, CFS_REGISTRY_FRAME_MAX,
					   err);
		if (n <= 0)
			return (int)n;
		out->len += (size_t)n;
	}
}

/* Checks the digest of the reference, which only this function knows. */
static int check_document(const struct cfs_oci_digest *expected,
			  const struct cfs_transport_document *d, struct cfs_err *err)
{
	struct cfs_oci_digest actual;

	cfs_oci_digest_of(expected->alg, (struct cfs_span){d->bytes.p, d->bytes.len},
			  &actual);
	return cfs_oci_digest_expect(expected, &actual, err);
}

int registry_get_document(struct registry *r, const char *reference,
			  struct cfs_transport_document *out, struct cfs_err *err)
{
	struct registry_what what = {.action = CFS_REGISTRY_GET_MANIFEST,
				     .reference = reference,
				     .size = CFS_OCI_MANIFEST_MAX,
				     .fd = -1};
	struct cfs_registry_head *head = malloc(sizeof(*head));
	struct registry_transfer t;
	int rc = head ? registry_transfer_start(r, &what, &t, head, err)
		      : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		memcpy(out->media_type, head->media_type, sizeof(out->media_type));
		rc = registry_read_document(&t, &out->bytes, err);
		registry_transfer_end(&t);
	}
	free(head);
	return rc;
}

static int registry_document(void *ctx, const struct cfs_oci_digest *digest,
			     struct cfs_transport_document *out, struct cfs_err *err)
{
	struct registry *r = ctx;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc;

	*out = (struct cfs_transport_document){0};
	if (!digest && r->reference.has_digest)
		digest = &r->reference.digest;
	rc = registry_get_document(
		r, digest ? cfs_oci_digest_text(digest, text) : r->reference.tag, out,
		err);
	if (rc == 0 && digest)
		rc = check_document(digest, out, err);
	if (rc < 0)
		free(cfs_steal(&out->bytes.p));
	return rc;
}

/* --- blobs -------------------------------------------------------------------------- */

static void close_blob(void *ctx)
{
	registry_transfer_end(ctx);
	free(ctx);
}

static int registry_blob(void *ctx, const struct cfs_oci_descriptor *d,
			 struct cfs_blob *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct registry_what what = {.action = CFS_REGISTRY_GET_BLOB,
				     .reference = cfs_oci_digest_text(&d->digest, text),
				     .size = d->size,
				     .fd = -1};
	struct cfs_registry_head *head = malloc(sizeof(*head));
	struct registry_transfer *t = malloc(sizeof(*t));
	int rc = head && t ? registry_transfer_start(ctx, &what, t, head, err)
			   : cfs_fail(err, ENOMEM, "out of memory");

	free(head);
	if (rc < 0) {
		free(t);
		return rc;
	}
	*out = (struct cfs_blob){{registry_transfer_read, t}, close_blob};
	return 0;
}

/* --- opening ------------------------------------------------------------------------ */

void registry_free(struct registry *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	explicit_bzero(r->token, sizeof(r->token));
	if (r->credentials)
		explicit_bzero(r->credentials, strlen(r->credentials));
	free(r->credentials);
	free(r);
}

int registry_new(const char *reference, const struct cfs_registry_access *access,
		 const struct cfs_watch *watch, struct registry **out,
		 struct cfs_err *err)
{
	struct registry *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return cfs_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->watch = watch;
	r->insecure = access->insecure;
	rc = cfs_oci_reference_parse(reference, &r->reference, err);
	if (rc == 0 && access->credentials) {
		r->credentials = strdup(access->credentials);
		rc = r->credentials ? 0 : cfs_fail(err, ENOMEM, "out of memory");
	}
	if (rc < 0)
		registry_free(r);
	else
		*out = r;
	return rc;
}

static void registry_close(void *ctx)
{
	registry_free(ctx);
}

int cfs_transport_open_registry(const char *reference,
				const struct cfs_registry_access *access,
				const struct cfs_watch *watch, struct cfs_transport *out,
				struct cfs_err *err)
{
	struct registry *r;
	int rc = registry_new(reference, access, watch, &r, err);

	*out = (struct cfs_transport){0};
	if (rc == 0)
		*out = (struct cfs_transport){registry_document, registry_blob,
					      registry_close, r,
					      .referrers = registry_referrers};
	return rc;
}
