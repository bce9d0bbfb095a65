/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The sources of a repair: directories and servers. */
#include "composefs/repo/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/cli.h"
#include "fetch/fetch.h"

enum { SHOWN_MAX = 512 };

int repair_sources_sort(struct repair_sources *out, const char *program,
			const struct cli_list *from, struct cfs_err *err)
{
	char shown[SHOWN_MAX];

	out->program = program;
	if (from->n > REPAIR_FROM_MAX)
		return cfs_fail(err, E2BIG, "--from: expected at most %d places, got %zu",
				REPAIR_FROM_MAX, from->n);
	for (size_t i = 0; i < from->n; i++) {
		const char *place = from->v[i];

		if (cfs_fetch_is_url(place))
			out->urls[out->n_urls++] = place;
		else if (!strstr(place, "://"))
			out->dirs[out->n_dirs++] = place;
		else
			return cfs_fail(
				err, EINVAL,
				"--from: expected a directory, or an http or https "
				"URL, got \"%s\"",
				cfs_fetch_public_url(place, shown, sizeof(shown)));
	}
	return 0;
}

int repair_sources_check(const struct repair_sources *s, struct cfs_err *err)
{
	for (size_t i = 0; i < s->n_dirs; i++) {
		cfs_autofd int fd = open(s->dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return cfs_fail_errno(err, "from %s", s->dirs[i]);
	}
	return 0;
}

/* --- servers ------------------------------------------------------------------------ */

/* The base URLs of --from. */
struct servers {
	const char *name; /* of the program */
	const char *dir;  /* for temporary files */
	const char *const *urls;
	const struct cfs_watch *watch; /* may be NULL */
};

static void print_tally(const struct servers *s, const char *url, size_t n,
			const struct cfs_fetch_tally *t)
{
	char shown[SHOWN_MAX];

	if (t->fetched == n)
		return;
	cli_print_message(s->name,
			  "%s: %zu fetched, %zu missing, %zu wrong, %zu failed, %zu not "
			  "tried%s%s",
			  cfs_fetch_public_url(url, shown, sizeof(shown)), t->fetched,
			  t->absent, t->wrong, t->failed,
			  n - t->fetched - t->absent - t->wrong - t->failed,
			  *t->why ? "; " : "", t->why);
}

/* cfs_check_sources.fetch; ctx is a struct servers. */
static int fetch_from_server(void *ctx, size_t k, const struct cfs_check_want *v,
			     size_t n, cfs_check_take *take, void *take_ctx,
			     struct cfs_err *err)
{
	const struct servers *s = ctx;
	struct cfs_fetch_server server = {s->urls[k], s->dir, s->watch};
	cfs_autofree struct cfs_fetch_want *wants = calloc(n + 1, sizeof(*wants));
	struct cfs_fetch_tally tally;
	int rc;

	if (!wants)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		wants[i] = (struct cfs_fetch_want){v[i].id, v[i].max_size};
	rc = cfs_fetch_objects(&server, wants, n, take, take_ctx, &tally, err);
	if (rc == 0)
		print_tally(s, server.url, n, &tally);
	return rc;
}

/* --- repair ------------------------------------------------------------------------- */

static uint64_t add_counts(struct cfs_check_repaired *all,
			   const struct cfs_check_repaired *now)
{
	all->n_quarantined += now->n_quarantined;
	all->n_fetched += now->n_fetched;
	all->n_sealed += now->n_sealed;
	all->n_relinked += now->n_relinked;
	all->n_dropped += now->n_dropped;
	return now->n_quarantined + now->n_fetched + now->n_sealed + now->n_relinked +
	       now->n_dropped;
}

int repair_report(const struct repair_sources *s, struct cfs_repo *repo,
		  const struct cfs_check_report *report, const struct cfs_watch *watch,
		  struct cfs_check_repaired *out, struct cfs_err *err)
{
	struct servers servers = {s->program, cfs_repo_get_path(repo), s->urls, watch};
	const struct cfs_check_sources from = {.dirs = s->dirs,
					       .n_dirs = s->n_dirs,
					       .fetch = fetch_from_server,
					       .n_others = s->n_urls,
					       .ctx = &servers,
					       .watch = watch};

	return cfs_check_repair(repo, report, &from, out, err);
}

int repair_repo(const struct repair_sources *s, struct cfs_repo *repo,
		const struct cfs_check_opts *opts, struct cfs_check_repaired *all,
		struct cfs_check_report *left, struct cfs_err *err)
{
	struct cfs_check_repaired now;
	int rc = cfs_check_repo(repo, opts, left, err);

	while (rc == 0 && cfs_check_report_is_bad(left)) {
		rc = repair_report(s, repo, left, opts->watch, &now, err);
		if (rc < 0 || add_counts(all, &now) == 0)
			break;
		cfs_check_report_fini(left);
		rc = cfs_check_repo(repo, opts, left, err);
	}
	return rc;
}
