/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-info: list the content of images, which are read in place. A drop-in for the tool of the same name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "dump/dump.h"
#include "erofs/erofs.h"
#include "source/source.h"
#include "cli/list.h"
#include "verity/measure.h"
#include "programs/info_paths.h"
#include "cli/options.h"

enum { OUT_LEN = 256 * 1024 };

struct options {
	const char *name; /* of the program */
	const char *basedir;
	struct cfs_text *filters;
	size_t n_filters;
	struct cli_list filter_names;
	char **operands; /* images, or files */
	size_t n_operands;
};

/* Runs a command once for all operands. */
typedef int (*command_fn)(const struct options *o, struct cfs_out *out,
			  struct cfs_err *err);

/* --- Images ------------------------------------------------------------------------- */

/* Called for each entry that the filters select. */
typedef int (*entry_fn)(void *ctx, const struct cfs_image *im,
			const struct cfs_walk_entry *e, struct cfs_err *err);

/* Calls fn for each entry that the filters select. Errors have the prefix of
 * composefs-info 1.0.8, which scripts compare. */
static int for_each_entry(const struct options *o, const char *path,
			  const struct cfs_image *im, bool first_names, entry_fn fn,
			  void *ctx, struct cfs_err *err)
{
	struct cfs_walk_opts opts = {
		.names = o->filters, .n_names = o->n_filters, .first_names = first_names};
	const struct cfs_walk_entry *e;
	struct cfs_walk *walk;
	int rc = cfs_walk_new(im, &opts, &walk, err);

	if (rc < 0)
		return cfs_context(err, rc, "Failed to load %s", path);
	while ((rc = cfs_walk_next(walk, &e, err)) > 0) {
		rc = fn(ctx, im, e, err);
		if (rc < 0)
			break;
	}
	cfs_walk_free(walk);
	return cfs_context(err, rc, "Failed to load %s", path);
}

/* Calls fn for each entry of each image. */
static int for_each_image_entry(const struct options *o, bool first_names, entry_fn fn,
				void *ctx, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->n_operands; i++) {
		struct cfs_image im;
		struct cfs_map map;

		rc = cfs_source_open_image(o->operands[i], &map, &im, err);
		if (rc < 0)
			return rc;
		rc = for_each_entry(o, o->operands[i], &im, first_names, fn, ctx, err);
		cfs_map_close(&map);
	}
	return rc;
}

/* --- ls ---------------------------------------------------------------------------------- */

static int list_entry(void *ctx, const struct cfs_image *im,
		      const struct cfs_walk_entry *e, struct cfs_err *err)
{
	return e->depth == 0 ? 0
			     : list_put_line(ctx, im, e->path, &e->inode, e->again, err);
}

static int cmd_ls(const struct options *o, struct cfs_out *out, struct cfs_err *err)
{
	return for_each_image_entry(o, false, list_entry, out, err);
}

/* --- dump -------------------------------------------------------------------------------- */

struct dumper {
	struct cfs_out *out;
	struct cfs_spec_room room;
};

static int dump_entry(void *ctx, const struct cfs_image *im,
		      const struct cfs_walk_entry *e, struct cfs_err *err)
{
	struct dumper *d = ctx;
	struct cfs_inode_spec spec;
	struct cfs_dump_entry line = {.path = e->path, .link = e->first, .inode = &spec};
	int rc = cfs_image_read_spec(im, &e->inode, &d->room, &spec, err);

	if (rc < 0)
		return rc;
	line.alg = d->room.alg;
	cfs_dump_put(d->out, &line);
	return 0;
}

static int cmd_dump(const struct options *o, struct cfs_out *out, struct cfs_err *err)
{
	struct dumper d = {.out = out};
	int rc = for_each_image_entry(o, true, dump_entry, &d, err);

	cfs_spec_room_fini(&d.room);
	return rc;
}

/* --- objects ----------------------------------------------------------------------------- */

