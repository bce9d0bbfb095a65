/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Requests by libcurl: limits, certificates, credentials, statuses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "helpers/registry/registry_helper.h"

enum {
	REDIRECTS_MAX = 5,
	CONNECT_SECONDS = 30,
	MIN_RATE = 1000,    /* bytes per second */
	STALL_SECONDS = 30, /* a transfer ends after this time below MIN_RATE */
	SLOW_SECONDS = 600, /* the same for a registry that computes a digest */
	TRIES_MAX = 4,
	WAIT_MAX = 60, /* seconds, whatever the server asks for */
	CERTIFICATES_MAX = 4 << 20,
};

/* --- addresses ---------------------------------------------------------------------- */

static bool is_plain(const struct transfer *t)
{
	return cfs_registry_is_loopback(t->request.host);
}

int http_format_url(const struct transfer *t, const char *path, struct cfs_mem *out,
		    struct cfs_err *err)
{
	const char *host = cfs_registry_get_api_host(t->request.host);
	size_t len = strlen(host) + strlen(path) + 16;

	out->p = malloc(len);
	if (!out->p)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->len = (size_t)snprintf((char *)out->p, len, "%s://%s%s",
				    is_plain(t) || t->request.insecure ? "http" : "https",
				    host, path);
	return 0;
}

int http_format_request_url(const struct transfer *t, const char *kind,
			    struct cfs_mem *url, struct cfs_err *err)
{
	char path[16 + CFS_OCI_NAME_MAX + sizeof(t->request.reference) + 16];

	snprintf(path, sizeof(path), "/v2/%s/%s/%s", t->request.name, kind,
		 t->request.reference);
	return http_format_url(t, path, url, err);
}

/* --- certificates: /etc/containers/certs.d/HOST[:PORT]/{*.crt,*.cert,*.key} ---------- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

/* Appends the certificates of authorities in a file. Those of the system come first: libcurl uses what is given
 * instead of them, not in addition. */
static int add_authorities(const char *path, struct cfs_mem *all, struct cfs_err *err)
{
	int rc = 0;

	if (all->len == 0)
		rc = cfs_input_read(AT_FDCWD, "/etc/ssl/certs/ca-certificates.crt", 0,
				    CERTIFICATES_MAX, all, err);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	return cfs_input_read(AT_FDCWD, path, 0, CERTIFICATES_MAX, all, err);
}

static int use_certificate(struct transfer *t, const char *dir, const char *name,
			   struct cfs_mem *authorities, struct cfs_err *err)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return cfs_fail(err, ENAMETOOLONG, "the path is too long");
	if (has_suffix(name, ".crt"))
		return add_authorities(path, authorities, err);
	if (has_suffix(name, ".cert"))
		curl_easy_setopt(t->easy, CURLOPT_SSLCERT, path);
	if (has_suffix(name, ".key"))
		curl_easy_setopt(t->easy, CURLOPT_SSLKEY, path);
	return 0;
}

static int use_certificates(struct transfer *t, const char *base,
			    struct cfs_mem *authorities, struct cfs_err *err)
{
	char dir[4096];
	struct dirent *e;
	int rc = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/%s", base, t->request.host);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", dir);
	while (rc == 0 && (errno = 0, e = readdir(d)))
		rc = use_certificate(t, dir, e->d_name, authorities, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "list");
	closedir(d);
	return cfs_context(err, rc, "%s", dir);
}

static int set_certificates(struct transfer *t, struct cfs_err *err)
{
	const char *file = getenv("CURL_CA_BUNDLE"); /* as for curl(1) */
	struct cfs_mem authorities = {0};
	struct curl_blob blob;
	int rc;

	if (file)
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, file);
	rc = use_certificates(t, "/etc/docker/certs.d", &authorities, err);
	if (rc == 0)
		rc = use_certificates(t, "/etc/containers/certs.d", &authorities, err);
	blob = (struct curl_blob){authorities.p, authorities.len, CURL_BLOB_COPY};
	if (rc == 0 && authorities.len)
		curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob);
	free(authorities.p);
	return rc;
}

/* --- requests ----------------------------------------------------------------------- */

