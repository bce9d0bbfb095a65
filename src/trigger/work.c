/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The threads: some verify objects, others have missing ones fetched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trigger/trigger_priv.h"

/* --- counters and messages -------------------------------------------------------------- */

/* With the lock held. */
static void write_state(const struct trigger_jobs *jobs)
{
	char text[CFS_TRIGGER_STATE_MAX];
	size_t len = cfs_trigger_state_format(&jobs->counts, text);

	if (jobs->t->state_fd >= 0)
		(void)!pwrite(jobs->t->state_fd, text, len, 0);
}

/* Once for each object, until it is good again. With the lock held. */
static void report_object(const struct trigger_jobs *jobs, struct trigger_object *o,
			  const char *why)
{
	char path[CFS_OBJECT_PATH_MAX], line[1024];

	o->is_reported = true;
	if (!jobs->t->report)
		return;
	snprintf(line, sizeof(line), "%s: objects/%s: %s%s", jobs->t->name,
		 cfs_digest_path(&o->id, path),
		 o->last.verdict == TRIGGER_DAMAGED ? "damaged: " : "", why);
	jobs->t->report(jobs->t->report_ctx, line);
}

/* Counts what became of an object for status, and reports damage once, not at each
 * open. */
static void count_finding(struct trigger_jobs *jobs, struct trigger_object *o,
			  const char *why)
{
	const struct trigger_finding *f = &o->last;

	if (f->verdict == TRIGGER_DAMAGED && !o->is_reported) {
		jobs->counts.n_damaged++;
		report_object(jobs, o, why);
	}
	if (f->verdict != TRIGGER_GOOD)
		return;
	o->is_reported = false;
	if (jobs->t->verify && f->is_new) {
		jobs->counts.n_verified++;
		jobs->counts.verified_bytes += f->size;
	}
}

/* --- verifying ---------------------------------------------------------------------------- */

/* One thread never takes large objects, so that small ones do not wait for them. */
static struct trigger_object *take_job(struct trigger_jobs *jobs, bool *is_large)
{
	struct trigger_object *o = trigger_queue_take(&jobs->small);

	*is_large = !o && jobs->n_large < jobs->n_large_max;
	if (*is_large)
		o = trigger_queue_take(&jobs->large);
	return o;
}

/* Checks one object without the lock, which is held on entry and on return. Large and
 * missing objects go to the queues of their own threads; all others are answered. */
static void run_check(struct trigger_jobs *jobs, struct trigger_object *o, bool is_large)
{
	struct trigger_finding before = o->last, now;
	const struct cfs_watch watch = {.cancelled = &jobs->cancelled};
	struct cfs_err err = {0};

	jobs->n_large += is_large;
	pthread_mutex_unlock(&jobs->lock);
	trigger_check(jobs->t, &o->id, is_large, &before, &watch, &now, &err);
	pthread_mutex_lock(&jobs->lock);
	jobs->n_large -= is_large;
	if (is_large)
		pthread_cond_broadcast(&jobs->wake);
	if (now.verdict == TRIGGER_LARGE) {
		trigger_queue_put(&jobs->large, o);
		pthread_cond_broadcast(&jobs->wake);
		return;
	}
	o->last = now;
	if (now.verdict == TRIGGER_ABSENT && jobs->t->fetch) {
		trigger_queue_put(&jobs->missing, o);
		pthread_cond_broadcast(&jobs->wake);
		return;
	}
	count_finding(jobs, o, err.msg);
	write_state(jobs);
	trigger_jobs_finish(jobs, o);
}

/* A thread that checks objects as they are asked for, until the server ends. */
static void *run_checker(void *arg)
{
	struct trigger_jobs *jobs = arg;

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->is_over) {
		bool is_large;
		struct trigger_object *o = take_job(jobs, &is_large);

		if (o)
			run_check(jobs, o, is_large);
		else
			pthread_cond_wait(&jobs->wake, &jobs->lock);
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

/* --- fetching ----------------------------------------------------------------------------- */

/* What was fetched was verified before it got its name. */
static void end_fetch(struct trigger_jobs *jobs, struct trigger_object *o, int code)
{
	o->last = (struct trigger_finding){.verdict = code == 0 ? TRIGGER_GOOD
								: TRIGGER_NOT_FETCHED};
	if (code == 0) {
		jobs->counts.n_fetched++;
		o->is_reported = false;
	} else {
		char why[128];

		jobs->counts.n_not_fetched++;
		snprintf(why, sizeof(why), "cannot be fetched: %s", strerror(-code));
		if (!o->is_reported && o->waiters) /* somebody sees the error */
			report_object(jobs, o, why);
	}
	write_state(jobs);
	trigger_jobs_finish(jobs, o);
}

size_t trigger_fetch_objects(struct trigger_jobs *jobs, struct trigger_object *const *v,
			     size_t n)
{
	const struct cfs_watch watch = {.cancelled = &jobs->cancelled};
	struct cfs_trigger_want wants[TRIGGER_BATCH];
	size_t n_fetched = 0;

	for (size_t i = 0; i < n; i++)
		wants[i] = (struct cfs_trigger_want){.id = v[i]->id, .code = -EIO};
	pthread_mutex_unlock(&jobs->lock);
	jobs->t->fetch(jobs->t->fetch_ctx, &watch, wants, n);
	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; i < n; i++) {
		end_fetch(jobs, v[i], wants[i].code);
		n_fetched += wants[i].code == 0;
	}
	return n_fetched;
}

/* A thread that fetches missing objects, several in a batch, since each batch costs a
 * process and a sync. */
static void *run_fetcher(void *arg)
{
	struct trigger_jobs *jobs = arg;
	struct trigger_object *v[TRIGGER_BATCH];

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->is_over) {
		size_t n = 0;

		while (n < TRIGGER_BATCH && (v[n] = trigger_queue_take(&jobs->missing)))
			n++;
		if (n)
			(void)trigger_fetch_objects(jobs, v, n);
		else
			pthread_cond_wait(&jobs->wake, &jobs->lock);
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

/* --- threads ------------------------------------------------------------------------------ */

static unsigned choose_trigger_threads(const struct cfs_trigger *t)
{
	unsigned n = t->n_threads ? t->n_threads : cfs_pool_count_cpus() + 1;

	if (n < 2)
		return 2;
	return n < TRIGGER_THREADS_MAX ? n : TRIGGER_THREADS_MAX;
}

static int start_thread(struct trigger_jobs *jobs, void *(*run)(void *arg),
			struct cfs_err *err)
{
	int errnum = pthread_create(&jobs->threads[jobs->n_threads], NULL, run, jobs);

	if (errnum)
		return cfs_fail(err, errnum, "cannot start a thread: %s",
				strerror(errnum));
	jobs->n_threads++;
	return 0;
}

int trigger_start_threads(struct trigger_jobs *jobs, struct cfs_err *err)
{
	unsigned n = choose_trigger_threads(jobs->t);
	int rc = 0;

	jobs->n_large_max = n - 1;
	write_state(jobs);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = start_thread(jobs, run_checker, err);
	for (unsigned i = 0; rc == 0 && jobs->t->fetch && i < TRIGGER_FETCHERS; i++)
		rc = start_thread(jobs, run_fetcher, err);
	if (rc == 0 && jobs->t->fetch && jobs->t->n_fill)
		rc = start_thread(jobs, trigger_run_filler, err);
	return rc;
}
