/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-registry: one transfer from a registry, for "composefs oci".
 * Owns:  HTTP by libcurl, authentication, retries.
 * Uses:  base, oci, registry, cli; libcurl.
 * Never: verifies contents: its caller does.
 */
#ifndef CFS_REGISTRY_HELPER_H
#define CFS_REGISTRY_HELPER_H

#include <curl/curl.h>

#include "registry/registry.h"

struct transfer {
	struct cfs_registry_request request;
	struct cfs_registry_auth auth;
	bool has_auth, looked_for_auth;
	char token[CFS_REGISTRY_TOKEN_MAX]; /* sent with requests; "": none */
	bool sends_basic;		    /* user and password are sent with requests */
	CURL *easy;
	char why[CURL_ERROR_SIZE];
};

/* An answer that is collected in memory. */
struct answer {
	long status;
	struct cfs_mem body;
	size_t max; /* bytes of body */
	char challenge[4096], media_type[128];
	long retry_after; /* seconds; 0: not said */
};

/* --- http.c: requests --- */

/* Prepares the handle for a request to url: limits, certificates, credentials. */
int http_prepare(struct transfer *t, const char *url, struct cfs_err *err);

/* Performs a GET and collects the answer, whatever its status. free(a->body.p). */
int http_get(struct transfer *t, const char *url, const char *const *headers,
	     struct answer *a, struct cfs_err *err);

/* "https://HOST", or http for this machine and insecure registries, and the path. */
int http_url(const struct transfer *t, const char *path, struct cfs_mem *out,
	     struct cfs_err *err);

/* Stores WWW-Authenticate, Content-Type and Retry-After. A header callback of curl. */
size_t http_take_header(char *line, size_t size, size_t n, void *answer);

/* An error from an answer with a status that is not expected. */
int http_fail_status(const struct transfer *t, long status, struct cfs_span body,
		     struct cfs_err *err);

/* Waits before another try; false: all tries were used. retry_after: seconds, 0: unknown. */
bool http_wait(unsigned try, long retry_after);
bool http_is_temporary(CURLcode code, long status);

/* --- authenticate.c --- */

/* Answers a challenge: afterwards the request is to be repeated. -EACCES: there is nothing
 * that could be tried, or it was tried already. */
int authenticate(struct transfer *t, const char *challenge, struct cfs_err *err);

/* --- credentials.c --- */

/* Finds credentials in the files of docker and podman, once. */
int find_credentials(struct transfer *t, struct cfs_err *err);

/* --- get.c --- */

int get_manifest(struct transfer *t, struct cfs_err *err);
int get_blob(struct transfer *t, struct cfs_err *err);

/* --- main.c: frames --- */

int send_frame(enum cfs_registry_frame kind, const void *p, size_t len,
	       struct cfs_err *err);
int send_head(const struct transfer *t, const char *media_type, struct cfs_err *err);

#endif
