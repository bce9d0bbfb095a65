/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The client of composefs-fetch: one request for all objects, answers in any order. */
#include "fetch/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/child.h"

enum {
	OUT_LEN = 64 * 1024,
	SHOWN_MAX = 512,
	SECONDS = 6 * 3600, /* limit for all objects of a server */
};

static const char helper[] = "composefs-fetch";

bool cfs_fetch_is_url(const char *place)
{
	return strncasecmp(place, "http://", 7) == 0 ||
	       strncasecmp(place, "https://", 8) == 0;
}

/* Returns a descriptor of the request. It is not passed in arguments, because the URL may
 * contain a password, and every user can read the arguments of a process. */
static int write_request(const char *url, const struct cfs_fetch_want *v, size_t n,
			 struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_mem text = {0};
	struct cfs_out out;
	int rc;

	if (cfs_out_init(&out, cfs_sink_mem(&text), OUT_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_out_printf(&out, "%s\n", url);
	for (size_t i = 0; i < n; i++)
		cfs_out_printf(&out, "%s %" PRIu64 "\n", cfs_digest_path(&v[i].id, path),
			       v[i].max_size);
	rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	if (rc == 0)
		rc = cfs_child_make_input(cfs_mem_span(&text), err);
	free(text.p);
	return rc;
}

/* A request and its results. */
struct request {
	const struct cfs_fetch_server *server;
	const struct cfs_fetch_want *v;
	size_t n;
	cfs_fetch_take_fn *take;
	void *take_ctx;
	struct cfs_fetch_tally *tally;
	bool is_ours; /* the failure is local, not the server's */
};

static void set_reason(struct cfs_fetch_tally *t, const struct cfs_digest *id,
		       const char *why)
{
	char path[CFS_OBJECT_PATH_MAX];

	if (!*t->why)
		snprintf(t->why, sizeof(t->why), "objects/%s: %s",
			 cfs_digest_path(id, path), why);
}

/* Takes one answer into the tally. An error is ours only if take failed: a full disk
 * ends the run, a bad server does not. */
static int count_answer(struct request *q, const struct cfs_fetch_answer *a, int fd,
			struct cfs_err *err)
{
	struct cfs_fetch_tally *t = q->tally;
	int rc;

	if (a->code == -ENOENT) {
		t->absent++;
	} else if (a->code < 0) {
		t->failed++;
		set_reason(t, &q->v[a->index].id, a->why);
	} else {
		rc = q->take(q->take_ctx, a->index, fd, err);
		q->is_ours = rc < 0;
		if (rc < 0)
			return rc;
		t->fetched += rc > 0;
		t->wrong += rc == 0;
		if (rc == 0)
			set_reason(t, &q->v[a->index].id,
				   "the content has another digest");
	}
	return 0;
}

/* Starts composefs-fetch. Returns the socket that answers come from. */
static int start_fetch_helper(const char *dir, int request, pid_t *pid,
			      struct cfs_err *err)
{
	char path[4096];
	const char *const argv[] = {cfs_child_find(helper, path), dir, NULL};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cfs_fail_errno(err, "socket");
	rc = cfs_child_start(argv, request, pair[1], pid, err);
	close(pair[1]);
	if (rc == 0)
		return pair[0];
	close(pair[0]);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOTSUP,
				"composefs-fetch is not installed; it is "
				"built if libcurl is available");
	return rc;
}

/* One time limit for all answers, so that a helper that hangs or sends slowly cannot
 * hold the caller forever. */
static int take_answers(struct request *q, struct cfs_fetch_round *round, int answers,
			struct cfs_err *err)
{
	long long seconds =
		cfs_fetch_parse_number(getenv("COMPOSEFS_FETCH_SECONDS"), SECONDS);
	long long until =
		cfs_lock_get_now_ms() + 1000 * (seconds > INT_MAX ? INT_MAX : seconds);
	struct cfs_fetch_answer a;
	int rc, end;

	while ((rc = cfs_fetch_receive(round, answers, until, q->server->watch, &a, &end,
				       err)) > 0) {
		cfs_autofd int fd = end;

		rc = count_answer(q, &a, fd, err);
		if (rc < 0)
			return rc;
	}
	return cfs_context(err, rc, "composefs-fetch");
}

/* Returns the size limit of each object. */
static uint64_t *list_sizes(const struct request *q)
{
	uint64_t *max = calloc(q->n + 1, sizeof(*max));

	for (size_t i = 0; max && i < q->n; i++)
		max[i] = q->v[i].max_size;
	return max;
}

static int read_answers(struct request *q, int answers, struct cfs_err *err)
{
	uint64_t *max = list_sizes(q);
	struct cfs_fetch_round round;
	int rc = max ? cfs_fetch_round_init(&round, max, q->n, err)
		     : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		rc = take_answers(q, &round, answers, err);
		cfs_fetch_round_fini(&round);
	}
	free(max);
	return rc;
}

/* Objects without an answer count as not tried. */
static void set_server_reason(struct cfs_fetch_tally *t, const struct cfs_err *err)
{
	snprintf(t->why, sizeof(t->why), "%.300s", err->msg);
}

/* Sets is_ours while a failure is one of this machine and not of the server. The helper
 * has ended, or was killed, when this returns. */
static int send_request(struct request *q, struct cfs_err *err)
{
	cfs_autofd int request = write_request(q->server->url, q->v, q->n, err),
		       answers = -1;
	pid_t pid;
	int rc;

	q->is_ours = true;
	if (request < 0)
		return request;
	answers = start_fetch_helper(q->server->dir, request, &pid, err);
	if (answers < 0)
		return answers;
	q->is_ours = false;
	rc = read_answers(q, answers, err);
	close(cfs_steal_fd(&answers));
	if (rc == 0)
		rc = cfs_child_finish(pid, helper, err);
	else
		cfs_child_kill(pid);
	return rc;
}

/* A server that fails is no error: the reason is in *out, and the caller tries the next
 * source. Only failures of this machine and cancelling are errors. */
int cfs_fetch_objects(const struct cfs_fetch_server *server,
		      const struct cfs_fetch_want *v, size_t n, cfs_fetch_take_fn *take,
		      void *take_ctx, struct cfs_fetch_tally *out, struct cfs_err *err)
{
	struct request q = {.server = server,
			    .v = v,
			    .n = n,
			    .take = take,
			    .take_ctx = take_ctx,
			    .tally = out};
	char shown[SHOWN_MAX];
	int rc;

	*out = (struct cfs_fetch_tally){0};
	rc = send_request(&q, err);
	if (rc < 0 && (q.is_ours || rc == -ECANCELED))
		return cfs_context(
			err, rc, "%s",
			cfs_fetch_public_url(server->url, shown, sizeof(shown)));
	if (rc < 0)
		set_server_reason(out, err);
	return 0;
}
