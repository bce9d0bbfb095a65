/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Waiting for changes of the tags of a repository. */
#ifndef CFS_COMPOSEFS_WATCH_TAGS_H
#define CFS_COMPOSEFS_WATCH_TAGS_H

#include <signal.h>

#include "base/base.h"

enum { WATCH_TAGS_DIRS = 4 };

struct watch_tags {
	int fd; /* of inotify; -1: not open */
	int dirs[WATCH_TAGS_DIRS];
};

/* From here on changes are noted. The repository need not stay open. Close it with
 * watch_tags_close, also after an error. */
int watch_tags_open(int repo_fd, struct watch_tags *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
void watch_tags_close(struct watch_tags *w);

/* Waits for a change. -ECANCELED: SIGINT or SIGTERM set *cancelled. */
int watch_tags_wait(const struct watch_tags *w, const volatile sig_atomic_t *cancelled,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
