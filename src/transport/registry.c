/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Registries as sources of container images. */
#include <errno.h>
#include <stdio.h>
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

bool registry_is_as_named(const struct registry *r)
{
	const struct cfs_registries_endpoint *at = &r->endpoints[r->endpoint];

	return strcmp(at->host, r->reference.host) == 0 &&
	       strcmp(at->name, r->reference.name) == 0;
}

/* Gets a document. With a digest it must have that digest; a tag is only a name, and
 * the registry decides what it means. */
static int get_checked(struct registry *r, const struct cfs_oci_digest *digest,
		       struct cfs_transport_document *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	int rc = registry_get_document(
		r, digest ? cfs_oci_digest_text(digest, text) : r->reference.tag, out,
		err);

	if (rc == 0 && digest)
		rc = check_document(digest, out, err);
	if (rc < 0) {
		free(out->bytes.p);
		*out = (struct cfs_transport_document){0};
	}
	/* The caller knows what the user named. */
	return registry_is_as_named(r) ? rc : cfs_context(err, rc, "%s", r->origin);
}

/* A mirror that cannot be reached, lacks the image or sends other bytes is not the end. */
static int registry_document(void *ctx, const struct cfs_oci_digest *digest,
			     struct cfs_transport_document *out, struct cfs_err *err)
{
	struct registry *r = ctx;

	*out = (struct cfs_transport_document){0};
	if (!digest && r->reference.has_digest)
		digest = &r->reference.digest;
	for (;;) {
		int rc = get_checked(r, digest, out, err);

		if (rc == 0)
			r->is_chosen = true;
		if (rc == 0 || rc == -ECANCELED || r->is_chosen ||
		    r->endpoint + 1 == r->n_endpoints)
			return rc;
		cfs_watch_warn(r->watch, "mirror %s", err->msg);
		registry_set_endpoint(r, r->endpoint + 1);
	}
}

static const char *registry_origin(const void *ctx)
{
	const struct registry *r = ctx;

	return r->origin;
}

/* --- blobs -------------------------------------------------------------------------- */

static void close_registry_blob(void *ctx)
{
	registry_transfer_end(ctx);
	free(ctx);
}

/* Starts the helper for a request, and returns the answer as a stream. out owns the
 * transfer. */
static int open_registry_blob(struct registry *r, const struct registry_what *what,
			      struct cfs_blob *out, struct cfs_err *err)
{
	struct cfs_registry_head *head = malloc(sizeof(*head));
	struct registry_transfer *t = malloc(sizeof(*t));
	int rc = head && t ? registry_transfer_start(r, what, t, head, err)
			   : cfs_fail(err, ENOMEM, "out of memory");

	free(head);
	if (rc < 0) {
		free(t);
		return rc;
	}
	*out = (struct cfs_blob){{registry_transfer_read, t}, close_registry_blob};
	return 0;
}

static int registry_blob(void *ctx, const struct cfs_oci_descriptor *d,
			 struct cfs_blob *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	const struct registry_what what = {.action = CFS_REGISTRY_GET_BLOB,
					   .reference =
						   cfs_oci_digest_text(&d->digest, text),
					   .size = d->size,
					   .fd = -1};

	return open_registry_blob(ctx, &what, out, err);
}

/* Requests parts of a blob, in the order of ranges. */
static int registry_ranges(void *ctx, const struct cfs_oci_descriptor *d,
			   const struct cfs_oci_range *ranges, size_t n,
			   struct cfs_blob *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	const struct registry_what what = {.action = CFS_REGISTRY_GET_RANGES,
					   .reference =
						   cfs_oci_digest_text(&d->digest, text),
					   .size = d->size,
					   .ranges = ranges,
					   .n_ranges = n,
					   .fd = -1};

	return open_registry_blob(ctx, &what, out, err);
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

/* A token is for the host that it came from. */
void registry_set_endpoint(struct registry *r, size_t i)
{
	r->endpoint = i;
	snprintf(r->origin, sizeof(r->origin), "%s/%s", r->endpoints[i].host,
		 r->endpoints[i].name);
	pthread_mutex_lock(&r->lock);
	explicit_bzero(r->token, sizeof(r->token));
	pthread_mutex_unlock(&r->lock);
}

/* Finds out by registries.conf which hosts to ask, mirrors first. */
static int find_endpoints(struct registry *r, const char *reference, bool is_push,
			  struct cfs_err *err)
{
	struct cfs_registries config = {0};
	int rc = registry_read_config(&config, err);

	if (rc == 0)
		rc = registry_parse_name(&config, reference, is_push, &r->reference, err);
	if (rc == 0)
		rc = cfs_registries_resolve(&config, &r->reference, is_push, r->endpoints,
					    &r->n_endpoints, err);
	cfs_registries_fini(&config);
	if (rc == 0)
		registry_set_endpoint(r, 0);
	return rc;
}

int registry_new(const char *reference, bool is_push,
		 const struct cfs_registry_access *access, const struct cfs_watch *watch,
		 struct registry **out, struct cfs_err *err)
{
	struct registry *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return cfs_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->watch = watch;
	r->insecure = access->insecure;
	rc = find_endpoints(r, reference, is_push, err);
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
	int rc = registry_new(reference, false, access, watch, &r, err);

	*out = (struct cfs_transport){0};
	if (rc == 0)
		*out = (struct cfs_transport){.document = registry_document,
					      .blob = registry_blob,
					      .close = registry_close,
					      .origin = registry_origin,
					      .referrers = registry_visit_referrers,
					      .ranges = registry_ranges,
					      .ctx = r};
	return rc;
}
