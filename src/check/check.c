/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The check of a repository: objects, streams, images, leftovers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check/check_priv.h"

/* A link is made under a temporary name and renamed. A crash in between leaves
 * ".symlink-NAME" in the top directory, which is harmless and is reported as a remark. */
static int check_leftovers(struct check *c, struct cfs_err *err)
{
	int fd = openat(cfs_repo_get_dirfd(c->repo), ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		rc = cfs_fail_errno(err, "open");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if ((rc = cfs_watch_poll(c->opts->watch, err)) == 0 &&
		    strncmp(d->d_name, ".symlink-", 9) == 0)
			rc = check_add_finding(c, CFS_CHECK_LEFTOVER, NULL, d->d_name,
					       "an unfinished symbolic link", err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory");
	closedir(dir);
	return rc;
}

/* Objects have mode 0644 whatever mode the file has in an image: the directory of the repository protects them. */
static int check_exposure(struct check *c, struct cfs_err *err)
{
	char what[CFS_ERR_MAX];
	unsigned mode;
	int rc = cfs_path_is_exposed(cfs_repo_get_dirfd(c->repo), "objects", &mode, err);

	if (rc <= 0)
		/* An empty repository has none. */
		return rc == -ENOENT ? 0 : rc;
	snprintf(what, sizeof(what),
		 "others can read every object, also those of files that are private in "
		 "an image: expected mode 0700 of the repository, got %04o (chmod 0700 "
		 "%s)",
		 mode, cfs_repo_get_path(c->repo));
	return check_add_finding(c, CFS_CHECK_EXPOSED, NULL, "objects", what, err);
}

/* Runs all checks in their order: later ones use what earlier ones found. With
 * opts->only, objects are checked alone. */
static int run_repo_checks(struct check *c, struct cfs_err *err)
{
	int (*const checks[])(struct check * c, struct cfs_err * err) = {
		check_list_links,  check_objects,   check_streams,  check_images,
		check_report_uses, check_leftovers, check_exposure, check_sort_report,
	};
	int rc = 0;

	if (c->opts->only) {
		rc = check_objects(c, err);
		return rc < 0 ? rc : check_sort_report(c, err);
	}
	for (size_t i = 0; rc == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
		rc = checks[i](c, err);
	return rc;
}

static void release_check(struct check *c)
{
	for (int kind = 0; kind < 2; kind++) {
		cfs_repo_list_fini(&c->entries[kind]);
		cfs_repo_list_fini(&c->refs[kind]);
	}
	cfs_ids_fini(&c->present);
	check_uses_fini(&c->uses);
	free(c->sizes);
	free(c->is_bad);
	cfs_beneath_free_near(c->near, c->n_near);
}

int cfs_check_repo(const struct cfs_repo *repo, const struct cfs_check_opts *opts,
		   struct cfs_check_report *out, struct cfs_err *err)
{
	struct check c = {
		.repo = repo,
		.opts = opts,
		.out = out,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct stat st;
	int rc;

	if (fstat(cfs_repo_get_dirfd(repo), &st) < 0)
		return cfs_fail_errno(err, "repository %s", cfs_repo_get_path(repo));
	c.owner = st.st_uid;
	cfs_ids_init(&c.present, cfs_repo_get_meta(repo)->alg);
	c.present.watch = opts->watch;
	rc = run_repo_checks(&c, err);
	release_check(&c);
	return cfs_context(err, rc, "repository %s", cfs_repo_get_path(repo));
}
