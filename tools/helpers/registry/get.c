/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Manifests and blobs from a registry.
 * Source: OCI distribution specification 1.1. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "helpers/registry/registry_helper.h"

/* Bytes of a try, after which the tries are counted anew. */
enum { PROGRESS_MIN = 64 * 1024 };

/* --- manifests ---------------------------------------------------------------------- */

/* In one header: docker-registry looks at the first one only. */
static const char accept_manifests[] =
	"Accept: " CFS_OCI_TYPE_MANIFEST ", " CFS_OCI_TYPE_INDEX
	", " CFS_DOCKER_TYPE_MANIFEST ", " CFS_DOCKER_TYPE_LIST;

int send_body(const struct answer *a, struct cfs_err *err)
{
	int rc = 0;

	for (size_t off = 0; rc == 0 && off < a->body.len;) {
		size_t len = a->body.len - off;

		len = len < CFS_REGISTRY_TOKEN_MAX ? len : CFS_REGISTRY_TOKEN_MAX;
		rc = send_frame(CFS_REGISTRY_DATA, a->body.p + off, len, err);
		off += len;
	}
	return rc;
}

int get_manifest(struct transfer *t, struct cfs_err *err)
{
	static const char *const headers[] = {accept_manifests, NULL};
	struct answer a = {.max = (size_t)t->request.size};
	struct cfs_mem url = {0};
	int rc = http_format_request_url(t, "manifests", &url, err);
	struct http_request r = {
		.method = "GET", .url = (const char *)url.p, .headers = headers};

	if (rc == 0)
		rc = http_repeat(t, &r, &a, err);
	if (rc == 0 && a.status != 200)
		rc = http_fail_answer(t, &a, err);
	if (rc == 0)
		rc = send_head(t, a.media_type, err);
	if (rc == 0)
		rc = send_body(&a, err);
	free(a.body.p);
	free(url.p);
	return rc;
}

/* --- blobs -------------------------------------------------------------------------- */

/* A blob, or a range of it, that is forwarded as it arrives. A broken transfer is resumed where
 * it ended. */
struct blob {
	struct transfer *t;
	struct answer answer; /* headers; body: that of an error */
	uint64_t got;	      /* the bytes before were passed on, or are not wanted */
	uint64_t end;	      /* of the range, or the size of the blob */
	bool is_range;	      /* an answer with the whole blob is of no use */
	uint64_t skip;	      /* bytes to drop: the server started anew */
	char etag[256];
	uint64_t range_start, range_last; /* of Content-Range */
	bool has_range, sent_head;
	int rc; /* of a failed write */
	struct cfs_err err;
};

/* Called by curl for each header line. A new status line resets what an earlier answer
 * said, such as a redirect. The ETag is dropped unless it can be sent back safely. */
static size_t take_blob_header(char *line, size_t size, size_t n, void *ctx)
{
	struct blob *b = ctx;
	size_t len = size * n;
	char range[64];
	uint64_t start, last;

	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
		b->has_range = false;
	if (!b->sent_head &&
	    http_take_value(line, len, "ETag", b->etag, sizeof(b->etag)) &&
	    !cfs_registry_is_header_text(cfs_text(b->etag)))
		*b->etag = '\0'; /* it is sent back as a header */
	if (http_take_value(line, len, "Content-Range", range, sizeof(range)) &&
	    sscanf(range, "bytes %" SCNu64 "-%" SCNu64, &start, &last) == 2) {
		b->range_start = start;
		b->range_last = last;
		b->has_range = true;
	}
	return http_take_header(line, size, n, &b->answer);
}

/* Called at the first byte of an answer: its status decides what the bytes are. */
static int begin_body(struct blob *b, struct cfs_err *err)
{
	long status = 0;
	int rc = 0;

	curl_easy_getinfo(b->t->easy, CURLINFO_RESPONSE_CODE, &status);
	b->answer.status = status;
	if (status == 200 && b->is_range)
		return cfs_fail(err, EOPNOTSUPP, "the registry does not send ranges");
	if (status == 206 && (!b->has_range || b->range_start != b->got ||
			      (b->is_range && b->range_last != b->end - 1)))
		return cfs_fail(
			err, EIO,
			"expected the requested range from the registry, got another");
	b->skip = status == 200 ? b->got : 0;
	if ((status == 200 || status == 206) && !b->sent_head) {
		rc = send_head(b->t, b->answer.media_type, err);
		b->sent_head = true;
	}
	return rc;
}

/* Passes the bytes of an answer on. Bytes that the caller has already are dropped;
 * more than was announced is an error. */
static int forward_bytes(struct blob *b, const char *p, size_t len, struct cfs_err *err)
{
	size_t drop = b->skip < len ? (size_t)b->skip : len;
	int rc = 0;

	b->skip -= drop;
	p += drop;
	len -= drop;
	if (len > b->end - b->got)
		return cfs_fail(err, EFBIG, "expected %" PRIu64 " bytes, got more",
				b->end);
	if (len)
		rc = send_frame(CFS_REGISTRY_DATA, p, len, err);
	b->got += len;
	return rc;
}

