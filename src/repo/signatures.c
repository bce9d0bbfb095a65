/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Signatures of images that are stored in the repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

enum { SIGNATURES_MAX = 10000 }; /* per image; more cannot be legitimate */

static const char suffix[] = ".ed25519";

/* A callback of repo_visit_names(). */
static int add_listed_signature(void *ctx, int dirfd, const char *name)
{
	struct cfs_repo_signatures *out = ctx;
	size_t len = strlen(name), key_len = len - (sizeof(suffix) - 1);
	struct stat st;
	const char *key;

	if (len < sizeof(suffix) || strcmp(name + key_len, suffix) != 0)
		return 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (out->n == SIGNATURES_MAX)
		return -EFBIG;
	key = cfs_arena_copy(&out->arena, name, key_len);
	if (!key || cfs_grow(&out->keys, &out->cap, out->n + 1, sizeof(*out->keys)) < 0)
		return -ENOMEM;
	out->keys[out->n++] = key;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int cfs_repo_list_signatures(const struct cfs_repo *repo, const struct cfs_digest *image,
			     struct cfs_repo_signatures *out, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX], path[CFS_DIGEST_HEX_MAX + 16];
	int fd, rc;

	snprintf(path, sizeof(path), "signatures/%s", cfs_digest_hex(image, hex));
	fd = cfs_beneath_open(repo->dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, path, err);
	rc = repo_visit_names(fd, add_listed_signature, out);
	if (rc < 0) {
		errno = -rc;
		return cfs_fail_errno(err, "%s", path);
	}
	if (out->n)
		qsort(out->keys, out->n, sizeof(*out->keys), by_text);
	return 0;
}

void cfs_repo_signatures_fini(struct cfs_repo_signatures *list)
{
	cfs_arena_fini(&list->arena);
	free(list->keys);
	*list = (struct cfs_repo_signatures){0};
}
