/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds and opens the repository that a command works on. */
#include "cli/repo_option.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/verbosity.h"

/* --- where it is -------------------------------------------------------------------------- */

static const char *from_environment(void)
{
	const char *repo = cli_is_cfsctl() ? NULL : getenv("COMPOSEFS_REPO");

	return repo && *repo ? repo : NULL;
}

bool where_is_given(const struct where *w)
{
	return w->repo || w->user || w->system || from_environment();
}

/* The default of the user or of the system. */
static const char *find_default(struct where *w, bool system)
{
	const char *home = getenv("HOME");

	w->origin = system ? "the default of the system" : "the default of the user";
	if (cli_is_cfsctl())
		return system ? cfs_repo_get_rs_system_path()
			      : cfs_repo_format_rs_user_path(home, w->found);
	return system ? cfs_repo_get_system_path()
		      : cfs_repo_format_user_path(getenv("XDG_DATA_HOME"), home,
						  w->found);
}

/* By an option or the environment. 1; 0: none. */
static int find_named(struct where *w, const char **out, struct cfs_err *err)
{
	if (w->repo && !*w->repo)
		return cfs_fail(err, EINVAL, "--repo: expected a directory, got \"\"");
	w->origin = w->repo ? "--repo" : "$COMPOSEFS_REPO";
	*out = w->repo ? w->repo : from_environment();
	if (w->user || w->system) {
		*out = find_default(w, w->system);
		if (!*out)
			return cfs_fail(
				err, EINVAL,
				"--user: expected the path of a directory in $HOME");
	}
	return *out != NULL;
}

/* The one that contains the current directory. 1; 0: none. */
static int find_around(struct where *w, const char **out, struct cfs_err *err)
{
	char advice[sizeof(w->found) + 64];
	int rc = cli_is_cfsctl() ? 0 : cfs_repo_find_above(w->found, err);

	if (rc == -EPERM) {
		snprintf(advice, sizeof(advice), "--repo=%s uses it anyway", w->found);
		return cli_add_advice(rc, err, advice);
	}
	w->origin = "it contains the current directory";
	*out = w->found;
	return rc;
}

bool where_is_chosen(struct where *w)
{
	const char *path;

	/* Of one that must not be used, where_open reports why. */
	return where_is_given(w) || find_around(w, &path, NULL) != 0;
}

