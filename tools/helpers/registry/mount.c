/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Blobs that another repository of the registry has: the registry adds them without their bytes.
 * Source: OCI distribution specification 1.1, "Mounting a blob from another repository". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/registry/registry_helper.h"

/* An answer of 202 begins an upload. It is not used: put_blob begins its own. */
static void cancel_upload(struct transfer *t, const char *uploads, const struct answer *a)
{
	struct answer unused = {.max = CFS_REGISTRY_ANSWER_MAX};
	struct http_request r = {.method = "DELETE"};
	char *current = NULL, *location;
	struct cfs_err err;

	curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &current);
	if (resolve_location(uploads, current ? current : uploads, a->location, NULL,
			     &location, &r.is_foreign, &err) < 0)
		return;
	r.url = location;
	(void)!http_try(t, &r, &unused, &err); /* the registry removes it later, too */
	free(unused.body.p);
	free(location);
}

/* 1: mounted; 0: not. Only the first request needs a token for both repositories. */
static int ask_mount(struct transfer *t, struct answer *a, struct cfs_err *err)
{
	char path[64 + 2 * CFS_OCI_NAME_MAX + CFS_OCI_DIGEST_TEXT_MAX];
	struct http_request r = {.method = "POST"};
	struct cfs_mem url = {0};
	int rc;

	snprintf(path, sizeof(path), "/v2/%s/blobs/uploads/?mount=%.*s&from=%s",
		 t->request.name, (int)CFS_OCI_DIGEST_TEXT_MAX, t->request.reference,
		 t->request.from);
	rc = http_format_url(t, path, &url, err);
	r.url = (const char *)url.p;
	t->also_pulls = t->request.from;
	if (rc == 0)
		rc = http_repeat(t, &r, a, err);
	t->also_pulls = NULL;
	if (rc == 0 && a->status == 202)
		cancel_upload(t, r.url, a);
	free(url.p);
	return rc < 0 ? rc : a->status == 201;
}

static int ask_presence(struct transfer *t, struct answer *a, struct cfs_err *err)
{
	struct http_request r = {.method = "HEAD"};
	struct cfs_mem url = {0};
	int rc = http_format_request_url(t, "blobs", &url, err);

	r.url = (const char *)url.p;
	if (rc == 0)
		rc = http_repeat(t, &r, a, err);
	free(url.p);
	return rc < 0 ? rc : a->status == 200;
}

/* A registry may refuse a mount with any status: the blob is then sent as any other one. */
int mount_blob(struct transfer *t, struct cfs_err *err)
{
	struct answer a = {.max = CFS_REGISTRY_ANSWER_MAX};
	struct cfs_registry_head *h = calloc(1, sizeof(*h));
	int rc = h ? ask_presence(t, &a, err) : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0 && strcmp(t->request.from, t->request.name) != 0)
		rc = ask_mount(t, &a, err);
	free(a.body.p);
	if (rc < 0) {
		free(h);
		return rc;
	}
	h->is_present = rc > 0;
	return send_whole_head(h, t, err);
}
