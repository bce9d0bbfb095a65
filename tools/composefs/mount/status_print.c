/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Prints what composefs status found out about the mounts. */
#include "composefs/mount/status_print.h"

#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/repo_option.h"
#include "cli/table.h"
#include "cli/times.h"
#include "composefs/mount/server.h"

/* What verifies the image and the objects, for people and for programs. */
struct verified {
	const char *text, *word;
};

static struct verified verified_by(const struct status_mount *s)
{
	const char *recorded = s->m.has_record ? s->m.record.verified : "";
	bool is_signed = strcmp(recorded, "signature") == 0;
	/* A server that has no kernel below it asks for the digest of each object itself. */
	bool by_verity = s->m.requires_verity ||
			 (s->m.method && strcmp(s->m.method, "fuse") == 0 &&
			  (is_signed || strcmp(recorded, "digest") == 0));

	if (by_verity && is_signed)
		return (struct verified){"signature, fs-verity", "signature"};
	if (by_verity)
		return (struct verified){"fs-verity", "fs-verity"};
	if (s->m.method && strcmp(s->m.method, "fuse") == 0 &&
	    strcmp(recorded, "every-read") == 0)
		return (struct verified){"every read", "every-read"};
	if (s->m.verifies_at_open)
		return (struct verified){"first open", "first-open"};
	if (s->m.has_id)
		return (struct verified){"ID at mount", "id-at-mount"};
	return (struct verified){"nothing", "nothing"};
}

/* The name of the counters of its server. */
static const char *server_of(const struct status_mount *s)
{
	return s->m.has_record ? s->m.record.server : "";
}

static void format_since(const struct status_mount *s, char out[CLI_TIME_MAX])
{
	strcpy(out, "-");
	if (s->m.has_record)
		cli_format_local_time(s->m.record.since_sec, out);
}

static const char *image_of(const struct status_mount *s)
{
	if (s->n_names)
		return s->names[0];
	return s->m.image ? s->m.image : "-";
}

static void add_status_row(struct cli_table *table, const struct status_mount *s,
			   bool no_trunc)
{
	char id[WHERE_ID_MAX] = "-", since[CLI_TIME_MAX], errors[HEALTH_COUNT_MAX];

	if (s->m.has_id)
		where_format_short_id(&s->m.id, no_trunc, id);
	format_since(s, since);
	cli_table_add(table, s->m.place);
	cli_table_add(table, image_of(s));
	cli_table_add(table, id);
	cli_table_add(table, s->method ? s->method : "-");
	cli_table_add(table, verified_by(s).text);
	cli_table_add(table, s->m.read_only ? "ro" : "rw");
	cli_table_add(table, health_format_errors(&s->health, errors));
	cli_table_add(table, since);
}

int status_print_table(const struct status *st, bool no_trunc, struct cfs_err *err)
{
	static const struct cli_column columns[] = {
		{"MOUNTPOINT", false}, {"IMAGE", false},       {"ID", false},
		{"METHOD", false},     {"VERIFIED BY", false}, {"MODE", false},
		{"ERRORS", true},      {"SINCE", false}};
	struct cli_table table = {.columns = columns, .n_columns = 8};
	int rc;

	if (st->n == 0) {
		puts("no image is mounted");
		return 0;
	}
	for (size_t i = 0; i < st->n; i++)
		add_status_row(&table, &st->v[i], no_trunc);
	rc = cli_table_print(stdout, &table, err);
	cli_table_fini(&table);
	return rc;
}

static void print_field(const char *name, const char *value)
{
	if (!value || !*value)
		return;
	printf("%13s: ", name);
	cli_print(stdout, value);
	putchar('\n');
}

static void print_damage(const struct status_mount *s)
{
	char errors[HEALTH_COUNT_MAX], scrub[HEALTH_SCRUB_MAX];
	const struct cfs_damaged_list *damaged = &s->health.damaged;

	print_field("Last scrub", health_format_scrub(&s->health, scrub));
	print_field("Verity errors", health_format_errors(&s->health, errors));
	for (size_t i = 0; i < damaged->n; i++) {
		const struct cfs_damaged *d = &damaged->v[i];

		print_field("Damaged", *d->used_by ? d->used_by : "the image itself");
		print_field("Object", d->path);
	}
}

void status_print_block(const struct status_mount *s)
{
	char id[WHERE_ID_MAX], since[CLI_TIME_MAX], text[SERVER_TEXT_MAX];
	struct cfs_trigger_counts counts;

	format_since(s, since);
	print_field("Mounted at", s->m.place);
	print_field("Since", since);
	for (size_t i = 0; i < s->n_names; i++)
		print_field("Name", s->names[i]);
	print_field("ID", s->m.has_id ? where_format_id(&s->m.id, id) : NULL);
	print_field("Image file", s->m.image);
	print_field("Repository", s->repo);
	for (size_t i = 0; i < s->m.n_objects; i++)
		print_field("Objects", s->m.objects[i]);
	print_field("Method", s->method);
	print_field("Loop device", s->loop);
	print_field("Verified by", verified_by(s).text);
	print_damage(s);
	if (server_read_counts(server_of(s), &counts)) {
		server_format_counts(&counts, text);
		print_field("Objects read", text);
	}
	print_field("Writable", s->m.read_only ? "no" : "yes");
	print_field("Upper layer", s->m.upperdir);
	print_field("Work dir", s->m.workdir);
	print_field("Options", s->m.attrs);
}

static void put_string(struct json *j, const char *key, const char *value)
{
	if (value && *value)
		json_put_string(j, key, value);
	else
		json_put_null(j, key);
}

/* The JSON of one mount. Unknown values are null, so that scripts can rely on every
 * key. */
static void put_status_mount(struct json *j, const struct status_mount *s)
{
	char id[WHERE_ID_MAX], since[CLI_TIME_MAX];

	json_begin_object(j, NULL);
	json_put_string(j, "mountpoint", s->m.place);
	put_string(j, "id", s->m.has_id ? where_format_id(&s->m.id, id) : NULL);
	json_put_strings(j, "names", s->names, s->n_names);
	put_string(j, "image", s->m.image);
	put_string(j, "repository", s->repo);
	json_put_strings(j, "objects_dirs", s->m.objects, s->m.n_objects);
	put_string(j, "method", s->method);
	put_string(j, "loop_device", s->loop);
	json_put_string(j, "verified_by", verified_by(s).word);
	health_put_json(j, &s->health);
	server_put_counts(j, server_of(s));
	json_put_bool(j, "read_only", s->m.read_only);
	put_string(j, "upperdir", s->m.upperdir);
	put_string(j, "workdir", s->m.workdir);
	put_string(j, "options", s->m.attrs);
	if (s->m.has_record)
		json_put_string(j, "since",
				cli_format_utc_time(s->m.record.since_sec, since));
	else
		json_put_null(j, "since");
	json_end(j);
}

void status_print_json(const struct status *st)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_begin_array(&j, "mounts");
	for (size_t i = 0; i < st->n; i++)
		put_status_mount(&j, &st->v[i]);
	json_finish(&j);
}
