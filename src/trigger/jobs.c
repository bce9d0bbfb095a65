/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The objects that were looked up, and the requests that wait for them. One job runs for an object at a time;
 * further requests join it. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fuse/daemon.h"
#include "trigger/trigger_priv.h"

/* --- the table ------------------------------------------------------------------------ */

/* The bytes of a digest are as good as a hash. */
static size_t bucket_of(const struct cfs_digest *id)
{
	uint32_t hash;

	memcpy(&hash, id->bytes, sizeof(hash));
	return hash % TRIGGER_BUCKETS;
}

static struct trigger_object *find_pending_object(const struct trigger_jobs *jobs,
						  const struct cfs_digest *id)
{
	struct trigger_object *o = jobs->buckets[bucket_of(id)];

	while (o && !cfs_digest_eq(&o->id, id))
		o = o->next_in_bucket;
	return o;
}

/* Adds an object that is asked for the first time; NULL: no memory. The caller holds
 * the lock. */
static struct trigger_object *add_pending_object(struct trigger_jobs *jobs,
						 const struct cfs_digest *id)
{
	struct trigger_object *o = calloc(1, sizeof(*o)),
			      **bucket = &jobs->buckets[bucket_of(id)];

	if (!o || cfs_grow(&jobs->v, &jobs->cap, jobs->n + 1, sizeof(*jobs->v)) < 0) {
		free(o);
		return NULL;
	}
	o->id = *id;
	o->number = jobs->n;
	o->next_in_bucket = *bucket;
	*bucket = o;
	jobs->v[jobs->n++] = o;
	return o;
}

void trigger_queue_put(struct trigger_queue *q, struct trigger_object *o)
{
	if (!q->first)
		q->end = &q->first;
	o->next_queued = NULL;
	*q->end = o;
	q->end = &o->next_queued;
}

struct trigger_object *trigger_queue_take(struct trigger_queue *q)
{
	struct trigger_object *o = q->first;

	if (o)
		q->first = o->next_queued;
	return o;
}

