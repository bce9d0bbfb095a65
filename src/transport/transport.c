/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What all transports share. */
#include "transport/transport.h"

#include <errno.h>
#include <string.h>

void cfs_transport_close(struct cfs_transport *t)
{
	if (t->close)
		t->close(t->ctx);
	*t = (struct cfs_transport){0};
}

void cfs_destination_close(struct cfs_destination *d)
{
	if (d->close)
		d->close(d->ctx);
	*d = (struct cfs_destination){0};
}

/* Some registries list the type of the configuration, which artifacts do not need. */
bool cfs_transport_may_have_type(const struct cfs_oci_descriptor *d, const char *type)
{
	return !type || !d->artifact_type ||
	       strcmp(d->artifact_type, CFS_OCI_TYPE_EMPTY) == 0 ||
	       strcmp(d->artifact_type, type) == 0;
}

/* Reads all of a feed, and one byte more than expected to notice that there is more. */
static int read_document_feed(const struct cfs_feed *feed, size_t expected,
			      struct cfs_mem *out, struct cfs_err *err)
{
	ssize_t n;

	out->p = malloc(expected + 1);
	if (!out->p)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->cap = expected + 1;
	n = cfs_feed_read(feed, out->p, out->cap, err);
	if (n < 0)
		return (int)n;
	out->len = (size_t)n;
	return 0;
}

int cfs_transport_read(const struct cfs_transport *t, const struct cfs_oci_descriptor *d,
		       size_t max, struct cfs_mem *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_blob blob;
	int rc;

	*out = (struct cfs_mem){0};
	cfs_oci_digest_text(&d->digest, text);
	if (d->size > max)
		return cfs_fail(err, EFBIG, "%s: expected at most %zu bytes, got %llu",
				text, max, (unsigned long long)d->size);
	rc = t->blob(t->ctx, d, &blob, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", text);
	rc = read_document_feed(&blob.feed, (size_t)d->size, out, err);
	blob.close(blob.feed.ctx);
	if (rc == 0)
		rc = cfs_oci_check_blob(d, cfs_mem_span(out), err);
	if (rc < 0)
		free(cfs_steal(&out->p));
	return cfs_context(err, rc, "%s", text);
}
