/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The worker pool: each thread takes the next piece of work until none is left. */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { READERS_MIN = 8 };

struct job {
	cfs_pool_fn fn;
	void *ctx;
	size_t n;
	const struct cfs_watch *watch;
	atomic_size_t next;
	atomic_bool stop, cancelled;
	pthread_mutex_t lock; /* guards the three below */
	size_t failed_i;
	int rc;
	struct cfs_err err;
};

struct worker {
	struct job *job;
	unsigned index;
	pthread_t thread;
};

static void record_failure(struct job *job, size_t i, int rc, const struct cfs_err *err)
{
	pthread_mutex_lock(&job->lock);
	if (job->rc == 0 || i < job->failed_i) {
		job->rc = rc;
		job->failed_i = i;
		job->err = *err;
	}
	pthread_mutex_unlock(&job->lock);
	atomic_store(&job->stop, true);
}

/* Takes the next index until none is left, an item failed, or the watch is cancelled. An
 * error is recorded with its index: the pool reports that of the lowest one. */
static void *run_pool_worker(void *arg)
{
	struct worker *w = arg;
	struct job *job = w->job;
	struct cfs_err err;

	while (!atomic_load_explicit(&job->stop, memory_order_relaxed)) {
		size_t i = atomic_fetch_add(&job->next, 1);
		int rc;

		if (i >= job->n)
			break;
		if (cfs_watch_is_cancelled(job->watch)) {
			atomic_store(&job->cancelled, true);
			break;
		}
		err.msg[0] = '\0';
		rc = job->fn(job->ctx, w->index, i, &err);
		if (rc < 0)
			record_failure(job, i, rc, &err);
	}
	return NULL;
}

/* Starts up to n - 1 threads. If none can be started, the caller does all the work. */
static unsigned start_workers(struct worker *w, unsigned n)
{
	unsigned i;

	for (i = 1; i < n; i++)
		if (pthread_create(&w[i].thread, NULL, run_pool_worker, &w[i]) != 0)
			break;
	return i;
}

/* The calling thread is worker 0, so the work also ends if no thread can be started. All
 * workers have ended when this returns: fn never sees ctx afterwards. */
int cfs_pool_run(unsigned n_threads, size_t n, cfs_pool_fn fn, void *ctx,
		 const struct cfs_watch *watch, struct cfs_err *err)
{
	struct job job = {.fn = fn, .ctx = ctx, .n = n, .watch = watch};
	struct worker *w;
	unsigned started;

	if (n_threads < 1)
		n_threads = 1;
	if (n_threads > n)
		n_threads = n ? (unsigned)n : 1;
	w = calloc(n_threads, sizeof(*w));
	if (!w)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (unsigned i = 0; i < n_threads; i++)
		w[i] = (struct worker){.job = &job, .index = i};
	pthread_mutex_init(&job.lock, NULL);
	started = start_workers(w, n_threads);
	run_pool_worker(&w[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(w[i].thread, NULL);
	pthread_mutex_destroy(&job.lock);
	free(w);
	if (atomic_load(&job.cancelled))
		return cfs_watch_poll(watch, err);
	if (job.rc < 0 && err)
		*err = job.err;
	return job.rc;
}

unsigned cfs_pool_count_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

unsigned cfs_pool_count_readers(void)
{
	unsigned n = cfs_pool_count_cpus();

	return n < READERS_MIN ? READERS_MIN : n;
}
