/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs fsck: is an image sound, is it exactly what the writer makes, are its objects there and right?
 * The exit status tells damaged from missing from unreadable.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "composefs.h"
#include "fsck_image.h"

struct options {
	bool canonical, json, isolated, no_isolated;
	const char *objects; /* directory; NULL: objects are not looked at */
};

static const struct cli_option option_table[] = {
	{.help = "Options:"},
	{"canonical", NULL, offsetof(struct options, canonical), NULL,
	 "The image must be, byte for byte, what mkcomposefs makes of its content"},
	{"objects", "DIR", offsetof(struct options, objects), NULL,
	 "Look at each object in DIR: is it there, its size, its digest"},
	{"isolated", NULL, offsetof(struct options, isolated), NULL,
	 "Parse in a jail (default for root and a file of another owner)"},
	{"no-isolated", NULL, offsetof(struct options, no_isolated), NULL,
	 "Parse in this process"},
	{"json", NULL, offsetof(struct options, json), NULL,
	 "Print one JSON object that tells all that was found"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Checks the structure of an image: each byte must have its place.\n"
		 "Status: 0 sound, 1 could not be read, 2 wrong usage, 3 damaged, 4 "
		 "objects missing.",
	.example =
		(const char *const[]){
			"composefs fsck --canonical --objects=objects image.cfs", NULL},
	.options = option_table,
};

struct fsck {
	const char *name; /* of the program */
	const struct options *o;
	const char *image;
	bool isolated, landlock;
	struct fsck_objects objects;
	size_t n_missing, n_damaged, n_unread; /* objects */
	struct cli_progress progress;
};

/* --- the checks -------------------------------------------------------------------------- */

static void show_progress(void *ctx, size_t done, size_t all)
{
	cli_progress_show(ctx, "%zu of %zu objects", done, all);
}

static int check_objects(struct fsck *f, struct cfs_err *err)
{
	cfs_autofd int dirfd = open(f->o->objects, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return cfs_fail_errno(err, "%s", f->o->objects);
	f->objects.progress = show_progress;
	f->objects.progress_ctx = &f->progress;
	cli_progress_start(&f->progress, f->name);
	rc = fsck_objects_check(&f->objects, dirfd, err);
	cli_progress_end(&f->progress);
	for (size_t i = 0; rc == 0 && i < f->objects.n; i++) {
		int code = f->objects.v[i].code;

		f->n_missing += code == -ENOENT;
		f->n_damaged += code == -EUCLEAN;
		f->n_unread += code != 0 && code != -ENOENT && code != -EUCLEAN;
	}
	return rc;
}

static int check_image(struct fsck *f, struct cfs_span bytes, struct cfs_err *err)
{
	const struct fsck_question q = {.image = bytes,
					.canonical = f->o->canonical,
					.objects = f->o->objects != NULL};

	if (!f->isolated)
		return fsck_image_ask(&q, &f->objects, err);
	return fsck_image_ask_isolated(&q, &f->objects, &f->landlock, err);
}

/* What a file's owner could do to root, a stranger's image could do too. */
static int decide_isolation(struct fsck *f, int fd, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	f->isolated = f->o->isolated ||
		      (!f->o->no_isolated && geteuid() == 0 && st.st_uid != 0);
	return 0;
}

static int run(struct fsck *f, struct cfs_err *err)
{
	cfs_autofd int fd = open(f->image, O_RDONLY | O_CLOEXEC);
	struct cfs_map map = {0};
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "%s", f->image);
	rc = decide_isolation(f, fd, err);
	if (rc == 0)
		rc = cfs_map_fd(fd, &map, err);
	if (rc == 0) {
		rc = check_image(f, map.span, err);
		cfs_map_close(&map);
	}
	rc = cfs_context(err, rc, "%s", f->image);
	if (rc == 0 && f->o->objects)
		rc = check_objects(f, err);
	return rc;
}

/* --- what is said ------------------------------------------------------------------------ */

/* -EINVAL is what is no image at all. */
static int status_of(const struct fsck *f, int rc)
{
	if (rc == -EUCLEAN || rc == -EINVAL)
		return STATUS_DAMAGED;
	if (rc < 0)
		return CLI_FAILED;
	if (f->n_damaged)
		return STATUS_DAMAGED;
	if (f->n_missing)
		return STATUS_MISSING;
	return f->n_unread ? CLI_FAILED : CLI_OK;
}

static const char *status_name(int status)
{
	switch (status) {
	case CLI_OK:
		return "sound";
	case STATUS_DAMAGED:
		return "damaged";
	case STATUS_MISSING:
		return "missing";
	default:
		return "unreadable";
	}
}

static const char *isolation_name(const struct fsck *f)
{
	if (!f->isolated)
		return "none";
	return f->landlock ? "seccomp and Landlock" : "seccomp";
}

static void say(const struct fsck *f, int rc, const struct cfs_err *err, int status)
{
	if (rc < 0) {
		cli_say(f->name, "%s", err->msg);
		return;
	}
	for (size_t i = 0; i < f->objects.n; i++)
		if (f->objects.v[i].code < 0)
			cli_say(f->name, "object %s: %s", f->objects.v[i].path,
				f->objects.v[i].wrong);
	printf("%s: %s", f->image, status_name(status));
	if (f->o->objects)
		printf(", %zu objects: %zu damaged, %zu missing, %zu unreadable",
		       f->objects.n, f->n_damaged, f->n_missing, f->n_unread);
	if (f->isolated && !f->landlock)
		printf(" (isolated by seccomp alone: this kernel has no Landlock)");
	putchar('\n');
}

static void say_json(const struct fsck *f, int rc, const struct cfs_err *err, int status)
{
	const char *separator = "";

	fputs("{\"image\":", stdout);
	json_text(stdout, f->image, strlen(f->image));
	printf(",\"status\":\"%s\",\"isolation\":\"%s\"", status_name(status),
	       isolation_name(f));
	if (rc < 0) {
		fputs(",\"error\":", stdout);
		json_text(stdout, err->msg, strlen(err->msg));
	}
	if (f->o->objects)
		printf(",\"objects\":%zu,\"damaged\":%zu,\"missing\":%zu,\"unreadable\":%"
		       "zu",
		       f->objects.n, f->n_damaged, f->n_missing, f->n_unread);
	fputs(",\"findings\":[", stdout);
	for (size_t i = 0; rc == 0 && i < f->objects.n; i++) {
		const struct fsck_object *w = &f->objects.v[i];

		if (w->code == 0)
			continue;
		printf("%s{\"object\":", separator);
		json_text(stdout, w->path, w->path_len);
		fputs(",\"wrong\":", stdout);
		json_text(stdout, w->wrong, strlen(w->wrong));
		putchar('}');
		separator = ",";
	}
	fputs("]}\n", stdout);
}

int cmd_fsck(int argc, char **argv)
{
	struct options o = {0};
	struct fsck f = {.name = argv[0], .o = &o};
	int status = cli_parse(&syntax, argv[0], argc, argv, &o), rc;
	struct cfs_err err;

	if (status >= 0)
		return status == CLI_OK ? CLI_OK : CLI_USAGE;
	if (argc - optind != 1) {
		cli_misused(&syntax, argv[0], "want one image");
		return CLI_USAGE;
	}
	if (o.isolated && o.no_isolated) {
		cli_misused(&syntax, argv[0],
			    "want --isolated or --no-isolated, not both");
		return CLI_USAGE;
	}
	f.image = argv[optind];
	rc = run(&f, &err);
	status = status_of(&f, rc);
	if (o.json)
		say_json(&f, rc, &err, status);
	else
		say(&f, rc, &err, status);
	fsck_objects_fini(&f.objects);
	return status;
}
