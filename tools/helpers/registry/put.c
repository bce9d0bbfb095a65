/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Manifests and blobs to a registry. A blob is sent in one piece, and from where the registry
 * lost it if the connection breaks.
 * Source: OCI distribution specification 1.1. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "helpers/registry/registry_helper.h"

/* What is sent must be what the request announces. */
static int check_upload_file(const struct transfer *t, struct cfs_err *err)
{
	struct stat st;

	if (fstat(CFS_CHILD_EXTRA, &st) < 0)
		return cfs_fail_errno(err, "descriptor %d", CFS_CHILD_EXTRA);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != t->request.size)
		return cfs_fail(err, EPROTO,
				"descriptor %d: expected a regular file of %" PRIu64
				" bytes",
				CFS_CHILD_EXTRA, t->request.size);
	return 0;
}

/* --- manifests ---------------------------------------------------------------------- */

static int send_manifest(struct transfer *t, const char *url, struct answer *a,
			 struct cfs_err *err)
{
	char type[160];
	const char *const headers[] = {type, NULL};
	struct http_request r = {.method = "PUT",
				 .url = url,
				 .headers = headers,
				 .body_len = t->request.size,
				 .is_slow = true};
	int rc;

	snprintf(type, sizeof(type), "Content-Type: %s", t->request.media_type);
	rc = http_repeat(t, &r, a, err);
	if (rc == 0 && a->status != 201)
		rc = http_fail_answer(t, a, err);
	return rc < 0 ? rc : send_upload_head(t, a, err);
}

int put_manifest(struct transfer *t, struct cfs_err *err)
{
	struct answer a = {.max = CFS_REGISTRY_ANSWER_MAX};
	struct cfs_mem url = {0};
	int rc = check_upload_file(t, err);

	if (rc == 0)
		rc = http_format_request_url(t, "manifests", &url, err);
	if (rc == 0)
		rc = send_manifest(t, (const char *)url.p, &a, err);
	free(a.body.p);
	free(url.p);
	return rc;
}

/* --- blobs: one session of an upload ------------------------------------------------ */

struct upload {
	struct transfer *t;
	const char *blob, *uploads; /* URLs of the registry */
	struct answer answer;
	char *location; /* of the latest answer: an older one is refused */
	bool is_foreign;
	uint64_t done; /* bytes that the registry has */
};

static int take_location(struct upload *u, struct cfs_err *err)
{
	char *current = NULL, *next;
	int rc;

	curl_easy_getinfo(u->t->easy, CURLINFO_EFFECTIVE_URL, &current);
	rc = resolve_location(u->uploads, current ? current : u->uploads,
			      u->answer.location, NULL, &next, &u->is_foreign, err);
	if (rc < 0)
		return rc;
	free(u->location);
	u->location = next;
	return 0;
}

/* "0-LAST". An upload that has nothing yet says "0-0". */
static int take_range(struct upload *u, struct cfs_err *err)
{
	uint64_t last, size = u->t->request.size;
	const char *text = u->answer.range;

	if (strncmp(text, "bytes=", 6) == 0)
		text += 6;
	if (sscanf(text, "0-%" SCNu64, &last) != 1 || last >= size)
		return cfs_fail(err, EPROTO,
				"Range: expected a part of %" PRIu64
				" bytes, got \"%.60s\"",
				size, u->answer.range);
	u->done = last == 0 && size > 1 ? 0 : last + 1;
	return 0;
}

/* The registry does not know the upload any more: only a new one can help. */
static int fail_session(struct upload *u, struct cfs_err *err)
{
	int rc = http_fail_answer(u->t, &u->answer, err);

	return u->answer.status == 404 || u->answer.status == 416 ? -EAGAIN : rc;
}

static int begin_upload(struct upload *u, struct cfs_err *err)
{
	struct http_request r = {.method = "POST", .url = u->uploads};
	int rc = http_try(u->t, &r, &u->answer, err);

	u->done = 0;
	if (rc == 0 && u->answer.status != 202)
		rc = http_fail_answer(u->t, &u->answer, err);
	return rc < 0 ? rc : take_location(u, err);
}

/* Sends the rest of the blob in one PATCH. The registry may accept a part: u->done is
 * what its Range header says. -EAGAIN: the session can be continued. */
static int send_piece(struct upload *u, struct cfs_err *err)
{
	uint64_t size = u->t->request.size;
	char range[64];
	const char *const headers[] = {"Content-Type: application/octet-stream", range,
				       NULL};
	struct http_request r = {.method = "PATCH",
				 .url = u->location,
				 .headers = headers,
				 .body_off = u->done,
				 .body_len = size - u->done,
				 .is_foreign = u->is_foreign};
	int rc;

	snprintf(range, sizeof(range), "Content-Range: %" PRIu64 "-%" PRIu64, u->done,
		 size - 1);
	rc = http_try(u->t, &r, &u->answer, err);
	if (rc == 0 && u->answer.status != 202)
		rc = fail_session(u, err);
	if (rc == 0)
		rc = take_location(u, err);
	u->done = rc == 0 ? size : u->done;
	return rc < 0 || !*u->answer.range ? rc : take_range(u, err);
}