/* libcurl sends credentials to no other host, port or scheme after a redirect. */
void http_set_credentials(struct transfer *t)
{
	if (*t->token) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(t->easy, CURLOPT_XOAUTH2_BEARER, t->token);
	} else if (t->sends_basic) {
		curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, t->auth.user);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, t->auth.password);
	}
}

int http_prepare(struct transfer *t, const char *url, struct cfs_err *err)
{
	bool secure = strncasecmp(url, "https:", 6) == 0;
	CURL *c = t->easy;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http,https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)MIN_RATE);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "composefs/" VERSION);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	*t->why = '\0';
	if (t->request.insecure) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return set_certificates(t, err);
}

bool http_take_value(const char *line, size_t len, const char *name, char *out,
		     size_t cap)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && strchr("\r\n \t", line[len - 1]))
		len--;
	snprintf(out, cap, "%.*s", (int)len, line);
	return true;
}

/* A list that goes on says so in one of its Link headers. One that is malformed is not ignored:
 * the list would seem complete. */
static void take_link(const char *line, size_t len, struct answer *a)
{
	char value[CFS_REGISTRY_LINK_MAX + 1024];
	struct cfs_err unused;

	if (*a->link || !http_take_value(line, len, "Link", value, sizeof(value)))
		return;
	if (cfs_registry_parse_next(cfs_text(value), a->link, &unused) < 0)
		a->has_bad_link = true;
}

size_t http_take_header(char *line, size_t size, size_t n, void *answer)
{
	struct answer *a = answer;
	size_t len = size * n;
	char seconds[16], subject[8];

	if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) { /* of the next answer */
		*a->challenge = *a->media_type = *a->location = *a->range = '\0';
		*a->digest = *a->link = '\0';
		a->has_subject = a->has_bad_link = false;
		a->retry_after = 0;
	}
	http_take_value(line, len, "WWW-Authenticate", a->challenge,
			sizeof(a->challenge));
	http_take_value(line, len, "Content-Type", a->media_type, sizeof(a->media_type));
	http_take_value(line, len, "Location", a->location, sizeof(a->location));
	http_take_value(line, len, "Range", a->range, sizeof(a->range));
	http_take_value(line, len, "Docker-Content-Digest", a->digest, sizeof(a->digest));
	if (http_take_value(line, len, "Retry-After", seconds, sizeof(seconds)))
		a->retry_after = strtol(seconds, NULL, 10);
	a->has_subject |=
		http_take_value(line, len, "OCI-Subject", subject, sizeof(subject));
	take_link(line, len, a);
	return len;
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;
	size_t len = size * n;

	if (len > a->max - a->body.len)
		return CURL_WRITEFUNC_ERROR;
	return cfs_sink_mem(&a->body).write(&a->body, p, len, NULL) < 0
		       ? CURL_WRITEFUNC_ERROR
		       : len;
}

/* --- bodies ------------------------------------------------------------------------- */

/* Where curl is in the body of a request. */
struct body {
	const struct http_request *r;
	CURL *easy;
	uint64_t done;
};

static size_t read_body(char *p, size_t size, size_t n, void *ctx)
{
	struct body *b = ctx;
	uint64_t left = b->r->body_len - b->done;
	size_t len = size * n < left ? size * n : (size_t)left;
	ssize_t got =
		cfs_io_pread(CFS_CHILD_EXTRA, p, len, b->r->body_off + b->done, NULL);

	if (got < 0 || (len > 0 && got == 0)) /* the file is shorter than it was */
		return CURL_READFUNC_ABORT;
	b->done += (uint64_t)got;
	return (size_t)got;
}

/* curl sends the body again after a redirect, and versions from 8.7 on also when a kept
 * connection ends without an answer. Of a PATCH the registry may have taken a part then, so
 * it is asked first where to go on. */
