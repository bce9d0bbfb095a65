/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files of the layer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "etcmerge/etcmerge_priv.h"

#define OVERLAY "trusted.overlay."

enum { XATTRS_TRIES = 10 };

const char *etc_fd_path(int fd, char out[ETC_PROC_FD])
{
	snprintf(out, ETC_PROC_FD, "/proc/self/fd/%d", fd);
	return out;
}

/* The list may grow between both calls. */
static int list_xattrs(int fd, char **out, size_t *len, struct cfs_err *err)
{
	char path[ETC_PROC_FD];

	for (int i = 0; i < XATTRS_TRIES; i++) {
		ssize_t n = listxattr(etc_fd_path(fd, path), NULL, 0);

		if (n < 0)
			return errno == EOPNOTSUPP ? 0 : cfs_fail_errno(err, "xattrs");
		free(*out);
		*out = malloc((size_t)n + 1);
		if (!*out)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = listxattr(path, *out, (size_t)n);
		if (n >= 0) {
			*len = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return cfs_fail_errno(err, "xattrs");
	}
	return cfs_fail(err, EAGAIN, "xattrs: they keep changing");
}

int etc_read_xattr(int fd, const char *key, uint8_t **value, size_t *len,
		   struct cfs_err *err)
{
	char path[ETC_PROC_FD];

	for (int i = 0; i < XATTRS_TRIES; i++) {
		ssize_t n = getxattr(etc_fd_path(fd, path), key, NULL, 0);

		if (n < 0)
			return cfs_fail_errno(err, "xattr %s", key);
		*value = malloc((size_t)n + 1);
		if (!*value)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = getxattr(path, key, *value, (size_t)n);
		if (n >= 0) {
			*len = (size_t)n;
			return 0;
		}
		free(cfs_steal(value));
		if (errno != ERANGE)
			return cfs_fail_errno(err, "xattr %s", key);
	}
	return cfs_fail(err, EAGAIN, "xattr %s: it keeps changing", key);
}

/* Notes of overlayfs about the file below are left out, because the file below will be
 * another one. Marks that change what is seen cannot be. */
static int take_overlay_xattr(struct etc_file *file, const char *key, struct cfs_err *err)
{
	static const char *const notes[] = {"origin", "impure", "nlink",
					    "upper",  "uuid",	"protattr"};
	const char *name = key + sizeof(OVERLAY) - 1;

	if (strcmp(name, "opaque") == 0) {
		file->is_opaque = true;
		return 0;
	}
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (strcmp(name, notes[i]) == 0)
			return 0;
	return cfs_fail(err, ENOTSUP,
			"it has the xattr %s: what it shows is partly in the old image, "
			"which cannot be carried over",
			key);
}

/* Removes the xattrs of overlayfs from the list. */
static int filter_xattrs(struct etc_file *file, struct cfs_err *err)
{
	char *to = file->xattrs;
	const char *end = file->xattrs + file->xattrs_len;
	int rc = 0;

	for (char *at = file->xattrs, *next; rc == 0 && at < end; at = next) {
		size_t len = strlen(at) + 1;

		next = at + len;
		if (strncmp(at, OVERLAY, sizeof(OVERLAY) - 1) == 0) {
			rc = take_overlay_xattr(file, at, err);
			continue;
		}
		memmove(to, at, len);
		to += len;
	}
	file->xattrs_len = file->xattrs ? (size_t)(to - file->xattrs) : 0;
	return rc;
}

int etc_file_open(int dirfd, const char *name, struct etc_file *out, struct cfs_err *err)
{
	int rc;

	*out = (struct etc_file){
		.fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
	if (out->fd < 0 || fstat(out->fd, &out->st) < 0)
		return cfs_fail_errno(err, "open");
	rc = list_xattrs(out->fd, &out->xattrs, &out->xattrs_len, err);
	return rc < 0 ? rc : filter_xattrs(out, err);
}

void etc_file_close(struct etc_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->xattrs);
	*file = (struct etc_file){.fd = -1};
}

int etc_open_content(const struct etc_file *file, struct cfs_err *err)
{
	char path[ETC_PROC_FD];
	int fd;

	if (!S_ISREG(file->st.st_mode))
		return cfs_fail(err, EINVAL, "expected a regular file");
	/* By its name it could be another file by now. */
	fd = open(etc_fd_path(file->fd, path), O_RDONLY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open") : fd;
}
