/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs fsck IMAGE: check the structure of an image file and the objects that it references.
 * The exit status distinguishes damaged, missing and unreadable.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/composefs.h"
#include "fsck/fsck.h"

struct options {
	bool canonical, json, isolated, no_isolated;
	const char *objects; /* directory; NULL: do not check objects */
	const char *kernel;  /* a version; NULL: any */
};

static const struct cli_option option_table[] = {
	{"canonical", NULL, CLI_AT(struct options, canonical),
	 "Require exactly the bytes that mkcomposefs makes of the content",
	 .group = "Options"},
	{"objects", "DIR", CLI_AT(struct options, objects),
	 "Check existence, size and digest of each object in DIR", CLI_TEXT},
	{"kernel", "VERSION", CLI_AT(struct options, kernel),
	 "Report what Linux VERSION, such as 5.14, mishandles", CLI_TEXT},
	{"isolated", NULL, CLI_AT(struct options, isolated),
	 "Parse in a sandbox (default for root and a file of another owner)"},
	{"no-isolated", NULL, CLI_AT(struct options, no_isolated),
	 "Parse in this process"},
	{"json", NULL, CLI_AT(struct options, json),
	 "Print all findings as one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Check the structure of an image: each byte must belong to a known "
		 "structure.",
	.status = "0 sound, 1 read error, 2 usage error, 3 damaged, 4 objects missing,\n"
		  "5 sound, but mishandled by every kernel, or by that of --kernel",
	.example =
		(const char *const[]){
			"composefs fsck --canonical --objects=objects image.cfs", NULL},
	.options = option_table,
};

struct fsck {
	const char *name; /* of the program */
	const struct options *o;
	const char *image;
	bool is_open, isolated, landlock;
	uint32_t kernel; /* of o->kernel */
	struct cfs_fsck_answer found;
	const struct cfs_watch *watch;
	size_t n_missing, n_damaged, n_unread; /* objects */
	bool is_exposed;		       /* the directory of the objects */
	unsigned mode;			       /* of it */
};

/* --- Checks -------------------------------------------------------------------------- */

static void count_faults(struct fsck *f)
{
	for (size_t i = 0; i < f->found.objects.n; i++) {
		int code = f->found.objects.v[i].code;

		f->n_missing += code == -ENOENT;
		f->n_damaged += code == -EUCLEAN;
		f->n_unread += code != 0 && code != -ENOENT && code != -EUCLEAN;
	}
}

/* Checks the objects of an image in the directory of --objects, and whether others can
 * read that directory. */
static int check_image_objects(struct fsck *f, struct cfs_err *err)
{
	cfs_autofd int dirfd = open(f->o->objects, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return cfs_fail_errno(err, "%s", f->o->objects);
	f->found.objects.watch = f->watch;
	rc = cfs_fsck_objects_check(&f->found.objects, dirfd, err);
	if (rc == 0) {
		count_faults(f);
		rc = cfs_path_is_store_exposed(dirfd, &f->mode, err);
		f->is_exposed = rc > 0;
		rc = rc < 0 && rc != -ENOENT ? rc : 0;
	}
	return cfs_context(err, rc, "%s", f->o->objects);
}

static int check_mapped_image(struct fsck *f, struct cfs_span bytes, struct cfs_err *err)
{
	const struct cfs_fsck_question q = {.image = bytes,
					    .canonical = f->o->canonical,
					    .objects = f->o->objects != NULL,
					    .watch = f->watch};

	if (!f->isolated)
		return cfs_fsck_check_image(&q, &f->found, err);
	return cfs_fsck_check_image_isolated(&q, &f->found, &f->landlock, err);
}

/* Root parses the file of another user in a sandbox: a fault in the parser would give that user root's rights. */
static int decide_isolation(struct fsck *f, int fd, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	f->isolated = f->o->isolated ||
		      (!f->o->no_isolated && geteuid() == 0 && st.st_uid != 0);
	return 0;
}

static int check_mapped(struct fsck *f, struct cfs_span bytes, struct cfs_err *err)
{
	struct cli_watch watch;
	int rc;

	cli_watch_start(&watch, f->name);
	f->watch = &watch.watch;
	rc = cfs_context(err, check_mapped_image(f, bytes, err), "%s", f->image);
	if (rc == 0 && f->o->objects)
		rc = check_image_objects(f, err);
	return cli_watch_end_reading(&watch, rc, err);
}

static int run_image_checks(struct fsck *f, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, f->image, CFS_INPUT_PIPE, err);
	struct cfs_map map = {0};
	int rc;

	if (fd < 0)
		return cfs_context(err, fd, "%s", f->image);
	f->is_open = true;
	rc = decide_isolation(f, fd, err);
	if (rc == 0)
		rc = cfs_image_map(fd, f->isolated ? cfs_map_fd : cfs_map_stable, &map,
				   err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", f->image);
	rc = check_mapped(f, map.span, err);
	cfs_map_close(&map);
	return rc;
}

/* --- Status -------------------------------------------------------------------------- */

/* Does the kernel of --kernel, or without it every kernel, mishandle something in the image? */
static bool is_hit(const struct fsck *f, size_t rule)
{
	const struct cfs_kernel_rule *r = &cfs_kernel_rules[rule];

	return f->found.kernel[rule].n &&
	       (f->o->kernel ? cfs_kernel_rule_hits(r, f->kernel)
			     : cfs_kernel_rule_hits_all(r));
}

static bool has_hits(const struct fsck *f)
{
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (is_hit(f, i))
			return true;
	return false;
}

static bool is_unfit(const struct fsck *f)
{
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (is_hit(f, i) && cfs_kernel_rules[i].effect != CFS_KERNEL_COPES)
			return true;
	return false;
}

/* -EINVAL: the file is not an image; if none was opened, it is no file that could be one, such as a FIFO. */
static int status_of(const struct fsck *f, int rc)
{
	if (rc == -EUCLEAN || (rc == -EINVAL && f->is_open))
		return STATUS_DAMAGED;
	if (rc < 0)
		return CLI_FAILED;
	if (f->n_damaged)
		return STATUS_DAMAGED;
	if (f->n_missing)
		return STATUS_MISSING;
	if (f->n_unread)
		return CLI_FAILED;
	return is_unfit(f) ? STATUS_UNFIT : CLI_OK;
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
	case STATUS_UNFIT:
		return "unfit";
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

static void format_exposure(const struct fsck *f, char out[CFS_ERR_MAX])
{
	snprintf(out, CFS_ERR_MAX,
		 "others can read every object, also those of files that are private in "
		 "an image: expected mode 0700, got %04o (chmod 0700 %s)",
		 f->mode, f->o->objects);
}

static void print_exposure(const struct fsck *f)
{
	char text[CFS_ERR_MAX];

	if (!f->is_exposed)
		return;
	format_exposure(f, text);
	cli_print_message(f->name, "remark: %s: objects-exposed: %s", f->o->objects,
			  text);
}

/* --- Text ---------------------------------------------------------------------------- */

static void print_kernel_findings(const struct fsck *f)
{
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++) {
		const struct cfs_kernel_rule *rule = &cfs_kernel_rules[i];

		if (is_hit(f, i))
			cli_print_message(
				f->name,
				"%s: Linux%s%s %s (%s: %" PRIu64 " %s, the first is %s)",
				rule->effect == CFS_KERNEL_COPES ? "note" : "warning",
				f->o->kernel ? " " : "", f->o->kernel ? f->o->kernel : "",
				rule->wrong, rule->name, f->found.kernel[i].n,
				cfs_plural(f->found.kernel[i].n, "inode", "inodes"),
				f->found.kernel[i].first);
	}
}

static void print_object_counts(const struct fsck *f)
{
	for (size_t i = 0; i < f->found.objects.n; i++) {
		const struct cfs_fsck_object *o = &f->found.objects.v[i];
		char more[40] = "";

		if (o->code == 0)
			continue;
		if (o->n_users > 1)
			snprintf(more, sizeof(more), " and %" PRIu64 " more",
				 o->n_users - 1);
		cli_print_message(f->name, "object %s: %s: used by %s%s", o->path,
				  o->fault, o->user, more);
	}
}

/* Prints the findings and a last line with the status. After a failure only its
 * message appears: half a report could look like a good image. */
static void print_fsck_report(const struct fsck *f, int rc, const struct cfs_err *err,
			      int status)
{
	if (rc < 0) {
		cli_print_message(f->name, "%s", err->msg);
		return;
	}
	print_object_counts(f);
	print_kernel_findings(f);
	print_exposure(f);
	if (status == CLI_OK && cli_is_quiet())
		return;
	cli_print(stdout, f->image);
	printf(": %s", status_name(status));
	if (f->o->objects)
		printf(", %zu %s: %zu damaged, %zu missing, %zu unreadable",
		       f->found.objects.n,
		       cfs_plural(f->found.objects.n, "object", "objects"), f->n_damaged,
		       f->n_missing, f->n_unread);
	if (f->isolated && !f->landlock)
		printf(" (isolated by seccomp alone: this kernel has no Landlock)");
	putchar('\n');
}

/* --- JSON ---------------------------------------------------------------------------- */

static void put_version(struct json *j, const char *key, uint32_t version)
{
	char text[32];

	snprintf(text, sizeof(text), "%u.%u", version >> 16, version & UINT16_MAX);
	json_put_string(j, key, text);
}

static void print_json_rule(struct json *j, const struct cfs_kernel_rule *rule,
			    const struct cfs_kernel_finding *found)
{
	static const char *const effects[] = {[CFS_KERNEL_REFUSES] = "refuses",
					      [CFS_KERNEL_MISLEADS] = "misleads",
					      [CFS_KERNEL_COPES] = "copes"};

	json_begin_object(j, NULL);
	json_put_string(j, "rule", rule->name);
	json_put_string(j, "effect", effects[rule->effect]);
	put_version(j, "from", rule->from);
	if (rule->fixed != CFS_KERNEL_NEVER)
		put_version(j, "fixed", rule->fixed);
	json_put_uint(j, "inodes", found->n);
	json_put_string(j, "first", found->first);
	json_put_string(j, "reason", rule->wrong);
	json_end(j);
}

static void print_json_kernel(struct json *j, const struct fsck *f)
{
	json_begin_object(j, "kernel");
	if (f->o->kernel)
		json_put_string(j, "version", f->o->kernel);
	else
		json_put_null(j, "version");
	json_begin_array(j, "findings");
	for (size_t i = 0; i < CFS_KERNEL_N_RULES; i++)
		if (is_hit(f, i))
			print_json_rule(j, &cfs_kernel_rules[i], &f->found.kernel[i]);
	json_end(j);
	json_end(j);
}

static void print_json_objects(struct json *j, const struct fsck *f)
{
	for (size_t i = 0; i < f->found.objects.n; i++) {
		const struct cfs_fsck_object *o = &f->found.objects.v[i];

		if (o->code == 0)
			continue;
		json_begin_object(j, NULL);
		json_put_text(j, "backing_path", (struct cfs_text){o->path, o->path_len});
		json_put_string(j, "reason", o->fault);
		json_put_text(j, "path", (struct cfs_text){o->user, o->user_len});
		json_put_uint(j, "files", o->n_users);
		json_end(j);
	}
}

static void print_json_remarks(struct json *j, const struct fsck *f)
{
	char text[CFS_ERR_MAX];

	json_begin_array(j, "remarks");
	if (f->is_exposed) {
		format_exposure(f, text);
		json_begin_object(j, NULL);
		json_put_string(j, "type", "objects-exposed");
		json_put_string(j, "path", f->o->objects);
		json_put_string(j, "detail", text);
		json_end(j);
	}
	json_end(j);
}

/* The object of --json, also after a failure, which "error" describes: a program that
 * reads it needs no second format. */
static void print_fsck_json(const struct fsck *f, int rc, const struct cfs_err *err,
			    int status)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "image", f->image);
	json_put_string(&j, "status", status_name(status));
	json_put_string(&j, "isolation", isolation_name(f));
	if (rc < 0)
		json_put_string(&j, "error", err->msg);
	if (rc == 0 && (f->o->kernel || has_hits(f)))
		print_json_kernel(&j, f);
	if (f->o->objects) {
		json_put_uint(&j, "objects", f->found.objects.n);
		json_put_uint(&j, "objects_damaged", f->n_damaged);
		json_put_uint(&j, "objects_missing", f->n_missing);
		json_put_uint(&j, "objects_unreadable", f->n_unread);
	}
	json_begin_array(&j, "findings");
	if (rc == 0)
		print_json_objects(&j, f);
	json_end(&j);
	print_json_remarks(&j, f);
	json_finish(&j);
}

