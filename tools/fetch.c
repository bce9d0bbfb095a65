/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Objects by HTTP: composefs-fetch is asked for all of them at once, and what it brings is taken as it comes. */
#include "fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "child.h"
#include "cli.h"
#include "fetch_wire.h"

enum { OUT_LEN = 64 * 1024 };

bool fetch_is_url(const char *place)
{
	return strncasecmp(place, "http://", 7) == 0 ||
	       strncasecmp(place, "https://", 8) == 0;
}

/* A descriptor of the question. */
static int ask(const struct cfs_repo_want *v, size_t n, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_mem text = {0};
	struct cfs_out out;
	int rc = cfs_out_init(&out, cfs_sink_mem(&text), OUT_LEN);

	for (size_t i = 0; rc == 0 && i < n; i++)
		cfs_out_printf(&out, "%s %" PRIu64 "\n", cfs_digest_path(&v[i].id, path),
			       v[i].max_size);
	if (rc == 0)
		rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	if (rc == 0)
		rc = child_input((struct cfs_span){text.p, text.len}, err);
	free(text.p);
	return rc;
}

/* One answer, and in *fd the descriptor that came with it, or -1. 0: there are no more. */
static int next_answer(int sock, struct fetch_answer *out, int *fd, struct cfs_err *err)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {out, sizeof(*out)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	const struct cmsghdr *c;
	ssize_t len;

	while ((len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	*fd = -1;
	if (len <= 0)
		return len < 0 ? cfs_fail_errno(err, "composefs-fetch") : 0;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (len != sizeof(*out))
		return cfs_fail(err, EPROTO, "composefs-fetch: want %zu bytes, got %zd",
				sizeof(*out), len);
	out->why[sizeof(out->why) - 1] = '\0';
	return 1;
}

struct tally {
	size_t fetched, absent, wrong, failed;
	char why[256 + CFS_OBJECT_PATH_MAX]; /* of the first that was wrong or failed */
};

static void remember(struct tally *t, const struct cfs_digest *id, const char *why)
{
	char path[CFS_OBJECT_PATH_MAX];

	if (!*t->why)
		snprintf(t->why, sizeof(t->why), "objects/%s: %s",
			 cfs_digest_path(id, path), why);
}

static int count(struct tally *t, const struct cfs_repo_want *v, size_t n,
		 const struct fetch_answer *a, int fd, cfs_repo_take *take,
		 void *take_ctx, struct cfs_err *err)
{
	int rc;

	if (a->index >= n || (a->code == 0 && fd < 0))
		return cfs_fail(err, EPROTO,
				"composefs-fetch: what it says makes no sense");
	if (a->code == -ENOENT) {
		t->absent++;
	} else if (a->code == -EIO) {
		t->failed++;
		remember(t, &v[a->index].id, a->why);
	} else if (a->code < 0) {
		return cfs_fail(err, -a->code, "%s", a->why);
	} else {
		rc = take(take_ctx, a->index, fd, err);
		if (rc < 0)
			return rc;
		t->fetched += rc > 0;
		t->wrong += rc == 0;
		if (rc == 0)
			remember(t, &v[a->index].id, "the content has another digest");
	}
	return 0;
}

static void say(const char *name, const char *url, const struct tally *t, size_t n)
{
	size_t left = n - t->fetched - t->absent - t->wrong - t->failed;

	if (t->fetched == n)
		return;
	cli_say(name,
		"%s: %zu fetched, %zu not there, %zu wrong, %zu failed, %zu not "
		"tried%s%s",
		url, t->fetched, t->absent, t->wrong, t->failed, left,
		*t->why ? "; " : "", t->why);
}

/* The socket from which answers come. */
static int start(const char *url, const char *dir, int question, pid_t *pid,
		 struct cfs_err *err)
{
	char path[4096];
	const char *const argv[] = {child_find("composefs-fetch", path), url, dir, NULL};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cfs_fail_errno(err, "socket");
	rc = child_start(argv, question, pair[1], pid, err);
	close(pair[1]);
	if (rc == 0)
		return pair[0];
	close(pair[0]);
	if (rc == -ENOENT)
		return cfs_fail(
			err, ENOTSUP,
			"want the program composefs-fetch, which is not here: it is "
			"built where there is libcurl");
	return rc;
}

static int fetch(const struct fetch_urls *urls, const char *url,
		 const struct cfs_repo_want *v, size_t n, cfs_repo_take *take,
		 void *take_ctx, struct cfs_err *err)
{
	cfs_autofd int question = ask(v, n, err), answers = -1;
	struct fetch_answer a;
	struct tally tally = {0};
	pid_t pid;
	int rc, end;

	if (question < 0)
		return question;
	answers = start(url, urls->dir, question, &pid, err);
	if (answers < 0)
		return answers;
	while ((rc = next_answer(answers, &a, &end, err)) > 0) {
		cfs_autofd int fd = end;

		rc = count(&tally, v, n, &a, fd, take, take_ctx, err);
		if (rc < 0)
			break;
	}
	close(cfs_steal_fd(&answers)); /* it ends, whatever it is at */
	if (rc < 0)
		(void)!child_wait(pid, "composefs-fetch", NULL);
	else
		rc = child_wait(pid, "composefs-fetch", err);
	if (rc == 0)
		say(urls->name, url, &tally, n);
	return rc;
}

int fetch_objects(void *ctx, size_t k, const struct cfs_repo_want *v, size_t n,
		  cfs_repo_take *take, void *take_ctx, struct cfs_err *err)
{
	const struct fetch_urls *urls = ctx;
	int rc = fetch(urls, urls->v[k], v, n, take, take_ctx, err);

	return cfs_context(err, rc, "%s", urls->v[k]);
}
