/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The repository that a command works on. */
#include "cli/repo_option.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

int where_path(struct where *w, const char **out, struct cfs_err *err)
{
	if ((w->repo != NULL) + w->user + w->system > 1)
		return cfs_fail(err, EINVAL,
				"expected only one of --repo, --user and --system");
	if (w->repo)
		*out = w->repo;
	else if (w->system || (!w->user && geteuid() == 0))
		*out = cfs_repo_system_path();
	else
		*out = cfs_repo_user_path(getenv("HOME"), w->home);
	if (!*out)
		return cfs_fail(err, EINVAL, "--user: expected a directory in $HOME");
	return 0;
}

/* Is it as the options want it? */
static int check(const struct where *w, const struct cfs_repo *repo, struct cfs_err *err)
{
	enum cfs_hash_alg alg = cfs_repo_meta(repo)->alg;

	if (w->alg && w->alg != alg)
		return cfs_fail(err, EINVAL, "repository %s: expected %s, got %s",
				cfs_repo_path(repo), cfs_hash_name(w->alg),
				cfs_hash_name(alg));
	if (w->require_verity && !cfs_repo_is_secure(repo))
		return cfs_fail(err, ENOTTY, "repository %s: expected one with fs-verity",
				cfs_repo_path(repo));
	return 0;
}

int where_lock_timeout(const struct where *w)
{
	return w->has_lock_timeout && w->lock_timeout == 0 ? -1 : w->lock_timeout * 1000;
}

static void note_holder(void *ctx, const char *holder)
{
	cli_say("composefs", "repository %s: waiting for %s", (const char *)ctx, holder);
}

void where_lock_wait(const struct where *w, const char *path, struct cfs_lock_wait *out)
{
	*out = (struct cfs_lock_wait){.note = note_holder,
				      .ctx = (void *)(uintptr_t)path,
				      .timeout_ms = where_lock_timeout(w),
				      .watch = w->watch};
}

/* composefs-rs's program gives a repository from before there was a meta.json one. Under its name so do we. */
static int upgrade(const char *path, struct cfs_err *err)
{
	struct cfs_repo_init made;
	int rc = cfs_repo_upgrade(path, &made, err);

	if (rc == 0)
		cli_say("cfsctl",
			"repository %s had no meta.json; now it has one that says %s, "
			"%s fs-verity, as its objects do",
			path, cfs_repo_alg_name(made.meta.alg),
			made.insecure ? "without" : "with");
	return rc < 0 ? rc : 0;
}

static int open_waiting(const struct where *w, const char *path,
			enum cfs_repo_access access, const struct cfs_lock_wait *wait,
			struct cfs_repo **out, struct cfs_err *err)
{
	int rc = cfs_repo_open_waiting(path, access, wait, out, err);

	if (rc != -ENOENT || !cli_stands_in() || w->no_upgrade)
		return rc;
	rc = upgrade(path, err);
	return rc < 0 ? rc : cfs_repo_open_waiting(path, access, wait, out, err);
}

int where_open(struct where *w, enum cfs_repo_access access, struct cfs_repo **out,
	       struct cfs_err *err)
{
	struct cfs_lock_wait wait;
	const char *path;
	int rc = where_path(w, &path, err);

	if (rc < 0)
		return rc;
	where_lock_wait(w, path, &wait);
	rc = open_waiting(w, path, access, &wait, out, err);
	if (rc == -EBUSY)
		return cli_advise(rc, err, "--lock-timeout=TIME waits for it");
	if (rc == -ENOENT)
		cli_advise(rc, err, "composefs init creates one, --repo=DIR names one");
	if (rc < 0)
		return rc;
	rc = check(w, *out, err);
	if (rc < 0) {
		cfs_repo_close(*out);
		*out = NULL;
	}
	return rc;
}

int where_check_writable(const char *dir, struct cfs_err *err)
{
	return cfs_repo_check_writable(dir, err);
}

int where_open_image(struct where *w, const char *name, struct cfs_map *map,
		     struct cfs_image *im, struct cfs_digest *id, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(w, CFS_REPO_LOOK, &repo, err);

	if (rc < 0)
		return rc;
	rc = cfs_repo_open_image(repo, name, map, im, id, err);
	cfs_repo_close(repo);
	return rc;
}

const char *where_id(const struct cfs_digest *id, char out[WHERE_ID_MAX])
{
	return cfs_digest_text(id, out);
}
