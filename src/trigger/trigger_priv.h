/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_TRIGGER_PRIV_H
#define CFS_TRIGGER_PRIV_H

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include "base/watch.h"
#include "trigger/answer.h"
#include "trigger/server.h"
#include "trigger/state.h"

/* --- check.c: one object ---------------------------------------------------------------- */

enum trigger_verdict {
	TRIGGER_UNKNOWN,
	TRIGGER_GOOD,
	TRIGGER_DAMAGED,
	TRIGGER_ABSENT,
	TRIGGER_LARGE, /* not verified yet: it would take long */
	TRIGGER_NOT_FETCHED,
};

/* Identifies a file and, as far as its times tell, its content. */
struct trigger_mark {
	bool is_set;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct trigger_finding {
	enum trigger_verdict verdict;
	uint64_t size;
	bool is_new; /* it was read, and not taken from the mark */
	struct trigger_mark mark;
};

/* Verifies an object. before: the last finding; if the file has not changed since, it is the result. may_take_long: also
 * verify a large object. err is set for TRIGGER_DAMAGED, if that is new. */
void trigger_check(const struct cfs_trigger *t, const struct cfs_digest *id,
		   bool may_take_long, const struct trigger_finding *before,
		   const struct cfs_watch *watch, struct trigger_finding *out,
		   struct cfs_err *err);

/* Opens an object, never waiting: a descriptor or -errno. */
int trigger_open(const struct cfs_trigger *t, const struct cfs_digest *id,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* --- jobs.c: objects and who waits for them ----------------------------------------------- */

struct trigger_waiter {
	uint64_t unique;
	bool is_open; /* OPEN, otherwise LOOKUP */
	uint32_t pid; /* OPEN */
	struct trigger_waiter *next;
};

struct trigger_object {
	struct cfs_digest id;
	uint64_t number;
	bool is_busy; /* queued, or a thread works on it */
	bool is_reported, is_recorded;
	uint64_t n_lookups; /* the kernel has its file for as many replies */
	struct trigger_finding last;
	struct trigger_waiter *waiters;
	struct trigger_object *next_queued, *next_in_bucket;
};

struct trigger_queue {
	struct trigger_object *first, **end;
};

enum {
	TRIGGER_BUCKETS = 1 << 14,
	TRIGGER_THREADS_MAX = 8,
	TRIGGER_FETCHERS = 4,
	TRIGGER_BATCH = 32,
	TRIGGER_FILL_BATCH = 16,
};

struct trigger_jobs {
	const struct cfs_trigger *t;
	int dev;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t wake;
	struct trigger_object **v; /* by number */
	size_t n, cap;
	struct trigger_object **buckets;
	struct trigger_queue small, large, missing;
	unsigned n_large, n_large_max; /* threads that verify large objects */
	unsigned n_kills;	       /* since kills_sec */
	int64_t kills_sec;
	bool is_over;
	volatile sig_atomic_t cancelled; /* as is_over, for work under way */
	struct cfs_trigger_counts counts;
	size_t fill_next; /* index of the next object to fetch in the background */
	pthread_t threads[TRIGGER_THREADS_MAX + TRIGGER_FETCHERS + 1];
	unsigned n_threads;
};

/* Starts without objects and threads. t is borrowed. -ENOMEM. */
int trigger_jobs_init(struct trigger_jobs *jobs, const struct cfs_trigger *t, int dev,
		      struct cfs_err *err) CFS_MUST_CHECK;
/* Cancels what the threads are doing, and ends them. */
void trigger_jobs_fini(struct trigger_jobs *jobs);

/* Starts a job for a LOOKUP or an OPEN, or joins one. The reply is sent when it ends. */
void trigger_jobs_find(struct trigger_jobs *jobs, const struct cfs_digest *id,
		       uint64_t unique);
void trigger_jobs_open(struct trigger_jobs *jobs, uint64_t number, uint64_t unique,
		       uint32_t pid);

/* Replies to the request at once if it waits for a job. The job goes on. */
void trigger_jobs_interrupt(struct trigger_jobs *jobs, uint64_t unique);

/* The kernel drops the file of an object, for that many replies. */
void trigger_jobs_forget(struct trigger_jobs *jobs, uint64_t number, uint64_t n_lookups);

/* Whether somebody works on the object. */
bool trigger_jobs_is_busy(struct trigger_jobs *jobs, const struct cfs_digest *id);

/* The size of a file; 0 if there is none with that number. */
uint64_t trigger_jobs_get_size(struct trigger_jobs *jobs, uint64_t number);

/* --- work.c: the threads ----------------------------------------------------------------- */

/* Starts the threads that verify, and those that fetch. The code of pthread_create(3). */
int trigger_start_threads(struct trigger_jobs *jobs, struct cfs_err *err) CFS_MUST_CHECK;

/* Has some objects fetched, which are marked as busy, and ends their jobs. With the lock held, which is released meanwhile.
 * Returns how many were fetched. */
size_t trigger_fetch_objects(struct trigger_jobs *jobs, struct trigger_object *const *v,
			     size_t n);

/* --- fill.c: in the background ------------------------------------------------------------ */

/* The thread that fetches the missing ones of t->fill. arg: struct trigger_jobs. */
void *trigger_run_filler(void *arg);

/* --- jobs.c, for work.c and fill.c: with the lock held ------------------------------------------------ */

/* Adds an object at the end of a queue. */
void trigger_queue_put(struct trigger_queue *q, struct trigger_object *o);
/* Takes the first object of a queue; NULL: it is empty. */
struct trigger_object *trigger_queue_take(struct trigger_queue *q);

/* Marks an object as busy, so that who opens it waits for this job. NULL: somebody works on it or just did, or there is no
 * memory. */
struct trigger_object *trigger_jobs_claim(struct trigger_jobs *jobs,
					  const struct cfs_digest *id);
/* Ends the job of an object: replies to all who wait. Releases the lock meanwhile. */
void trigger_jobs_finish(struct trigger_jobs *jobs, struct trigger_object *o);

#endif
