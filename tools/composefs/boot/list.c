/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot list: boot entries and the images that they boot. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bootentries/bootentries.h"
#include "cli/repo_option.h"
#include "cli/table.h"
#include "composefs/boot/boot.h"

struct options {
	struct cli_list places;
	bool no_trunc, json;
};

static const struct cli_option option_table[] = {
	{"boot", "DIR", CLI_AT(struct options, places),
	 "Read this boot partition (default: /efi, /boot and /boot/efi)", CLI_LIST,
	 .group = "Options"},
	{"no-trunc", NULL, CLI_AT(struct options, no_trunc), "Print complete IDs"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "List type 1 entries and unified kernel images (UKIs) of the boot "
		 "partitions, and the image\nof composefs that each of them boots. "
		 "Nothing "
		 "is verified.",
	.example =
		(const char *const[]){"composefs boot list",
				      "composefs boot list --boot=/mnt/efi --json", NULL},
	.options = option_table,
};

/* --- reading -------------------------------------------------------------------------- */

struct partition {
	const char *place;
	dev_t dev;
	ino_t ino;
	struct cfs_bootentries entries;
};

struct found {
	struct partition *v;
	size_t n, cap;
};

/* /boot may be the same directory as /efi. */
static bool was_read(const struct found *f, const struct stat *st)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].dev == st->st_dev && f->v[i].ino == st->st_ino)
			return true;
	return false;
}

static int read_place(struct found *f, const char *place, bool may_be_absent,
		      struct cfs_err *err)
{
	cfs_autofd int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct partition *p;
	struct stat st;

	if (fd < 0 && errno == ENOENT && may_be_absent)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", place);
	if (was_read(f, &st))
		return 0;
	if (cfs_grow(&f->v, &f->cap, f->n + 1, sizeof(*f->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	p = &f->v[f->n++];
	*p = (struct partition){.place = place, .dev = st.st_dev, .ino = st.st_ino};
	return cfs_context(err, cfs_bootentries_read(fd, &p->entries, err), "%s", place);
}

static int read_places(struct found *f, const struct cli_list *places,
		       struct cfs_err *err)
{
	static const char *const usual[] = {"/efi", "/boot", "/boot/efi"};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < places->n; i++)
		rc = read_place(f, places->v[i], false, err);
	for (size_t i = 0; rc == 0 && !places->n && i < 3; i++)
		rc = read_place(f, usual[i], true, err);
	return rc;
}

/* --- printing ------------------------------------------------------------------------- */

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void add_boot_row(struct cli_table *t, const struct cfs_bootentry *e,
			 bool no_trunc)
{
	char tries[32] = "-", id[WHERE_ID_MAX] = "-";

	if (e->is_counted)
		snprintf(tries, sizeof(tries), "%u left, %u failed", e->tries_left,
			 e->tries_done);
	if (e->has_image)
		where_format_short_id(&e->image, no_trunc, id);
	cli_table_add(t, e->id);
	cli_table_add(t, e->type == CFS_BOOTENTRY_UKI ? "UKI" : "type 1");
	cli_table_add(t, or_dash(e->title));
	cli_table_add(t, or_dash(e->version));
	cli_table_add(t, tries);
	cli_table_add(t, e->problem ? "unreadable" : id);
}

static int print_boot_table(const struct found *f, bool no_trunc, struct cfs_err *err)
{
	static const struct cli_column columns[] = {{"ENTRY", false}, {"TYPE", false},
						    {"TITLE", false}, {"VERSION", false},
						    {"TRIES", false}, {"IMAGE", false}};
	struct cli_table t = {.columns = columns, .n_columns = 6};
	int rc;

	for (const struct partition *p = f->v; p < f->v + f->n; p++)
		for (size_t i = 0; i < p->entries.n; i++)
			add_boot_row(&t, &p->entries.v[i], no_trunc);
	rc = cli_table_print(stdout, &t, err);
	cli_table_fini(&t);
	return rc;
}

/* The JSON of one boot entry. Every key is always present, with null where the entry
 * does not say, so that scripts need no test. */
static void put_boot_entry(struct json *j, const char *place,
			   const struct cfs_bootentry *e)
{
	json_begin_object(j, NULL);
	json_put_string(j, "place", place);
	json_put_string(j, "file", e->file);
	json_put_string(j, "name", e->id);
	json_put_string(j, "type", e->type == CFS_BOOTENTRY_UKI ? "uki" : "type1");
	json_put_string(j, "title", e->title);
	json_put_string(j, "version", e->version);
	where_put_id(j, "id", e->has_image ? &e->image : NULL);
	json_put_bool(j, "insecure", e->insecure);
	if (e->is_counted) {
		json_put_uint(j, "tries_left", e->tries_left);
		json_put_uint(j, "tries_done", e->tries_done);
	} else {
		json_put_null(j, "tries_left");
		json_put_null(j, "tries_done");
	}
	json_put_string(j, "reason", e->problem);
	json_end(j);
}

static void print_boot_json(const struct found *f)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_begin_array(&j, "entries");
	for (const struct partition *p = f->v; p < f->v + f->n; p++)
		for (size_t i = 0; i < p->entries.n; i++)
			put_boot_entry(&j, p->place, &p->entries.v[i]);
	json_finish(&j);
}

/* Returns the exit status: an entry that cannot be read is a failure. */
static int report_problems(const char *name, const struct found *f)
{
	int status = CLI_OK;
	struct cfs_err err;

	for (const struct partition *p = f->v; p < f->v + f->n; p++)
		for (size_t i = 0; i < p->entries.n; i++) {
			const struct cfs_bootentry *e = &p->entries.v[i];

			if (!e->problem)
				continue;
			cfs_fail(&err, EINVAL, "%s/%s: %s", p->place, e->file,
				 e->problem);
			cli_print_message(name, "%s", err.msg);
			status = CLI_FAILED;
		}
	return status;
}

static void release_found(struct found *f)
{
	for (size_t i = 0; i < f->n; i++)
		cfs_bootentries_fini(&f->v[i].entries);
	free(f->v);
}

int cmd_boot_list(int argc, char **argv)
{
	struct options o = {0};
	struct found f = {0};
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand");
	int rc;

	if (status >= 0)
		return status;
	rc = read_places(&f, &o.places, &err);
	if (rc == 0 && o.json)
		print_boot_json(&f);
	else if (rc == 0)
		rc = print_boot_table(&f, o.no_trunc, &err);
	status = command_end(argv[0], rc, &err);
	if (status == CLI_OK)
		status = report_problems(argv[0], &f);
	release_found(&f);
	cli_list_fini(&o.places);
	return status;
}
