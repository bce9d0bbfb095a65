/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mkcomposefs: make an image and objects from a directory or a dump. A drop-in for the tool of the same name: its options,
 * output and statuses are kept; mkcomposefs(1) lists the additions.
 */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dump/dump.h"
#include "erofs/erofs.h"
#include "source/source.h"
#include "cli/options.h"
#include "cli/profile_option.h"
#include "cli/remarks.h"
#include "cli/signals.h"
#include "cli/watch.h"
#include "verity/verity.h"
#include "cli/verbosity.h"

struct options {
	const char *name;  /* of the program */
	const char *image; /* NULL: write none */
	bool from_file;
	bool print_digest;
	bool digest_only;
	bool seal;
	bool min_given, max_given, inline_given;
	long long min_version, max_version;
	int inline_max;
	struct cfs_image_opts format;
	const struct cfs_profile *profile; /* NULL: the options set the rules */
	struct cfs_ingest in;
};

/* --- The command line --------------------------------------------------------------- */

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"from-file", NULL, AT(from_file),
	 "Read SOURCE as a dump, see composefs-dump(5); \"-\": standard input",
	 .group = "Source"},
	{"use-epoch", NULL, AT(in.scan.use_epoch), "Set all modification times to 0"},
	{"skip-xattrs", NULL, AT(in.scan.skip_xattrs),
	 "Leave out all extended attributes"},
	{"user-xattrs", NULL, AT(in.scan.user_xattrs),
	 "Leave out extended attributes other than \"user.*\""},
	{"skip-unshown-xattrs", NULL, AT(in.skip_unshown_xattrs),
	 "Leave out extended attributes that no mount shows"},
	{"skip-devices", NULL, AT(in.scan.skip_devices),
	 "Leave out block and character devices"},
	{"hardlinks", NULL, AT(in.scan.hardlinks),
	 "Keep hard links (default: a separate file for each name)"},
	{"one-file-system", NULL, AT(in.scan.one_file_system),
	 "Do not descend into other mounts"},
	{"inline-max", "N", AT(inline_max),
	 "Keep files of up to N bytes in the image (default 64)", CLI_NUMBER,
	 .max = CFS_CONTENT_MAX, CLI_GIVEN(struct options, inline_given)},
	{"digest-store", "DIR", AT(in.store), "Copy files into the object store DIR",
	 CLI_TEXT, .group = "Objects"},
	{"cache", "FILE", AT(in.cache),
	 "Skip files that did not change since the run that wrote FILE", CLI_TEXT},
	{"require-verity", NULL, AT(in.require_verity),
	 "Fail if DIR is on a filesystem without fs-verity"},
	{"print-digest", NULL, AT(print_digest),
	 "Print the fs-verity digest of the image", .group = "Image"},
	{"print-digest-only", NULL, AT(digest_only), "Print it and write no image"},
	{"seal", NULL, AT(seal),
	 "Enable fs-verity on IMAGE, for mount -o digest=, or fail"},
	{"min-version", "N", AT(min_version),
	 "Use at least format version N, 0 or 1 (default 0)", CLI_NUMBER,
	 .min = LLONG_MIN, CLI_GIVEN(struct options, min_given),
	 .invalid = "Invalid min version"},
	{"max-version", "N", AT(max_version), "Use at most format version N (default 1)",
	 CLI_NUMBER, .min = LLONG_MIN, CLI_GIVEN(struct options, max_given),
	 .invalid = "Invalid max version"},
	PROFILE_OPTION(struct options, profile),
	{"threads", "N", AT(in.scan.threads),
	 "Read files with N threads (default: one per CPU, at least 8)", CLI_NUMBER,
	 .min = 1, .max = UINT16_MAX, .invalid = "Invalid threads count",
	 .group = "Other"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE IMAGE",
				       "[OPTIONS] --print-digest-only SOURCE", NULL},
	.about = "Write the file tree SOURCE as a composefs image to IMAGE (\"-\": "
		 "standard "
		 "output).",
	.status = "0 done, 1 failed",
	.example =
		(const char *const[]){
			"mkcomposefs --digest-store=objects --print-digest "
			"/usr/share/doc doc.cfs",
			"mount -t composefs doc.cfs /mnt -o basedir=objects", NULL},
	.options = option_table,
	.is_program = true,
};

/* Stores the operands. Returns -1 to continue, or the exit status after a message in
 * the words of mkcomposefs 1.0.8. */
static int take_operands(struct options *o, char **operands, int n)
{
	if (n < 1)
		return cli_fail_usage(o->name, "No source path specified");
	if (n > 2 || (o->digest_only && n > 1))
		return cli_fail_usage(o->name, "Too many arguments");
	if (!o->digest_only && n < 2)
		return cli_fail_usage(o->name, "No destination path specified");
	o->in.source = operands[0];
	o->image = o->digest_only ? NULL : operands[1];
	if (!*o->in.source) {
		cli_print_message(o->name, "Empty source path specified");
		return CLI_FAILED;
	}
	if (o->seal && (!o->image || strcmp(o->image, "-") == 0)) {
		cli_print_message(o->name, "--seal: expected an image file");
		return CLI_FAILED;
	}
	if (o->image && strcmp(o->image, "-") == 0 && isatty(STDOUT_FILENO)) {
		cli_print_message(o->name,
				  "stdout is a terminal: name a file for the image, "
				  "or send the output into a file or pipe");
		return CLI_FAILED;
	}
	return -1;
}

