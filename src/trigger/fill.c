/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Fetches in the background what is missing, in a given order. */
#include <errno.h>
#include <unistd.h>

#include "trigger/trigger_priv.h"

enum { PAUSE_MS = 30000, PAUSE_MAX_MS = 3600000 };

static bool is_missing(const struct cfs_trigger *t, const struct cfs_digest *id)
{
	int fd = trigger_open(t, id, NULL);

	if (fd >= 0)
		close(fd);
	return fd == -ENOENT;
}

/* Marks the next missing objects as busy. *is_complete becomes false if one is left to somebody else. With the lock
 * held, which is released meanwhile. */
static size_t claim_fill_batch(struct trigger_jobs *jobs, struct trigger_object **v,
			       bool *is_complete)
{
	const struct cfs_trigger *t = jobs->t;
	size_t n = 0;

	while (n < TRIGGER_FILL_BATCH && jobs->fill_next < t->n_fill && !jobs->is_over) {
		const struct cfs_digest *id = &t->fill[jobs->fill_next++];
		bool missing;

		pthread_mutex_unlock(&jobs->lock);
		missing = is_missing(t, id);
		pthread_mutex_lock(&jobs->lock);
		if (!missing)
			continue;
		v[n] = trigger_jobs_claim(jobs, id);
		if (v[n])
			n++;
		else
			*is_complete = false;
	}
	return n;
}

/* The condition is also that of other threads, so it becomes true early. */
static void pause_filler(struct trigger_jobs *jobs, unsigned ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!jobs->is_over && rc == 0)
		rc = pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
}

/* Goes through the list until nothing is missing. After a batch of which nothing was fetched, and before the list begins again, it
 * pauses: the sources may be out of reach. */
void *trigger_run_filler(void *arg)
{
	struct trigger_jobs *jobs = arg;
	unsigned first = jobs->t->fill_pause_ms ? jobs->t->fill_pause_ms : PAUSE_MS;
	struct trigger_object *v[TRIGGER_FILL_BATCH];
	unsigned pause = first;
	bool is_complete = true;

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->is_over) {
		size_t n = claim_fill_batch(jobs, v, &is_complete);
		size_t n_fetched = n ? trigger_fetch_objects(jobs, v, n) : 0;

		is_complete = is_complete && n_fetched == n;
		if (n == 0 && is_complete)
			break;
		if (n_fetched) {
			pause = first;
			continue;
		}
		pause_filler(jobs, pause);
		pause = pause < PAUSE_MAX_MS / 2 ? 2 * pause : PAUSE_MAX_MS;
		if (n == 0) {
			jobs->fill_next = 0;
			is_complete = true;
		}
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}
