/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing the record of a mount. Failures are ignored: the mount works without a record. */
#include "mount/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mount/mount_priv.h"

static const char place[] = "/run/composefs/mounts";

enum { RECORD_MAX = 512 };

/* What statx(2) fills in. The struct of musl has no mount ID. */
struct statx_id {
	uint32_t mask, before[35];
	uint64_t mnt_id, behind[13];
};

int mount_get_id(int fd, enum mount_id_kind kind, uint64_t *out)
{
	struct statx_id st; /* the kernel sets all of it */

	/* The mount may be that of a FUSE server which is dead, or of another user. */
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kind, &st) < 0)
		return -errno;
	*out = st.mnt_id;
	return st.mask & kind ? 0 : -ENOTSUP;
}

uint64_t cfs_mount_record_id(const char *mountpoint)
{
	cfs_autofd int fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t id;

	return fd >= 0 && mount_get_id(fd, MOUNT_ID_UNIQUE, &id) == 0 ? id : 0;
}

void mount_record_name(uint64_t id, char out[MOUNT_RECORD_NAME])
{
	snprintf(out, MOUNT_RECORD_NAME, "%" PRIu64, id);
}

int mount_record_open_place(void)
{
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_mode & 022)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char *verification_of(const struct cfs_mount_opts *o)
{
	if (o->require_signature)
		return "signature";
	if (o->digest)
		return "digest";
	return o->first_open ? "first-open" : "nothing";
}

void cfs_mount_record_write(const char *mountpoint, const struct cfs_mount_opts *o,
			    const struct cfs_mount_taken *taken)
{
	uint64_t id = cfs_mount_record_id(mountpoint);
	char name[MOUNT_RECORD_NAME], text[RECORD_MAX];
	cfs_autofd int dir = -1, fd = -1;
	int len;

	if (id == 0)
		return;
	mount_record_name(id, name);
	(void)mkdir("/run/composefs", 0755);
	(void)mkdir(place, 0755);
	dir = mount_record_open_place();
	if (dir < 0)
		return;
	len = snprintf(text, sizeof(text),
		       "since=%" PRId64 "\nimage=%s\nverified=%s\nserver=%s\n",
		       (int64_t)time(NULL), taken->image ? taken->image : "",
		       verification_of(o), o->server ? o->server : "");
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd >= 0)
		(void)!cfs_io_write(fd, text, (size_t)len, NULL);
}