/* Sets the rules of the profile. Options that it decides are refused. */
static int set_rules(struct options *o, struct cfs_err *err)
{
	const struct cfs_scan_opts *s = &o->in.scan;
	const struct profiled_option excluded[] = {
		{s->use_epoch, "--use-epoch"},
		{s->skip_xattrs, "--skip-xattrs"},
		{s->user_xattrs, "--user-xattrs"},
		{s->hardlinks, "--hardlinks"},
		{o->in.skip_unshown_xattrs, "--skip-unshown-xattrs"},
		{o->inline_given, "--inline-max"},
		{o->min_given, "--min-version"},
		{o->max_given, "--max-version"},
	};
	int rc = profiled_check(o->profile, excluded,
				sizeof(excluded) / sizeof(excluded[0]), err);

	if (rc < 0 || !o->profile)
		return rc;
	o->format = cfs_profile_get_image_opts(&o->profile->rules);
	profiled_set_scan(&o->profile->rules, &o->in.scan);
	return 0;
}

/* Versions out of range are refused by the writer. */
static uint32_t clamp_version(long long n)
{
	return n < 0 || n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* Converts values for the rooms. */
static void convert_values(struct options *o)
{
	o->format.min_version = clamp_version(o->min_version);
	o->format.max_version = clamp_version(o->max_version);
	/* As in mkcomposefs 1.0.8: the default range holds only as a pair. */
	if (!o->min_given && !o->max_given)
		o->format.max_version = CFS_IMAGE_VERSION_MAX;
	if (o->inline_given)
		o->in.scan.inline_max = o->inline_max ? o->inline_max : -1;
}

/* Parses the command line. Negative: continue; else exit with that status. */
static int parse_make_options(struct options *o, int argc, char **argv)
{
	int status = cli_parse(&syntax, o->name, argc, argv, o);
	struct cfs_err err;

	if (status >= 0)
		return status;
	o->print_digest |= o->digest_only;
	convert_values(o);
	if (set_rules(o, &err) < 0) {
		cli_print_message(o->name, "%s", err.msg);
		return CLI_FAILED;
	}
	return take_operands(o, argv + optind, argc - optind);
}

/* --- From the source to a tree ------------------------------------------------------ */

/* Reports a line that was ignored in part. There can be millions of them. */
static void print_line_warning(void *ctx, const char *msg)
{
	cfs_watch_warn_kind(ctx, "%s", msg);
}

/* Removes xattrs that no mount shows. The other scan options do not apply to a dump. */
static int drop_unshown_xattrs(const struct options *o, struct cfs_tree **tree,
			       struct cfs_err *err)
{
	const struct cfs_profile_rules rules = {
		.alg = (*tree)->alg,
		.links = CFS_LINKS_KEPT,
		.xattrs = CFS_XATTRS_SHOWN,
		.inline_max = CFS_INLINE_FOUND,
		.deletions = CFS_DELETIONS_LOST,
	};

	return profiled_apply(&rules, o->in.watch, tree, err);
}

/* A file of another kind fails at its first line. */
static int parse_dump_fd(const struct options *o, int fd,
			 const struct cfs_dump_opts *opts, struct cfs_tree **out,
			 struct cfs_err *err)
{
	int rc = cfs_dump_read_fd(fd, o->in.scan.alg, opts, out, err);
	const struct cfs_kind *kind = rc == -EINVAL ? cfs_kind_find_fd(fd) : NULL;

	return kind ? cfs_fail(err, EINVAL, "%s: expected a dump, got %s", opts->name,
			       kind->name)
		    : rc;
}

static int parse_dump(const struct options *o, struct cfs_dump_opts *opts,
		      struct cfs_tree **out, struct cfs_err *err)
{
	bool is_stdin = strcmp(o->in.source, "-") == 0;
	cfs_autofd int fd = -1;

	opts->name = is_stdin ? "standard input" : o->in.source;
	if (is_stdin)
		return parse_dump_fd(o, STDIN_FILENO, opts, out, err);
	fd = cfs_input_open(AT_FDCWD, o->in.source, CFS_INPUT_PIPE, err);
	if (fd < 0)
		return cfs_context(err, fd, "%s", o->in.source);
	return parse_dump_fd(o, fd, opts, out, err);
}

static int read_dump(const struct options *o, struct cfs_tree **out, struct cfs_err *err)
{
	struct cfs_watch_kind ignored = {.watch = o->in.watch};
	const struct cfs_watch watch = {.warning = print_line_warning,
					.ctx = &ignored,
					.cancelled = o->in.watch->cancelled};
	struct cfs_dump_opts opts = {
		.strict = getenv("CFS_PARSE_STRICT") != NULL,
		.watch = &watch,
	};
	int rc = parse_dump(o, &opts, out, err);

	cfs_watch_end_kind(&ignored, "such lines");
	if (rc == 0 && o->in.skip_unshown_xattrs)
		rc = drop_unshown_xattrs(o, out, err);
	return rc;
}

/* --- From the tree to an image ------------------------------------------------------ */

/* Enables fs-verity and checks that the kernel computes the same digest. The lock of
 * cfs_replace was lost with the old descriptor, so it is taken again. */
static int seal_output_file(struct cfs_replace *file, const struct cfs_digest *want,
			    struct cfs_err *err)
{
	char want_hex[CFS_DIGEST_HEX_MAX], got_hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest got;
	int rc = cfs_verity_seal(&file->fd, want->alg, err);

	(void)flock(file->fd, LOCK_EX | LOCK_NB);
	if (rc == 0)
		rc = cfs_verity_measure(file->fd, &got, err);
	if (rc < 0 || cfs_digest_eq(want, &got))
		return rc;
	return cfs_fail(err, EILSEQ, "expected the fs-verity digest %s, got %s",
			cfs_digest_hex(want, want_hex), cfs_digest_hex(&got, got_hex));
}

/* Standard output has only the digest, for scripts that read it; the profile goes to standard error. */
static int print_digest(const struct options *o, const struct cfs_digest *digest,
			struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];

	if (o->profile)
		cli_print_note(o->name, "profile %s", o->profile->name);
	puts(cfs_digest_hex(digest, hex));
	return cli_flush(err);
}

