/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reports the paths of failures and the progress of a scan. */
#include "scan/scan.h"

#include <errno.h>
#include <string.h>

#include "scan/scan_priv.h"

/* Puts text in front of buf[at]. Returns false if it does not fit. */
static bool prepend_text(char *buf, size_t *at, const char *text, size_t len)
{
	if (len > *at)
		return false;
	*at -= len;
	memcpy(buf + *at, text, len);
	return true;
}

const char *cfs_scan_path(const struct scan *s, struct scan_worker *w, uint32_t dir,
			  const char *name)
{
	static const char cut[] = "...";
	size_t at = sizeof(w->path) - 1, len;
	bool fits = true;

	w->path[at] = '\0';
	if (name)
		fits = prepend_text(w->path, &at, name, strlen(name)) &&
		       prepend_text(w->path, &at, "/", 1);
	while (fits && dir != 0) {
		const char *part = s->dirs[dir].self->name;

		fits = prepend_text(w->path, &at, part, strlen(part)) &&
		       prepend_text(w->path, &at, "/", 1);
		dir = s->dirs[dir].parent;
	}
	len = strlen(s->path);
	while (len && s->path[len - 1] == '/' && w->path[at])
		len--;
	if (!fits || !prepend_text(w->path, &at, s->path, len))
		memcpy(w->path + at, cut, sizeof(cut) - 1);
	return w->path + at;
}

void cfs_scan_keep_path(const struct scan *s, const char *path)
{
	if (s->opts->failed_path)
		*s->opts->failed_path = strdup(path);
}

int cfs_scan_context(const struct scan *s, struct scan_worker *w, uint32_t dir,
		     const char *name, int rc, struct cfs_err *err)
{
	const char *path;

	if (rc >= 0)
		return rc;
	path = cfs_scan_path(s, w, dir, name);
	cfs_scan_keep_path(s, path);
	return cfs_context(err, rc, "error accessing %s", path);
}

static struct cfs_progress sum_walked(const struct scan *s)
{
	struct cfs_progress now = {.stage = "entries"};

	for (unsigned i = 0; i < s->threads; i++)
		now.done += atomic_load_explicit(&s->workers[i].n_entries,
						 memory_order_relaxed);
	return now;
}

/* Adds up what the threads have counted; the numbers may be a moment old. */
static struct cfs_progress sum_read(const struct scan *s)
{
	struct cfs_progress now = {.stage = "files"};

	for (unsigned i = 0; i < s->threads; i++) {
		const struct scan_worker *w = &s->workers[i];

		now.all += atomic_load_explicit(&w->n_files, memory_order_relaxed);
		now.done += atomic_load_explicit(&w->n_files_done, memory_order_relaxed);
		now.bytes += atomic_load_explicit(&w->bytes, memory_order_relaxed);
		now.bytes_done +=
			atomic_load_explicit(&w->bytes_done, memory_order_relaxed);
	}
	return now;
}

void cfs_scan_report(struct scan *s, unsigned worker)
{
	const struct cfs_watch *w = s->opts->watch;
	struct cfs_progress now;

	if (worker != 0 || !w || !w->progress)
		return;
	now = s->is_reading ? sum_read(s) : sum_walked(s);
	cfs_watch_progress(w, &now);
}

int cfs_scan_fail_name(const char *what, struct cfs_err *err)
{
	if (errno == ENOENT)
		return cfs_fail(err, ESTALE, "vanished while it was read");
	return cfs_fail_errno(err, "%s", what);
}
