/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger/server: serves the filesystem, and verifies or fetches the objects that are looked up in it. */
#ifndef CFS_TRIGGER_SERVER_H
#define CFS_TRIGGER_SERVER_H

#include "base/base.h"
#include "base/watch.h"
#include "verity/verity.h"

enum { CFS_TRIGGER_KILLS_MAX = 10 };

/* An object that is not in the object directory. */
struct cfs_trigger_want {
	struct cfs_digest id;
	int code; /* the result: 0: the object is in the object directory now, with its content on disk; else -errno */
};

/* Starts zeroed. Borrowed while it is served; all threads read it. */
struct cfs_trigger {
	int objects_fd; /* object directory; O_PATH is enough */
	enum cfs_hash_alg alg;
	const char *name; /* of the image, for messages */
	bool verify; /* compute the digest of objects; otherwise only see whether they exist */
	/* Kill a process that opens a damaged object, with SIGKILL, before it gets the error; at most
	 * CFS_TRIGGER_KILLS_MAX in an hour. */
	bool kill_readers;
	unsigned n_threads; /* that verify; 0: one more than there are CPUs, at most 8 */
	/* Fetches some objects, and sets the code of each. watch is cancelled when the server ends. Called on several threads at once. NULL: missing
	 * objects stay missing. */
	void (*fetch)(void *ctx, const struct cfs_watch *watch,
		      struct cfs_trigger_want *v, size_t n);
	void *fetch_ctx;
	/* With fetch: objects to fetch in the background, in this order, if they are missing. The thread that does so fetches nothing else,
	 * so that it delays no process that waits. What cannot be fetched is tried again after a pause, which grows up to
	 * an hour. */
	const struct cfs_digest *fill;
	size_t n_fill;
	unsigned fill_pause_ms; /* the first pause; 0: 30 seconds */
	/* Gets each object when it is looked up for the first time: the order in which programs open them. One call at a
	 * time. May be NULL. */
	void (*record)(void *ctx, const struct cfs_digest *id);
	void *record_ctx;
	/* Reports an object that is damaged or cannot be fetched: one line without a line feed. Any thread, one call at a time.
	 * May be NULL. */
	void (*report)(void *ctx, const char *line);
	void *report_ctx;
	int state_fd; /* a file for the counters, see state.h; -1: none */
	/* Where that file is, to be removed when a server that was started ends. */
	int state_dir_fd;
	const char *state_name;
};

/* Serves requests from dev until the filesystem is unmounted. ready (may be NULL) is called once, when the mount answers
 * requests; a negative result ends the server. -EPROTO: the kernel is too old; the codes of read(2) and of
 * starting threads. */
int cfs_trigger_serve(const struct cfs_trigger *t, int dev, int (*ready)(void *ctx),
		      void *ready_ctx, struct cfs_err *err) CFS_MUST_CHECK;

#endif