/* --- The command --------------------------------------------------------------------- */

static int check_usage(const struct options *o, int n_operands, uint32_t *kernel,
		       struct cfs_err *err)
{
	if (n_operands != 1)
		return cfs_fail(err, EINVAL, "expected one image");
	if (o->isolated && o->no_isolated)
		return cfs_fail(err, EINVAL,
				"--isolated and --no-isolated exclude each other");
	return o->kernel ? cfs_kernel_parse(o->kernel, kernel, err) : 0;
}

int cmd_fsck(int argc, char **argv)
{
	struct options o = {0};
	struct fsck f = {.name = argv[0], .o = &o};
	int status = cli_parse(&syntax, argv[0], argc, argv, &o), rc;
	struct cfs_err err;

	if (status >= 0)
		return status == CLI_OK ? CLI_OK : CLI_USAGE;
	rc = check_usage(&o, argc - optind, &f.kernel, &err);
	if (rc < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		return CLI_USAGE;
	}
	f.image = argv[optind];
	rc = run_image_checks(&f, &err);
	status = status_of(&f, rc);
	if (o.json)
		print_fsck_json(&f, rc, &err, status);
	else
		print_fsck_report(&f, rc, &err, status);
	cfs_fsck_objects_fini(&f.found.objects);
	return status;
}
