/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot status: the deployments of a machine. */
#include <errno.h>
#include <stdio.h>

#include "cli/table.h"
#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	bool no_trunc, json;
};

static const struct cli_option option_table[] = {
	{"no-trunc", NULL, CLI_AT(struct options, no_trunc), "Print complete IDs",
	 .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	BOOT_PLACE_OPTIONS(struct options, at),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "Show the deployments of this machine in the order of the boot loader: "
		 "the running system,\nthe one that is booted next, and the one that a "
		 "rollback would boot.",
	.example = (const char *const[]){"composefs boot status", NULL},
	.options = option_table,
};

static const char *owner_name(const struct cfs_deployment *d)
{
	static const char *const names[] = {[CFS_DEPLOY_OURS] = "composefs",
					    [CFS_DEPLOY_BOOTC] = "bootc",
					    [CFS_DEPLOY_OTHER] = "other"};

	return names[d->owner];
}

static void format_roles(const struct cfs_deployment *d, char *out, size_t cap)
{
	snprintf(out, cap, "%s%s%s%s%s%s", d->is_booted ? ",booted" : "",
		 d->is_next ? ",next" : "", d->is_rollback ? ",rollback" : "",
		 d->pinned ? ",pinned" : "",
		 d->entry && d->entry->insecure ? ",insecure" : "",
		 d->entry ? "" : ",no entry");
	if (!*out)
		snprintf(out, cap, ",-");
}

static void add_row(struct cli_table *t, const struct cfs_deployment *d, bool no_trunc)
{
	char tries[32] = "-", id[WHERE_ID_MAX], roles[64];
	const struct cfs_bootentry *e = d->entry;

	if (e && e->is_counted)
		snprintf(tries, sizeof(tries), "%u left, %u failed", e->tries_left,
			 e->tries_done);
	format_roles(d, roles, sizeof(roles));
	cli_table_add(t, roles + 1);
	cli_table_add(t, e ? e->id : "-");
	cli_table_add(t, e && e->title ? e->title : "-");
	cli_table_add(t, d->version ? d->version : "-");
	cli_table_add(t, tries);
	cli_table_add(t, d->reference ? d->reference : "-");
	cli_table_add(t, where_format_short_id(&d->image, no_trunc, id));
}

static int print_table(const struct cfs_deployments *list, bool no_trunc,
		       struct cfs_err *err)
{
	static const struct cli_column columns[] = {
		{"STATE", false},   {"ENTRY", false}, {"TITLE", false},
		{"VERSION", false}, {"TRIES", false}, {"REFERENCE", false},
		{"IMAGE", false}};
	struct cli_table t = {.columns = columns, .n_columns = 7};
	int rc;

	for (size_t i = 0; i < list->n; i++)
		add_row(&t, &list->v[i], no_trunc);
	rc = cli_table_print(stdout, &t, err);
	cli_table_fini(&t);
	return rc;
}

static void put_tries(struct json *j, const struct cfs_bootentry *e)
{
	if (e && e->is_counted) {
		json_put_uint(j, "tries_left", e->tries_left);
		json_put_uint(j, "tries_done", e->tries_done);
	} else {
		json_put_null(j, "tries_left");
		json_put_null(j, "tries_done");
	}
}

static void put_deployment(struct json *j, const struct cfs_deployment *d)
{
	json_begin_object(j, NULL);
	where_put_id(j, "id", &d->image);
	json_put_string(j, "entry", d->entry ? d->entry->id : NULL);
	json_put_string(j, "file", d->entry ? d->entry->file : NULL);
	json_put_string(j, "owner", owner_name(d));
	json_put_string(j, "title", d->entry ? d->entry->title : NULL);
	json_put_string(j, "version", d->version);
	json_put_string(j, "reference", d->reference);
	json_put_bool(j, "booted", d->is_booted);
	json_put_bool(j, "next", d->is_next);
	json_put_bool(j, "rollback", d->is_rollback);
	json_put_bool(j, "pinned", d->pinned);
	json_put_bool(j, "insecure", d->entry && d->entry->insecure);
	json_put_bool(j, "has_state", d->has_state);
	put_tries(j, d->entry);
	json_end(j);
}

static void print_json(const struct cfs_deployments *list)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	where_put_id(&j, "booted_id", list->booted_known ? &list->booted : NULL);
	json_put_bool(&j, "booted_verified", list->booted_verified);
	json_begin_array(&j, "deployments");
	for (size_t i = 0; i < list->n; i++)
		put_deployment(&j, &list->v[i]);
	json_finish(&j);
}

/* Returns the exit status: what an entry of ours boots is not known if it cannot be read. */
static int report_unreadable(const char *name, const char *boot,
			     const struct cfs_deployments *list)
{
	int status = CLI_OK;
	struct cfs_err err;

	for (size_t i = 0; i < list->entries.n; i++) {
		const struct cfs_bootentry *e = &list->entries.v[i];

		if (!cfs_deploy_is_unreadable(e))
			continue;
		cfs_fail(&err, EUCLEAN, "%s/%s: %s", boot, e->file, e->problem);
		cli_print_message(name, "%s", err.msg);
		status = CLI_FAILED;
	}
	return status;
}

int cmd_boot_status(int argc, char **argv)
{
	struct options o = {0};
	struct cfs_deployments list = {0};
	struct cfs_deploy_place place;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand");
	int rc;

	if (status >= 0)
		return status;
	rc = boot_place_open(&o.at, false, &place, &err);
	if (rc == 0)
		rc = cfs_deployments_read(&place, CFS_DEPLOY_LOOK, &list, &err);
	if (rc == 0 && o.json)
		print_json(&list);
	else if (rc == 0)
		rc = print_table(&list, o.no_trunc, &err);
	status = command_end(argv[0], rc, &err);
	if (status == CLI_OK)
		status = report_unreadable(argv[0], place.boot, &list);
	cfs_deployments_fini(&list);
	cfs_deploy_close(&place);
	return status;
}
