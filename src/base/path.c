/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Walking a path one component after the other, each directory held while the next is opened. */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

enum { LINKS_MAX = 40 }; /* as in the kernel */

struct way {
	int at;	    /* the directory that was reached */
	char *rest; /* behind it */
	unsigned n_links;
};

static bool is_own_uid(uid_t uid)
{
	struct stat root;

	if (uid == 0 || uid == geteuid())
		return true;
	return stat("/", &root) == 0 && root.st_uid == uid;
}

bool cfs_path_is_own(const struct stat *dir, const struct stat *st)
{
	if ((dir->st_mode & S_IWOTH) && !(dir->st_mode & S_ISVTX))
		return false;
	return is_own_uid(dir->st_uid) && is_own_uid(st->st_uid);
}

static void way_enter(struct way *w, int fd)
{
	close(w->at);
	w->at = fd;
}

static void way_end(struct way *w)
{
	if (w->at >= 0)
		close(w->at);
	free(w->rest);
}

static int way_begin(struct way *w, const char *path, struct cfs_err *err)
{
	*w = (struct way){.at = -1, .rest = strdup(path)};
	if (!w->rest)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (!*path)
		return cfs_fail(err, ENOENT, "empty path");
	w->at = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->at < 0 ? cfs_fail_errno(err, "open directory") : 0;
}

/* Takes the first component off the rest. An empty one: there is none left. */
static int way_next(struct way *w, char name[NAME_MAX + 1], struct cfs_err *err)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(from, "/");

	if (len > NAME_MAX)
		return cfs_fail(err, ENAMETOOLONG, "a component is too long");
	memcpy(name, from, len);
	name[len] = '\0';
	memmove(w->rest, from + len, strlen(from + len) + 1);
	return 0;
}

/* The target of the link, then what is left of the path. */
static int prepend_target(struct way *w, int link, struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(link, "", target, sizeof(target));
	char *rest;

	if (len < 0)
		return cfs_fail_errno(err, "read link");
	if (len == 0 || len == sizeof(target))
		return cfs_fail(err, ENAMETOOLONG, "the target of a link is too long");
	if (asprintf(&rest, "%.*s%s", (int)len, target, w->rest) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	free(w->rest);
	w->rest = rest;
	if (target[0] == '/') {
		int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return cfs_fail_errno(err, "open /");
		way_enter(w, root);
	}
	return 0;
}

/* 1: in /proc. The text of a link there (PID/root, PID/cwd, PID/fd/N) is not where it leads: that may be a directory of
 * another mount namespace, or one without a name. */
static int is_in_proc(int dir, struct cfs_err *err)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return cfs_fail_errno(err, "type of the filesystem");
	return fs.f_type == PROC_SUPER_MAGIC;
}

/* Lets the kernel follow. */
static int enter_through_proc(struct way *w, const char *name, struct cfs_err *err)
{
	int fd = openat(w->at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cfs_fail_errno(err, "%s", name);
	way_enter(w, fd);
	return 0;
}

/* name is no directory: a link, or the end of the way. */
static int way_follow(struct way *w, const char *name, struct cfs_err *err)
{
	cfs_autofd int link = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat dir, st;
	int in_proc;

	if (link < 0 || fstat(link, &st) < 0 || fstat(w->at, &dir) < 0)
		return cfs_fail_errno(err, "%s", name);
	if (!S_ISLNK(st.st_mode))
		return cfs_fail(err, ENOTDIR, "%s: %s", name, strerror(ENOTDIR));
	if (!cfs_path_is_own(&dir, &st))
		return cfs_fail(err, ELOOP,
				"symbolic link \"%s\": not followed, because another "
				"user could have put it there",
				name);
	if (w->n_links++ == LINKS_MAX)
		return cfs_fail(err, ELOOP, "too many symbolic links");
	in_proc = is_in_proc(link, err);
	if (in_proc)
		return in_proc < 0 ? in_proc : enter_through_proc(w, name, err);
	return prepend_target(w, link, err);
}

/* O_DIRECTORY, so that automounts are mounted. -ENOENT without a message. */
static int way_step(struct way *w, const char *name, struct cfs_err *err)
{
	int fd = openat(w->at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		way_enter(w, fd);
		return 0;
	}
	if (errno == ENOENT)
		return -ENOENT;
	if (errno != ENOTDIR && errno != ELOOP)
		return cfs_fail_errno(err, "%s", name);
	return way_follow(w, name, err);
}

static int make_and_step(struct way *w, const char *name, mode_t mode, bool *made,
			 struct cfs_err *err)
{
	bool is_last = !w->rest[strspn(w->rest, "/")];

	if (mkdirat(w->at, name, is_last ? mode : 0755) == 0)
		*made = is_last;
	else if (errno != EEXIST)
		return cfs_fail_errno(err, "make directory %s", name);
	return way_step(w, name, err);
}

/* made: NULL makes nothing. */
static int open_dir(const char *path, mode_t mode, bool *made, struct cfs_err *err)
{
	char name[NAME_MAX + 1];
	struct way w;
	int rc = way_begin(&w, path, err);

	while (rc == 0 && (rc = way_next(&w, name, err)) == 0 && *name) {
		rc = way_step(&w, name, err);
		if (rc == -ENOENT && made)
			rc = make_and_step(&w, name, mode, made, err);
		if (rc == -ENOENT)
			rc = cfs_fail(err, ENOENT, "%s: %s", name, strerror(ENOENT));
	}
	if (rc == 0)
		rc = cfs_steal_fd(&w.at);
	way_end(&w);
	return rc;
}

int cfs_path_open_dir(const char *path, struct cfs_err *err)
{
	return open_dir(path, 0, NULL, err);
}

int cfs_path_make_dir(const char *path, mode_t mode, bool *made, struct cfs_err *err)
{
	bool ignored;

	if (!made)
		made = &ignored;
	*made = false;
	return open_dir(path, mode, made, err);
}

static bool is_link(const struct way *w, const char *name)
{
	struct stat st;

	return fstatat(w->at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Until name is the last component and no link. */
static int walk_to_last(struct way *w, char name[NAME_MAX + 1], struct cfs_err *err)
{
	for (;;) {
		int rc = way_next(w, name, err);

		if (rc < 0)
			return rc;
		if (!*name || (!*w->rest && !is_name(name)))
			return cfs_fail(err, EISDIR, "expected a file, got a directory");
		if (!*w->rest && !is_link(w, name))
			return 0;
		rc = way_step(w, name, err);
		if (rc == -ENOENT)
			return cfs_fail(err, ENOENT, "%s: %s", name, strerror(ENOENT));
		if (rc < 0)
			return rc;
	}
}

int cfs_path_open_parent(const char *path, char **out, struct cfs_err *err)
{
	char name[NAME_MAX + 1];
	struct way w;
	int rc = way_begin(&w, path, err);

	if (rc == 0)
		rc = walk_to_last(&w, name, err);
	if (rc == 0) {
		*out = strdup(name);
		rc = *out ? cfs_steal_fd(&w.at) : cfs_fail(err, ENOMEM, "out of memory");
	}
	way_end(&w);
	return rc;
}
