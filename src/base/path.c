/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Walk a path one component at a time, and hold each directory while the next one is
 * opened. */
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

struct walk {
	int at;	    /* the directory reached so far */
	char *rest; /* the path that is left */
	unsigned n_links;
};

/* May this user change our files anyway? The owner of / can, which in a container may be
 * another user than root. If / cannot be examined, the answer is no. */
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

static void walk_set_dir(struct walk *w, int fd)
{
	close(w->at);
	w->at = fd;
}

static void walk_end(struct walk *w)
{
	if (w->at >= 0)
		close(w->at);
	free(w->rest);
}

static int walk_begin(struct walk *w, const char *path, struct cfs_err *err)
{
	*w = (struct walk){.at = -1, .rest = strdup(path)};
	if (!w->rest)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (!*path)
		return cfs_fail(err, ENOENT, "empty path");
	w->at = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->at < 0 ? cfs_fail_errno(err, "open directory") : 0;
}

/* Removes the first component from the rest of the path. The name is empty at the end. */
static int walk_take_name(struct walk *w, char name[NAME_MAX + 1], struct cfs_err *err)
{
	const char *from = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(from, "/");

	if (len > NAME_MAX)
		return cfs_fail(err, ENAMETOOLONG, "file name is longer than 255 bytes");
	memcpy(name, from, len);
	name[len] = '\0';
	memmove(w->rest, from + len, strlen(from + len) + 1);
	return 0;
}

/* Puts the target of the link in front of the rest of the path. */
static int walk_prepend_target(struct walk *w, int link, struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(link, "", target, sizeof(target));
	char *rest;

	if (len < 0)
		return cfs_fail_errno(err, "read link");
	if (len == 0 || len == sizeof(target))
		return cfs_fail(
			err, ENAMETOOLONG,
			"target of a symbolic link: expected 1 to %zu bytes, got %zd",
			sizeof(target) - 1, len);
	if (asprintf(&rest, "%.*s%s", (int)len, target, w->rest) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	free(w->rest);
	w->rest = rest;
	if (target[0] == '/') {
		int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return cfs_fail_errno(err, "open /");
		walk_set_dir(w, root);
	}
	return 0;
}

/* Returns 1 if dir is in /proc. The target text of a link there (PID/root, PID/cwd,
 * PID/fd/N) is not where it leads: that may be a directory of another mount namespace, or
 * one without a name. */
static int is_in_proc(int dir, struct cfs_err *err)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return cfs_fail_errno(err, "type of the filesystem");
	return fs.f_type == PROC_SUPER_MAGIC;
}

/* Lets the kernel follow a link of /proc. */
static int walk_enter_magic_link(struct walk *w, const char *name, struct cfs_err *err)
{
	int fd = openat(w->at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cfs_fail_errno(err, "%s", name);
	walk_set_dir(w, fd);
	return 0;
}

/* Follows name, which is not a directory: it must be a symbolic link. */
static int walk_follow_link(struct walk *w, const char *name, struct cfs_err *err)
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
		return in_proc < 0 ? in_proc : walk_enter_magic_link(w, name, err);
	return walk_prepend_target(w, link, err);
}

/* Enters a directory. O_DIRECTORY triggers automounts. -ENOENT without a message. */
static int walk_enter_dir(struct walk *w, const char *name, struct cfs_err *err)
{
	int fd = openat(w->at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0) {
		walk_set_dir(w, fd);
		return 0;
	}
	if (errno == ENOENT)
		return -ENOENT;
	if (errno != ENOTDIR && errno != ELOOP)
		return cfs_fail_errno(err, "%s", name);
	return walk_follow_link(w, name, err);
}

static int walk_make_dir(struct walk *w, const char *name, mode_t mode, bool *made,
			 struct cfs_err *err)
{
	bool is_last = !w->rest[strspn(w->rest, "/")];

	if (mkdirat(w->at, name, is_last ? mode : 0755) == 0)
		*made = is_last;
	else if (errno != EEXIST)
		return cfs_fail_errno(err, "create directory %s", name);
	return walk_enter_dir(w, name, err);
}

/* Creates missing directories, unless made is NULL. */
static int walk_to_dir(const char *path, mode_t mode, bool *made, struct cfs_err *err)
{
	char name[NAME_MAX + 1];
	struct walk w;
	int rc = walk_begin(&w, path, err);

	while (rc == 0 && (rc = walk_take_name(&w, name, err)) == 0 && *name) {
		rc = walk_enter_dir(&w, name, err);
		if (rc == -ENOENT && made)
			rc = walk_make_dir(&w, name, mode, made, err);
		if (rc == -ENOENT)
			rc = cfs_fail(err, ENOENT, "%s: %s", name, strerror(ENOENT));
	}
	if (rc == 0)
		rc = cfs_steal_fd(&w.at);
	walk_end(&w);
	return rc;
}

int cfs_path_open_dir(const char *path, struct cfs_err *err)
{
	return walk_to_dir(path, 0, NULL, err);
}

int cfs_path_make_dir(const char *path, mode_t mode, bool *made, struct cfs_err *err)
{
	bool ignored;

	if (!made)
		made = &ignored;
	*made = false;
	return walk_to_dir(path, mode, made, err);
}

/* A name that cannot be examined counts as no link: the caller opens it, and reports the
 * error. */
static bool is_symlink_at(const struct walk *w, const char *name)
{
	struct stat st;

	return fstatat(w->at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Walks until name is the last component and is not a symbolic link. */
static int walk_to_last(struct walk *w, char name[NAME_MAX + 1], struct cfs_err *err)
{
	for (;;) {
		int rc = walk_take_name(w, name, err);

		if (rc < 0)
			return rc;
		if (!*name || (!*w->rest && !cfs_path_is_name(name)))
			return cfs_fail(err, EISDIR, "expected a file, got a directory");
		if (!*w->rest && !is_symlink_at(w, name))
			return 0;
		rc = walk_enter_dir(w, name, err);
		if (rc == -ENOENT)
			return cfs_fail(err, ENOENT, "%s: %s", name, strerror(ENOENT));
		if (rc < 0)
			return rc;
	}
}

int cfs_path_open_parent(const char *path, char **out, struct cfs_err *err)
{
	char name[NAME_MAX + 1];
	struct walk w;
	int rc = walk_begin(&w, path, err);

	if (rc == 0)
		rc = walk_to_last(&w, name, err);
	if (rc == 0) {
		*out = strdup(name);
		rc = *out ? cfs_steal_fd(&w.at) : cfs_fail(err, ENOMEM, "out of memory");
	}
	walk_end(&w);
	return rc;
}

void cfs_path_cut_missing(char *path)
{
	while (access(path, F_OK) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path) {
			strcpy(path, slash ? "/" : ".");
			return;
		}
		*slash = '\0';
	}
}
