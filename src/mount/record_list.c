/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading and removing records of mounts. */
#include "mount/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "mount/mount_priv.h"

enum { RECORD_MAX = 512, RECORDS_MAX = 1024 };

/* --- removing ----------------------------------------------------------------------- */

static int compare_record_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

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

void cfs_mount_record_prune(void)
{
	cfs_autofd int place_fd = mount_record_open_place();
	uint64_t ids[RECORDS_MAX + 1];
	size_t n = place_fd < 0 ? 0 : list_ids(place_fd, ids);
	char name[MOUNT_RECORD_NAME];

	if (n <= RECORDS_MAX)
		return;
	qsort(ids, n, sizeof(*ids), compare_record_ids);
	for (size_t i = 0; i < n / 2; i++) {
		mount_record_name(ids[i], name);
		(void)unlinkat(place_fd, name, 0);
	}
}

void cfs_mount_record_remove(uint64_t id)
{
	cfs_autofd int dir = id ? mount_record_open_place() : -1;
	char name[MOUNT_RECORD_NAME];

	mount_record_name(id, name);
	if (dir >= 0)
		(void)unlinkat(dir, name, 0);
}

/* --- reading ------------------------------------------------------------------------ */

static void read_record_value(const char *text, const char *key,
			      char out[CFS_MOUNT_RECORD_WORD])
{
	const char *at = strstr(text, key);
	size_t len = at ? strcspn(at + strlen(key), "\n") : 0;

	if (len < CFS_MOUNT_RECORD_WORD)
		snprintf(out, CFS_MOUNT_RECORD_WORD, "%.*s", (int)len,
			 at ? at + strlen(key) : "");
}

static bool parse_mount_record(const char *text, struct cfs_mount_record *out)
{
	*out = (struct cfs_mount_record){0};
	if (sscanf(text, "since=%" SCNd64 "\n", &out->since_sec) != 1)
		return false;
	read_record_value(text, "\nimage=", out->image);
	read_record_value(text, "\nverified=", out->verified);
	read_record_value(text, "\nserver=", out->server);
	return true;
}

int cfs_mount_record_read(const char *mountpoint, uint64_t mount_id,
			  struct cfs_mount_record *out)
{
	cfs_autofd int at = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC), dir = -1,
		       fd = -1;
	char name[MOUNT_RECORD_NAME], text[RECORD_MAX];
	uint64_t id, unique;
	struct stat st;
	ssize_t n;

	/* Another mount may cover that one. */
	if (at < 0 || mount_get_id(at, MOUNT_ID, &id) < 0 || id != mount_id ||
	    mount_get_id(at, MOUNT_ID_UNIQUE, &unique) < 0)
		return 0;
	mount_record_name(unique, name);
	dir = mount_record_open_place();
	if (dir >= 0)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0)
		return 0;
	n = cfs_io_read(fd, text, sizeof(text) - 1, NULL);
	if (n < 0)
		return 0;
	text[n] = '\0';
	return parse_mount_record(text, out);
}
