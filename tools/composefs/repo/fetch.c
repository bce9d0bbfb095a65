/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Objects by HTTP: composefs-fetch is asked for all of them at once, and what it brings is taken as it comes. */
#include "composefs/repo/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/child.h"
#include "cli/cli.h"
#include "fetch/fetch.h"

enum {
	OUT_LEN = 64 * 1024,
	SHOWN_MAX = 512,
	SECONDS = 6 * 3600, /* that a source may take for all objects */
};

static const char helper[] = "composefs-fetch";

bool fetch_is_url(const char *place)
{
	return strncasecmp(place, "http://", 7) == 0 ||
	       strncasecmp(place, "https://", 8) == 0;
}

/* A descriptor of the question. The URL is in it, and in no argument: those can be read by everybody. */
static int ask(const char *url, const struct cfs_check_want *v, size_t n,
	       struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_mem text = {0};
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(&text), OUT_LEN);

	if (rc == 0)
		cfs_out_printf(&out, "%s\n", url);
	for (size_t i = 0; rc == 0 && i < n; i++)
		cfs_out_printf(&out, "%s %" PRIu64 "\n", cfs_digest_path(&v[i].id, path),
			       v[i].max_size);
	if (rc == 0)
		rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	if (rc == 0)
		rc = cfs_child_input((struct cfs_span){text.p, text.len}, err);
	free(text.p);
	return rc;
}

struct tally {
	size_t fetched, absent, wrong, failed;
	char why[256 + CFS_OBJECT_PATH_MAX]; /* of the first that was wrong or failed */
};

/* One source, and what is asked of it. */
struct source {
	const struct fetch_urls *urls;
	char shown[SHOWN_MAX]; /* its URL */
	const struct cfs_check_want *v;
	size_t n;
	cfs_check_take *take;
	void *take_ctx;
	struct tally tally;
	bool is_ours; /* what failed is not the source: nothing more is asked anywhere */
};

static void remember(struct tally *t, const struct cfs_digest *id, const char *why)
{
	char path[CFS_OBJECT_PATH_MAX];

	if (!*t->why)
		snprintf(t->why, sizeof(t->why), "objects/%s: %s",
			 cfs_digest_path(id, path), why);
}

static int count(struct source *s, const struct cfs_fetch_answer *a, int fd,
		 struct cfs_err *err)
{
	struct tally *t = &s->tally;
	int rc;

	if (a->code == -ENOENT) {
		t->absent++;
	} else if (a->code < 0) {
		t->failed++;
		remember(t, &s->v[a->index].id, a->why);
	} else {
		rc = s->take(s->take_ctx, a->index, fd, err);
		s->is_ours = rc < 0;
		if (rc < 0)
			return rc;
		t->fetched += rc > 0;
		t->wrong += rc == 0;
		if (rc == 0)
			remember(t, &s->v[a->index].id, "the content has another digest");
	}
	return 0;
}

static void say(const struct source *s)
{
	const struct tally *t = &s->tally;

	if (t->fetched == s->n)
		return;
	cli_say(s->urls->name,
		"%s: %zu fetched, %zu not there, %zu wrong, %zu failed, %zu not "
		"tried%s%s",
		s->shown, t->fetched, t->absent, t->wrong, t->failed,
		s->n - t->fetched - t->absent - t->wrong - t->failed, *t->why ? "; " : "",
		t->why);
}

/* The socket from which answers come. */
static int start(const char *dir, int question, pid_t *pid, struct cfs_err *err)
{
	char path[4096];
	const char *const argv[] = {cfs_child_find(helper, path), dir, NULL};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cfs_fail_errno(err, "socket");
	rc = cfs_child_start(argv, question, pair[1], pid, err);
	close(pair[1]);
	if (rc == 0)
		return pair[0];
	close(pair[0]);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOTSUP,
				"composefs-fetch is not installed: it is "
				"built where there is libcurl");
	return rc;
}

static int take_answers(struct source *s, struct cfs_fetch_round *round, int answers,
			struct cfs_err *err)
{
	long long seconds = cfs_fetch_number(getenv("COMPOSEFS_FETCH_SECONDS"), SECONDS);
	long long until =
		cfs_lock_now_ms() + 1000 * (seconds > INT_MAX ? INT_MAX : seconds);
	struct cfs_fetch_answer a;
	int rc, end;

	while ((rc = cfs_fetch_receive(round, answers, until, s->urls->watch, &a, &end,
				       err)) > 0) {
		cfs_autofd int fd = end;

		rc = count(s, &a, fd, err);
		if (rc < 0)
			return rc;
	}
	return cfs_context(err, rc, "composefs-fetch");
}

/* The sizes that the round holds answers against. */
static uint64_t *list_sizes(const struct source *s)
{
	uint64_t *max = calloc(s->n + 1, sizeof(*max));

	for (size_t i = 0; max && i < s->n; i++)
		max[i] = s->v[i].max_size;
	return max;
}

static int talk(struct source *s, int answers, struct cfs_err *err)
{
	uint64_t *max = list_sizes(s);
	struct cfs_fetch_round round;
	int rc = max ? cfs_fetch_round_init(&round, max, s->n, err)
		     : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		rc = take_answers(s, &round, answers, err);
		cfs_fetch_round_fini(&round);
	}
	free(max);
	return rc;
}

/* What the helper did not do counts as not tried; why is told in the same line. */
static void remember_failure(struct tally *t, const struct cfs_err *err)
{
	snprintf(t->why, sizeof(t->why), "%.300s", err->msg);
}

static int fetch(struct source *s, const char *url, struct cfs_err *err)
{
	cfs_autofd int question = ask(url, s->v, s->n, err), answers = -1;
	pid_t pid;
	int rc;

	s->is_ours = true;
	if (question < 0)
		return question;
	answers = start(s->urls->dir, question, &pid, err);
	if (answers < 0)
		return answers;
	s->is_ours = false;
	rc = talk(s, answers, err);
	close(cfs_steal_fd(&answers));
	if (rc == 0)
		rc = cfs_child_finish(pid, helper, err);
	else
		cfs_child_kill(pid);
	return rc;
}

/* A source that fails is told, and the next one is asked. */
int fetch_objects(void *ctx, size_t k, const struct cfs_check_want *v, size_t n,
		  cfs_check_take *take, void *take_ctx, struct cfs_err *err)
{
	const struct fetch_urls *urls = ctx;
	struct source s = {
		.urls = urls, .v = v, .n = n, .take = take, .take_ctx = take_ctx};
	int rc;

	cfs_fetch_public_url(urls->v[k], s.shown, sizeof(s.shown));
	rc = fetch(&s, urls->v[k], err);
	if (rc < 0 && (s.is_ours || rc == -ECANCELED))
		return cfs_context(err, rc, "%s", s.shown);
	if (rc < 0)
		remember_failure(&s.tally, err);
	say(&s);
	return 0;
}
