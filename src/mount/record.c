/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing the record of a mount. Failures are ignored: the mount works without a record. */
#include "mount/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mount/mount_priv.h"

enum { RECORD_CAP = 64 << 10 };

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

/* --- places ------------------------------------------------------------------------- */

uid_t mount_record_owner(enum mount_record_place which)
{
	return which == MOUNT_RECORD_SYSTEM ? 0 : geteuid();
}

int mount_record_open_place(enum mount_record_place which, bool make)
{
	const char *base =
		which == MOUNT_RECORD_SYSTEM ? "/run" : getenv("XDG_RUNTIME_DIR");
	const mode_t mode = which == MOUNT_RECORD_SYSTEM ? 0755 : 0700;
	cfs_autofd int base_fd = -1, fd = -1;
	struct stat st;

	if (!base || base[0] != '/')
		return -1;
	base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0)
		return -1;
	fd = make ? cfs_beneath_make_dir(base_fd, "composefs/mounts", mode)
		  : cfs_beneath_open_dir(base_fd, "composefs/mounts");
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != mount_record_owner(which) ||
	    st.st_mode & 022)
		return -1;
	return cfs_steal_fd(&fd);
}

/* The first place that this user can have. */
static int make_place(void)
{
	int fd = geteuid() == 0 ? mount_record_open_place(MOUNT_RECORD_SYSTEM, true) : -1;

	return fd >= 0 ? fd : mount_record_open_place(MOUNT_RECORD_USER, true);
}

void mount_record_read_origin(struct mount_record_origin *out)
{
	cfs_autofd int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : cfs_io_read(fd, out->boot, sizeof(out->boot) - 1, NULL);

	out->boot[n < 0 ? 0 : n] = '\0';
	out->boot[strcspn(out->boot, "\n")] = '\0';
	n = readlink("/proc/self/ns/mnt", out->space, sizeof(out->space) - 1);
	out->space[n < 0 ? 0 : n] = '\0';
}

/* --- writing ------------------------------------------------------------------------ */

static const char *verification_of(const struct cfs_mount_opts *o)
{
	if (o->require_signature)
		return "signature";
	if (o->digest)
		return "digest";
	if (o->every_read)
		return "every-read";
	return o->first_open ? "first-open" : "nothing";
}

/* The path of an object directory; false if a line cannot hold it. */
static bool find_path(const struct cfs_mount_opts *o, size_t i, char out[PATH_MAX])
{
	char link[CFS_PROC_FD_MAX];
	ssize_t len;

	if (!o->objdir_fds)
		return realpath(o->objdirs[i], out) && !strchr(out, '\n');
	len = readlink(cfs_proc_format_fd(o->objdir_fds[i], link), out, PATH_MAX - 1);
	if (len <= 0 || out[0] != '/')
		return false;
	out[len] = '\0';
	return !strchr(out, '\n');
}

/* All of them or none: a part of them would be taken for all. */
static size_t format_objects(const struct cfs_mount_opts *o, char *out, size_t cap)
{
	char path[PATH_MAX];
	size_t len = 0;

	for (size_t i = 0; i < o->n_objdirs; i++) {
		int n;

		if (!find_path(o, i, path))
			return 0;
		if (mount_is_server_layer(path))
			continue;
		n = snprintf(out + len, cap - len, "objects=%s\n", path);
		if (n < 0 || (size_t)n >= cap - len)
			return 0;
		len += (size_t)n;
	}
	return len;
}

/* Writes down what the kernel does not tell about a mount: when, by whom, and from
 * which image. Returns the length. */
static size_t format_record(const struct cfs_mount_opts *o,
			    const struct cfs_mount_taken *taken, char out[RECORD_CAP])
{
	struct mount_record_origin origin;
	size_t len;

	mount_record_read_origin(&origin);
	len = (size_t)snprintf(out, RECORD_CAP,
			       "since=%" PRId64 "\nboot=%s\nnamespace=%s\nimage=%s\n"
			       "verified=%s\nserver=%s\n",
			       (int64_t)time(NULL), origin.boot, origin.space,
			       taken->image ? taken->image : "", verification_of(o),
			       o->server ? o->server : "");
	return len + format_objects(o, out + len, RECORD_CAP - len);
}

void cfs_mount_record_write(const char *mountpoint, const struct cfs_mount_opts *o,
			    const struct cfs_mount_taken *taken)
{
	uint64_t id = cfs_mount_record_id(mountpoint);
	cfs_autofd int dir = id ? make_place() : -1, fd = -1;
	cfs_autofree char *text = dir < 0 ? NULL : malloc(RECORD_CAP);
	char name[MOUNT_RECORD_NAME];

	if (!text)
		return;
	mount_record_name(id, name);
	(void)unlinkat(dir, name, 0); /* of an earlier boot: no ID is used twice */
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd >= 0)
		(void)!cfs_io_write(fd, text, format_record(o, taken, text), NULL);
}
