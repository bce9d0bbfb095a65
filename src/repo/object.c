/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Objects: opened by ID, and verified against it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* Verifies the content of fd as far as trust demands; a secure repository always asks
 * the kernel for the digest, which costs no read. -EILSEQ for another digest. */
static int check_object_content(const struct cfs_repo *repo, int fd,
				const struct cfs_digest *id, enum cfs_repo_trust trust,
				struct cfs_err *err)
{
	char want[CFS_DIGEST_TEXT_MAX], found[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest got = *id;
	int rc = 0;

	if (repo->secure)
		rc = cfs_verity_measure(fd, &got, err);
	else if (trust == CFS_REPO_PROVEN_BEFORE)
		rc = repo_prove(repo, fd, id, &got, err);
	else if (trust == CFS_REPO_PROVEN)
		rc = cfs_verity_digest_fd(id->alg, fd, cfs_pool_count_cpus(),
					  repo->wait.watch, &got, NULL, err);
	if (rc < 0)
		return rc;
	if (!cfs_digest_eq(&got, id))
		return cfs_fail(err, EILSEQ, "expected the fs-verity digest %s, got %s",
				cfs_digest_text(id, want), cfs_digest_text(&got, found));
	return 0;
}

static int fail_open(int rc, const char *below, struct cfs_err *err)
{
	if (rc != -ENOENT)
		return cfs_beneath_fail(rc, below, err);
	return cfs_fail(err, ENOENT,
			"%s: missing; \"composefs repair --from=PLACE\" fetches it",
			below);
}

int cfs_repo_open_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			 enum cfs_repo_trust trust, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	struct stat st;
	int rc;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	fd = cfs_beneath_open(repo->dirfd, below, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fail_open(fd, below, err);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "object %s", path);
	if (!S_ISREG(st.st_mode))
		rc = cfs_fail(err, EUCLEAN, "expected a regular file, got another type");
	else
		rc = check_object_content(repo, fd, id, trust, err);
	return rc < 0 ? cfs_context(err, rc, "object %s", path) : cfs_steal_fd(&fd);
}

int cfs_repo_open_unverified(int dirfd, const char *path, struct cfs_err *err)
{
	cfs_autofd int fd =
		cfs_beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return cfs_beneath_fail(fd, path, err);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN,
				"%s: expected a regular file, got another type", path);
	return cfs_steal_fd(&fd);
}

int cfs_repo_map_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_object(repo, id, CFS_REPO_PROVEN, err);

	return fd < 0 ? fd : cfs_map_stable(fd, out, err);
}

bool cfs_repo_parse_object_name(const char *prefix, const char *name,
				enum cfs_hash_alg alg, struct cfs_digest *out)
{
	char path[CFS_OBJECT_PATH_MAX], hex[CFS_DIGEST_HEX_MAX];
	size_t len = 2 * cfs_hash_len(alg);

	if (strlen(prefix) != 2 || strlen(name) != len - 2)
		return false;
	memcpy(hex, prefix, 2);
	memcpy(hex + 2, name, len - 2);
	*out = (struct cfs_digest){.alg = alg};
	if (!cfs_hex_decode((struct cfs_text){hex, len}, out->bytes, len / 2))
		return false;
	cfs_digest_path(out, path);
	return memcmp(path, prefix, 2) == 0 && strcmp(path + 3, name) == 0;
}

int cfs_repo_get_object_size(const struct cfs_repo *repo, const struct cfs_digest *id,
			     uint64_t *out, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	struct stat st;
	int rc;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	rc = cfs_beneath_stat(repo->dirfd, below, &st);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return cfs_beneath_fail(rc, below, err);
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN,
				"%s: expected a regular file, got another type", below);
	*out = (uint64_t)st.st_size;
	return 1;
}

int cfs_repo_has_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err)
{
	uint64_t size;

	return cfs_repo_get_object_size(repo, id, &size, err);
}
