/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Registries, through the helper composefs-registry: one process for each transfer. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "registry/registry.h"
#include "transport/transport.h"

static const char helper[] = "composefs-registry";

struct registry {
	struct cfs_oci_reference reference;
	const struct cfs_watch *watch;
	bool insecure;
	char *credentials; /* USER:PASSWORD, or NULL */
	pthread_mutex_t lock;
	char token[CFS_REGISTRY_TOKEN_MAX]; /* of the last answer; guarded by lock */
};

/* --- one transfer ------------------------------------------------------------------- */

/* A running helper, and the frame that is being read. */
struct transfer {
	struct registry *r;
	pid_t pid;
	int fd;
	uint32_t left; /* bytes of the data frame */
	bool at_end;
};

static int read_whole(struct transfer *t, void *p, size_t len, struct cfs_err *err)
{
	ssize_t n = cfs_io_read_watched(t->fd, p, len, t->r->watch, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return cfs_fail(err, EPROTO, "%s: ended early", helper);
	return 0;
}

static int fail_of_frame(struct transfer *t, uint32_t len, struct cfs_err *err)
{
	uint8_t frame[4 + CFS_ERR_MAX];
	int rc = len < 4 || len > sizeof(frame)
			 ? cfs_fail(err, EPROTO, "%s: malformed error", helper)
			 : read_whole(t, frame, len, err);
	char text[CFS_ERR_MAX];
	uint32_t code;

	if (rc < 0)
		return rc;
	code = cfs_le32(frame);
	cfs_show_text((struct cfs_text){(char *)frame + 4, len - 4}, text, sizeof(text));
	return cfs_fail(err, code > 0 && code < 4096 ? (int)code : EIO, "%s", text);
}

/* Reads the head of the next frame: its kind, or -errno, which may be that of the helper. */
static int next_frame(struct transfer *t, uint32_t *len, struct cfs_err *err)
{
	uint8_t head[CFS_REGISTRY_FRAME_HEAD];
	int rc = read_whole(t, head, sizeof(head), err);
	uint32_t kind;

	if (rc < 0)
		return rc;
	kind = cfs_le32(head);
	*len = cfs_le32(head + 4);
	if (kind == CFS_REGISTRY_ERROR)
		return fail_of_frame(t, *len, err);
	if (kind < CFS_REGISTRY_HEAD || kind > CFS_REGISTRY_END ||
	    *len > CFS_REGISTRY_FRAME_MAX)
		return cfs_fail(err, EPROTO, "%s: malformed frame", helper);
	return (int)kind;
}

static void end_transfer(struct transfer *t)
{
	close(t->fd);
	if (t->at_end && cfs_child_finish(t->pid, helper, NULL) >= 0)
		return;
	if (!t->at_end)
		cfs_child_kill(t->pid);
}

/* Keeps the token of a transfer for the next ones. */
static void keep_token(struct registry *r, const char *token)
{
	pthread_mutex_lock(&r->lock);
	memcpy(r->token, token, sizeof(r->token));
	pthread_mutex_unlock(&r->lock);
}

static int read_head(struct transfer *t, char media_type[128], struct cfs_err *err)
{
	struct cfs_registry_head *h = calloc(1, sizeof(*h));
	cfs_autofree char *text = malloc(CFS_REGISTRY_FRAME_MAX);
	uint32_t len = 0;
	int rc = h && text ? next_frame(t, &len, err)
			   : cfs_fail(err, ENOMEM, "out of memory");

	if (rc >= 0 && rc != CFS_REGISTRY_HEAD)
		rc = cfs_fail(err, EPROTO, "%s: expected a head", helper);
	if (rc >= 0)
		rc = read_whole(t, text, len, err);
	if (rc == 0)
		rc = cfs_registry_parse_head((struct cfs_text){text, len}, h, err);
	if (rc == 0) {
		memcpy(media_type, h->media_type, 128);
		keep_token(t->r, h->token);
	}
	free(h);
	return rc;
}

static int start_helper(const struct cfs_registry_request *request, struct transfer *t,
			struct cfs_err *err)
{
	char path[4096];
	const char *argv[] = {cfs_child_find(helper, path), NULL};
	struct cfs_mem text = {0};
	cfs_autofd int in = -1;
	int out[2];
	int rc = cfs_registry_format_request(request, &text, err);

	if (rc == 0) {
		in = cfs_child_input((struct cfs_span){text.p, text.len}, err);
		rc = in < 0 ? in : 0;
	}
	if (text.p)
		explicit_bzero(text.p, text.len);
	free(text.p);
	if (rc < 0)
		return rc;
	if (pipe2(out, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	rc = cfs_child_start(argv, in, out[1], &t->pid, err);
	close(out[1]);
	if (rc < 0) {
		close(out[0]);
		return cfs_context(err, rc, "%s", helper);
	}
	t->fd = out[0];
	return 0;
}

/* reference: of the manifest or blob. */
static int start_transfer(struct registry *r, bool is_blob, const char *reference,
			  uint64_t size, struct transfer *t, char media_type[128],
			  struct cfs_err *err)
{
	struct cfs_registry_request *request = calloc(1, sizeof(*request));
	int rc;

	if (!request)
		return cfs_fail(err, ENOMEM, "out of memory");
	*t = (struct transfer){.r = r};
	request->is_blob = is_blob;
	request->size = size;
	request->insecure = r->insecure;
	snprintf(request->host, sizeof(request->host), "%s", r->reference.host);
	snprintf(request->name, sizeof(request->name), "%s", r->reference.name);
	snprintf(request->reference, sizeof(request->reference), "%s", reference);
	if (r->credentials)
		snprintf(request->credentials, sizeof(request->credentials), "%s",
			 r->credentials);
	pthread_mutex_lock(&r->lock);
	memcpy(request->token, r->token, sizeof(request->token));
	pthread_mutex_unlock(&r->lock);
	rc = start_helper(request, t, err);
	explicit_bzero(request, sizeof(*request));
	free(request);
	if (rc < 0)
		return rc;
	rc = read_head(t, media_type, err);
	if (rc < 0)
		end_transfer(t);
	return rc;
}

static ssize_t read_transfer(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct transfer *t = ctx;
	size_t n;
	int rc;

	while (t->left == 0) {
		rc = t->at_end ? CFS_REGISTRY_END : next_frame(t, &t->left, err);
		if (rc < 0)
			return rc;
		if (rc == CFS_REGISTRY_HEAD)
			return cfs_fail(err, EPROTO, "%s: a second head", helper);
		if (rc == CFS_REGISTRY_END) {
			t->at_end = true;
			return 0;
		}
	}
	n = len < t->left ? len : t->left;
	rc = read_whole(t, p, n, err);
	if (rc < 0)
		return rc;
	t->left -= (uint32_t)n;
	return (ssize_t)n;
}

/* --- documents ---------------------------------------------------------------------- */

static int read_document(struct transfer *t, struct cfs_mem *out, struct cfs_err *err)
{
	for (;;) {
		ssize_t n;

		if (out->len > CFS_OCI_MANIFEST_MAX)
			return cfs_fail(err, EFBIG, "expected at most %d bytes, got more",
					CFS_OCI_MANIFEST_MAX);
		if (cfs_grow(&out->p, &out->cap, out->len + CFS_REGISTRY_FRAME_MAX, 1) <
		    0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = read_transfer(t, out->p + out->len, CFS_REGISTRY_FRAME_MAX, err);
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

static int registry_document(void *ctx, const struct cfs_oci_digest *digest,
			     struct cfs_transport_document *out, struct cfs_err *err)
{
	struct registry *r = ctx;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct transfer t;
	int rc;

	*out = (struct cfs_transport_document){0};
	if (!digest && r->reference.has_digest)
		digest = &r->reference.digest;
	rc = start_transfer(r, false,
			    digest ? cfs_oci_digest_text(digest, text) : r->reference.tag,
			    CFS_OCI_MANIFEST_MAX, &t, out->media_type, err);
	if (rc < 0)
		return rc;
	rc = read_document(&t, &out->bytes, err);
	end_transfer(&t);
	if (rc == 0 && digest)
		rc = check_document(digest, out, err);
	if (rc < 0)
		free(cfs_steal(&out->bytes.p));
	return rc;
}

/* --- blobs -------------------------------------------------------------------------- */

static void close_blob(void *ctx)
{
	end_transfer(ctx);
	free(ctx);
}

static int registry_blob(void *ctx, const struct cfs_oci_descriptor *d,
			 struct cfs_blob *out, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], media_type[128];
	struct transfer *t = malloc(sizeof(*t));
	int rc;

	if (!t)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = start_transfer(ctx, true, cfs_oci_digest_text(&d->digest, text), d->size, t,
			    media_type, err);
	if (rc < 0) {
		free(t);
		return rc;
	}
	*out = (struct cfs_blob){{read_transfer, t}, close_blob};
	return 0;
}

/* --- opening ------------------------------------------------------------------------ */

static void registry_close(void *ctx)
{
	struct registry *r = ctx;

	pthread_mutex_destroy(&r->lock);
	explicit_bzero(r->token, sizeof(r->token));
	if (r->credentials)
		explicit_bzero(r->credentials, strlen(r->credentials));
	free(r->credentials);
	free(r);
}

int cfs_transport_open_registry(const char *reference,
				const struct cfs_registry_access *access,
				const struct cfs_watch *watch, struct cfs_transport *out,
				struct cfs_err *err)
{
	struct registry *r = calloc(1, sizeof(*r));
	int rc;

	*out = (struct cfs_transport){0};
	if (!r)
		return cfs_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	r->watch = watch;
	r->insecure = access->insecure;
	rc = cfs_oci_reference_parse(reference, &r->reference, err);
	if (rc == 0 && access->credentials) {
		r->credentials = strdup(access->credentials);
		rc = r->credentials ? 0 : cfs_fail(err, ENOMEM, "out of memory");
	}
	if (rc < 0) {
		registry_close(r);
		return rc;
	}
	*out = (struct cfs_transport){registry_document, registry_blob, registry_close,
				      r};
	return 0;
}
