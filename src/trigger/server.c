/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The server: one thread reads requests, and passes those that take time to the jobs. So it sees at once
 * when a process that waits is interrupted. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fuse/daemon.h"
#include "fuse/wire.h"
#include "trigger/trigger_priv.h"

struct server {
	const struct cfs_trigger *t;
	int dev;
	struct cfs_trigger_session session;
	struct trigger_jobs jobs;
	uint8_t *request;
	uint8_t *data; /* of a READ */
	struct cfs_trigger_answer answer;
};

static int send_server_reply(const struct server *s, int error, struct cfs_span body)
{
	return cfs_fuse_reply(s->dev, s->answer.unique, error, body);
}

static int reply_error(const struct server *s, int error)
{
	return send_server_reply(s, error, (struct cfs_span){NULL, 0});
}

static int reply_answer(const struct server *s)
{
	const struct cfs_trigger_answer *a = &s->answer;

	return send_server_reply(s, a->error, (struct cfs_span){a->body, a->body_len});
}

static int reply_to_read(const struct server *s)
{
	const struct cfs_trigger_answer *a = &s->answer;
	ssize_t n = cfs_io_pread((int)a->handle, s->data, a->size, (off_t)a->off, NULL);

	return n < 0 ? reply_error(s, -EIO)
		     : send_server_reply(s, 0, (struct cfs_span){s->data, (size_t)n});
}

/* A file that is still being fetched: the process that waited for it got a signal. */
static int reply_last(struct server *s)
{
	bool is_busy = trigger_jobs_is_busy(&s->jobs, &s->answer.id);

	return reply_error(s, is_busy ? -EINTR : s->t->fetch ? -EIO : -ENOENT);
}

/* Does what the answer asks for and replies. Questions about objects get their reply
 * later, from the thread that finishes the job. A negative errno ends the server. */
static int carry_out_answer(struct server *s)
{
	struct cfs_trigger_answer *a = &s->answer;
	uint64_t file, n;

	switch (a->effect) {
	case CFS_TRIGGER_SILENT:
		return 0;
	case CFS_TRIGGER_FIND:
		trigger_jobs_find(&s->jobs, &a->id, a->unique);
		return 0;
	case CFS_TRIGGER_OPEN:
		trigger_jobs_open(&s->jobs, a->file, a->unique, a->pid);
		return 0;
	case CFS_TRIGGER_FORGET:
		while (cfs_trigger_next_forgotten(&a->forgotten, &file, &n))
			trigger_jobs_forget(&s->jobs, file, n);
		return 0;
	case CFS_TRIGGER_INTERRUPT:
		trigger_jobs_interrupt(&s->jobs, a->interrupted);
		return 0;
	case CFS_TRIGGER_LAST:
		return reply_last(s);
	case CFS_TRIGGER_ATTR:
		cfs_trigger_put_attr(a, a->file,
				     trigger_jobs_get_size(&s->jobs, a->file));
		break;
	case CFS_TRIGGER_READ:
		return reply_to_read(s);
	case CFS_TRIGGER_CLOSE:
		close((int)a->handle);
		break;
	case CFS_TRIGGER_REPLY:
		break;
	}
	return reply_answer(s);
}

/* Reads and answers a request: 1, or 0 when the filesystem was unmounted. */
static int serve_trigger_request(struct server *s, struct cfs_err *err)
{
	ssize_t n = read(s->dev, s->request, CFS_TRIGGER_REQUEST_MAX);
	int rc;

	if (n == 0 || (n < 0 && errno == ENODEV))
		return 0;
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
		return 1;
	if (n < 0)
		return cfs_fail_errno(err, "/dev/fuse");
	cfs_trigger_answer(&s->session, (struct cfs_span){s->request, (size_t)n},
			   &s->answer);
	rc = carry_out_answer(s);
	if (rc < 0)
		return cfs_fail(err, -rc, "/dev/fuse: cannot reply: %s", strerror(-rc));
	return 1;
}

static int serve_trigger_init(struct server *s, struct cfs_err *err)
{
	int rc = 1;

	while (rc > 0 && !s->session.is_live) {
		rc = serve_trigger_request(s, err);
		if (rc > 0 && s->answer.error)
			return cfs_fail(
				err, EPROTO,
				"expected FUSE protocol 7.%d or newer, got an older one",
				FUSE_WIRE_MINOR_MIN);
	}
	return rc == 0 ? cfs_fail(err, ENODEV, "the filesystem was unmounted") : rc;
}

/* Serves until the mount is gone. ready is called after the first handshake, when the
 * mount works. */
static int serve_all(struct server *s, int (*ready)(void *ctx), void *ready_ctx,
		     struct cfs_err *err)
{
	int rc = trigger_start_threads(&s->jobs, err);

	if (rc == 0)
		rc = serve_trigger_init(s, err);
	if (rc > 0)
		rc = ready ? ready(ready_ctx) : 0;
	if (rc < 0)
		return rc;
	while ((rc = serve_trigger_request(s, err)) > 0)
		;
	return rc;
}

int cfs_trigger_serve(const struct cfs_trigger *t, int dev, int (*ready)(void *ctx),
		      void *ready_ctx, struct cfs_err *err)
{
	struct server s = {.t = t, .dev = dev, .session = {.alg = t->alg}};
	int rc = trigger_jobs_init(&s.jobs, t, dev, err);

	if (rc < 0)
		return rc;
	s.request = cfs_page_alloc(CFS_TRIGGER_REQUEST_MAX);
	s.data = cfs_page_alloc(CFS_TRIGGER_READ_MAX);
	rc = s.request && s.data ? serve_all(&s, ready, ready_ctx, err)
				 : cfs_fail(err, ENOMEM, "out of memory");
	trigger_jobs_fini(&s.jobs);
	free(s.request);
	free(s.data);
	return rc;
}
