/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading and removing records of mounts. */
#include "mount/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mount/mount_priv.h"

enum { RECORD_MAX = 64 << 10, RECORDS_MAX = 1024 };

/* --- a record ----------------------------------------------------------------------- */

/* Returns the text of the record if it is a file of that user, or NULL. The caller frees it. */
static char *read_record(int place_fd, const char *name, uid_t owner)
{
	cfs_autofd int fd =
		openat(place_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cfs_autofree char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != owner)
		return NULL;
	text = malloc(RECORD_MAX + 1);
	n = text ? cfs_io_read(fd, text, RECORD_MAX, NULL) : -1;
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return cfs_steal(&text);
}

/* Sets out to "" if there is no such line, or if its value is too long. */
static void read_record_value(const char *text, const char *key, char *out, size_t cap)
{
	const char *at = strstr(text, key);
	size_t len = at ? strcspn(at + strlen(key), "\n") : 0;

	out[0] = '\0';
	if (at && len < cap)
		snprintf(out, cap, "%.*s", (int)len, at + strlen(key));
}

/* --- removing ----------------------------------------------------------------------- */

static int compare_record_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The IDs of all records. Returns their number; what cannot be read counts as no
 * record. */
static size_t list_ids(int place_fd, uint64_t ids[RECORDS_MAX + 1])
{
	int fd = openat(place_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	size_t n = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (n <= RECORDS_MAX && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			ids[n++] = strtoull(d->d_name, NULL, 10);
	closedir(dir);
	return n;
}

/* Linux 6.8; the number is the same everywhere. */
#ifdef SYS_statmount
enum { NUMBER_STATMOUNT = SYS_statmount };
#else
enum { NUMBER_STATMOUNT = 457 };
#endif

/* Whether this mount namespace has no mount with that unique ID. In doubt it may have. */
static bool is_gone(uint64_t id)
{
	struct {
		uint32_t size, spare;
		uint64_t id, param;
	} request = {.size = sizeof(request), .id = id};
	uint64_t answer[128];

	return syscall(NUMBER_STATMOUNT, &request, answer, sizeof(answer), 0) < 0 &&
	       errno == ENOENT;
}

/* Removes the record if its mount is gone: it was one of an earlier boot, or of this mount
 * namespace. What is in other namespaces is not known. */
static void remove_stale(int place_fd, uint64_t id, uid_t owner,
			 const struct mount_record_origin *here)
{
	struct mount_record_origin origin;
	cfs_autofree char *text = NULL;
	char name[MOUNT_RECORD_NAME];

	if (!is_gone(id))
		return;
	mount_record_name(id, name);
	text = read_record(place_fd, name, owner);
	if (!text || !*here->boot || !*here->space)
		return;
	read_record_value(text, "\nboot=", origin.boot, sizeof(origin.boot));
	read_record_value(text, "\nnamespace=", origin.space, sizeof(origin.space));
	if (strcmp(origin.boot, here->boot) != 0 ||
	    strcmp(origin.space, here->space) == 0)
		(void)unlinkat(place_fd, name, 0);
}

/* Removes the older half of the records if there are more than the maximum. */
static void remove_oldest(int place_fd, const uint64_t *ids, size_t n)
{
	char name[MOUNT_RECORD_NAME];

	for (size_t i = 0; n > RECORDS_MAX && i < n / 2; i++) {
		mount_record_name(ids[i], name);
		(void)unlinkat(place_fd, name, 0);
	}
}

/* Removes records of mounts that are gone. Best effort: a record that stays does no
 * harm. */
static void clean_place(int place_fd)
{
	uint64_t ids[RECORDS_MAX + 1];
	size_t n = list_ids(place_fd, ids);
	struct mount_record_origin here;
	struct stat st;

	if (fstat(place_fd, &st) < 0)
		return;
	mount_record_read_origin(&here);
	qsort(ids, n, sizeof(*ids), compare_record_ids);
	for (size_t i = 0; i < n; i++)
		remove_stale(place_fd, ids[i], st.st_uid, &here);
	remove_oldest(place_fd, ids, n);
}

void cfs_mount_record_clean(void)
{
	for (int which = 0; which < MOUNT_RECORD_PLACES; which++) {
		cfs_autofd int dir = mount_record_open_place(which, false);

		if (dir >= 0)
			clean_place(dir);
	}
}

void cfs_mount_record_remove(uint64_t id)
{
	char name[MOUNT_RECORD_NAME];

	mount_record_name(id, name);
	for (int which = 0; id && which < MOUNT_RECORD_PLACES; which++) {
		cfs_autofd int dir = mount_record_open_place(which, false);

		if (dir >= 0)
			(void)unlinkat(dir, name, 0);
	}
}

/* --- reading ------------------------------------------------------------------------ */

/* Adds each line "objects=PATH". */
static int read_objects(const char *text, struct cfs_arena *arena,
			struct cfs_mount_record *out)
{
	static const char key[] = "\nobjects=";
	const char **all;
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, key)); at++)
		n++;
	all = cfs_arena_alloc(arena, (n + 1) * sizeof(*all), _Alignof(const char *));
	if (!all)
		return -ENOMEM;
	out->objects = all;
	for (const char *at = text; (at = strstr(at, key)); at++) {
		const char *path = at + strlen(key);

		all[out->n_objects] = cfs_arena_copy(arena, path, strcspn(path, "\n"));
		if (!all[out->n_objects++])
			return -ENOMEM;
	}
	return 0;
}

/* A record of an earlier boot is about another mount. */
static int parse_mount_record(const char *text, struct cfs_arena *arena,
			      struct cfs_mount_record *out)
{
	struct mount_record_origin here;
	char boot[MOUNT_RECORD_WORD];
	int rc;

	*out = (struct cfs_mount_record){0};
	mount_record_read_origin(&here);
	read_record_value(text, "\nboot=", boot, sizeof(boot));
	if (!*boot || strcmp(boot, here.boot) != 0 ||
	    sscanf(text, "since=%" SCNd64 "\n", &out->since_sec) != 1)
		return 0;
	read_record_value(text, "\nimage=", out->image, sizeof(out->image));
	read_record_value(text, "\nverified=", out->verified, sizeof(out->verified));
	read_record_value(text, "\nserver=", out->server, sizeof(out->server));
	rc = read_objects(text, arena, out);
	return rc < 0 ? rc : 1;
}

int cfs_mount_record_read(const char *mountpoint, uint64_t mount_id,
			  struct cfs_arena *arena, struct cfs_mount_record *out)
{
	cfs_autofd int at = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[MOUNT_RECORD_NAME];
	uint64_t id, unique;
	int rc = 0;

	/* Another mount may cover that one. */
	if (at < 0 || mount_get_id(at, MOUNT_ID, &id) < 0 || id != mount_id ||
	    mount_get_id(at, MOUNT_ID_UNIQUE, &unique) < 0)
		return 0;
	mount_record_name(unique, name);
	for (int which = 0; rc == 0 && which < MOUNT_RECORD_PLACES; which++) {
		cfs_autofd int dir = mount_record_open_place(which, false);
		cfs_autofree char *text =
			dir < 0 ? NULL
				: read_record(dir, name, mount_record_owner(which));

		if (text)
			rc = parse_mount_record(text, arena, out);
	}
	return rc;
}
