/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One transfer by the helper composefs-registry: a process for each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "transport/registry_priv.h"

static const char helper[] = "composefs-registry";

static int read_whole_answer(struct registry_transfer *t, void *p, size_t len,
			     struct cfs_err *err)
{
	ssize_t n = cfs_io_read_watched(t->fd, p, len, t->r->watch, err);

	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return cfs_fail(err, EPROTO, "%s: ended early", helper);
	return 0;
}

/* Passes on an error of the helper. It comes from a process that parses foreign bytes,
 * so its code and text are checked, too. */
static int fail_of_frame(struct registry_transfer *t, uint32_t len, struct cfs_err *err)
{
	uint8_t frame[4 + CFS_ERR_MAX];
	int rc = len < 4 || len > sizeof(frame)
			 ? cfs_fail(err, EPROTO, "%s: malformed error", helper)
			 : read_whole_answer(t, frame, len, err);
	char text[CFS_ERR_MAX];
	uint32_t code;

	if (rc < 0)
		return rc;
	code = cfs_le32(frame);
	cfs_show_text((struct cfs_text){(char *)frame + 4, len - 4}, text, sizeof(text));
	return cfs_fail(err, code > 0 && code < 4096 ? (int)code : EIO, "%s", text);
}

/* Reads the head of the next frame: its kind, or -errno, which may be that of the helper. */
static int next_frame(struct registry_transfer *t, uint32_t *len, struct cfs_err *err)
{
	uint8_t head[CFS_REGISTRY_FRAME_HEAD];
	int rc = read_whole_answer(t, head, sizeof(head), err);
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

void registry_transfer_end(struct registry_transfer *t)
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

/* Reads the head of the helper's answer: what the registry said before the bytes. A
 * token in it is kept for the next requests. */
static int read_answer_head(struct registry_transfer *t, struct cfs_registry_head *out,
			    struct cfs_err *err)
{
	cfs_autofree char *text = malloc(CFS_REGISTRY_FRAME_MAX);
	uint32_t len = 0;
	int rc = text ? next_frame(t, &len, err) : cfs_fail(err, ENOMEM, "out of memory");

	if (rc >= 0 && rc != CFS_REGISTRY_HEAD)
		rc = cfs_fail(err, EPROTO, "%s: expected a head", helper);
	if (rc >= 0)
		rc = read_whole_answer(t, text, len, err);
	if (rc == 0)
		rc = cfs_registry_parse_head((struct cfs_text){text, len}, out, err);
	if (rc == 0)
		keep_token(t->r, out->token);
	return rc;
}

/* Starts the helper with the request on its standard input, and keeps its output in
 * t->fd. The request holds credentials: it goes through a descriptor, not the
 * arguments, and is wiped from memory. */
static int start_registry_helper(const struct cfs_registry_request *request, int extra,
				 struct registry_transfer *t, struct cfs_err *err)
{
	char path[4096];
	const char *argv[] = {cfs_child_find(helper, path), NULL};
	struct cfs_mem text = {0};
	cfs_autofd int in = -1;
	int out[2];
	int rc = cfs_registry_format_request(request, &text, err);

	if (rc == 0) {
		in = cfs_child_make_input((struct cfs_span){text.p, text.len}, err);
		rc = in < 0 ? in : 0;
	}
	if (text.p)
		explicit_bzero(text.p, text.len);
	free(text.p);
	if (rc < 0)
		return rc;
	if (pipe2(out, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	rc = cfs_child_start_with(argv, in, out[1], extra, &t->pid, err);
	close(out[1]);
	if (rc < 0) {
		close(out[0]);
		return cfs_context(err, rc, "%s", helper);
	}
	t->fd = out[0];
	return 0;
}

/* Fills in the request for the current endpoint. Credentials go only to the host that
 * the user named. The lock guards the token, which other threads renew. */
static void set_request(struct registry *r, const struct registry_what *what,
			struct cfs_registry_request *out)
{
	const struct cfs_registries_endpoint *at = &r->endpoints[r->endpoint];

	out->action = what->action;
	out->size = what->size;
	out->insecure = at->is_insecure || (r->insecure && !at->is_mirror);
	snprintf(out->host, sizeof(out->host), "%s", at->host);
	snprintf(out->name, sizeof(out->name), "%s", at->name);
	snprintf(out->reference, sizeof(out->reference), "%s", what->reference);
	if (what->media_type)
		snprintf(out->media_type, sizeof(out->media_type), "%s",
			 what->media_type);
	if (what->from)
		snprintf(out->from, sizeof(out->from), "%s", what->from);
	if (what->page)
		snprintf(out->page, sizeof(out->page), "%s", what->page);
	if (r->credentials && strcmp(at->host, r->reference.host) == 0)
		snprintf(out->credentials, sizeof(out->credentials), "%s",
			 r->credentials);
	pthread_mutex_lock(&r->lock);
	memcpy(out->token, r->token, sizeof(out->token));
	pthread_mutex_unlock(&r->lock);
}

int registry_transfer_start(struct registry *r, const struct registry_what *what,
			    struct registry_transfer *t, struct cfs_registry_head *head,
			    struct cfs_err *err)
{
	struct cfs_registry_request *request = calloc(1, sizeof(*request));
	int rc;

	if (!request)
		return cfs_fail(err, ENOMEM, "out of memory");
	*t = (struct registry_transfer){.r = r};
	set_request(r, what, request);
	rc = cfs_registry_format_ranges(what->ranges, what->n_ranges, request->ranges,
					err);
	if (rc == 0)
		rc = start_registry_helper(request, what->fd, t, err);
	explicit_bzero(request, sizeof(*request));
	free(request);
	if (rc < 0)
		return rc;
	rc = read_answer_head(t, head, err);
	if (rc < 0)
		registry_transfer_end(t);
	return rc;
}

ssize_t registry_transfer_read(void *transfer, void *p, size_t len, struct cfs_err *err)
{
	struct registry_transfer *t = transfer;
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
	rc = read_whole_answer(t, p, n, err);
	if (rc < 0)
		return rc;
	t->left -= (uint32_t)n;
	return (ssize_t)n;
}