int trigger_jobs_init(struct trigger_jobs *jobs, const struct cfs_trigger *t, int dev,
		      struct cfs_err *err)
{
	*jobs = (struct trigger_jobs){.t = t,
				      .dev = dev,
				      .lock = PTHREAD_MUTEX_INITIALIZER,
				      .wake = PTHREAD_COND_INITIALIZER};
	jobs->buckets = calloc(TRIGGER_BUCKETS, sizeof(*jobs->buckets));
	return jobs->buckets ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

static void free_waiters(struct trigger_waiter *w)
{
	while (w) {
		struct trigger_waiter *next = w->next;

		free(w);
		w = next;
	}
}

void trigger_jobs_fini(struct trigger_jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->is_over = true;
	jobs->cancelled = 1;
	pthread_cond_broadcast(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	for (unsigned i = 0; i < jobs->n_threads; i++)
		pthread_join(jobs->threads[i], NULL);
	for (size_t i = 0; i < jobs->n; i++) {
		free_waiters(jobs->v[i]->waiters);
		free(jobs->v[i]);
	}
	free(jobs->v);
	free(jobs->buckets);
	pthread_mutex_destroy(&jobs->lock);
	pthread_cond_destroy(&jobs->wake);
}

/* --- replies -------------------------------------------------------------------------- */

/* A reply that cannot be sent belongs to a filesystem that is gone. */
static void send_job_reply(const struct trigger_jobs *jobs,
			   const struct cfs_trigger_answer *a)
{
	(void)!cfs_fuse_reply(jobs->dev, a->unique, a->error,
			      (struct cfs_span){a->body, a->body_len});
}

static void reply_lookup(const struct trigger_jobs *jobs, uint64_t unique, bool is_file,
			 uint64_t number, const struct trigger_finding *f)
{
	struct cfs_trigger_answer a = {.unique = unique};

	if (f->verdict == TRIGGER_NOT_FETCHED)
		a.error = -EIO;
	else if (!is_file)
		cfs_trigger_put_absent(&a, f->verdict == TRIGGER_GOOD);
	else
		cfs_trigger_put_file(&a, number, f->size);
	send_job_reply(jobs, &a);
}

/* The reader waits for the reply, so its number cannot be that of another process. An unimportant file that is damaged must
 * not take down a machine on which a program is started repeatedly, so there is a limit. */
static void kill_reader(struct trigger_jobs *jobs, uint32_t pid)
{
	enum { HOUR_SEC = 3600 };
	struct timespec now;
	bool allowed;

	if (!jobs->t->kill_readers || pid == 0 || pid > INT_MAX)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&jobs->lock);
	if (jobs->n_kills == 0 || now.tv_sec - jobs->kills_sec >= HOUR_SEC) {
		jobs->n_kills = 0;
		jobs->kills_sec = now.tv_sec;
	}
	allowed = jobs->n_kills < CFS_TRIGGER_KILLS_MAX;
	jobs->n_kills += allowed;
	pthread_mutex_unlock(&jobs->lock);
	if (allowed)
		(void)kill((pid_t)pid, SIGKILL);
}

/* Opens the file of an object that is verified by now. */
static void reply_to_open(struct trigger_jobs *jobs, const struct trigger_waiter *w,
			  const struct cfs_digest *id, const struct trigger_finding *f)
{
	struct cfs_trigger_answer a = {.unique = w->unique, .error = -EIO};
	int fd = -1;

	if (f->verdict == TRIGGER_GOOD)
		fd = a.error = trigger_open(jobs->t, id, NULL);
	else if (f->verdict == TRIGGER_ABSENT)
		a.error = -ENOENT;
	else if (f->verdict == TRIGGER_DAMAGED)
		kill_reader(jobs, w->pid);
	if (fd >= 0) {
		a.error = 0;
		cfs_trigger_put_handle(&a, (uint64_t)fd);
	}
	send_job_reply(jobs, &a);
}

/* Is the reply to a lookup a file? Overlayfs looks up a file that it has again, and fails with ESTALE if it has become absent. So an object
 * that was interrupted, or damaged and then repaired, is read through its file until the kernel drops that. */
static bool is_file(const struct trigger_object *o)
{
	return o->n_lookups > 0 ||
	       (o->last.verdict != TRIGGER_GOOD && o->last.verdict != TRIGGER_ABSENT);
}

/* The number of lookups among the requests that wait. */
static uint64_t count_lookups(const struct trigger_object *o)
{
	uint64_t n = 0;

	for (const struct trigger_waiter *w = o->waiters; w; w = w->next)
		n += !w->is_open;
	return n;
}

void trigger_jobs_finish(struct trigger_jobs *jobs, struct trigger_object *o)
{
	struct trigger_waiter *waiters = o->waiters;
	const struct trigger_finding f = o->last;
	bool shows_file = is_file(o);

	if (shows_file && f.verdict != TRIGGER_NOT_FETCHED)
		o->n_lookups += count_lookups(o);
	o->waiters = NULL;
	o->is_busy = false;
	pthread_mutex_unlock(&jobs->lock);
	for (const struct trigger_waiter *w = waiters; w; w = w->next) {
		if (w->is_open)
			reply_to_open(jobs, w, &o->id, &f);
		else
			reply_lookup(jobs, w->unique, shows_file, o->number, &f);
	}
	free_waiters(waiters);
	pthread_mutex_lock(&jobs->lock);
}

/* --- requests ------------------------------------------------------------------------- */

/* Adds a request to the job of an object. */
static int join_job(struct trigger_jobs *jobs, struct trigger_object *o,
		    const struct trigger_waiter *request)
{
	struct trigger_waiter *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = *request;
	w->next = o->waiters;
	o->waiters = w;
	if (!o->is_busy) {
		o->is_busy = true;
		trigger_queue_put(&jobs->small, o);
		pthread_cond_broadcast(&jobs->wake);
	}
	return 0;
}

static void record_first_lookup(const struct trigger_jobs *jobs, struct trigger_object *o)
{
	if (jobs->t->record && !o->is_recorded)
		jobs->t->record(jobs->t->record_ctx, &o->id);
	o->is_recorded = true;
}

struct trigger_object *trigger_jobs_claim(struct trigger_jobs *jobs,
					  const struct cfs_digest *id)
{
	struct trigger_object *o = find_pending_object(jobs, id);

	if (!o)
		o = add_pending_object(jobs, id);
	if (!o || o->is_busy || o->last.verdict == TRIGGER_GOOD)
		return NULL;
	o->is_busy = true;
	return o;
}

/* Without memory nothing is verified, so the answer is a file that cannot be opened. */
void trigger_jobs_find(struct trigger_jobs *jobs, const struct cfs_digest *id,
		       uint64_t unique)
{
	const struct trigger_finding damaged = {.verdict = TRIGGER_DAMAGED};
	const struct trigger_waiter request = {.unique = unique};
	struct trigger_object *o;
	int rc;

	pthread_mutex_lock(&jobs->lock);
	o = find_pending_object(jobs, id);
	if (!o)
		o = add_pending_object(jobs, id);
	if (o)
		record_first_lookup(jobs, o);
	rc = o ? join_job(jobs, o, &request) : -ENOMEM;
	pthread_mutex_unlock(&jobs->lock);
	if (rc < 0)
		reply_lookup(jobs, unique, true, UINT32_MAX, &damaged);
}

void trigger_jobs_open(struct trigger_jobs *jobs, uint64_t number, uint64_t unique,
		       uint32_t pid)
{
	const struct trigger_waiter request = {
		.unique = unique, .is_open = true, .pid = pid};
	struct cfs_trigger_answer a = {.unique = unique};

	pthread_mutex_lock(&jobs->lock);
	a.error = number < jobs->n ? join_job(jobs, jobs->v[number], &request) : -EIO;
	pthread_mutex_unlock(&jobs->lock);
	if (a.error)
		send_job_reply(jobs, &a);
}

/* Takes a request out of the job that it waits for. */
static struct trigger_waiter *take_waiter(struct trigger_object *o, uint64_t unique)
{
	for (struct trigger_waiter **w = &o->waiters; *w; w = &(*w)->next) {
		if ((*w)->unique == unique) {
			struct trigger_waiter *found = *w;

			*w = found->next;
			return found;
		}
	}
	return NULL;
}

/* An error would make the kernel go on to the object directory. That is right if the object is not there yet, but not before an object that
 * is there was verified: then the reply is a file, whose open is interrupted in turn. */
static void reply_interrupted(const struct trigger_jobs *jobs, struct trigger_object *o,
			      const struct trigger_waiter *w)
{
	struct cfs_trigger_answer a = {.unique = w->unique, .error = -EINTR};

	if (!w->is_open && jobs->t->verify && o->last.verdict != TRIGGER_ABSENT) {
		a.error = 0;
		o->n_lookups++;
		cfs_trigger_put_file(&a, o->number, o->last.size);
	}
	send_job_reply(jobs, &a);
}

void trigger_jobs_interrupt(struct trigger_jobs *jobs, uint64_t unique)
{
	struct trigger_waiter *w = NULL;

	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; !w && i < jobs->n; i++) {
		w = take_waiter(jobs->v[i], unique);
		if (w)
			reply_interrupted(jobs, jobs->v[i], w);
	}
	pthread_mutex_unlock(&jobs->lock);
	free(w);
}

void trigger_jobs_forget(struct trigger_jobs *jobs, uint64_t number, uint64_t n_lookups)
{
	struct trigger_object *o;

	pthread_mutex_lock(&jobs->lock);
	o = number < jobs->n ? jobs->v[number] : NULL;
	if (o)
		o->n_lookups -= n_lookups < o->n_lookups ? n_lookups : o->n_lookups;
	pthread_mutex_unlock(&jobs->lock);
}

bool trigger_jobs_is_busy(struct trigger_jobs *jobs, const struct cfs_digest *id)
{
	const struct trigger_object *o;
	bool is_busy;

	pthread_mutex_lock(&jobs->lock);
	o = find_pending_object(jobs, id);
	is_busy = o && o->is_busy;
	pthread_mutex_unlock(&jobs->lock);
	return is_busy;
}

uint64_t trigger_jobs_get_size(struct trigger_jobs *jobs, uint64_t number)
{
	uint64_t size;

	pthread_mutex_lock(&jobs->lock);
	size = number < jobs->n ? jobs->v[number]->last.size : 0;
	pthread_mutex_unlock(&jobs->lock);
	return size;
}
