/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci tag, rm: tags of container images. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/oci/oci.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {WHERE_OPTIONS(struct options, where),
						 {0}};

static const struct cli_syntax tag_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE TAG", NULL},
	.about = "Add a tag to a container image, which is given by a tag or @DIGEST. An "
		 "image that\n"
		 "had this tag loses it.",
	.example = (const char *const[]){"composefs oci tag --repo=repo app:1 app:latest",
					 NULL},
	.options = option_table,
};

static const struct cli_syntax rm_syntax = {
	.usage = (const char *const[]){"[OPTIONS] TAG...", NULL},
	.about = "Remove tags. Container images without a tag stay until the next gc.",
	.example = (const char *const[]){"composefs oci rm --repo=repo app:1", NULL},
	.options = option_table,
};

static int add_tag(struct cfs_repo *repo, const char *image, const char *tag,
		   struct cfs_err *err)
{
	char ref[CFS_CONTAINERS_REF_MAX], name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_repo_link link = {.kind = CFS_REPO_STREAMS, .ref = ref};
	struct cfs_container c;
	int rc = cfs_containers_ref(tag, ref, err);

	if (rc < 0)
		return rc;
	rc = cfs_container_open(repo, image, &c, err);
	link.id = c.manifest_stream;
	link.name = cfs_containers_stream_name(CFS_CONTAINERS_MANIFEST, &c.digest, name);
	if (rc == 0)
		rc = cfs_repo_publish(repo, &link, err);
	cfs_container_close(&c);
	return rc;
}

int cmd_oci_tag(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&tag_syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE TAG"),
	    rc;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_WRITE, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	rc = add_tag(repo, argv[optind], argv[optind + 1], &err);
	cfs_repo_close(repo);
	return command_end(argv[0], rc, &err);
}

static int remove_tag(struct cfs_repo *repo, const char *tag, struct cfs_err *err)
{
	char ref[CFS_CONTAINERS_REF_MAX];
	int rc = cfs_containers_ref(tag, ref, err);

	if (rc == 0)
		rc = cfs_repo_untag(repo, CFS_REPO_STREAMS, ref, err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT, "no such container image: \"%s\"", tag);
	return rc;
}

int cmd_oci_rm(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&rm_syntax, argc, argv, &o, 1, argc, "expected a tag"),
	    rc;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_WRITE, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	for (char **tag = argv + optind; rc == 0 && *tag; tag++)
		rc = remove_tag(repo, *tag, &err);
	cfs_repo_close(repo);
	return command_end(argv[0], rc, &err);
}
