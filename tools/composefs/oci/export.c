/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci export: a container image as a layout, an archive, or the tar archive of its files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "export/export.h"

struct options {
	struct where where;
	struct oci_push push;
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	OCI_PUSH_OPTIONS(struct options, push),
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE DESTINATION", NULL},
	.about = "Write a container image to a directory or a file of this machine. "
		 "Layers are compressed as\n"
		 "for push. IMAGE is a tag or a digest. DESTINATION is one of\n\n"
		 "  oci:DIR[:TAG]                    an OCI image layout\n"
		 "  oci-archive:FILE[:TAG]           the same in a tar archive\n"
		 "  docker-archive:FILE[:REFERENCE]  for docker load and podman load\n"
		 "  rootfs:FILE                      the merged files as a tar archive "
		 "(-: "
		 "standard output)",
	.example =
		(const char *const[]){
			"composefs oci export --repo=repo app oci-archive:app.tar:latest",
			"composefs oci export --repo=repo app "
			"docker-archive:app.tar:app:1",
			"composefs oci export --repo=repo app rootfs:app-files.tar",
			NULL},
	.options = option_table,
};

/* What was written: the image of the merged files, or the container image. */
struct result {
	bool is_rootfs;
	struct cfs_digest image;
	struct cfs_push_result pushed;
};

static void print_export_json(const struct result *r)
{
	char text[WHERE_ID_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	if (r->is_rootfs)
		json_put_string(&j, "id", where_format_id(&r->image, text));
	else
		oci_put_push_json(&j, &r->pushed);
	json_finish(&j);
}

static void print_export_result(const struct result *r)
{
	char id[WHERE_ID_MAX], digest[CFS_OCI_DIGEST_TEXT_MAX];

	puts(r->is_rootfs ? where_format_id(&r->image, id)
			  : cfs_oci_digest_text(&r->pushed.manifest, digest));
}

/* Writes the merged files of a container as a tar archive. */
static int export_rootfs(const struct cfs_repo *repo, const char *image, const char *file,
			 const struct cfs_watch *watch, struct cfs_digest *id,
			 struct cfs_err *err)
{
	char text[WHERE_ID_MAX];
	int rc = oci_find_image(repo, image, id, err);

	return rc < 0 ? rc
		      : cfs_export_image(repo, where_format_id(id, text), file, watch,
					 NULL, err);
}

/* The file that gets the merged files; NULL: another destination. */
static const char *rootfs_file(const char *destination)
{
	static const char prefix[] = "rootfs:";

	return strncmp(destination, prefix, strlen(prefix)) == 0
		       ? destination + strlen(prefix)
		       : NULL;
}

static int export_image(const struct options *o, const struct cfs_repo *repo,
			char **operands, const struct cfs_watch *watch,
			struct result *out, struct cfs_err *err)
{
	static const struct cfs_registry_access no_access;
	const char *file = rootfs_file(operands[1]);

	out->is_rootfs = file != NULL;
	if (file)
		return export_rootfs(repo, operands[0], file, watch, &out->image, err);
	return oci_push_image(&o->push, &no_access, repo, operands[0], operands[1], watch,
			      &out->pushed, err);
}

/* Returns a status for wrong usage, or -1 if the operands are right. */
static int check_operands(const struct options *o, const char *name,
			  const char *destination)
{
	const char *file = rootfs_file(destination);

	if (!file && !oci_is_local(destination))
		cli_fail_usage(name,
			       "%s: expected oci:, oci-archive:, docker-archive: or "
			       "rootfs: in front; push sends to a registry",
			       destination);
	else if (file && o->push.compression != OCI_COMPRESSION_DEFAULT)
		cli_fail_usage(name, "--compression: rootfs: is not compressed");
	else if (file && strcmp(file, "-") == 0 && o->json)
		cli_fail_usage(name, "--json: rootfs:- goes to standard output");
	else
		return -1;
	return CLI_USAGE;
}

int cmd_oci_export(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE DESTINATION"),
	    rc;
	struct result result = {0};
	struct cli_watch watch;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status < 0)
		status = check_operands(&o, argv[0], argv[optind + 1]);
	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_READ, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	cli_watch_start(&watch, argv[0]);
	rc = export_image(&o, repo, argv + optind, &watch.watch, &result, &err);
	cli_watch_end(&watch);
	cfs_repo_close(repo);
	if (rc == 0 && o.json)
		print_export_json(&result);
	else if (rc == 0 && strcmp(argv[optind + 1], "rootfs:-") != 0)
		print_export_result(&result);
	return command_end(argv[0], rc, &err);
}
