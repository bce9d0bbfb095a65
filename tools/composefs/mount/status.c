/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs status: the images that are mounted. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <stdio.h>
#include <string.h>

#include "cli/repo_option.h"
#include "cli/table.h"
#include "cli/times.h"
#include "composefs/composefs.h"
#include "composefs/mount/health.h"
#include "composefs/mount/server.h"
#include "mount/mount.h"

struct options {
	const char *log;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	{"log", "FILE", CLI_AT(struct options, log),
	 "Read this file instead of /dev/kmsg", CLI_TEXT},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DIR]...", NULL},
	.about = "List the composefs images that are mounted: where, which image, how it "
		 "is "
		 "read, what\nverifies it, how often the kernel reported "
		 "damage. With DIR, show the\ndetails of the mount in which DIR lies.",
	.example =
		(const char *const[]){"composefs status", "composefs status /mnt", NULL},
	.options = option_table,
};

/* A mount, with what was found out about it. Strings live in the arena of the table. */
struct shown {
	struct cfs_image_mount m;
	const char *repo;   /* NULL: not known */
	const char **names; /* references to the image */
	size_t n_names;
	char loop[CFS_LOOP_NAME_MAX]; /* "": none */
	const char *method;	      /* "file", "loop"; NULL: not known */
	bool has_record;
	struct cfs_mount_record record;
	struct health health;
};

struct status {
	struct cfs_mount_table table;
	struct shown *v;
	size_t n, cap;
};

/* --- facts -------------------------------------------------------------------------- */

static int add_image_name(struct shown *s, struct cfs_arena *arena, size_t max,
			  const char *name)
{
	if (!s->names)
		s->names = cfs_arena_alloc(arena, max * sizeof(*s->names),
					   _Alignof(const char *));
	name = cfs_arena_copy(arena, name, strlen(name));
	if (!s->names || !name)
		return -ENOMEM;
	s->names[s->n_names++] = name;
	return 0;
}

static int read_names(struct shown *s, struct cfs_arena *arena,
		      const struct cfs_repo *repo)
{
	struct cfs_repo_list refs = {0};
	char hex[CFS_DIGEST_HEX_MAX];
	int rc = 0;

	cfs_digest_hex(&s->m.id, hex);
	if (cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &refs, NULL) == 0)
		for (size_t i = 0; rc == 0 && i < refs.n; i++)
			if (refs.v[i].code == 0 && strcmp(refs.v[i].target, hex) == 0)
				rc = add_image_name(s, arena, refs.n, refs.v[i].name);
	cfs_repo_list_fini(&refs);
	return rc;
}

/* The repository is the directory above its objects. What this user may not read stays unknown. */
static int find_names(struct shown *s, struct cfs_arena *arena)
{
	const char *objects = s->m.n_objects ? s->m.objects[0] : "";
	const char *end = strrchr(objects, '/');
	struct cfs_repo *repo;
	int rc;

	if (!s->m.has_id || !end || end == objects || strcmp(end, "/objects") != 0)
		return 0;
	s->repo = cfs_arena_copy(arena, objects, (size_t)(end - objects));
	if (!s->repo)
		return -ENOMEM;
	if (cfs_repo_open(s->repo, CFS_REPO_LOOK, &repo, NULL) < 0) {
		s->repo = NULL;
		return 0;
	}
	rc = read_names(s, arena, repo);
	health_find_scrub(&s->health, repo);
	cfs_repo_close(repo);
	return rc;
}

/* The image is a file, on a loop device, or behind a FUSE server. */
static void find_method(struct shown *s)
{
	char file[PATH_MAX];
	int rc = 0;

	s->method = s->m.method;
	if (s->has_record && s->record.image[0])
		s->method = s->record.image;
	if (!s->m.method && cfs_image_mount_file(&s->m, file, sizeof(file)))
		rc = cfs_loop_find(file, s->loop, NULL);
	if (rc > 0 && !s->method)
		s->method = "loop";
	if (s->method && strcmp(s->method, "loop") != 0)
		s->loop[0] = '\0';
}

/* Adds the entry if it is an image. */
static int add_mount_entry(struct status *st, const struct cfs_mount_entry *entry,
			   struct cfs_err *err)
{
	struct cfs_arena *arena = &st->table.arena;
	struct shown *s;
	int rc;

