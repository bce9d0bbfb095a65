/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Making a repository: the directory, then meta.json, which says all and appears whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* The parents as mkdir -p makes them, the repository itself for its owner alone: an object is a file
 * whose mode and owner in the image say nothing of the mode that it has here. */
static int make_directory(const char *path, bool *made, struct cfs_err *err)
{
	cfs_autofree char *parent = strdup(path);
	char *slash;
	int rc = 0;

	if (!parent)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	slash = strrchr(parent, '/');
	if (slash && slash > parent) {
		*slash = '\0';
		rc = cfs_io_make_dirs(AT_FDCWD, parent, 0755, err);
	}
	*made = rc == 0 && mkdir(path, 0700) == 0;
	if (rc == 0 && !*made && errno != EEXIST)
		rc = cfs_fail_errno(err, "make directory");
	return rc;
}

static int write_meta(int dirfd, const struct cfs_repo_init *init, struct cfs_err *err)
{
	char text[CFS_REPO_META_TEXT_MAX];
	cfs_autofd int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "temporary file");
	cfs_repo_meta_text(&init->meta, text);
	rc = cfs_io_write(fd, text, strlen(text), err);
	if (rc < 0)
		return rc;
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return cfs_fail_errno(err, "write");
	rc = init->insecure ? 0 : cfs_verity_seal(&fd, init->meta.alg, err);
	if (rc < 0)
		return rc;
	rc = cfs_io_publish(fd, dirfd, "meta.json", err);
	if (rc == 0 && syncfs(dirfd) < 0) /* the directories above, too */
		rc = cfs_fail_errno(err, "sync");
	return rc;
}

/* Is what is there what is wanted? 1: yes. */
static int compare(int dirfd, const struct cfs_repo_init *want, struct cfs_err *err)
{
	struct cfs_repo_meta have;
	bool secure = false;
	int rc = repo_read_meta(dirfd, &have, &secure, err);

	if (rc < 0)
		return rc;
	if (want->ensure && want->ensure_alg && have.alg != want->meta.alg)
		return cfs_fail(
			err, EEXIST, "it is a repository already: expected %s, found %s",
			cfs_repo_alg_name(want->meta.alg), cfs_repo_alg_name(have.alg));
	if (want->ensure)
		return 1;
	if (have.alg != want->meta.alg || have.format != want->meta.format)
		return cfs_fail(
			err, EEXIST,
			"it is a repository already: want %s with image format %u, "
			"found %s with %u",
			cfs_repo_alg_name(want->meta.alg), want->meta.format,
			cfs_repo_alg_name(have.alg), have.format);
	if (secure == want->insecure)
		return cfs_fail(err, EEXIST, "it is a repository already, %s fs-verity",
				secure ? "with" : "without");
	return 1;
}

/* Objects from before there was a meta.json. */
static int check_objects(int dirfd, const struct cfs_repo_init *want, struct cfs_err *err)
{
	struct repo_inferred told;
	int rc = repo_infer(dirfd, &told, err);

	if (rc <= 0 || told.alg == want->meta.alg)
		return rc < 0 ? rc : 0;
	return cfs_fail(err, EEXIST, "there are objects named by %s: want %s",
			cfs_hash_name(told.alg), cfs_hash_name(want->meta.alg));
}

static int make_in(const char *path, const struct cfs_repo_init *init,
		   struct cfs_err *err)
{
	cfs_autofd int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return cfs_fail_errno(err, "open");
	if (init->reset) {
		rc = check_objects(dirfd, init, err);
		if (rc == 0)
			rc = repo_reset(dirfd, init, err);
		if (rc < 0)
			return rc;
	}
	rc = compare(dirfd, init, err);
	if (rc != -ENOENT)
		return rc;
	rc = check_objects(dirfd, init, err);
	if (rc < 0)
		return rc;
	rc = cfs_context(err, write_meta(dirfd, init, err), "meta.json");
	if (rc == -EEXIST) /* somebody was quicker */
		return compare(dirfd, init, err);
	return rc;
}

int cfs_repo_make(const char *path, const struct cfs_repo_init *init, struct cfs_err *err)
{
	bool made = false;
	int rc = make_directory(path, &made, err);

	if (rc == 0)
		rc = make_in(path, init, err);
	if (rc < 0 && made)
		rmdir(path);
	return cfs_context(err, rc, "repository %s", path);
}

static int upgrade_in(int dirfd, struct cfs_repo_init *out, struct cfs_err *err)
{
	struct cfs_repo_meta meta;
	struct repo_inferred told;
	bool secure;
	int rc = repo_read_meta(dirfd, &meta, &secure, err);

	if (rc != -ENOENT)
		return rc < 0 ? rc : 1;
	rc = repo_infer(dirfd, &told, err);
	if (rc == 0)
		return cfs_fail(err, ENOENT,
				"it has neither a meta.json nor objects that could tell "
				"what belongs into one");
	if (rc < 0)
		return rc;
	*out = (struct cfs_repo_init){.meta = {.alg = told.alg, .format = 1},
				      .insecure = !told.sealed};
	rc = cfs_context(err, write_meta(dirfd, out, err), "meta.json");
	return rc == -EEXIST ? 1 : rc; /* somebody was quicker */
}

int cfs_repo_upgrade(const char *path, struct cfs_repo_init *out, struct cfs_err *err)
{
	cfs_autofd int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dirfd < 0 ? cfs_fail_errno(err, "open") : upgrade_in(dirfd, out, err);

	return cfs_context(err, rc, "repository %s", path);
}