static int seek_body(void *ctx, curl_off_t off, int whence)
{
	struct body *b = ctx;
	long status = 0;

	curl_easy_getinfo(b->easy, CURLINFO_RESPONSE_CODE, &status);
	if (strcmp(b->r->method, "PATCH") == 0 && (status < 300 || status > 399))
		return CURL_SEEKFUNC_FAIL;
	if (whence != SEEK_SET || off < 0 || (uint64_t)off > b->r->body_len)
		return CURL_SEEKFUNC_CANTSEEK;
	b->done = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

/* Tells curl about method and body. The body can be read again from its start, because
 * curl repeats a request after a redirect or a lost connection. */
static void set_method(CURL *c, struct body *b)
{
	const struct http_request *r = b->r;
	bool has_body = strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;

	if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (strcmp(r->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
	} else if (strcmp(r->method, "DELETE") == 0) {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	} else if (has_body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, read_body);
		curl_easy_setopt(c, CURLOPT_READDATA, b);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, b);
	}
}

/* --- sending ------------------------------------------------------------------------ */

/* Sets all options of one request, since those of the previous one remain in the
 * handle. Credentials are not sent to foreign hosts. */
static int prepare_request(struct transfer *t, struct body *b, struct answer *a,
			   struct cfs_err *err)
{
	int rc = http_prepare(t, b->r->url, err);
	CURL *c = t->easy;

	if (rc < 0)
		return rc;
	if (!b->r->is_foreign)
		http_set_credentials(t);
	if (b->r->is_slow)
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
	set_method(c, b);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, http_take_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	a->body.len = 0;
	a->status = 0;
	return 0;
}

static const char *get_tls_advice(CURLcode code)
{
	if (code == CURLE_SSL_CONNECT_ERROR)
		return " (--insecure-registry, or insecure in registries.conf, uses "
		       "plain HTTP)";
	if (code == CURLE_SSL_CACERT_BADFILE)
		return " (expected the package ca-certificates to be installed)";
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return " (/etc/containers/certs.d/HOST/*.crt are trusted as well)";
	return "";
}

int http_send(struct transfer *t, const struct http_request *r, struct answer *a,
	      struct cfs_err *err)
{
	struct body body = {.r = r, .easy = t->easy};
	struct curl_slist *list = NULL;
	int rc = prepare_request(t, &body, a, err);
	CURLcode code;

	if (rc < 0)
		return rc;
	for (const char *const *h = r->headers; h && *h; h++)
		list = curl_slist_append(list, *h);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, list);
	code = curl_easy_perform(t->easy);
	curl_slist_free_all(list);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a->status);
	if (code == CURLE_WRITE_ERROR)
		return cfs_fail(err, EFBIG, "expected an answer of at most %zu bytes",
				a->max);
	if (code != CURLE_OK)
		return cfs_fail(err, http_is_temporary(code, 0) ? EAGAIN : EIO,
				"%.300s%s", *t->why ? t->why : curl_easy_strerror(code),
				get_tls_advice(code));
	return 0;
}

/* --- statuses ----------------------------------------------------------------------- */

int http_fail_status(const struct transfer *t, long status, struct cfs_span body,
		     struct cfs_err *err)
{
	char text[CFS_REGISTRY_TEXT_MAX];
	int code = status == 404 ? ENOENT : status == 401 || status == 403 ? EACCES : EIO;

	cfs_registry_find_error(cfs_span_text(body), text);
	return cfs_fail(err, code, "the registry answers with status %ld%s%s%s", status,
			*text ? ": " : "", text,
			code == EACCES && !t->has_auth
				? " (log in with podman login or docker login)"
				: "");
}

bool http_is_temporary(CURLcode code, long status)
{
	return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
	       code == CURLE_SEND_ERROR || code == CURLE_SEND_FAIL_REWIND ||
	       code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING ||
	       code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
	       code == CURLE_COULDNT_CONNECT || status == 429 || status == 500 ||
	       status == 502 || status == 503 || status == 504;
}

bool http_wait(unsigned try, long retry_after)
{
	struct timespec wait = {.tv_sec = 0, .tv_nsec = 200 * 1000 * 1000};

	if (try + 1 >= TRIES_MAX)
		return false;
	if (retry_after > 0)
		wait = (struct timespec){retry_after < WAIT_MAX ? retry_after : WAIT_MAX,
					 0};
	else if (try > 0)
		wait = (struct timespec){1L << (try - 1), 0};
	nanosleep(&wait, NULL);
	return true;
}
