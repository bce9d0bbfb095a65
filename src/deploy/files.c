/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files on the boot partition: each is on disk before the next begins. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "deploy/deploy_priv.h"

/* Directories, an entry and its temporary name. */
enum { SPACE_EXTRA = 64 * 1024, COMPARE_BUF = 64 * 1024 };

static const char *file_name(const struct deploy_kernel *kernel, size_t i)
{
	return kernel->is_uki ? "uki.efi" : i == 0 ? "linux" : "initrd";
}

static size_t count_files(const struct deploy_kernel *kernel)
{
	return kernel->is_uki ? 1 : 2;
}

/* --- comparison ----------------------------------------------------------------------- */

/* 1: the file has exactly these bytes; 0: it has not. */
static int compare_content(int fd, struct cfs_span span, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = malloc(COMPARE_BUF);
	size_t at = 0;

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (;;) {
		ssize_t n = cfs_io_read(fd, buf, COMPARE_BUF, err);
		struct cfs_span part;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return at == span.len;
		if (!cfs_span_sub(span, at, (uint64_t)n, &part) ||
		    memcmp(part.p, buf, part.len) != 0)
			return 0;
		at += (size_t)n;
	}
}

/* Whether a file on the partition has this content: 1, or 0. */
static int has_content(int dirfd, const char *name, struct cfs_span span,
		       struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dirfd, name, CFS_INPUT_NOFOLLOW, err);

	if (fd == -ENOENT)
		return 0;
	return fd < 0 ? fd : compare_content(fd, span, err);
}

static const char *files_path(const char *key, char out[CFS_DEPLOY_PATH_MAX])
{
	snprintf(out, CFS_DEPLOY_PATH_MAX, DEPLOY_FILES "/%s", key);
	return out;
}

/* For each file whether it is there. */
static int compare_files(const struct cfs_deploy_place *place,
			 const struct deploy_kernel *kernel, bool same[2],
			 struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int dirfd =
		cfs_beneath_open_dir(place->bootfd, files_path(kernel->key, path));
	int rc = 0;

	same[0] = same[1] = false;
	if (dirfd == -ENOENT)
		return 0;
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, path, err);
	for (size_t i = 0; rc >= 0 && i < count_files(kernel); i++) {
		const char *name = file_name(kernel, i);

		rc = has_content(dirfd, name, kernel->files[i].span, err);
		same[i] = rc == 1;
		rc = cfs_context(err, rc, "%s/%s", path, name);
	}
	return rc < 0 ? rc : 0;
}

int deploy_check_space(const struct cfs_deploy_place *place,
		       const struct deploy_kernel *kernel, struct cfs_err *err)
{
	uint64_t need = SPACE_EXTRA, have;
	struct statvfs fs;
	bool same[2];
	int rc = compare_files(place, kernel, same, err);

	if (rc < 0)
		return rc;
	if (fstatvfs(place->bootfd, &fs) < 0)
		return cfs_fail_errno(err, "%s", place->boot);
	for (size_t i = 0; i < count_files(kernel); i++)
		if (!same[i])
			need += (kernel->files[i].span.len + fs.f_frsize - 1) /
				fs.f_frsize * fs.f_frsize;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (have >= need)
		return 0;
	return cfs_fail(err, ENOSPC,
			"%s: expected %llu free bytes for kernel and entry, got %llu; "
			"\"composefs boot rm\" removes a deployment",
			place->boot, (unsigned long long)need, (unsigned long long)have);
}

/* --- writing -------------------------------------------------------------------------- */

int deploy_write_files(const struct cfs_deploy_place *place,
		       const struct deploy_kernel *kernel, struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int dirfd = -1;
	bool same[2];
	int rc = compare_files(place, kernel, same, err);

	if (rc < 0)
		return rc;
	dirfd = cfs_beneath_make_dir(place->bootfd, files_path(kernel->key, path), 0755);
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, path, err);
	for (size_t i = 0; rc == 0 && i < count_files(kernel); i++) {
		const char *name = file_name(kernel, i);

		if (!same[i])
			rc = cfs_context(err,
					 cfs_replace_write(dirfd, name,
							   kernel->files[i].span, err),
					 "%s/%s", path, name);
	}
	/* Also those that were the same: a run that ended early may not have synced. */
	return rc < 0 ? rc : deploy_sync(dirfd, err);
}

int deploy_write_entry(const struct cfs_deploy_place *place, const struct deploy_entry *e,
		       struct cfs_err *err)
{
	cfs_autofd int dirfd = cfs_beneath_make_dir(place->bootfd, DEPLOY_ENTRIES, 0755);
	char name[CFS_DEPLOY_NAME_MAX];
	struct cfs_mem text = {0};
	int rc;

	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, DEPLOY_ENTRIES, err);
	rc = deploy_format_entry(e, &text, err);
	if (rc == 0)
		rc = cfs_replace_write(dirfd, deploy_format_name(e, name),
				       cfs_mem_span(&text), err);
	free(text.p);
	if (rc == 0)
		rc = deploy_sync(dirfd, err);
	return cfs_context(err, rc, "%s/%s/%s", place->boot, DEPLOY_ENTRIES, name);
}

int deploy_remove_entry(const struct cfs_deploy_place *place, const char *file,
			struct cfs_err *err)
{
	const char *name;
	cfs_autofd int dirfd = cfs_beneath_open_parent(place->bootfd, file, &name);
	int rc = 0;

	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, file, err);
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		rc = cfs_fail_errno(err, "%s/%s", place->boot, file);
	return rc < 0 ? rc : deploy_sync(dirfd, err);
}