static int collect_entry(void *ctx, const struct cfs_image *im,
			 const struct cfs_walk_entry *e, struct cfs_err *err)
{
	struct cfs_text backing;
	int rc;

	if (!S_ISREG(e->inode.mode) || e->again)
		return 0;
	rc = cfs_image_read_backing(im, &e->inode, &backing, err);
	if (rc < 0 || backing.len == 0)
		return rc;
	return objects_add(ctx, backing, err);
}

/* Calls fn with the backing paths of all images, sorted, each once. They borrow from the images, which stay mapped until
 * fn returns. */
static int call_with_objects(const struct options *o, struct cfs_err *err,
			     int (*fn)(const struct options *o,
				       const struct objects *list, struct cfs_out *out,
				       struct cfs_err *err),
			     struct cfs_out *out)
{
	struct cfs_map *maps = calloc(o->n_operands, sizeof(*maps));
	struct objects list = {0};
	size_t n = 0;
	int rc = maps ? 0 : cfs_fail(err, ENOMEM, "out of memory");

	while (rc == 0 && n < o->n_operands) {
		struct cfs_image im;

		rc = cfs_source_open_image(o->operands[n], &maps[n], &im, err);
		if (rc == 0)
			rc = for_each_entry(o, o->operands[n++], &im, false,
					    collect_entry, &list, err);
	}
	if (rc == 0)
		rc = objects_sort(&list, err);
	if (rc == 0)
		rc = fn(o, &list, out, err);
	objects_fini(&list);
	while (n)
		cfs_map_close(&maps[--n]);
	free(maps);
	return rc;
}

static int print_object_list(const struct options *o, const struct objects *list,
			     struct cfs_out *out, struct cfs_err *err)
{
	(void)o, (void)err;
	for (size_t i = 0; i < list->n; i++) {
		cfs_out_text(out, objects_get(list, i));
		cfs_out_char(out, '\n');
	}
	return 0;
}

static int cmd_objects(const struct options *o, struct cfs_out *out, struct cfs_err *err)
{
	return call_with_objects(o, err, print_object_list, out);
}

/* Returns 1 if the path exists below the directory, 0 if not, or -errno. Leading slashes
 * are ignored. Paths that leave the directory or contain symbolic links count as missing,
 * because overlayfs does not follow them either. */
static int object_exists(int dirfd, struct cfs_text path, struct cfs_err *err)
{
	char buf[CFS_PAYLOAD_MAX + 1];
	struct stat st;
	int rc;

	while (path.len && *path.s == '/') {
		path.s++;
		path.len--;
	}
	if (path.len > CFS_PAYLOAD_MAX || cfs_path_leaves(path))
		return 0;
	memcpy(buf, path.s, path.len);
	buf[path.len] = '\0';
	rc = cfs_beneath_stat(dirfd, buf, &st);
	if (rc == 0)
		return !S_ISLNK(st.st_mode);
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -ENAMETOOLONG)
		return 0;
	return cfs_beneath_fail(rc, buf, err);
}

/* Prints the objects that basedir lacks, or all without basedir. An error other than
 * "absent" fails: the object might exist. */
static int print_missing(const struct options *o, const struct objects *list,
			 struct cfs_out *out, struct cfs_err *err)
{
	cfs_autofd int dirfd = -1;

	if (o->basedir) {
		dirfd = open(o->basedir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dirfd < 0)
			return cfs_fail_errno(err, "Failed to open basedir %s",
					      o->basedir);
	}
	for (size_t i = 0; i < list->n; i++) {
		int exists =
			dirfd < 0 ? 0 : object_exists(dirfd, objects_get(list, i), err);

		if (exists < 0)
			return exists;
		if (exists)
			continue;
		cfs_out_text(out, objects_get(list, i));
		cfs_out_char(out, '\n');
	}
	return 0;
}

static int cmd_missing_objects(const struct options *o, struct cfs_out *out,
			       struct cfs_err *err)
{
	return call_with_objects(o, err, print_missing, out);
}

/* --- measure-file ------------------------------------------------------------------------ */

static int cmd_measure_file(const struct options *o, struct cfs_out *out,
			    struct cfs_err *err)
{
	return cfs_verity_measure_files(o->operands, o->n_operands, NULL, out, err);
}