int where_find_path(struct where *w, const char **out, struct cfs_err *err)
{
	int rc = find_named(w, out, err);

	if (rc == 0)
		rc = find_around(w, out, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	*out = find_default(w, geteuid() == 0);
	if (!*out)
		return cfs_fail(err, EINVAL,
				"no repository: expected --repo=DIR or a directory in "
				"$HOME");
	return 0;
}

bool where_exists(struct where *w)
{
	const char *path;

	return where_is_chosen(w) ||
	       (where_find_path(w, &path, NULL) == 0 && access(path, F_OK) == 0);
}

int where_path_new(struct where *w, const char **out, struct cfs_err *err)
{
	int rc;

	if (cli_is_cfsctl())
		return where_find_path(w, out, err);
	rc = find_named(w, out, err);
	if (rc == 0)
		rc = find_around(w, out, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	w->origin = "the current directory";
	if (!getcwd(w->found, sizeof(w->found)))
		return cfs_fail_errno(err, "current directory");
	*out = w->found;
	return 0;
}

/* Checks the repository against the options. */
static int check_opened_repo(const struct where *w, const struct cfs_repo *repo,
			     struct cfs_err *err)
{
	enum cfs_hash_alg alg = cfs_repo_get_meta(repo)->alg;

	if (w->alg && w->alg != alg)
		return cfs_fail(err, EINVAL, "repository %s: expected %s, got %s",
				cfs_repo_get_path(repo), cfs_hash_name(w->alg),
				cfs_hash_name(alg));
	if (w->require_verity && !cfs_repo_is_secure(repo))
		return cfs_fail(
			err, ENOTTY,
			"repository %s: expected fs-verity, got a repository without",
			cfs_repo_get_path(repo));
	return 0;
}

int where_lock_timeout(const struct where *w)
{
	return w->has_lock_timeout && w->lock_timeout == 0 ? -1 : w->lock_timeout * 1000;
}

static void print_repo_lock_holder(void *ctx, const char *holder)
{
	cli_print_note(command_name("composefs"), "repository %s: waiting for %s",
		       (const char *)ctx, holder);
}

static void print_repo_warning(void *ctx, const char *msg)
{
	(void)ctx;
	cli_print_warning(command_name("composefs"), "%s", msg);
}

void where_lock_wait(const struct where *w, const char *path, struct cfs_lock_wait *out)
{
	/* For commands that do not watch the work of the repository. A signal that
	 * cancels other work ends that of the repository too. */
	static struct cfs_watch no_progress = {.warning = print_repo_warning};

	no_progress.cancelled = cli_signals_cancelled();
	*out = (struct cfs_lock_wait){.note = print_repo_lock_holder,
				      .ctx = (void *)(uintptr_t)path,
				      .timeout_ms = where_lock_timeout(w),
				      .watch = w->watch ? w->watch : &no_progress};
}

/* cfsctl creates the meta.json of an old repository without one. So does this program if
 * it was started as cfsctl. */
static int upgrade_repo(const char *path, struct cfs_err *err)
{
	struct cfs_repo_init made;
	int rc = cfs_repo_upgrade(path, &made, err);

	if (rc == 0)
		cli_print_note("cfsctl",
			       "repository %s had no meta.json; created it for %s, "
			       "%s fs-verity, like its objects",
			       path, cfs_repo_alg_name(made.meta.alg),
			       made.insecure ? "without" : "with");
	return rc < 0 ? rc : 0;
}

static int open_waiting(const struct where *w, const char *path,
			enum cfs_repo_access access, const struct cfs_lock_wait *wait,
			struct cfs_repo **out, struct cfs_err *err)
{
	int rc = cfs_repo_open_waiting(path, access, wait, out, err);

	if (rc != -ENOENT || !cli_is_cfsctl() || w->no_upgrade)
		return rc;
	rc = upgrade_repo(path, err);
	return rc < 0 ? rc : cfs_repo_open_waiting(path, access, wait, out, err);
}

/* Adds what to do; of one that was not named, lists where it was looked for. */
static int fail_absent(const struct where *w, const char *path, struct cfs_err *err)
{
	if (where_is_given(w))
		return cli_add_advice(-ENOENT, err,
				      "composefs init creates one, --repo=DIR names one");
	return cfs_fail(err, ENOENT,
			"no repository: looked for $COMPOSEFS_REPO, in the current "
			"directory and those above it, and at %s (\"composefs init "
			"DIR\" creates one, --repo=DIR names one)",
			path);
}

int where_open(struct where *w, enum cfs_repo_access access, struct cfs_repo **out,
	       struct cfs_err *err)
{
	struct cfs_lock_wait wait;
	const char *path;
	int rc = where_find_path(w, &path, err);

	if (rc < 0)
		return rc;
	cli_print_detail(command_name("composefs"), "repository %s (%s)", path,
			 w->origin);
	where_lock_wait(w, path, &wait);
	rc = open_waiting(w, path, access, &wait, out, err);
	if (rc == -EBUSY)
		return cli_add_advice(rc, err, "--lock-timeout=TIME waits for it");
	if (rc == -ENOENT)
		return fail_absent(w, path, err);
	if (rc < 0)
		return rc;
	if (!w->repo)
		cli_use_repository(path);
	rc = check_opened_repo(w, *out, err);
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

struct where where_get_completed(const struct cli_completion *c)
{
	return (struct where){.repo = c->repo, .user = c->user, .system = c->system};
}

int where_open_completed(const struct cli_completion *c, struct cfs_repo **out)
{
	struct where w = where_get_completed(c);
	struct cfs_err unused;

	if (c->from)
		return cfs_repo_open(c->from, CFS_REPO_LOOK, out, &unused);
	return where_open(&w, CFS_REPO_LOOK, out, &unused);
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

void where_record_as(struct cfs_repo *repo, const char *command)
{
	if (!cli_is_cfsctl())
		cfs_repo_set_command(repo, command);
}

const char *where_format_id(const struct cfs_digest *id, char out[WHERE_ID_MAX])
{
	return cfs_digest_text(id, out);
}

enum { SHORT_DIGITS = 12 };

const char *where_format_short_id(const struct cfs_digest *id, bool full,
				  char out[WHERE_ID_MAX])
{
	if (full)
		return where_format_id(id, out);
	cfs_digest_hex(id, out);
	out[SHORT_DIGITS] = '\0';
	return out;
}

void where_put_id(struct json *j, const char *key, const struct cfs_digest *id)
{
	char text[WHERE_ID_MAX];

	json_put_string(j, key, id ? where_format_id(id, text) : NULL);
}