/* Asks the registry what it has of a broken upload. False: it does not say. */
static bool find_offset(struct upload *u)
{
	struct http_request r = {
		.method = "GET", .url = u->location, .is_foreign = u->is_foreign};
	struct cfs_err unused;

	if (http_try(u->t, &r, &u->answer, &unused) < 0 || u->answer.status != 204 ||
	    take_range(u, &unused) < 0)
		return false;
	return !*u->answer.location || take_location(u, &unused) == 0;
}

enum {
	PIECE_MIN = 64 * 1024,
	SHORT_PIECES_MAX = 16, /* a registry may not make one request of each byte */
};

/* Sends until the registry has all bytes. Each round must make progress, and only a few may
 * be short, so that a registry cannot keep us busy without a limit. */
static int send_pieces(struct upload *u, struct cfs_err *err)
{
	unsigned n_short = 0;

	while (u->done < u->t->request.size) {
		uint64_t before = u->done;
		int rc = send_piece(u, err);

		if (rc == -EAGAIN && !find_offset(u))
			return rc;
		if (rc < 0 && rc != -EAGAIN)
			return rc;
		if (rc == 0 && u->done <= before)
			return cfs_fail(err, EAGAIN, "the registry accepts no bytes");
		if (u->done <= before)
			return rc;
		if (u->done - before < PIECE_MIN && ++n_short > SHORT_PIECES_MAX)
			return cfs_fail(err, EIO,
					"the registry accepts too few bytes at a time");
	}
	return 0;
}

/* Ends the session with the digest, which the registry compares. This can take long
 * for a large blob, hence is_slow. */
static int end_upload(struct upload *u, struct cfs_err *err)
{
	static const char *const headers[] = {"Content-Type: application/octet-stream",
					      NULL};
	char query[16 + CFS_OCI_DIGEST_TEXT_MAX];
	struct http_request r = {.method = "PUT", .headers = headers, .is_slow = true};
	char *url;
	int rc;

	snprintf(query, sizeof(query), "digest=%.*s", (int)CFS_OCI_DIGEST_TEXT_MAX,
		 u->t->request.reference);
	rc = resolve_location(u->uploads, u->uploads, u->location, query, &url,
			      &r.is_foreign, err);
	if (rc < 0)
		return rc;
	r.url = url;
	rc = http_try(u->t, &r, &u->answer, err);
	if (rc == 0 && u->answer.status != 201)
		rc = fail_session(u, err);
	free(url);
	return rc;
}

/* --- blobs -------------------------------------------------------------------------- */

/* 1: the registry has the blob, 0: it does not. */
static int find_remote_blob(struct upload *u, struct cfs_err *err)
{
	struct http_request r = {.method = "HEAD", .url = u->blob};
	int rc = http_repeat(u->t, &r, &u->answer, err);

	if (rc < 0)
		return rc;
	if (u->answer.status == 200 || u->answer.status == 404)
		return u->answer.status == 200;
	return http_fail_answer(u->t, &u->answer, err);
}

static int upload_once(struct upload *u, struct cfs_err *err)
{
	int rc = begin_upload(u, err);

	if (rc == 0)
		rc = send_pieces(u, err);
	return rc < 0 ? rc : end_upload(u, err);
}

/* An upload that broke at its end can be complete: the registry is asked before each one. */
static int send_blob(struct upload *u, struct cfs_err *err)
{
	for (unsigned try = 0;; try++) {
		int rc = find_remote_blob(u, err);

		if (rc != 0)
			return rc < 0 ? rc : send_upload_head(u->t, NULL, err);
		rc = upload_once(u, err);
		if (rc == 0)
			return send_upload_head(u->t, &u->answer, err);
		if (rc != -EAGAIN)
			return rc;
		if (!http_wait(try, u->answer.status ? u->answer.retry_after : 0))
			return -EIO;
	}
}

int put_blob(struct transfer *t, struct cfs_err *err)
{
	char path[32 + CFS_OCI_NAME_MAX];
	struct cfs_mem blob = {0}, uploads = {0};
	struct upload *u = calloc(1, sizeof(*u));
	int rc = u ? check_upload_file(t, err) : cfs_fail(err, ENOMEM, "out of memory");

	snprintf(path, sizeof(path), "/v2/%s/blobs/uploads/", t->request.name);
	if (rc == 0)
		rc = http_format_request_url(t, "blobs", &blob, err);
	if (rc == 0)
		rc = http_format_url(t, path, &uploads, err);
	if (rc == 0) {
		*u = (struct upload){.t = t,
				     .blob = (const char *)blob.p,
				     .uploads = (const char *)uploads.p,
				     .answer = {.max = CFS_REGISTRY_ANSWER_MAX}};
		rc = send_blob(u, err);
		free(u->location);
		free(u->answer.body.p);
	}
	free(blob.p);
	free(uploads.p);
	free(u);
	return rc;
}