/* --- The command line --------------------------------------------------------------- */

static const struct command {
	const char *name;
	command_fn run;
} commands[] = {
	{"ls", cmd_ls},
	{"dump", cmd_dump},
	{"objects", cmd_objects},
	{"missing-objects", cmd_missing_objects},
	{"measure-file", cmd_measure_file},
};

/* Converts the names of --filter for the walk. */
static int make_filters(struct options *o)
{
	o->filters = calloc(o->filter_names.n + 1, sizeof(*o->filters));
	if (!o->filters) {
		cli_print_message(o->name, "out of memory");
		return CLI_FAILED;
	}
	for (size_t i = 0; i < o->filter_names.n; i++) {
		if (strchr(o->filter_names.v[i], '/'))
			return cli_fail_usage(
				o->name,
				"--filter: expected the name of an entry of the "
				"root, without \"/\", got \"%s\"",
				o->filter_names.v[i]);
		o->filters[o->n_filters++] = cfs_text(o->filter_names.v[i]);
	}
	return -1;
}

static const struct cli_option option_table[] = {
	{"basedir", "DIR", CLI_AT(struct options, basedir),
	 "Compare with the object directory DIR, for missing-objects", CLI_TEXT,
	 .group = "Options"},
	{"filter", "NAME", CLI_AT(struct options, filter_names),
	 "Show only this entry of the root and what is below it; may be repeated",
	 CLI_LIST},
	{0},
};

static const struct cli_syntax syntax = {
	.usage =
		(const char *const[]){
			"[OPTIONS] ls|dump|objects|missing-objects IMAGE...",
			"measure-file FILE...", NULL},
	.about =
		"  ls               List the names, with link targets and backing paths\n"
		"  dump             Print the tree as text, see composefs-dump(5)\n"
		"  objects          List the objects that the images reference\n"
		"  missing-objects  List those of them that are not in --basedir\n"
		"  measure-file     Print the fs-verity digest of files",
	.status = "0 done, 1 failed",
	.example =
		(const char *const[]){
			"composefs-info --basedir=objects missing-objects image.cfs",
			NULL},
	.options = option_table,
	.is_program = true,
};

static const struct command *find_info_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Parses the command line. Negative: continue; else exit with that status. */
static int parse_info_options(struct options *o, int argc, char **argv,
			      const struct command **command)
{
	int status = cli_parse(&syntax, o->name, argc, argv, o);

	if (status < 0)
		status = make_filters(o);
	if (status >= 0)
		return status;
	if (optind == argc)
		return cli_fail_usage(o->name, "No command specified");
	*command = find_info_command(argv[optind]);
	if (!*command) {
		cli_print_message(o->name, "Unknown command '%s'", argv[optind]);
		return CLI_FAILED;
	}
	o->operands = argv + optind + 1;
	o->n_operands = (size_t)(argc - optind - 1);
	if (o->n_operands == 0)
		return cli_fail_usage(o->name, "No image path specified");
	return -1;
}

/* Output before an error is valid, and is still written. */
static int run_info_command(const struct options *o, const struct command *command,
			    struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc;
	struct cfs_err late;
	struct cfs_out out;

	if (cfs_out_init(&out, cfs_sink_fd(&fd), OUT_LEN) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = command->run(o, &out, err);
	if (cfs_out_flush(&out, &late) < 0 && rc == 0) {
		rc = out.rc;
		*err = late;
	}
	cfs_out_fini(&out);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {.name = cli_program_name(argv[0])};
	const struct command *command = NULL;
	struct cfs_err err;
	int status;

	if (!cli_begin(o.name))
		return CLI_FAILED;
	if (cli_print_version(o.name, argc, argv))
		return cli_end(o.name, CLI_OK);
	status = parse_info_options(&o, argc, argv, &command);
	if (status < 0) {
		status = CLI_OK;
		if (run_info_command(&o, command, &err) < 0) {
			cli_print_message(o.name, "%s", err.msg);
			status = CLI_FAILED;
		}
	}
	free(o.filters);
	cli_list_fini(&o.filter_names);
	return status;
}
