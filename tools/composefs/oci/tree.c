/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci compute-id, dump: what a container image in the repository becomes. */
#include <stdio.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "cli/dump_line.h"

enum { OUT_LEN = 64 * 1024 };

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
		 "storing anything. IMAGE is a tag or @DIGEST.",
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
		 "IMAGE is a tag or @DIGEST.",
	.example = (const char *const[]){"composefs oci dump --repo=repo app", NULL},
	.options = dump_table,
};

/* Called with the tree and the rules that it was made by. */
typedef int (*tree_fn)(const struct options *o, const struct cfs_tree *tree,
		       const struct cfs_profile_rules *rules,
		       const struct cfs_watch *watch, struct cfs_err *err);

static int with_container(const struct options *o, const struct cfs_repo *repo,
			  const char *name, const struct cfs_watch *watch, tree_fn fn,
			  struct cfs_err *err)
{
	struct cfs_containers_merge merge = oci_merge_opts(&o->merge, watch);
	struct cfs_profile_rules rules;
	struct cfs_container c;
	struct cfs_tree *tree;
	int rc = cfs_container_open(repo, name, &c, err);

	if (rc == 0)
		rc = cfs_containers_rules(repo, &merge, &rules, err);
	if (rc == 0)
		rc = cfs_containers_tree(repo, c.config.diff_ids, c.config.n_diff_ids,
					 &merge, &tree, err);
	cfs_container_close(&c);
	if (rc < 0)
		return rc;
	rc = fn(o, tree, &rules, watch, err);
	cfs_tree_free(tree);
	return rc;
}

static int run_on_tree(const struct cli_syntax *syntax, int argc, char **argv, tree_fn fn)
{
	struct options o = {0};
	int status = command_begin(syntax, argc, argv, &o, 1, 1, "expected IMAGE"), rc;
	struct cli_watch watch;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_READ, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	cli_watch_start(&watch, argv[0]);
	rc = with_container(&o, repo, argv[optind], &watch.watch, fn, &err);
	cli_watch_end(&watch);
	cfs_repo_close(repo);
	return command_end(argv[0], rc, &err);
}

/* --- compute-id --------------------------------------------------------------------- */

static int print_id(const struct options *o, const struct cfs_tree *tree,
		    const struct cfs_profile_rules *rules, const struct cfs_watch *watch,
		    struct cfs_err *err)
{
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];
	struct cfs_digest id;
	int rc = cfs_profile_measure(tree, rules, watch, &id, err);

	if (rc < 0)
		return rc;
	if (!o->json) {
		puts(where_id(&id, text));
		return 0;
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "id", where_id(&id, text));
	json_finish(&j);
	return 0;
}

int cmd_oci_compute_id(int argc, char **argv)
{
	return run_on_tree(&id_syntax, argc, argv, print_id);
}

/* --- dump --------------------------------------------------------------------------- */

static int put_dump(struct cfs_span bytes, struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc;
	struct cfs_image im;
	struct cfs_out out;

	rc = cfs_image_open(bytes, &im, err);
	if (rc < 0)
		return rc;
	rc = cfs_out_init(&out, cfs_sink_fd(&fd), OUT_LEN);
	if (rc == 0)
		rc = dump_put_below(&out, &im, "", err);
	if (rc == 0)
		rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	return rc;
}

static int print_dump(const struct options *o, const struct cfs_tree *tree,
		      const struct cfs_profile_rules *rules,
		      const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_image_write how = {.form = cfs_profile_image(rules), .watch = watch};
	struct cfs_mem image = {0};
	int rc = cfs_image_write(tree, &how, cfs_sink_mem(&image), err);

	(void)o;
	if (rc == 0)
		rc = put_dump(cfs_mem_span(&image), err);
	free(image.p);
	return rc;
}

int cmd_oci_dump(int argc, char **argv)
{
	return run_on_tree(&dump_syntax, argc, argv, print_dump);
}
