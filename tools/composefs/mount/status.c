/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs status: the images that are mounted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <stdio.h>
#include <string.h>

#include "cli/repo_option.h"
#include "composefs/composefs.h"
#include "composefs/mount/mountpoint.h"
#include "composefs/mount/status_print.h"

struct options {
	const char *log;
	bool json, no_trunc;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	{"no-trunc", NULL, CLI_AT(struct options, no_trunc), "Print complete IDs"},
	{"log", "FILE", CLI_AT(struct options, log),
	 "Read this file instead of /dev/kmsg", CLI_TEXT},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DIR]...", NULL},
	.about = "List the composefs images that are mounted: where, which image, how it "
		 "is read, what\nverifies it, how often the kernel reported "
		 "damage. With DIR, show the\ndetails of the mount in which DIR lies.",
	.example =
		(const char *const[]){"composefs status", "composefs status /mnt", NULL},
	.options = option_table,
	.complete_operand = mountpoint_complete,
};

static int add_image_name(struct status_mount *s, struct cfs_arena *arena, size_t max,
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

static int read_names(struct status_mount *s, struct cfs_arena *arena,
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
static int find_names(struct status_mount *s, struct cfs_arena *arena)
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
static void find_method(struct status_mount *s)
{
	char file[PATH_MAX];
	int rc = 0;

	s->method = s->m.method;
	if (s->m.has_record && s->m.record.image[0])
		s->method = s->m.record.image;
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
	struct status_mount *s;
	int rc;

	if (cfs_grow(&st->v, &st->cap, st->n + 1, sizeof(*st->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	s = &st->v[st->n];
	*s = (struct status_mount){0};
	rc = cfs_image_mount_find(entry, arena, &s->m, err);
	if (rc <= 0)
		return rc;
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

/* Finds the mount that covers a directory which the user named. */
static int add_mount_of_dir(struct status *st, const char *dir, struct cfs_err *err)
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
		rc = add_mount_of_dir(st, *dir, err);
	for (size_t i = 0; rc >= 0 && !*dirs && i < st->table.n; i++)
		rc = add_mount_entry(st, &st->table.v[i], err);
	find_methods(st);
	return rc < 0 ? rc : 0;
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
		status_print_json(&st);
	else if (rc == 0 && optind == argc)
		rc = status_print_table(&st, o.no_trunc, &err);
	for (size_t i = 0; rc == 0 && !o.json && optind < argc && i < st.n; i++) {
		if (i)
			putchar('\n');
		status_print_block(&st.v[i]);
	}
	for (size_t i = 0; i < st.n; i++)
		health_fini(&st.v[i].health);
	free(st.v);
	cfs_mount_table_fini(&st.table);
	return command_end(argv[0], rc, &err);
}
