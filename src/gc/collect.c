/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Collection: mark under the shared lock, mark again under the exclusive lock, then
 * remove. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "gc/collect_priv.h"

static int choose_garbage(struct gc_run *c, struct cfs_err *err)
{
	int rc = gc_keep_used(c, err);

	if (rc == 0)
		rc = gc_choose_expired(c, err);
	if (rc == 0)
		rc = gc_choose_objects(c, err);
	return rc < 0 ? rc : gc_choose_links(c, err);
}

static int sweep_repo(struct gc_run *c, struct cfs_err *err)
{
	int rc = choose_garbage(c, err);

	if (rc == 0)
		rc = gc_remove_links(c, err);
	if (rc == 0 && !c->opts->dry_run)
		rc = gc_remove_signatures(c, err);
	if (rc == 0 && !c->opts->dry_run)
		rc = gc_remove_objects(c, err);
	return rc < 0 ? rc : gc_remove_leftovers(c, err);
}

static int open_collected_objects(struct gc_run *c, struct cfs_err *err)
{
	c->objects = cfs_beneath_open(cfs_repo_get_dirfd(c->repo), "objects",
				      O_RDONLY | O_DIRECTORY, 0);
	if (c->objects == -ENOENT)
		return 0;
	if (c->objects < 0)
		return cfs_beneath_fail(c->objects, "objects", err);
	/* A lease on the file of another user is refused: all images would count as in
	 * use, and a run that may remove nothing would end with success. */
	if (!c->opts->dry_run && faccessat(c->objects, ".", W_OK, AT_EACCESS) < 0)
		return cfs_fail_errno(err, "objects");
	return 0;
}

static int mark_and_list(struct gc_run *c, struct cfs_err *err)
{
	int rc = open_collected_objects(c, err);

	if (rc == 0)
		rc = gc_open_marks(&c->mark, c->repo, c->opts, NULL, err);
	if (rc == 0)
		rc = gc_mark_all(&c->mark, err);
	if (rc == 0)
		rc = gc_list_objects(c, err);
	return rc;
}

/* flock() cannot upgrade a lock atomically. Release it, take it exclusively, and mark
 * again: names may have changed in between. What was marked before and is unchanged is
 * not read again. */
static int mark_again(struct gc_run *c, struct cfs_err *err)
{
	struct cfs_gc_opts quiet = *c->opts;
	struct gc_marks before = c->mark;
	int rc;

	c->mark = (struct gc_marks){0};
	quiet.note = NULL; /* everything was reported by the first marking */
	rc = cfs_repo_lock_alone(c->repo, err);
	if (rc == 0)
		rc = gc_open_marks(&c->mark, c->repo, &quiet, &before, err);
	if (rc == 0)
		rc = gc_mark_all(&c->mark, err);
	c->mark.opts = c->opts;
	gc_close_marks(&before);
	return rc;
}

static void free_collect(struct gc_run *c)
{
	gc_close_marks(&c->mark);
	cfs_ids_fini(&c->garbage);
	cfs_ids_fini(&c->gone);
	for (int kind = 0; kind < 2; kind++) {
		free(c->gone_entries[kind]);
		free(c->gone_refs[kind]);
	}
	free(c->expired);
	if (c->objects >= 0)
		close(c->objects);
}

int cfs_gc_collect(struct cfs_repo *repo, const struct cfs_gc_opts *opts,
		   struct cfs_gc_result *out, struct cfs_err *err)
{
	struct gc_run c = {.opts = opts,
			   .out = out,
			   .repo = repo,
			   .objects = -1,
			   .prefix_dir = -1,
			   .now = time(NULL)};
	int rc;

	*out = (struct cfs_gc_result){0};
	cfs_ids_init(&c.garbage, cfs_repo_get_meta(repo)->alg);
	cfs_ids_init(&c.gone, cfs_repo_get_meta(repo)->alg);
	c.garbage.watch = c.gone.watch = opts->watch;
	rc = mark_and_list(&c, err);
	if (rc == 0 && !opts->dry_run)
		rc = mark_again(&c, err);
	if (rc == 0)
		rc = sweep_repo(&c, err);
	free_collect(&c);
	return cfs_context(err, rc, "repository %s", cfs_repo_get_path(repo));
}
