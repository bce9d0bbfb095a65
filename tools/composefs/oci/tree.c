/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci compute-id, dump: what a container image in the repository becomes. */
#include <stdio.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"
#include "cli/dump_line.h"

struct options {
	struct where where;
	struct oci_merge merge;
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option id_table[] = {
	{"json", NULL, AT(json), "Print one JSON object", .group = "Options"},
	OCI_MERGE_OPTIONS(struct options, merge),
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_option dump_table[] = {
	OCI_MERGE_OPTIONS(struct options, merge),
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax id_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Merge the layers of a container image again and print the image ID, "
		 "without\n"
		 "storing anything. IMAGE is a tag or a digest.",
	.example =
		(const char *const[]){
			"composefs oci compute-id --repo=repo app",
			"composefs oci compute-id --repo=repo --bootable app", NULL},
	.options = id_table,
};

static const struct cli_syntax dump_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Print the merged files of a container image as a dump, see "
		 "composefs-dump(5).\n"
		 "IMAGE is a tag or a digest.",
	.example = (const char *const[]){"composefs oci dump --repo=repo app", NULL},
	.options = dump_table,
};

/* Called with the tree and the rules that it was made by. */
typedef int (*tree_fn)(const struct options *o, const struct cfs_tree *tree,
		       const struct cfs_profile_rules *rules,
		       const struct cfs_watch *watch, struct cfs_err *err);

/* Merges the layers into one tree and passes it to fn, which borrows it. The tree is
 * freed here. */
static int merge_container(const struct repo_work *w, const struct cfs_watch *watch,
			   tree_fn fn, struct cfs_err *err)
{
	const struct options *o = w->options;
	struct cfs_containers_merge merge = oci_get_merge_opts(&o->merge, watch);
	struct cfs_profile_rules rules;
	struct cfs_container c;
	struct cfs_tree *tree;
	int rc = cfs_container_open(w->repo, w->operands[0], &c, err);

	if (rc == 0)
		rc = cfs_containers_make_rules(w->repo, &merge, &rules, err);
	if (rc == 0)
		rc = cfs_containers_merge_tree(w->repo, c.config.diff_ids,
					       c.config.n_diff_ids, &merge, &tree, err);
	cfs_container_close(&c);
	if (rc < 0)
		return rc;
	rc = fn(o, tree, &rules, watch, err);
	cfs_tree_free(tree);
	return rc;
}

/* Merges the container image that the operand names, and calls fn with the tree. */
static int run_on_container(const struct repo_work *w, tree_fn fn, struct cfs_err *err)
{
	struct cli_watch watch;
	int rc;

	cli_watch_start(&watch, w->program);
	rc = merge_container(w, &watch.watch, fn, err);
	cli_watch_end(&watch);
	return rc;
}

/* --- compute-id --------------------------------------------------------------------- */

/* Prints the image ID of the merged tree, computed without storing anything. */
static int print_tree_id(const struct options *o, const struct cfs_tree *tree,
			 const struct cfs_profile_rules *rules,
			 const struct cfs_watch *watch, struct cfs_err *err)
{
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];
	struct cfs_digest id;
	int rc = cfs_profile_measure(tree, rules, watch, &id, err);

	if (rc < 0)
		return rc;
	if (!o->json) {
		puts(where_format_id(&id, text));
		return 0;
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "id", where_format_id(&id, text));
	json_finish(&j);
	return 0;
}

static int compute_container_id(const struct repo_work *w, struct cfs_err *err)
{
	return run_on_container(w, print_tree_id, err);
}

static const struct repo_command id_command = {
	&id_syntax, 1, 1, "expected IMAGE", CFS_REPO_READ, compute_container_id};

int cmd_oci_compute_id(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&id_command, argc, argv, &o, &o.where);
}

/* --- dump --------------------------------------------------------------------------- */

static int print_dump(const struct options *o, const struct cfs_tree *tree,
		      const struct cfs_profile_rules *rules,
		      const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_image_write how = {.form = cfs_profile_get_image_opts(rules),
				      .watch = watch};
	struct cfs_mem image = {0};
	int rc = cfs_image_write(tree, &how, cfs_sink_mem(&image), err);

	(void)o;
	if (rc == 0)
		rc = dump_print_image(cfs_mem_span(&image), err);
	free(image.p);
	return rc;
}

static int dump_tree(const struct repo_work *w, struct cfs_err *err)
{
	return run_on_container(w, print_dump, err);
}

static const struct repo_command dump_command = {
	&dump_syntax, 1, 1, "expected IMAGE", CFS_REPO_READ, dump_tree};

int cmd_oci_dump(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&dump_command, argc, argv, &o, &o.where);
}
