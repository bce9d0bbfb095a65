/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One page of the list of the manifests that refer to a subject.
 * Source: OCI distribution specification 1.1, "Listing Referrers". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/registry/registry_helper.h"

static const char accept_index[] = "Accept: " CFS_OCI_TYPE_INDEX;

/* The URL of the first page. */
static int first_url(const struct transfer *t, struct cfs_mem *url, struct cfs_err *err)
{
	char path[64 + CFS_OCI_NAME_MAX + CFS_OCI_DIGEST_TEXT_MAX +
		  3 * sizeof(t->request.media_type)];
	char *type = curl_easy_escape(t->easy, t->request.media_type, 0);

	if (!type)
		return cfs_fail(err, ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "/v2/%s/referrers/%.*s%s%s", t->request.name,
		 (int)CFS_OCI_DIGEST_TEXT_MAX, t->request.reference,
		 *type ? "?artifactType=" : "", type);
	curl_free(type);
	return http_format_url(t, path, url, err);
}

/* Keeps the path of the next page. A list goes on at its registry only: another host would get
 * the credentials, or a request that the registry made up. */
static int take_next(const struct transfer *t, const char *first, const struct answer *a,
		     struct cfs_registry_head *head, struct cfs_err *err)
{
	char *current = NULL, *next, *path;
	bool is_foreign;
	int rc;

	if (a->has_bad_link)
		return cfs_fail(err, EPROTO, "Link: malformed");
	if (!*a->link)
		return 0;
	curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &current);
	rc = resolve_location(first, current ? current : first, a->link, NULL, &next,
			      &is_foreign, err);
	if (rc < 0)
		return cfs_context(err, rc, "Link");
	path = strstr(next, "://");
	path = path ? strchr(path + 3, '/') : NULL;
	if (is_foreign || !path || strlen(path) >= sizeof(head->next))
		rc = cfs_fail(err, EACCES,
			      "Link: expected the next page on the same host, got "
			      "\"%.200s\"",
			      a->link);
	else
		strcpy(head->next, path);
	free(next);
	return rc;
}

static int send_page(const struct transfer *t, const char *first, const struct answer *a,
		     struct cfs_err *err)
{
	struct cfs_registry_head *head = calloc(1, sizeof(*head));
	int rc = head ? take_next(t, first, a, head, err)
		      : cfs_fail(err, ENOMEM, "out of memory");

	if (rc < 0) {
		free(head);
		return rc;
	}
	if (cfs_registry_is_header_text(cfs_text(a->media_type)))
		memcpy(head->media_type, a->media_type, sizeof(head->media_type));
	rc = send_whole_head(head, t, err);
	return rc < 0 ? rc : send_body(a, err);
}

int get_referrers(struct transfer *t, struct cfs_err *err)
{
	static const char *const headers[] = {accept_index, NULL};
	struct answer a = {.max = (size_t)t->request.size};
	struct cfs_mem url = {0};
	int rc = *t->request.page ? http_format_url(t, t->request.page, &url, err)
				  : first_url(t, &url, err);
	struct http_request r = {
		.method = "GET", .url = (const char *)url.p, .headers = headers};

	if (rc == 0)
		rc = http_repeat(t, &r, &a, err);
	if (rc == 0 && a.status != 200)
		rc = http_fail_answer(t, &a, err);
	if (rc == 0)
		rc = send_page(t, (const char *)url.p, &a, err);
	free(a.body.p);
	free(url.p);
	return rc;
}