	if (cfs_grow(&st->v, &st->cap, st->n + 1, sizeof(*st->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	s = &st->v[st->n];
	*s = (struct shown){0};
	rc = cfs_image_mount_recognize(entry, arena, &s->m, err);
	if (rc <= 0)
		return rc;
	s->has_record = cfs_mount_record_read(s->m.place, s->m.mount_id, &s->record);
	rc = find_names(s, arena);
	if (rc < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	st->n++;
	return 1;
}

/* The array may have moved while it grew. */
static void find_methods(struct status *st)
{
	for (size_t i = 0; i < st->n; i++)
		find_method(&st->v[i]);
}

static void find_health(struct status *st, const char *log, const char *program)
{
	struct cfs_damage_list messages = {0};

	if (health_read_log(log, program, &messages))
		for (size_t i = 0; i < st->n; i++)
			health_find_damage(&st->v[i].health, &st->v[i].m, &messages,
					   &st->table, program);
	free(messages.v);
}

static int add_repo_dir(struct status *st, const char *dir, struct cfs_err *err)
{
	cfs_autofd int fd = open(dir, O_PATH | O_CLOEXEC);
	const struct cfs_mount_entry *entry;
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "%s", dir);
	rc = cfs_mount_table_find(&st->table, fd, &entry, err);
	if (rc == 0 && entry)
		rc = add_mount_entry(st, entry, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", dir);
	return rc ? 0 : cfs_fail(err, EINVAL, "%s: no image is mounted there", dir);
}

/* Without operands: all mounts. */
static int collect_mounts(struct status *st, char **dirs, struct cfs_err *err)
{
	int rc = cfs_mount_table_read(&st->table, err);

	for (char **dir = dirs; rc >= 0 && *dir; dir++)
		rc = add_repo_dir(st, *dir, err);
	for (size_t i = 0; rc >= 0 && !*dirs && i < st->table.n; i++)
		rc = add_mount_entry(st, &st->table.v[i], err);
	find_methods(st);
	return rc < 0 ? rc : 0;
}

/* --- output ------------------------------------------------------------------------- */

/* What verifies the image and the objects, for people and for programs. */
struct verified {
	const char *text, *word;
};

static struct verified verified_by(const struct shown *s)
{
	bool is_signed = s->has_record && strcmp(s->record.verified, "signature") == 0;

	if (s->m.requires_verity && is_signed)
		return (struct verified){"signature, fs-verity", "signature"};
	if (s->m.requires_verity)
		return (struct verified){"fs-verity", "fs_verity"};
	if (s->m.verifies_at_open)
		return (struct verified){"first open", "first_open"};
	if (s->m.has_id)
		return (struct verified){"ID at mount", "id_at_mount"};
	return (struct verified){"nothing", "nothing"};
}

/* The name of the counters of its server. */
static const char *server_of(const struct shown *s)
{
	return s->has_record ? s->record.server : "";
}

static void format_since(const struct shown *s, char out[CLI_TIME_MAX])
{
	strcpy(out, "-");
	if (s->has_record)
		cli_format_local_time(s->record.since_sec, out);
}

static const char *image_of(const struct shown *s)
{
	if (s->n_names)
		return s->names[0];
	return s->m.image ? s->m.image : "-";
}

static void add_status_row(struct cli_table *table, const struct shown *s)
{
	char id[WHERE_ID_MAX] = "-", since[CLI_TIME_MAX], errors[HEALTH_COUNT_MAX];

	if (s->m.has_id)
		where_format_short_id(&s->m.id, false, id);
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

static int print_status_table(const struct status *st, struct cfs_err *err)
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
		add_status_row(&table, &st->v[i]);
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

static void print_damage(const struct shown *s)
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

/* Prints the details of one mount, a line each; unknown fields are left out. */
static void print_block(const struct shown *s)
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
static void put_status_mount(struct json *j, const struct shown *s)
{
	char id[WHERE_ID_MAX], since[CLI_TIME_MAX];

	json_begin_object(j, NULL);
	json_put_string(j, "mountpoint", s->m.place);
	put_string(j, "id", s->m.has_id ? where_format_id(&s->m.id, id) : NULL);
	json_put_strings(j, "names", s->names, s->n_names);
	put_string(j, "image", s->m.image);
	put_string(j, "repository", s->repo);
	json_put_strings(j, "objects", s->m.objects, s->m.n_objects);
	put_string(j, "method", s->method);
	put_string(j, "loop_device", s->loop);
	json_put_string(j, "verified_by", verified_by(s).word);
	health_put_json(j, &s->health);
	server_put_counts(j, server_of(s));
	json_put_bool(j, "read_only", s->m.read_only);
	put_string(j, "upperdir", s->m.upperdir);
	put_string(j, "workdir", s->m.workdir);
	put_string(j, "options", s->m.attrs);
	if (s->has_record)
		json_put_string(j, "since",
				cli_format_utc_time(s->record.since_sec, since));
	else
		json_put_null(j, "since");
	json_end(j);
}

static void print_status_json(const struct status *st)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_begin_array(&j, "mounts");
	for (size_t i = 0; i < st->n; i++)
		put_status_mount(&j, &st->v[i]);
	json_finish(&j);
}

int cmd_status(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 0, argc, ""), rc;
	struct status st = {0};
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = collect_mounts(&st, argv + optind, &err);
	if (rc == 0)
		find_health(&st, o.log, argv[0]);
	if (rc == 0 && o.json)
		print_status_json(&st);
	else if (rc == 0 && optind == argc)
		rc = print_status_table(&st, &err);
	for (size_t i = 0; rc == 0 && !o.json && optind < argc && i < st.n; i++) {
		if (i)
			putchar('\n');
		print_block(&st.v[i]);
	}
	for (size_t i = 0; i < st.n; i++)
		health_fini(&st.v[i].health);
	free(st.v);
	cfs_mount_table_fini(&st.table);
	return command_end(argv[0], rc, &err);
}
