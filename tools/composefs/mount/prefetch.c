/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs prefetch: fetch the missing objects of an image, in the order of a recorded start. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/composefs.h"
#include "composefs/mount/trigger.h"

enum { BATCH = 64, ORDER_MAX = 1 << 30 };

struct options {
	struct where where;
	struct cli_list from;
	const char *order;
	bool json;
};

static const struct cli_option option_table[] = {
	{"from", "SOURCE", CLI_AT(struct options, from),
	 "Fetch from a repository, an object directory or an HTTP URL; repeatable",
	 CLI_LIST, .group = "Options"},
	{"order", "FILE", CLI_AT(struct options, order),
	 "Begin with the objects that FILE lists, as record writes it", CLI_TEXT},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] --from=SOURCE... IMAGE", NULL},
	.about =
		"Fetch the objects of an image that the repository lacks. A mount of the "
		"image finds them at once,\nalso one that exists already. Each object is "
		"verified before it gets its name.",
	.status = "0 the image is complete, 1 objects are missing, 2 wrong usage",
	.example =
		(const char *const[]){
			"composefs prefetch --from=https://example.org/repo "
			"--order=start.order os/2",
			NULL},
	.options = option_table,
};

/* The objects that are fetched, in order. */
struct prefetch {
	struct cfs_lazy lazy;
	struct cfs_lazy_source sources[MOUNT_SOURCES_MAX];
	char *repo_path;
	struct cfs_digest *order; /* of all objects of the image */
	size_t n_present, n_missing;
	struct cfs_trigger_want *missing;
	size_t n_fetched;
	struct cfs_digest lost; /* the first that was not found */
	int why;		/* its code */
};

/* --- what is missing ------------------------------------------------------------------ */

static int list_objects(const struct options *o, const struct cfs_repo *repo,
			const char *name, struct prefetch *p, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_repo_open_image(repo, name, &map, &im, NULL, err);

	if (rc < 0)
		return rc;
	rc = cfs_lazy_list_objects(repo, &im, &p->lazy.objects, err);
	cfs_map_close(&map);
	if (rc == 0 && o->order)
		rc = cfs_context(err,
				 cfs_input_read(AT_FDCWD, o->order, CFS_INPUT_PIPE,
						ORDER_MAX, &text, err),
				 "--order=%s", o->order);
	if (rc == 0)
		rc = cfs_lazy_order_objects(&p->lazy.objects,
					    cfs_repo_get_meta(repo)->alg,
					    cfs_mem_text(&text), &p->order, err);
	free(text.p);
	return rc;
}

/* An object of another type counts as missing: it is replaced. */
static int find_missing(const struct cfs_repo *repo, struct prefetch *p,
			const struct cfs_watch *watch, struct cfs_err *err)
{
	size_t n = p->lazy.objects.n;

	p->missing = calloc(n + 1, sizeof(*p->missing));
	if (!p->missing)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int rc = cfs_watch_poll(watch, err);

		if (rc == 0)
			rc = cfs_repo_has_object(repo, &p->order[i], err);
		if (rc < 0 && rc != -EUCLEAN)
			return rc;
		if (rc == 1)
			p->n_present++;
		else
			p->missing[p->n_missing++].id = p->order[i];
	}
	return 0;
}

/* --- fetching --------------------------------------------------------------------------- */

/* A batch ends with a sync of the disk. What no source has is not the end: the objects behind it
 * may be there. */
static int fetch_missing(struct prefetch *p, const struct cfs_watch *watch,
			 struct cfs_err *err)
{
	for (size_t i = 0; i < p->n_missing; i += BATCH) {
		size_t n = p->n_missing - i < BATCH ? p->n_missing - i : BATCH;
		int rc = cfs_watch_poll(watch, err);

		if (rc < 0)
			return rc;
		cfs_watch_progress(watch, &(struct cfs_progress){.stage = "objects",
								 .done = i,
								 .all = p->n_missing});
		cfs_lazy_fetch(&p->lazy, watch, p->missing + i, n);
		for (size_t k = i; k < i + n; k++) {
			p->n_fetched += p->missing[k].code == 0;
			if (p->missing[k].code && !p->why) {
				p->why = p->missing[k].code;
				p->lost = p->missing[k].id;
			}
		}
	}
	return cfs_watch_poll(watch, err);
}

static int report_lost(const struct prefetch *p, struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];

	if (!p->why)
		return 0;
	return cfs_fail(
		err, -p->why,
		"%zu of %zu missing objects were not fetched, the first is %s: %s",
		p->n_missing - p->n_fetched, p->n_missing,
		cfs_digest_text(&p->lost, text), strerror(-p->why));
}

static void print_prefetch(const struct options *o, const struct prefetch *p)
{
	struct json j = {.to = stdout};

	if (!o->json) {
		if (!cli_is_quiet())
			printf("%zu fetched, %zu present\n", p->n_fetched, p->n_present);
		return;
	}
	json_begin_object(&j, NULL);
	json_put_uint(&j, "objects_fetched", p->n_fetched);
	json_put_uint(&j, "objects_present", p->n_present);
	json_put_uint(&j, "objects_missing", p->n_missing - p->n_fetched);
	json_finish(&j);
}

/* The repository is closed before the first object is fetched: each batch takes the lock for
 * itself. */
static int prefetch_image(struct options *o, const char *name, struct prefetch *p,
			  const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return rc;
	rc = mount_open_sources(&o->from, "--from", repo, p->sources, &p->lazy,
				&p->repo_path, err);
	if (rc == 0)
		rc = list_objects(o, repo, name, p, err);
	if (rc == 0)
		rc = find_missing(repo, p, watch, err);
	cfs_repo_close(repo);
	return rc == 0 ? fetch_missing(p, watch, err) : rc;
}

int cmd_prefetch(int argc, char **argv)
{
	struct options o = {0};
	struct prefetch p = {0};
	struct cli_watch watch;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE"), rc;

	if (status < 0 && o.from.n == 0) {
		cli_fail_usage(argv[0], "expected --from=SOURCE");
		status = CLI_USAGE;
	}
	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	o.where.watch = &watch.watch;
	rc = prefetch_image(&o, argv[optind], &p, &watch.watch, &err);
	cli_watch_end(&watch);
	if (rc == 0)
		print_prefetch(&o, &p);
	if (rc == 0)
		rc = report_lost(&p, &err);
	mount_close_sources(p.sources, &p.lazy);
	cfs_lazy_objects_fini(&p.lazy.objects);
	free(p.repo_path);
	free(p.order);
	free(p.missing);
	cli_list_fini(&o.from);
	return command_end(argv[0], rc, &err);
}