/* Writes the image to the file or to standard output, seals it and prints the digest,
 * in this order. The caller drops file after an error. */
static int write_output_image(const struct options *o, const struct cfs_tree *tree,
			      struct cfs_replace *file, struct cfs_err *err)
{
	bool is_stdout = o->image && strcmp(o->image, "-") == 0;
	struct cfs_digest digest, *wanted = o->print_digest || o->seal ? &digest : NULL;
	const struct cfs_image_write how = {
		.form = o->format, .digest = wanted, .watch = o->in.watch};
	const struct cfs_watched_fd to = {is_stdout ? STDOUT_FILENO : file->fd,
					  o->in.watch};
	int rc = cfs_image_write(
		tree, &how, o->image ? cfs_sink_watched_fd(&to) : (struct cfs_sink){0},
		err);

	if (rc == 0 && o->seal)
		rc = seal_output_file(file, &digest, err);
	/* Print before the image is published: a run that fails leaves none behind. */
	if (rc == 0 && o->print_digest)
		rc = print_digest(o, &digest, err);
	if (rc == 0 && file->fd >= 0)
		rc = cfs_replace_commit(file, err);
	return rc;
}

static int read_directory(const struct options *o, const struct cfs_replace *file,
			  struct cfs_tree **out, struct cfs_err *err)
{
	struct cfs_ingest in = o->in;
	int rc = cfs_own_places_add_file(&in.own, file, "the image", err);

	if (rc == 0)
		rc = cfs_own_places_add_std(&in.own, err);
	return rc < 0 ? rc : cfs_ingest_directory(&in, out, err);
}

/* Opens the output first, so that an error is reported before a large directory is
 * read. This happens before the watch starts, because open(2) waits for the reader of
 * a FIFO. */
static int open_image_output(const struct options *o, struct cfs_replace *out,
			     struct cfs_err *err)
{
	*out = (struct cfs_replace){.fd = -1, .dirfd = -1};
	if (!o->image || strcmp(o->image, "-") == 0)
		return 0;
	return cfs_context(err, cfs_replace_open(o->image, out, err), "cannot write %s",
			   o->image);
}

static int make_output_image(const struct options *o, struct cfs_replace *file,
			     struct cfs_err *err)
{
	struct cfs_tree *tree = NULL;
	int rc = o->from_file ? read_dump(o, &tree, err)
			      : read_directory(o, file, &tree, err);

	if (rc == 0 && o->profile)
		rc = profiled_apply(&o->profile->rules, o->in.watch, &tree, err);
	if (rc == 0)
		rc = remarks_print_warnings(o->in.watch, tree, err);
	if (rc == 0)
		rc = cfs_context(err, write_output_image(o, tree, file, err),
				 "cannot write %s", o->image ? o->image : "image");
	cfs_tree_free(tree);
	cfs_replace_abort(file);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {.name = cli_program_name(argv[0]), .in.scan.alg = CFS_SHA256};
	struct cfs_replace file;
	struct cli_watch watch;
	struct cfs_err err;
	int status, rc;

	if (!cli_begin(o.name))
		return CLI_FAILED;
	if (cli_print_version(o.name, argc, argv))
		return cli_end(o.name, CLI_OK);
	status = parse_make_options(&o, argc, argv);
	if (status >= 0)
		return status;
	rc = open_image_output(&o, &file, &err);
	if (rc == 0) {
		cli_watch_start(&watch, o.name);
		o.in.watch = &watch.watch;
		rc = make_output_image(&o, &file, &err);
		cli_watch_end(&watch);
	}
	if (rc == 0)
		return CLI_OK;
	cli_print_message(o.name, "%s", err.msg);
	return cli_signal_get_status() ? cli_signal_get_status() : CLI_FAILED;
}