static size_t take_blob(char *p, size_t size, size_t n, void *ctx)
{
	struct blob *b = ctx;
	size_t len = size * n;

	if (b->answer.status == 0)
		b->rc = begin_body(b, &b->err);
	if (b->rc == 0 && (b->answer.status == 200 || b->answer.status == 206))
		b->rc = forward_bytes(b, p, len, &b->err);
	else if (b->rc == 0 && len <= CFS_REGISTRY_ANSWER_MAX - b->answer.body.len)
		b->rc = cfs_sink_mem(&b->answer.body)
				.write(&b->answer.body, p, len, &b->err);
	return b->rc < 0 ? CURL_WRITEFUNC_ERROR : len;
}

/* Requests the rest of the blob, always as a closed range: some servers do not support open ones. */
static CURLcode perform_request(struct blob *b, const char *url, int *rc,
				struct cfs_err *err)
{
	struct curl_slist *list = NULL;
	char range[64], condition[300];
	CURL *c = b->t->easy;
	CURLcode code;

	*rc = http_prepare(b->t, url, err);
	if (*rc < 0)
		return CURLE_OK;
	http_set_credentials(b->t);
	b->answer.status = 0;
	b->answer.body.len = 0;
	if (b->got || b->is_range) {
		snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, b->got,
			 b->end - 1);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	if (b->got && *b->etag && !b->is_range) {
		snprintf(condition, sizeof(condition), "If-Range: %s", b->etag);
		list = curl_slist_append(NULL, condition);
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
	}
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_blob_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, b);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_blob);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, b);
	code = curl_easy_perform(c);
	curl_slist_free_all(list);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &b->answer.status);
	return code;
}

static int finish_blob(struct blob *b, struct cfs_err *err)
{
	if (b->is_range && b->got < b->end)
		return cfs_fail(err, EIO,
				"expected the requested number of bytes from the "
				"registry, got fewer");
	if (!b->sent_head) /* an empty blob */
		return send_head(b->t, b->answer.media_type, err);
	return 0;
}

static int fail_transfer(struct blob *b, CURLcode code, struct cfs_err *err)
{
	if (code != CURLE_OK)
		return cfs_fail(err, EIO, "%.300s",
				*b->t->why ? b->t->why : curl_easy_strerror(code));
	return http_fail_status(b->t, b->answer.status,
				(struct cfs_span){b->answer.body.p, b->answer.body.len},
				err);
}

/* 416 is judged by its status alone: docker-registry gives it a wrong Content-Length. */
static int run_blob(struct blob *b, const char *url, struct cfs_err *err)
{
	unsigned try = 0, logins = 0;

	for (;;) {
		uint64_t before = b->got;
		int rc;
		CURLcode code = perform_request(b, url, &rc, err);

		if (rc < 0)
			return rc;
		if (b->rc < 0) {
			*err = b->err;
			return b->rc;
		}
		if (code == CURLE_OK &&
		    (b->answer.status == 200 || b->answer.status == 206))
			return finish_blob(b, err);
		if (b->answer.status == 401 && logins++ < LOGINS_MAX) {
			rc = authenticate_transfer(b->t, b->answer.challenge, err);
			if (rc < 0)
				return rc;
			continue;
		}
		if (b->got - before >= PROGRESS_MIN)
			try = 0;
		if (!http_is_temporary(code, b->answer.status) ||
		    !http_wait(try++, b->answer.retry_after))
			return fail_transfer(b, code, err);
	}
}

/* The requests for ranges share a connection. */
static int run_ranges(struct blob *b, const char *url, struct cfs_err *err)
{
	const char *rest = b->t->request.ranges;
	struct cfs_oci_range range;
	int rc;

	b->is_range = true;
	while ((rc = cfs_registry_next_range(&rest, b->t->request.size, &range, err)) >
	       0) {
		b->got = range.off;
		b->end = range.off + range.len;
		rc = run_blob(b, url, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Prepares the transfer of a blob and passes it to run. b is on the heap, because it
 * is large. */
static int get_with(struct transfer *t,
		    int (*run)(struct blob *b, const char *url, struct cfs_err *err),
		    struct cfs_err *err)
{
	struct blob *b = calloc(1, sizeof(*b));
	struct cfs_mem url = {0};
	int rc;

	if (!b)
		return cfs_fail(err, ENOMEM, "out of memory");
	b->t = t;
	b->end = t->request.size;
	rc = http_format_request_url(t, "blobs", &url, err);
	if (rc == 0)
		rc = run(b, (const char *)url.p, err);
	free(b->answer.body.p);
	free(url.p);
	free(b);
	return rc;
}

int get_blob(struct transfer *t, struct cfs_err *err)
{
	return get_with(t, run_blob, err);
}

int get_ranges(struct transfer *t, struct cfs_err *err)
{
	return get_with(t, run_ranges, err);
}
