/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs log: which images a reference referred to. */
#include <errno.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/times.h"
#include "cli/verbosity.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/image_rows.h"
#include "composefs/repo/reference.h"
#include "composefs/repo_command.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	bool no_trunc, json;
};

static const struct cli_option option_table[] = {
	{"no-trunc", NULL, CLI_AT(struct options, no_trunc), "Print complete IDs",
	 .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] NAME", NULL},
	.about = "List the images that the reference NAME referred to, newest first, and "
		 "whether they\nstill exist.",
	.example = (const char *const[]){"composefs log --repo=repo os/latest",
					 "composefs tag --repo=repo ID os/latest", NULL},
	.options = option_table,
};

/* --- what is printed ---------------------------------------------------------------- */

struct printer {
	const struct options *o;
	const struct cfs_repo *repo;
	struct cli_table table;
	struct json *json; /* NULL: the table */
};

/* Whether the image is still in the repository: 1, 0 or -errno. */
static int has_image(const struct cfs_repo *repo, const struct cfs_digest *id,
		     struct cfs_err *err)
{
	char text[WHERE_ID_MAX];
	struct cfs_digest found;
	int rc = id->alg == cfs_repo_get_meta(repo)->alg
			 ? cfs_repo_find_image(repo, where_format_id(id, text), &found,
					       err)
			 : -ENOENT;

	/* A damaged entry is an image that fsck reports. */
	return rc == -ENOENT ? 0 : rc == 0 || rc == -EUCLEAN ? 1 : rc;
}

static void add_log_row(struct printer *p, const struct cfs_repo_log_entry *e, int exists)
{
	char when[CLI_TIME_MAX], old[WHERE_ID_MAX] = "-", new[WHERE_ID_MAX] = "-";

	if (e->has_old)
		where_format_short_id(&e->old_id, p->o->no_trunc, old);
	if (e->has_new)
		where_format_short_id(&e->new_id, p->o->no_trunc, new);
	cli_table_add(&p->table, cli_format_local_time(e->time_sec, when));
	cli_table_add(&p->table, e->command);
	cli_table_add(&p->table, old);
	cli_table_add(&p->table, new);
	cli_table_add(&p->table, !e->has_new ? "removed" : exists ? "exists" : "gone");
}

static void put_json(struct json *j, const struct cfs_repo_log_entry *e, int exists)
{
	char when[CLI_TIME_MAX];

	json_begin_object(j, NULL);
	json_put_string(j, "time", cli_format_utc_time(e->time_sec, when));
	json_put_string(j, "command", e->command);
	where_put_id(j, "old_id", e->has_old ? &e->old_id : NULL);
	where_put_id(j, "id", e->has_new ? &e->new_id : NULL);
	if (e->has_new)
		json_put_bool(j, "exists", exists);
	else
		json_put_null(j, "exists");
	json_end(j);
}

static int print_entry(struct printer *p, const struct cfs_repo_log_entry *e,
		       struct cfs_err *err)
{
	int exists = e->has_new ? has_image(p->repo, &e->new_id, err) : 0;

	if (exists < 0)
		return exists;
	if (p->json)
		put_json(p->json, e, exists);
	else
		add_log_row(p, e, exists);
	return 0;
}

static int print_entries(struct printer *p, const struct cfs_repo_log *log,
			 struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = log->n; rc == 0 && i > 0; i--)
		rc = print_entry(p, &log->v[i - 1], err);
	return rc;
}

/* Prints the log of one name as a table or as JSON. The table is printed whole at the
 * end, since its widths depend on all rows. */
static int print_log(const struct options *o, const struct cfs_repo *repo,
		     const char *name, const struct cfs_repo_log *log,
		     struct cfs_err *err)
{
	static const struct cli_column columns[] = {{"TIME", false},
						    {"COMMAND", false},
						    {"FROM", false},
						    {"TO", false},
						    {"IMAGE", false}};
	struct json j = {.to = stdout};
	struct printer p = {.o = o,
			    .repo = repo,
			    .table = {.columns = columns, .n_columns = 5},
			    .json = o->json ? &j : NULL};
	int rc;

	if (o->json) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "name", cfs_repo_ref_name(name));
		json_begin_array(&j, "entries");
	}
	rc = print_entries(&p, log, err);
	if (o->json)
		json_finish(&j);
	else if (rc == 0)
		rc = cli_table_print(stdout, &p.table, err);
	cli_table_fini(&p.table);
	return rc;
}

/* --- the command -------------------------------------------------------------------- */

/* A reference without a log: one of another program, or none. */
static int check_log_name(const struct options *o, const struct cfs_repo *repo,
			  const char *name, const struct cfs_repo_log *log,
			  struct cfs_err *err)
{
	char ref[CFS_REPO_REF_MAX + sizeof("refs/")];
	struct cfs_digest id;
	int rc;

	if (log->n_bad)
		cli_print_warning(o->name, "%zu %s another form", log->n_bad,
				  cfs_plural(log->n_bad, "line of the log has",
					     "lines of the log have"));
	if (log->n)
		return 0;
	snprintf(ref, sizeof(ref), "refs/%s", cfs_repo_ref_name(name));
	rc = cfs_repo_find_image(repo, ref, &id, err);
	if (rc == 0)
		cli_print_note(o->name, "%s: no change is recorded", name);
	return repo_fail_reference(repo, name, rc, err);
}

static int read_and_print(const struct repo_work *w, struct cfs_err *err)
{
	const char *name = w->operands[0];
	struct cfs_repo_log log = {0};
	int rc = repo_fail_reference(w->repo, name,
				     cfs_repo_log_read(w->repo, name, &log, err), err);

	if (rc == 0)
		rc = check_log_name(w->options, w->repo, name, &log, err);
	if (rc == 0)
		rc = print_log(w->options, w->repo, name, &log, err);
	cfs_repo_log_fini(&log);
	return rc;
}

static const struct repo_command command = {
	&syntax, 1, 1, "expected NAME", CFS_REPO_LOOK, read_and_print};

int cmd_log(int argc, char **argv)
{
	struct options o = {.name = argv[0]};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
