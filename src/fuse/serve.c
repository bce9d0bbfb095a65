/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The server: reads requests, carries out effects, writes replies. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "fuse/daemon.h"
#include "fuse/fuse_priv.h"
#include "fuse/proof.h"

struct server {
	struct cfs_fuse_session session;
	int dev;
};

/* A thread and its descriptor: requests that it read are answered through the same one. */
struct worker {
	struct server *server;
	struct cfs_fuse_room room;
	uint8_t *request;
	int dev;
	int rc;
	pthread_t thread;
	struct cfs_err err;
};

/* --- replies -------------------------------------------------------------------------- */

/* ENOENT: the request was cancelled. */
int cfs_fuse_reply(int dev, uint64_t unique, int error, struct cfs_span body)
{
	struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + body.len),
				       .error = error,
				       .unique = unique};
	struct iovec iov[] = {{&head, sizeof(head)},
			      {(void *)(uintptr_t)body.p, body.len}};

	while (writev(dev, iov, body.len ? 2 : 1) < 0) {
		if (errno == ENOENT || errno == ENODEV)
			return 0;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

static int reply_with_object(struct worker *w, const struct cfs_fuse_answer *a)
{
	struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE};
	int fd = fuse_open_object(w->server->session.fs, a), rc;

	if (fd < 0)
		return cfs_fuse_reply(w->dev, a->unique, fd, (struct cfs_span){NULL, 0});
	out.fh = (uint64_t)fd;
	rc = cfs_fuse_reply(w->dev, a->unique, 0,
			    (struct cfs_span){(const uint8_t *)&out, sizeof(out)});
	if (rc < 0)
		close(fd);
	return rc;
}

/* Answers a read. With proofs, each block is compared before it is passed on; what
 * differs is an EIO for the reader. */
static int reply_with_content(struct worker *w, const struct cfs_fuse_answer *a)
{
	struct cfs_fuse_proofs *proofs = w->server->session.fs->proofs;
	ssize_t n;

	if (proofs)
		n = cfs_fuse_proofs_read(proofs, &a->digest, (int)a->handle, a->off,
					 w->room.buf, a->size);
	else
		n = cfs_io_pread((int)a->handle, w->room.buf, a->size, a->off, NULL);
	if (n < 0)
		return cfs_fuse_reply(w->dev, a->unique, -EIO,
				      (struct cfs_span){NULL, 0});
	return cfs_fuse_reply(w->dev, a->unique, 0,
			      (struct cfs_span){w->room.buf, (size_t)n});
}

/* Carries out what fuse_answer() decided: the only place that opens objects or writes
 * to the device. */
static int perform_answer(struct worker *w, const struct cfs_fuse_answer *a)
{
	switch (a->effect) {
	case CFS_FUSE_SILENT:
		return 0;
	case CFS_FUSE_OPEN:
		return reply_with_object(w, a);
	case CFS_FUSE_READ:
		return reply_with_content(w, a);
	case CFS_FUSE_CLOSE:
		close((int)a->handle);
		break;
	case CFS_FUSE_REPLY:
		break;
	}
	return cfs_fuse_reply(w->dev, a->unique, a->error, a->body);
}

/* --- requests ------------------------------------------------------------------------- */

/* Answers one request: 1, or 0 when the filesystem was unmounted. */
static int serve_fuse_request(struct worker *w)
{
	struct cfs_fuse_answer answer;
	ssize_t n = read(w->dev, w->request, CFS_FUSE_REQUEST_MAX);
	int rc;

	if (n < 0 && errno == ENODEV)
		return 0;
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
		return 1;
	if (n < 0)
		return cfs_fail_errno(&w->err, "/dev/fuse");
	cfs_fuse_answer(&w->server->session, (struct cfs_span){w->request, (size_t)n},
			&w->room, &answer);
	rc = perform_answer(w, &answer);
	if (rc == -EINVAL ||
	    rc == -E2BIG) /* the kernel refuses the reply, not the server */
		rc = cfs_fuse_reply(w->dev, answer.unique, -EIO,
				    (struct cfs_span){NULL, 0});
	if (rc < 0)
		return cfs_fail(&w->err, -rc, "/dev/fuse: cannot reply: %s",
				strerror(-rc));
	return 1;
}

static void *run_serve_worker(void *arg)
{
	struct worker *w = arg;

	while ((w->rc = serve_fuse_request(w)) > 0)
		;
	return NULL;
}

