/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Registries as destinations of container images. */
#include <errno.h>
#include <string.h>

#include "transport/registry_priv.h"

/* A registry may compute another digest than the one asked for: docker-registry answers sha512
 * with sha256. Only one of the same algorithm can be compared. */
static int check_answered_digest(const char *said, const struct cfs_oci_digest *expected,
				 struct cfs_err *err)
{
	struct cfs_oci_digest actual;

	if (!*said || cfs_oci_digest_parse(cfs_text(said), &actual, NULL) < 0 ||
	    actual.alg != expected->alg)
		return 0;
	return cfs_context(err, cfs_oci_digest_expect(expected, &actual, err),
			   "Docker-Content-Digest");
}

/* free(*out) is the caller's. */
static int put_file(struct registry *r, const struct registry_what *what,
		    const struct cfs_oci_digest *digest, struct cfs_registry_head **out,
		    struct cfs_err *err)
{
	struct cfs_registry_head *head = *out = malloc(sizeof(*head));
	struct registry_transfer t;
	int rc = head ? registry_transfer_start(r, what, &t, head, err)
		      : cfs_fail(err, ENOMEM, "out of memory");
	uint8_t none;

	if (rc == 0) {
		ssize_t n = registry_transfer_read(&t, &none, sizeof(none), err);

		rc = n > 0 ? cfs_fail(err, EPROTO, "expected no data") : (int)n;
		registry_transfer_end(&t);
	}
	if (rc == 0)
		rc = check_answered_digest(head->digest, digest, err);
	return rc;
}

/* Sends a blob, unless the registry has it already. */
static int upload_blob(void *ctx, int fd, const struct cfs_oci_descriptor *d,
		       bool *is_present, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct registry_what what = {.action = CFS_REGISTRY_PUT_BLOB,
				     .reference = cfs_oci_digest_text(&d->digest, text),
				     .size = d->size,
				     .fd = fd};
	cfs_autofree struct cfs_registry_head *head = NULL;
	int rc = put_file(ctx, &what, &d->digest, &head, err);

	*is_present = rc == 0 && head->is_present;
	return rc;
}

/* Asks the registry to take a blob from another repository of its own, which transfers
 * no byte. 1: it did, 0: it did not. */
static int mount_blob(void *ctx, const struct cfs_oci_descriptor *d, const char *from,
		      struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct registry_what what = {.action = CFS_REGISTRY_MOUNT_BLOB,
				     .reference = cfs_oci_digest_text(&d->digest, text),
				     .from = from,
				     .size = d->size,
				     .fd = -1};
	cfs_autofree struct cfs_registry_head *head = NULL;
	int rc = put_file(ctx, &what, &d->digest, &head, err);

	return rc < 0 ? rc : head->is_present;
}

int registry_put_manifest(struct registry *r, const char *reference, struct cfs_span json,
			  const struct cfs_oci_descriptor *d, bool *has_subject,
			  struct cfs_err *err)
{
	cfs_autofd int fd = cfs_child_make_input(json, err);
	struct registry_what what = {.action = CFS_REGISTRY_PUT_MANIFEST,
				     .reference = reference,
				     .media_type = d->media_type,
				     .size = d->size,
				     .fd = fd};
	cfs_autofree struct cfs_registry_head *head = NULL;
	int rc = fd < 0 ? fd : put_file(r, &what, &d->digest, &head, err);

	if (rc == 0 && has_subject)
		*has_subject = head->has_subject;
	return rc;
}

static int upload_manifest(void *ctx, struct cfs_span json,
			   const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct registry *r = ctx;

	return registry_put_manifest(r, r->reference.tag, json, d, NULL, err);
}

static int put_registry_entry(void *ctx, struct cfs_span json,
			      const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	return registry_put_manifest(ctx, cfs_oci_digest_text(&d->digest, text), json, d,
				     NULL, err);
}

static void close_registry(void *ctx)
{
	registry_free(ctx);
}

int cfs_destination_open_registry(const char *reference,
				  const struct cfs_registry_access *access,
				  const struct cfs_watch *watch,
				  struct cfs_destination *out, struct cfs_err *err)
{
	struct registry *r;
	int rc = registry_new(reference, true, access, watch, &r, err);

	*out = (struct cfs_destination){0};
	if (rc == 0 && r->reference.has_digest) {
		registry_free(r);
		return cfs_fail(err, EINVAL, "expected [HOST/]NAME[:TAG], got a digest");
	}
	if (rc == 0)
		*out = (struct cfs_destination){.put_blob = upload_blob,
						.mount_blob = mount_blob,
						.put_manifest = upload_manifest,
						.put_entry = put_registry_entry,
						.close = close_registry,
						.takes_docker = true,
						.ctx = r,
						.put_referrer = registry_put_referrer};
	if (rc == 0 && registry_is_as_named(r))
		out->host = r->reference.host;
	return rc;
}
