/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Creating a repository: the directory, then meta.json, atomically. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* Creates the parents as mkdir -p does, and the repository itself with mode 0700: objects
 * are readable whatever the mode of the file in the image. Returns the directory,
 * open. */
static int make_repo_directory(const char *path, bool *made, struct cfs_err *err)
{
	cfs_autofd int dir = cfs_path_make_dir(path, 0700, made, err);
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open") : fd;
}

/* Writes meta.json, sealed unless the repository is insecure: a repository whose
 * description could change is not trusted. Fails if it exists. */
static int write_meta_file(struct cfs_replace *r, int dirfd,
			   const struct cfs_repo_init *init, struct cfs_err *err)
{
	char text[CFS_REPO_META_TEXT_MAX];
	int rc;

	cfs_repo_meta_format(&init->meta, text);
	rc = cfs_io_write(r->fd, text, strlen(text), err);
	if (rc == 0 && fchmod(r->fd, 0644) < 0)
		rc = cfs_fail_errno(err, "chmod");
	if (rc == 0 && !init->insecure)
		rc = cfs_verity_seal(&r->fd, init->meta.alg, err);
	if (rc == 0)
		rc = cfs_replace_commit_new(r, err);
	if (rc == 0 && syncfs(dirfd) < 0) /* includes the new parents */
		rc = cfs_fail_errno(err, "sync");
	return rc;
}

static int write_meta(int dirfd, const struct cfs_repo_init *init, struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open_at(dirfd, "meta.json", &r, err);

	if (rc < 0)
		return rc;
	rc = write_meta_file(&r, dirfd, init, err);
	cfs_replace_abort(&r);
	return rc;
}

/* Compares an existing repository. 1: it has the wanted parameters; -ENOENT: there is
 * none. */
static int compare_existing(int dirfd, const struct cfs_repo_init *want,
			    struct cfs_err *err)
{
	struct cfs_repo_meta have;
	bool secure = false;
	int rc = repo_read_meta(dirfd, &have, &secure, err);

	if (rc < 0)
		return rc;
	if (want->ensure && want->ensure_alg && have.alg != want->meta.alg)
		return cfs_fail(err, EEXIST, "the repository exists: expected %s, got %s",
				cfs_repo_alg_name(want->meta.alg),
				cfs_repo_alg_name(have.alg));
	if (want->ensure)
		return 1;
	if (have.alg != want->meta.alg || have.format != want->meta.format)
		return cfs_fail(
			err, EEXIST,
			"the repository exists: expected %s with image format %u, "
			"got %s with %u",
			cfs_repo_alg_name(want->meta.alg), want->meta.format,
			cfs_repo_alg_name(have.alg), have.format);
	if (secure == want->insecure)
		return cfs_fail(err, EEXIST, "the repository exists, %s fs-verity",
				secure ? "with" : "without");
	return 1;
}

/* Checks the algorithm of objects that exist without a meta.json. 1; 0: there are none. */
static int check_found_objects(int dirfd, const struct cfs_repo_init *want,
			       struct cfs_err *err)
{
	struct repo_inferred inferred;
	int rc = repo_infer(dirfd, &inferred, err);

	if (rc <= 0 || inferred.alg == want->meta.alg)
		return rc;
	return cfs_fail(err, EEXIST, "the objects have %s digests: expected %s",
			cfs_hash_name(inferred.alg), cfs_hash_name(want->meta.alg));
}

/* In a directory that exists and is no repository. -EEXIST: another process made it one meanwhile, with the mode
 * that it has now. */
static int claim_and_write(int dirfd, const struct cfs_repo_init *init,
			   struct cfs_err *err)
{
	mode_t before;
	int rc = repo_claim_dir(dirfd, init->force, &before, err);

	if (rc < 0)
		return rc;
	rc = cfs_context(err, write_meta(dirfd, init, err), "meta.json");
	if (rc < 0 && rc != -EEXIST && fchmod(dirfd, before) < 0)
		return cfs_fail_errno(err, "chmod %04o", before);
	return rc;
}

/* made: the directory is new. */
static int make_in_dir(int dirfd, const struct cfs_repo_init *init, bool made,
		       struct cfs_err *err)
{
	int rc, has_objects;

	if (init->reset) {
		rc = check_found_objects(dirfd, init, err);
		if (rc >= 0)
			rc = repo_reset(dirfd, init, err);
		if (rc < 0)
			return rc;
	}
	rc = compare_existing(dirfd, init, err);
	if (rc != -ENOENT)
		return rc;
	has_objects = check_found_objects(dirfd, init, err);
	if (has_objects < 0)
		return has_objects;
	if (made || has_objects || init->any_dir || init->reset)
		rc = cfs_context(err, write_meta(dirfd, init, err), "meta.json");
	else
		rc = claim_and_write(dirfd, init, err);
	if (rc == -EEXIST) /* created by another process meanwhile */
		return compare_existing(dirfd, init, err);
	return rc;
}

/* Removes the new directory, unless the path refers to another one now. */
static void remove_made(const char *path, int dirfd)
{
	cfs_autofree char *copy = strdup(path), *name = NULL;
	cfs_autofd int parent = -1;
	struct stat made, st;

	if (!copy)
		return;
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	parent = cfs_path_open_parent(copy, &name, NULL);
	if (parent >= 0 && fstat(dirfd, &made) == 0 &&
	    fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    made.st_dev == st.st_dev && made.st_ino == st.st_ino)
		unlinkat(parent, name, AT_REMOVEDIR);
}

int cfs_repo_make(const char *path, const struct cfs_repo_init *init, struct cfs_err *err)
{
	bool made = false;
	cfs_autofd int dirfd = make_repo_directory(path, &made, err);
	int rc = dirfd < 0 ? dirfd : make_in_dir(dirfd, init, made, err);

	if (rc < 0 && made && dirfd >= 0)
		remove_made(path, dirfd);
	return cfs_context(err, rc, "repository %s", path);
}

/* 1 when the directory is a repository with meta.json, 0 when meta.json was written
 * now. Its fields are inferred from the objects, because older repositories have none. */
static int upgrade_dir(int dirfd, struct cfs_repo_init *out, struct cfs_err *err)
{
	struct cfs_repo_meta meta;
	struct repo_inferred inferred;
	bool secure;
	int rc = repo_read_meta(dirfd, &meta, &secure, err);

	if (rc != -ENOENT)
		return rc < 0 ? rc : 1;
	rc = repo_infer(dirfd, &inferred, err);
	if (rc == 0)
		return cfs_fail(err, ENOENT,
				"it has neither a meta.json nor objects that could tell "
				"what belongs into one");
	if (rc < 0)
		return rc;
	*out = (struct cfs_repo_init){.meta = {.alg = inferred.alg, .format = 1},
				      .insecure = !inferred.sealed};
	rc = cfs_context(err, write_meta(dirfd, out, err), "meta.json");
	return rc == -EEXIST ? 1 : rc; /* created by another process meanwhile */
}

int cfs_repo_upgrade(const char *path, struct cfs_repo_init *out, struct cfs_err *err)
{
	cfs_autofd int place = cfs_path_open_dir(path, err);
	cfs_autofd int dirfd = -1;
	int rc = place < 0 ? place : 0;

	if (rc == 0) {
		dirfd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = dirfd < 0 ? cfs_fail_errno(err, "open")
			       : upgrade_dir(dirfd, out, err);
	}

	return cfs_context(err, rc, "repository %s", path);
}
