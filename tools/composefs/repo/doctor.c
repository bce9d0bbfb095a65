/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs doctor: find out what this kernel and this filesystem support, and what a
 * mount would use. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

enum { TITLE_WIDTH = 46 }; /* columns */

struct options {
	struct where where;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DIR]", NULL},
	.about = "Test what this kernel and the filesystem of DIR (default: the "
		 "repository, or where\nit would be) support, and show what a mount "
		 "would use and what to change. Leaves\nnothing behind.",
	.status = "0 success, 1 failure, 2 wrong usage, 5 an image cannot be mounted "
		  "there",
	.example = (const char *const[]){"composefs doctor --repo=repo", NULL},
	.options = option_table,
};

/* --- the place
 * -------------------------------------------------------------------------- */

/* The place to test. */
struct place {
	char dir[CFS_REPO_PATH_MAX];
	char objects[CFS_REPO_PATH_MAX + 16];
	enum cfs_mount_verity verity;
	bool is_repo;
};

/* Returns the fs-verity mode of a mount: that of the repository, or of a new one. */
static enum cfs_mount_verity get_verity(const struct cfs_repo *repo, const char *dir)
{
	cfs_autofd int fd = repo ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool verity = repo ? cfs_repo_is_secure(repo)
			   : fd >= 0 && cfs_verity_is_supported(fd, NULL) == 1;

	return verity ? CFS_MOUNT_VERITY_REQUIRE : CFS_MOUNT_VERITY_NONE;
}

/* Fills in out with the directory to examine. A place that is no repository is fine
 * here: the answers say whether it could become one. */
static int find_checked_place(struct options *o, const char *dir, struct place *out,
			      struct cfs_err *err)
{
	struct cfs_repo *repo = NULL;
	const char *path = dir;
	int rc = dir ? 0 : where_find_path(&o->where, &path, err);

	if (rc < 0)
		return rc;
	if (snprintf(out->dir, sizeof(out->dir), "%s", path) >= (int)sizeof(out->dir))
		return cfs_fail(err, ENAMETOOLONG, "path is too long");
	/* A new repository would be on the filesystem of the first existing parent. */
	if (!dir && !o->where.repo)
		cfs_path_cut_missing(out->dir);
	strcpy(out->objects, out->dir);
	(void)!cfs_repo_open(out->dir, CFS_REPO_LOOK, &repo, err);
	out->verity = get_verity(repo, out->dir);
	if (!repo)
		return 0;
	out->is_repo = true;
	snprintf(out->objects, sizeof(out->objects), "%s/objects", out->dir);
	if (access(out->objects, F_OK) < 0)
		strcpy(out->objects, out->dir);
	cfs_repo_close(repo);
	return 0;
}

/* --- output
 * ----------------------------------------------------------------------------- */

static const char *state_name(enum cfs_doctor_state state)
{
	static const char *const names[] = {
		[CFS_DOCTOR_UNKNOWN] = "unknown",
		[CFS_DOCTOR_NO] = "no",
		[CFS_DOCTOR_OK] = "ok",
	};

	return names[state];
}

static void print_doctor_answer(const char *title, const struct cfs_doctor_answer *a)
{
	printf("%-8s %-*s", state_name(a->state), *a->detail ? TITLE_WIDTH : 0, title);
	cli_print(stdout, a->detail);
	putchar('\n');
	if (*a->advice) {
		fputs("         > ", stdout);
		cli_print(stdout, a->advice);
		putchar('\n');
	}
}

static void print_way_to_mount(const struct place *p, const struct cfs_doctor_mount *m)
{
	print_doctor_answer(p->is_repo ? "A mount of this repository" : "A mount here",
			    &m->answer);
	if (m->answer.state != CFS_DOCTOR_OK)
		return;
	printf("         image by %s, layers by %s, %s%s\n", m->image, m->overlay,
	       m->verity ? "contents checked by fs-verity" : "contents not checked",
	       m->nosuid ? ", nosuid,nodev" : "");
}

static void print_doctor_report(const struct place *p, const struct cfs_doctor_report *r)
{
	printf("Linux %s; ", r->kernel);
	cli_print(stdout, p->dir);
	fputs(": ", stdout);
	cli_print(stdout, *r->fs ? r->fs : "filesystem unknown");
	if (*r->device) {
		fputs(" on ", stdout);
		cli_print(stdout, r->device);
	}
	fputs("\n\n", stdout);
	for (enum cfs_doctor_question q = 0; q < CFS_DOCTOR_QUESTIONS; q++)
		print_doctor_answer(cfs_doctor_get_title(q), &r->answers[q]);
	putchar('\n');
	print_way_to_mount(p, &r->mount);
}

static void put_answer(struct json *j, const struct cfs_doctor_answer *a)
{
	json_put_string(j, "state", state_name(a->state));
	json_put_string(j, "detail", a->detail);
	json_put_string(j, "advice", a->advice);
}

static void put_doctor_mount(struct json *j, const struct cfs_doctor_mount *m)
{
	json_begin_object(j, "mount");
	put_answer(j, &m->answer);
	if (m->answer.state == CFS_DOCTOR_OK) {
		json_put_string(j, "image", m->image);
		json_put_string(j, "layers", m->overlay);
		json_put_bool(j, "verity", m->verity);
		json_put_bool(j, "nosuid", m->nosuid);
	}
	json_end(j);
}

/* The object of --json: one member for each question of cfs_doctor_get_key(), in a fixed
 * order. */
static void print_doctor_json(const struct place *p, const struct cfs_doctor_report *r)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "directory", p->dir);
	json_put_bool(&j, "is_repository", p->is_repo);
	json_put_string(&j, "kernel", r->kernel);
	json_put_string(&j, "filesystem", r->fs);
	json_put_string(&j, "device", r->device);
	json_begin_object(&j, "answers");
	for (enum cfs_doctor_question q = 0; q < CFS_DOCTOR_QUESTIONS; q++) {
		json_begin_object(&j, cfs_doctor_get_key(q));
		put_answer(&j, &r->answers[q]);
		json_end(&j);
	}
	json_end(&j);
	put_doctor_mount(&j, &r->mount);
	json_finish(&j);
}

int cmd_doctor(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 0, 1,
				   "expected one directory at most"),
	    rc;
	struct cfs_doctor_report report;
	struct place place = {0};
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = find_checked_place(&o, argv[optind], &place, &err);
	if (rc == 0)
		rc = cfs_doctor_examine(place.dir, place.objects, place.verity, &report,
					&err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	if (o.json)
		print_doctor_json(&place, &report);
	else
		print_doctor_report(&place, &report);
	return report.mount.answer.state == CFS_DOCTOR_NO ? STATUS_UNFIT : CLI_OK;
}
