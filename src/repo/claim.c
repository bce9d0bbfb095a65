/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An existing directory that becomes a repository. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* Entries that a new filesystem has, or that an init leaves that was killed or runs at
 * the same time. */
static bool is_ignored_file(const char *name)
{
	static const char *const begins[] = {"lost+found", "meta.json", ".meta.json.",
					     ".cfs-"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static int refuse_foreign_name(void *ctx, int dirfd, const char *name)
{
	(void)dirfd;
	if (is_ignored_file(name))
		return 0;
	return cfs_fail(ctx, ENOTEMPTY,
			"expected a new or empty directory, got one with %s", name);
}

static int check_empty(int dirfd, struct cfs_err *err)
{
	struct cfs_err ignored;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cfs_fail_errno(err, "open")
		      : repo_visit_names(fd, refuse_foreign_name, err ? err : &ignored);
}

/* Objects are readable whatever the mode of the file in an image. */
static int close_to_others(int dirfd, mode_t mode, uid_t owner, struct cfs_err *err)
{
	if (owner != geteuid())
		return cfs_fail(err, EPERM,
				"expected mode 0700 or a directory of user %u, got "
				"mode %04o and user %u",
				geteuid(), mode & 07777, owner);
	if (fchmod(dirfd, mode & 07700) < 0)
		return cfs_fail_errno(err, "chmod 0700");
	return 0;
}

int repo_claim_dir(int dirfd, bool force, mode_t *before, struct cfs_err *err)
{
	struct stat st;
	int rc = force ? 0 : check_empty(dirfd, err);

	if (rc < 0)
		return rc;
	if (fstat(dirfd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	*before = st.st_mode & 07777;
	return st.st_mode & 0077 ? close_to_others(dirfd, *before, st.st_uid, err) : 0;
}
