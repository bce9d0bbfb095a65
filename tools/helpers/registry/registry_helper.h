/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-registry: one transfer from a registry, for "composefs oci".
 * Owns:  HTTP by libcurl, authentication, retries, what its sandbox may read.
 * Uses:  base, sandbox, oci, registry, cli; libcurl.
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
	int broker; /* socket to the process that finds credentials; -1: none */
	pid_t broker_pid;
	char token[CFS_REGISTRY_TOKEN_MAX]; /* sent with requests; "": none */
	bool sends_basic;		    /* user and password are sent with requests */
	const char
		*also_pulls; /* a repository that the next token is for as well; NULL */
	CURL *easy;
	char why[CURL_ERROR_SIZE];
};

/* An answer that is collected in memory. */
struct answer {
	long status;
	struct cfs_mem body;
	size_t max; /* bytes of body */
	char challenge[4096], media_type[128];
	char location[4096], range[64];	      /* of an upload */
	char digest[CFS_OCI_DIGEST_TEXT_MAX]; /* Docker-Content-Digest */
	char link[CFS_REGISTRY_LINK_MAX];     /* target of the Link rel="next" */
	bool has_bad_link;		      /* a Link header is malformed */
	bool has_subject;		      /* OCI-Subject */
	long retry_after;		      /* seconds; 0: not said */
};

/* A request; starts zeroed. */
struct http_request {
	const char *method; /* GET, HEAD, POST, PUT, PATCH or DELETE */
	const char *url;
	const char *const *headers;  /* ends with NULL; NULL: none */
	uint64_t body_off, body_len; /* PUT, PATCH: bytes of CFS_CHILD_EXTRA */
	bool is_foreign; /* to another host than the registry: without credentials */
	bool is_slow;	 /* the answer takes time: the registry computes a digest */
};

/* --- http.c: requests --- */

/* Prepares the handle for a request to url: limits, certificates. */
int http_prepare(struct transfer *t, const char *url, struct cfs_err *err) CFS_MUST_CHECK;
void http_set_credentials(struct transfer *t);

/* Sends a request and collects the answer, whatever its status. free(a->body.p). -EAGAIN: the
 * connection broke. */
int http_send(struct transfer *t, const struct http_request *r, struct answer *a,
	      struct cfs_err *err) CFS_MUST_CHECK;

/* "https://HOST", or http for this machine and insecure registries, and the path. */
int http_format_url(const struct transfer *t, const char *path, struct cfs_mem *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* That of "manifests" or "blobs", and the reference of the request. */
int http_format_request_url(const struct transfer *t, const char *kind,
			    struct cfs_mem *url, struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the value of a header line, which has no NUL at its end, if this is its name. out: cut
 * to cap bytes. */
bool http_take_value(const char *line, size_t len, const char *name, char *out,
		     size_t cap);

/* Stores the headers that an answer has members for. A header callback of curl. */
size_t http_take_header(char *line, size_t size, size_t n, void *answer);

/* An error from an answer with a status that is not expected. */
int http_fail_status(const struct transfer *t, long status, struct cfs_span body,
		     struct cfs_err *err);

/* Waits before another try; false: all tries were used. retry_after: seconds, 0: unknown. */
bool http_wait(unsigned try, long retry_after);
bool http_is_temporary(CURLcode code, long status);

/* --- request.c: requests with authentication and repetition --- */

enum { LOGINS_MAX = 2 }; /* a token that is refused is renewed once */

/* Sends a request and answers challenges. 0: an answer with a status that is not temporary.
 * -EAGAIN: a failure that may be temporary. */
int http_try(struct transfer *t, const struct http_request *r, struct answer *a,
	     struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but tries again after temporary failures. -EIO: they did not end. */
int http_repeat(struct transfer *t, const struct http_request *r, struct answer *a,
		struct cfs_err *err) CFS_MUST_CHECK;

/* The error of an answer. */
int http_fail_answer(const struct transfer *t, const struct answer *a,
		     struct cfs_err *err);

/* --- authenticate.c --- */

/* Answers a challenge: afterwards the request is to be repeated. -EACCES: there is nothing
 * that could be tried, or it was tried already. */
int authenticate_transfer(struct transfer *t, const char *challenge,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* --- confine.c --- */

/* Starts the process that will find credentials, before confine_transfer. */
int start_broker(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;
void stop_broker(struct transfer *t);

/* Finds the credentials of the registry in the files of docker and podman, once. */
int ask_broker(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* Restricts this process to the network and to public files. */
int confine_transfer(struct cfs_err *err) CFS_MUST_CHECK;

/* --- credentials.c --- */

/* Finds credentials in the files of docker and podman, for the broker. */
int find_credentials(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* --- get.c --- */

/* Each carries out one action: asks the registry, and sends a head, then the body as
 * data. */
int get_manifest(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;
int get_blob(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;
int get_ranges(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* Sends the body of an answer as data. */
int send_body(const struct answer *a, struct cfs_err *err) CFS_MUST_CHECK;

/* --- referrers.c --- */

/* As get_manifest, for a page of the list of manifests that refer to one. */
int get_referrers(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* --- put.c --- */

/* Upload the descriptor CFS_CHILD_EXTRA, and send a head. -EPROTO: it is not a regular
 * file of the size that the request gives. */
int put_manifest(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;
int put_blob(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* --- mount.c --- */

/* Asks whether the registry has a blob and, if it does not, to mount it from the
 * repository that the request names. Sends a head that says whether it is there. */
int mount_blob(struct transfer *t, struct cfs_err *err) CFS_MUST_CHECK;

/* --- location.c: where an upload goes on --- */

/* Resolves the Location of an answer of the URL current, and appends a query if it is not NULL.
 * *is_foreign: another host, port or scheme than that of the URL registry, which gets no
 * credentials. -EACCES: no upload may go there; -EPROTO: not a URL. free(*out). */
int resolve_location(const char *registry, const char *current, const char *location,
		     const char *query, char **out, bool *is_foreign,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* --- main.c: frames --- */

/* Send a frame to the caller, on standard output; and a head with this media type. */
int send_frame(enum cfs_registry_frame kind, const void *p, size_t len,
	       struct cfs_err *err) CFS_MUST_CHECK;
int send_head(const struct transfer *t, const char *media_type,
	      struct cfs_err *err) CFS_MUST_CHECK;
/* NULL: the registry had the blob. */
int send_upload_head(const struct transfer *t, const struct answer *a,
		     struct cfs_err *err) CFS_MUST_CHECK;
/* Sends a head and frees it. The token is filled in. */
int send_whole_head(struct cfs_registry_head *h, const struct transfer *t,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
