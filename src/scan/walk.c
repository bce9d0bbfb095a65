/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The walk: level by level; the directories of a level are read on all threads.
 *
 * Directories that wait have no descriptor. Each is opened again by its path below the
 * root, and must be the inode that was recorded. So neither a wide nor a deep tree needs
 * many descriptors, and a directory that was replaced by a symlink gives an error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "scan/scan_priv.h"

/* Lists the path from the directory `from`, an ancestor, down to dir, deepest first. */
static ssize_t chain_up(struct scan *s, struct scan_worker *w, uint32_t from,
			uint32_t dir, struct cfs_err *err)
{
	size_t n = 0;

	for (; dir != from && dir != 0; dir = s->dirs[dir].parent) {
		if (cfs_grow(&w->chain, &w->chain_cap, n + 1, sizeof(*w->chain)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		w->chain[n++] = dir;
	}
	return (ssize_t)n;
}

/* Builds the longest path that fits into PATH_MAX from the n components. Returns the
 * number of components left. */
static size_t take_path(const struct scan *s, const struct scan_worker *w, size_t n,
			char path[PATH_MAX])
{
	size_t at = 0;

	while (n) {
		const char *name = s->dirs[w->chain[n - 1]].self->name;
		size_t len = strlen(name);

		if (at + len + 2 > PATH_MAX)
			break;
		if (at)
			path[at++] = '/';
		memcpy(path + at, name, len);
		at += len;
		n--;
	}
	path[at] = '\0';
	return n;
}

/* Opens the directory at the end of the chain, starting at base. */
static int open_chain(struct scan *s, struct scan_worker *w, int base, size_t n,
		      struct cfs_err *err)
{
	cfs_autofd int above = -1;

	for (;;) {
		int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
		char path[PATH_MAX];
		int fd;

		n = take_path(s, w, n, path);
		fd = openat(base, path, flags | (n ? O_PATH : O_RDONLY));
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			return cfs_fail(err, ESTALE, "changed while it was read");
		if (fd < 0)
			return cfs_fail_errno(err, "open");
		if (!n)
			return fd;
		if (above >= 0)
			close(above);
		base = above = fd;
	}
}

/* Returns -ESTALE if fd is not the directory that was recorded. */
static int check_identity(const struct scan_dir *d, int fd, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (st.st_dev != d->self->dev || st.st_ino != d->self->ino)
		return cfs_fail(err, ESTALE, "changed while it was read");
	return 0;
}

int cfs_scan_open_dir(struct scan *s, struct scan_worker *w, uint32_t dir,
		      struct cfs_err *err)
{
	bool below = w->dir != SCAN_NONE && s->dirs[dir].parent == w->dir;
	cfs_autofd int fd = -1;
	ssize_t n;
	int rc;

	if (dir == 0)
		return s->rootfd;
	if (dir == w->dir)
		return w->fd;
	n = chain_up(s, w, below ? w->dir : 0, dir, err);
	if (n < 0)
		return (int)n;
	fd = open_chain(s, w, below ? w->fd : s->rootfd, (size_t)n, err);
	if (fd < 0)
		return fd;
	rc = check_identity(&s->dirs[dir], fd, err);
	if (rc < 0)
		return rc;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = cfs_steal_fd(&fd);
	w->dir = dir;
	return w->fd;
}

static uint64_t name_head(const char *name, size_t len)
{
	uint64_t head = 0;

	memcpy(&head, name, len < sizeof(head) ? len : sizeof(head));
	return be64toh(head);
}

static int compare_by_name(const void *a, const void *b)
{
	const struct scan_name *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Collects a name of the directory; they are sorted afterwards, because readdir() has
 * no order and images must. */
static int add_walked_name(struct scan_worker *w, const char *name, size_t *n,
			   struct cfs_err *err)
{
	size_t len = strlen(name);
	const char *copy;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	copy = cfs_arena_copy(&w->arena, name, len);
	if (!copy || cfs_grow(&w->names, &w->names_cap, *n + 1, sizeof(*w->names)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	w->names[*n] = (struct scan_name){name_head(name, len), copy};
	++*n;
	return 0;
}

/* Lists the names of the directory fd in w->names, sorted. Returns their number. */
static ssize_t list_walked_names(struct scan_worker *w, int fd, struct cfs_err *err)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = getdents64(fd, w->dents, SCAN_DENTS_LEN);

		if (got < 0)
			return cfs_fail_errno(err, "read directory");
		if (got == 0)
			break;
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *d = (const void *)(w->dents + at);
			int rc = add_walked_name(w, d->d_name, &n, err);

			if (rc < 0)
				return rc;
			at += d->d_reclen;
		}
	}
	if (n)
		qsort(w->names, n, sizeof(*w->names), compare_by_name);
	return (ssize_t)n;
}

/* Reads the metadata of each listed name. */
static int read_walked_entries(struct scan *s, struct scan_worker *w, uint32_t dir,
			       int fd, size_t n, struct cfs_err *err)
{
	struct scan_dir *d = &s->dirs[dir];

	d->entries = cfs_arena_alloc(&w->arena, n * sizeof(*d->entries),
				     _Alignof(struct scan_entry));
	if (!d->entries)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct scan_entry *e = &d->entries[d->n_entries];
		int rc = cfs_watch_poll(s->opts->watch, err);

		if (rc < 0)
			return rc;
		*e = (struct scan_entry){.name = w->names[i].name, .index = SCAN_NONE};
		if (!cfs_scan_exclude_name(s, dir, e))
			rc = cfs_scan_read_inode(s, w, fd, e, err);
		if (rc < 0)
			return cfs_scan_context(s, w, dir, e->name, rc, err);
		if (rc == 0)
			d->n_entries++;
	}
	return 0;
}

static void count_walked_entries(struct scan_worker *w, const struct scan_dir *d)
{
	uint64_t files = 0, bytes = 0;

	for (uint32_t i = 0; i < d->n_entries; i++) {
		if (!S_ISREG(d->entries[i].mode))
			continue;
		files += d->entries[i].size > 0;
		bytes += d->entries[i].size;
	}
	atomic_fetch_add_explicit(&w->n_entries, d->n_entries, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->n_files, files, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->bytes, bytes, memory_order_relaxed);
}

/* Reads one directory, and checks that it did not change meanwhile. */
static int read_dir(struct scan *s, struct scan_worker *w, uint32_t dir,
		    struct cfs_err *err)
{
	int fd = cfs_scan_open_dir(s, w, dir, err);
	struct stat st;
	ssize_t n = fd;
	int rc;

	if (n >= 0)
		n = list_walked_names(w, fd, err);
	if (n < 0)
		return cfs_scan_context(s, w, dir, NULL, (int)n, err);
	if (n) {
		rc = read_walked_entries(s, w, dir, fd, (size_t)n, err);
		if (rc < 0)
			return rc;
	}
	rc = fstat(fd, &st) < 0 ? cfs_fail_errno(err, "stat")
				: cfs_scan_check_stat(s->dirs[dir].self, &st, err);
	if (rc < 0)
		return cfs_scan_context(s, w, dir, NULL, rc, err);
	count_walked_entries(w, &s->dirs[dir]);
	return 0;
}

struct level {
	struct scan *s;
	size_t first;
};

static int read_dir_piece(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct level *level = ctx;
	int rc = read_dir(level->s, &level->s->workers[worker],
			  (uint32_t)(level->first + i), err);

	cfs_scan_report(level->s, worker);
	return rc;
}

static int add_walked_dir(struct scan *s, struct scan_entry *e, uint32_t parent,
			  struct cfs_err *err)
{
	if (s->n_dirs >= SCAN_NONE)
		return cfs_fail(err, E2BIG, "more than %u directories", SCAN_NONE);
	if (cfs_grow(&s->dirs, &s->dirs_cap, s->n_dirs + 1, sizeof(*s->dirs)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	e->index = (uint32_t)s->n_dirs;
	s->dirs[s->n_dirs++] = (struct scan_dir){.self = e, .parent = parent};
	return 0;
}

/* Removes and reports the entries that are left out, and adds the subdirectories to
 * scan.dirs. Mount points stay, as empty directories. */
static int keep_entries(struct scan *s, uint32_t dir, struct cfs_err *err)
{
	struct scan_entry *entries = s->dirs[dir].entries;
	uint32_t n = s->dirs[dir].n_entries, kept = 0;
	int rc = 0;

	for (uint32_t k = 0; rc == 0 && k < n; k++) {
		struct scan_entry *e = &entries[k];

		if (e->left)
			cfs_scan_report_left(s, dir, e);
		if (e->left && e->left != 1 + CFS_SCAN_LEFT_MOUNT)
			continue;
		if (kept != k)
			entries[kept] = *e;
		e = &entries[kept++];
		if (S_ISDIR(e->mode) && !e->left)
			rc = add_walked_dir(s, e, dir, err);
	}
	s->dirs[dir].n_entries = kept;
	return rc;
}

/* Adds the subdirectories of the directories [first, end) as the next level. */
static int add_next_level(struct scan *s, size_t first, size_t end, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = first; rc == 0 && i < end; i++)
		rc = keep_entries(s, (uint32_t)i, err);
	return rc;
}

static int read_root(struct scan *s, struct cfs_err *err)
{
	int rc;

	s->root.name = ".";
	rc = add_walked_dir(s, &s->root, 0, err);
	if (rc == 0)
		rc = cfs_scan_read_inode(s, &s->workers[0], s->rootfd, &s->root, err);
	if (rc < 0)
		return cfs_scan_context(s, &s->workers[0], 0, NULL, rc, err);
	s->root.index = 0;
	return 0;
}

int cfs_scan_walk(struct scan *s, struct cfs_err *err)
{
	int rc = read_root(s, err);

	for (size_t first = 0; rc == 0 && first < s->n_dirs;) {
		struct level level = {s, first};
		size_t end = s->n_dirs;

		rc = cfs_pool_run(s->threads, end - first, read_dir_piece, &level,
				  s->opts->watch, err);
		if (rc == 0)
			rc = add_next_level(s, first, end, err);
		first = end;
	}
	return rc;
}