/* The first request is INIT. Nothing else is answered before. */
static int serve_fuse_init(struct worker *w)
{
	int rc = 1;

	while (rc > 0 && !w->server->session.is_live) {
		struct cfs_fuse_answer answer;
		ssize_t n = read(w->dev, w->request, CFS_FUSE_REQUEST_MAX);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cfs_fail_errno(&w->err, "/dev/fuse");
		cfs_fuse_answer(&w->server->session,
				(struct cfs_span){w->request, (size_t)n}, &w->room,
				&answer);
		rc = perform_answer(w, &answer);
		if (rc == 0 && answer.error)
			return cfs_fail(
				&w->err, EPROTO,
				"expected FUSE protocol 7.%d or newer, got an older one",
				FUSE_WIRE_MINOR_MIN);
		rc = rc < 0 ? cfs_fail(&w->err, -rc, "/dev/fuse: cannot reply") : 1;
	}
	return rc;
}

/* --- threads -------------------------------------------------------------------------- */

/* A descriptor with a queue of its own. Without one, threads share the first. */
static int clone_device(int dev)
{
	int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	uint32_t from = (uint32_t)dev;

	if (clone < 0)
		return fcntl(dev, F_DUPFD_CLOEXEC, 3);
	if (ioctl(clone, FUSE_DEV_IOC_CLONE, &from) == 0)
		return clone;
	close(clone);
	return fcntl(dev, F_DUPFD_CLOEXEC, 3);
}

static void close_worker(struct worker *w)
{
	cfs_fuse_room_fini(&w->room);
	free(w->request);
	if (w->dev >= 0 && w->dev != w->server->dev)
		close(w->dev);
}

static int open_worker(struct worker *w, struct server *server, bool first)
{
	*w = (struct worker){.server = server, .dev = server->dev};
	w->request = cfs_page_alloc(CFS_FUSE_REQUEST_MAX);
	if (!w->request)
		return cfs_fail(&w->err, ENOMEM, "out of memory");
	if (!first)
		w->dev = clone_device(server->dev);
	if (w->dev < 0)
		return cfs_fail_errno(&w->err, "/dev/fuse");
	return cfs_fuse_room_init(&w->room, &w->err);
}

/* Opens up to n workers behind the first, which is open. Without them the others do the work. Returns how many there
 * are. /dev/fuse may be out of reach later. */
static unsigned open_workers(struct worker *workers, unsigned n)
{
	unsigned opened = 1;

	while (opened < n && open_worker(&workers[opened], workers[0].server, false) == 0)
		opened++;
	if (opened < n)
		close_worker(&workers[opened]);
	return opened;
}

static unsigned choose_server_threads(const struct cfs_fuse_serve_opts *opts)
{
	enum { ENOUGH = 4 };
	unsigned cpus = cfs_pool_count_cpus();

	if (opts->n_threads)
		return opts->n_threads < CFS_FUSE_THREADS_MAX ? opts->n_threads
							      : CFS_FUSE_THREADS_MAX;
	return cpus < ENOUGH ? cpus : ENOUGH;
}

/* workers[0] is the calling thread. Each ends when the filesystem is unmounted. */
static int run_workers(struct worker *workers, unsigned n)
{
	unsigned started = 1;

	while (started < n && pthread_create(&workers[started].thread, NULL,
					     run_serve_worker, &workers[started]) == 0)
		started++;
	run_serve_worker(&workers[0]);
	while (started-- > 1)
		pthread_join(workers[started].thread, NULL);
	return workers[0].rc;
}

int cfs_fuse_serve(const struct cfs_fuse_fs *fs, int dev,
		   const struct cfs_fuse_serve_opts *opts, struct cfs_err *err)
{
	struct server server = {.session = {.fs = fs}, .dev = dev};
	struct worker workers[CFS_FUSE_THREADS_MAX];
	unsigned n = 1;
	int rc = open_worker(&workers[0], &server, true);

	if (rc == 0)
		rc = serve_fuse_init(&workers[0]);
	if (rc > 0) {
		n = open_workers(workers, choose_server_threads(opts));
		rc = opts->ready ? opts->ready(opts->ctx) : 0;
	}
	if (rc == 0)
		rc = run_workers(workers, n);
	if (rc < 0 && err)
		*err = workers[0].err;
	while (n-- > 0)
		close_worker(&workers[n]);
	return rc;
}
