/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Find out whether a file is in use. No record is kept: the kernel grants a write lease
 * only on a file that no other process has open, and EROFS, or the loop device below it,
 * keeps the image open while it is mounted in any mount namespace. */
#include "base/file_use.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The filesystems where this kernel sees all opens of a file. FUSE, virtiofs and network
 * filesystems grant leases too, but know only the opens through the same mount. The inode
 * of an overlay is not that of the layer below, through which another process may have
 * the file open. */
static const uint32_t lease_types[] = {
	EXT4_SUPER_MAGIC, /* ext2 and ext3, too */
	XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC,
};

static int leases_are_global(int fd, struct cfs_err *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return cfs_fail_errno(err, "type of the filesystem");
	for (size_t i = 0; i < sizeof(lease_types) / sizeof(lease_types[0]); i++)
		if ((uint32_t)fs.f_type == lease_types[i])
			return 1;
	return 0;
}

/* Only the owner of a file, or a process with CAP_LEASE, may take a lease. */
static int is_owner(int fd, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "owner");
	return st.st_uid == geteuid();
}

/* Finds out what it means that the kernel refused the lease, with the reason in errno. */
static int interpret_refusal(int fd, struct cfs_err *err)
{
	int code = errno, ours;

	if (code == EAGAIN)
		return CFS_FILE_USED;
	if (code == EINVAL) /* fs.leases-enable is 0 */
		return CFS_FILE_USE_UNKNOWN;
	if (code == EACCES) {
		ours = is_owner(fd, err);
		if (ours <= 0)
			return ours < 0 ? ours : CFS_FILE_USE_UNKNOWN;
	}
	errno = code;
	return cfs_fail_errno(err, "lease");
}

int cfs_file_probe_use(int fd, struct cfs_err *err)
{
	int rc = leases_are_global(fd, err);

	if (rc <= 0)
		return rc < 0 ? rc : CFS_FILE_USE_UNKNOWN;
	/* If another process opens the file now, the kernel sends a signal. SIGIO would
	 * end the program. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return cfs_fail_errno(err, "signal of the lease");
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return interpret_refusal(fd, err);
	(void)fcntl(fd, F_SETLEASE, F_UNLCK); /* close() releases it too */
	return CFS_FILE_UNUSED;
}

const char *cfs_file_get_use_reason(int use)
{
	return use == CFS_FILE_USED ? "mounted, or open in a process"
				    : "the kernel cannot tell whether it is mounted";
}
