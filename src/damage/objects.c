/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a message to the object: by its name, or by its inode, for which the object directories are listed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "damage/damage_priv.h"

/* An object directory, searched for the inodes of messages. */
struct search {
	const char *dir;
	const struct cfs_damage_list *messages;
	char device[CFS_DAMAGE_DEVICE_MAX];
	struct cfs_damaged_list *out;
	struct cfs_err *err;
};

/* The index of the first message about an inode, or about a later one. */
static size_t find_first_message(const struct cfs_damage_list *list, uint64_t inode)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (!*list->v[mid].object && list->v[mid].inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_about_inode(const struct cfs_damage_list *list, size_t i, uint64_t inode)
{
	return i < list->n && !*list->v[i].object && list->v[i].inode == inode;
}

static int64_t read_clock_usec(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* When the file was created, in microseconds since boot; INT64_MIN: not known. */
static int64_t get_birth_usec(int dirfd, const char *name)
{
	int64_t boot = read_clock_usec(CLOCK_REALTIME) - read_clock_usec(CLOCK_MONOTONIC);
	struct statx st;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
	    !(st.stx_mask & STATX_BTIME))
		return INT64_MIN;
	return st.stx_btime.tv_sec * 1000000 + st.stx_btime.tv_nsec / 1000 - boot;
}

static uint64_t count_object_messages(const struct search *s, int dirfd,
				      const struct dirent *d)
{
	size_t i = find_first_message(s->messages, d->d_ino);
	int64_t birth = INT64_MIN;
	uint64_t n = 0;

	if (is_about_inode(s->messages, i, d->d_ino))
		birth = get_birth_usec(dirfd, d->d_name);
	for (; is_about_inode(s->messages, i, d->d_ino); i++)
		n += strcmp(s->messages->v[i].device, s->device) == 0 &&
		     (int64_t)s->messages->v[i].usec >= birth;
	return n;
}

static int add_damaged(struct search *s, const struct cfs_damaged *found)
{
	if (cfs_grow(&s->out->v, &s->out->cap, s->out->n + 1, sizeof(*found)) < 0)
		return cfs_fail(s->err, ENOMEM, "out of memory");
	s->out->v[s->out->n++] = *found;
	return 0;
}

/* An object of the directory prefix. */
static int match_object_name(struct search *s, int dirfd, const char *prefix,
			     const struct dirent *d)
{
	struct cfs_damaged found = {.dir = s->dir,
				    .n = count_object_messages(s, dirfd, d)};

	if (found.n == 0 || (size_t)snprintf(found.path, sizeof(found.path), "%s/%s",
					     prefix, d->d_name) >= sizeof(found.path))
		return 0;
	return add_damaged(s, &found);
}

/* Takes over fd. */
static int search_prefix(struct search *s, int fd, const char *prefix)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = cfs_fail_errno(s->err, "%s", prefix);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (d->d_name[0] != '.')
			rc = match_object_name(s, dirfd(dir), prefix, d);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(s->err, "%s", prefix);
	closedir(dir);
	return rc;
}

/* Goes through the 256 directories of objects; a store need not have all of them. */
static int list_dir(struct search *s, int objects)
{
	char prefix[3];
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 256; i++) {
		int fd;

		snprintf(prefix, sizeof(prefix), "%02x", i);
		fd = openat(objects, prefix,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		rc = search_prefix(s, fd, prefix);
	}
	return rc;
}

/* --- messages of servers, which name the object ------------------------------------------ */

/* The messages from i on that name the same object: the index behind them. */
static size_t skip_same_object(const struct cfs_damage_list *list, size_t i)
{
	size_t end = i + 1;

	while (end < list->n && strcmp(list->v[end].object, list->v[i].object) == 0)
		end++;
	return end;
}

/* Finds the named objects in the directory. One that is not there, or is newer than the messages about it, does not
 * count. */
static int find_named_objects(struct search *s, int objects)
{
	const struct cfs_damage_list *list = s->messages;
	int rc = 0;

	for (size_t i = 0, end; rc == 0 && i < list->n; i = end) {
		struct cfs_damaged found = {.dir = s->dir};
		struct stat st;
		int64_t birth;

		end = skip_same_object(list, i);
		if (!*list->v[i].object ||
		    fstatat(objects, list->v[i].object, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		birth = get_birth_usec(objects, list->v[i].object);
		for (size_t j = i; j < end; j++)
			found.n += (int64_t)list->v[j].usec >= birth;
		strcpy(found.path, list->v[i].object);
		if (found.n)
			rc = add_damaged(s, &found);
	}
	return rc;
}

/* --- a directory ------------------------------------------------------------------------ */

/* Without a message about the filesystem, nothing is listed. */
static int search_dir(struct search *s, const struct cfs_mount_table *table)
{
	cfs_autofd int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool any = false;
	int rc;

	/* Linux before 6.13 lists a descriptor of the program that mounted the image. */
	if (strncmp(s->dir, "/proc/", strlen("/proc/")) == 0)
		return cfs_fail(s->err, ENOENT, "this kernel does not tell the path");
	if (fd < 0)
		return cfs_fail_errno(s->err, "open");
	rc = find_named_objects(s, fd);
	if (rc == 0)
		rc = cfs_damage_find_device(table, fd, s->device, s->err);
	for (size_t i = 0; rc > 0 && !any && i < s->messages->n; i++)
		any = !*s->messages->v[i].object &&
		      strcmp(s->messages->v[i].device, s->device) == 0;
	return rc < 0 || !any ? rc < 0 ? rc : 0 : list_dir(s, fd);
}

int cfs_damage_find(const struct cfs_image_mount *m, const struct cfs_mount_table *table,
		    const struct cfs_damage_list *messages, struct cfs_arena *arena,
		    struct cfs_damaged_list *out, struct cfs_err *err)
{
	size_t before = out->n;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n_objects; i++) {
		struct search s = {.dir = m->objects[i],
				   .messages = messages,
				   .out = out,
				   .err = err};

		rc = cfs_context(err, search_dir(&s, table), "%s", s.dir);
	}
	return rc < 0 || out->n == before ? rc : damage_find_users(m, arena, out, err);
}
