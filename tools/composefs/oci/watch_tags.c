/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* inotify on streams/refs/oci, which exists from the first tag on, and on the directories above it. */
#include "composefs/oci/watch_tags.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/beneath.h"
#include "cli/signals.h"

/* A directory, and the name in it that matters; NULL: all do. */
static const struct {
	const char *path, *name;
} dirs[WATCH_TAGS_DIRS] = {{".", "streams"},
			   {"streams", "refs"},
			   {"streams/refs", "oci"},
			   {"streams/refs/oci", NULL}};

/* Watches a directory of tags. Directories that do not exist yet appear with a change
 * that is watched. */
static int add_watched_dir(struct watch_tags *w, int repo_fd, size_t i,
			   struct cfs_err *err)
{
	cfs_autofd int fd = cfs_beneath_open_dir(repo_fd, dirs[i].path);
	char path[32];

	if (fd == -ENOENT && i > 0)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, dirs[i].path, err);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w->dirs[i] = inotify_add_watch(w->fd, path,
				       IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
	return w->dirs[i] < 0 ? cfs_fail_errno(err, "watch %s", dirs[i].path) : 0;
}

/* Downwards: a directory that appears after its look-up is noted by the watch above it. */
int watch_tags_open(int repo_fd, struct watch_tags *out, struct cfs_err *err)
{
	int rc = 0;

	*out = (struct watch_tags){.dirs = {-1, -1, -1, -1}};
	out->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (out->fd < 0)
		return cfs_fail_errno(err, "inotify");
	for (size_t i = 0; rc == 0 && i < WATCH_TAGS_DIRS; i++)
		rc = add_watched_dir(out, repo_fd, i, err);
	return rc;
}

void watch_tags_close(struct watch_tags *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

/* What cannot be told counts as a change: lost events, and a directory that was removed. */
static bool is_change(const struct watch_tags *w, const struct inotify_event *e)
{
	if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED))
		return true;
	for (size_t i = 0; i < WATCH_TAGS_DIRS; i++)
		if (w->dirs[i] == e->wd)
			return !dirs[i].name ||
			       (e->len && strcmp(e->name, dirs[i].name) == 0);
	return true;
}

/* 1: a change; 0: there is none among the events that are there. */
static int read_events(const struct watch_tags *w, struct cfs_err *err)
{
	char buf[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(w->fd, buf, sizeof(buf));
	const struct inotify_event *e;
	bool changed = false;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0
							 : cfs_fail_errno(err, "inotify");
	for (const char *at = buf; at < buf + n; at += sizeof(*e) + e->len) {
		e = (const void *)at;
		changed |= is_change(w, e);
	}
	return changed;
}

int watch_tags_wait(const struct watch_tags *w, const volatile sig_atomic_t *cancelled,
		    struct cfs_err *err)
{
	int rc;

	do {
		rc = cli_wait_input(w->fd, cancelled, err);
		if (rc == 0)
			rc = read_events(w, err);
	} while (rc == 0);
	return rc < 0 ? rc : 0;
}
