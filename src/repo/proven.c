/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Records of images whose digest was computed before, one file each below
 * /run/composefs/proven. With a record, the time of a mount does not depend on the size
 * of the image.
 *
 * A record says that the file with this mount, device, inode, size, mtime and ctime had
 * the digest that is the name of the record. It is written and accepted only if all of
 * this holds:
 * - The directories and the record belong to the caller, no other user can write them,
 *   and they are on a tmpfs, so that records do not outlive the boot. Mount IDs are not
 *   reused during a boot (Linux 6.8).
 * - The file belongs to the caller, no other user can write it, and this kernel maintains
 *   its ctime: it is on a local filesystem that is not mounted read-only. A read-only
 *   filesystem may be an image with any ctimes.
 * - No process had the file open for writing when its digest was computed: a shared
 *   mapping can change pages that are already dirty without a new ctime. A process that
 *   opens it later changes the ctime.
 * - mtime and ctime were REPO_RACY_SEC old, so that a change cannot be hidden by a coarse
 *   clock.
 *
 * In any doubt there is no record, and the digest is computed. Failures here are not
 * reported to the caller. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/replace.h"
#include "repo/repo_priv.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

enum {
	RECORD_MAGIC = 0x31767063, /* "cpv1" */
	RACY_SEC = 2,		   /* the coarsest clock of a filesystem in use */
	XFS_MAGIC = 0x58465342,
	F2FS_MAGIC = 0xf2f52010,
};

/* Identifies a file and its content on this machine. */
struct record {
	uint32_t magic, mtime_nsec, ctime_nsec, dev_major, dev_minor, zero;
	uint64_t mount, ino, size;
	int64_t mtime_sec, ctime_sec;
};

/* --- The file ------------------------------------------------------------------------ */

/* Only filesystems whose ctime this kernel alone sets are believed: a server of a
 * network filesystem could change a file and keep its times. */
static bool is_local(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0 || (fs.f_flags & ST_RDONLY))
		return false;
	switch ((uint32_t)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case XFS_MAGIC:
	case (uint32_t)F2FS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* False: this file gets no record. */
static bool describe_proven_file(int fd, struct record *out)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID_UNIQUE, &st) <
		    0 ||
	    !(st.stx_mask & STATX_MNT_ID_UNIQUE) || st.stx_uid != geteuid() ||
	    (st.stx_mode & (S_IWGRP | S_IWOTH)) || !is_local(fd))
		return false;
	*out = (struct record){
		.magic = RECORD_MAGIC,
		.mtime_nsec = st.stx_mtime.tv_nsec,
		.ctime_nsec = st.stx_ctime.tv_nsec,
		.dev_major = st.stx_dev_major,
		.dev_minor = st.stx_dev_minor,
		.mount = st.stx_mnt_id,
		.ino = st.stx_ino,
		.size = st.stx_size,
		.mtime_sec = st.stx_mtime.tv_sec,
		.ctime_sec = st.stx_ctime.tv_sec,
	};
	return true;
}

static bool is_old(const struct record *r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return r->mtime_sec < now.tv_sec - RACY_SEC &&
	       r->ctime_sec < now.tv_sec - RACY_SEC;
}

/* Returns true unless the kernel grants a read lease, which it does only on a file that
 * no process has open for writing or mapped. A process that opens the file meanwhile
 * breaks the lease, and the kernel sends SIGIO. */
static bool is_open_for_writing(int fd)
{
	struct sigaction before, ignore = {.sa_handler = SIG_IGN};
	int rc;

	if (sigaction(SIGIO, &ignore, &before) < 0)
		return true;
	rc = fcntl(fd, F_SETLEASE, F_RDLCK);
	if (rc == 0)
		rc = fcntl(fd, F_SETLEASE, F_UNLCK);
	(void)sigaction(SIGIO, &before, NULL);
	return rc < 0;
}

/* --- The records --------------------------------------------------------------------- */

/* Only records that no other user could write prove anything. What cannot be examined is
 * not ours. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static int open_dir_at(int dirfd, const char *name, mode_t mode)
{
	cfs_autofd int fd = -1;

	if (mode && mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return is_ours(fd) ? cfs_steal_fd(&fd) : -EPERM;
}

/* The directory of the records. -errno: there is none. */
static int open_records(bool create)
{
	cfs_autofd int run = open_dir_at(AT_FDCWD, "/run", 0);
	cfs_autofd int top =
		run < 0 ? run : open_dir_at(run, "composefs", create ? 0755 : 0);
	cfs_autofd int dir =
		top < 0 ? top : open_dir_at(top, "proven", create ? 0700 : 0);
	struct statfs fs;

	if (dir < 0)
		return dir;
	if (fstatfs(dir, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return -ENOTSUP;
	return cfs_steal_fd(&dir);
}

/* Was the image verified before, when its file was as it is now? Any doubt means no: it
 * is then verified again. */
static bool has_record(const struct cfs_digest *id, const struct record *now)
{
	cfs_autofd int dir = open_records(false);
	cfs_autofd int fd = -1;
	char name[CFS_DIGEST_HEX_MAX];
	struct record then;

	if (dir < 0)
		return false;
	fd = openat(dir, cfs_digest_hex(id, name),
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && is_ours(fd) &&
	       cfs_io_pread(fd, &then, sizeof(then), 0, NULL) == sizeof(then) &&
	       memcmp(&then, now, sizeof(then)) == 0;
}

static void add_proven_record(const struct cfs_digest *id, const struct record *r)
{
	cfs_autofd int dir = open_records(true);
	char name[CFS_DIGEST_HEX_MAX];
	struct cfs_replace file;

	if (dir < 0 ||
	    cfs_replace_open_at(dir, cfs_digest_hex(id, name), &file, NULL) < 0)
		return;
	if (fchmod(file.fd, 0600) == 0 && cfs_io_write(file.fd, r, sizeof(*r), NULL) == 0)
		(void)!cfs_replace_commit(&file, NULL);
	cfs_replace_abort(&file);
}

int repo_prove(const struct cfs_repo *repo, int fd, const struct cfs_digest *id,
	       struct cfs_digest *out, struct cfs_err *err)
{
	struct record before, after;
	bool may_record = describe_proven_file(fd, &before);
	int rc;

	*out = *id;
	if (may_record && has_record(id, &before))
		return 0;
	may_record = may_record && is_old(&before) && !is_open_for_writing(fd);
	rc = cfs_verity_digest_fd(id->alg, fd, cfs_pool_count_cpus(), repo->wait.watch,
				  out, NULL, err);
	if (rc == 0 && may_record && cfs_digest_eq(out, id) &&
	    describe_proven_file(fd, &after) &&
	    memcmp(&before, &after, sizeof(after)) == 0)
		add_proven_record(id, &after);
	return rc;
}
