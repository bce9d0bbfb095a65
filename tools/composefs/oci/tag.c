/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci tag, rm: tags of container images. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {WHERE_OPTIONS(struct options, where),
						 {0}};

static const struct cli_syntax tag_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE TAG", NULL},
	.about =
		"Add a tag to a container image, which is given by a tag or a digest. An "
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

/* What the link names. */
struct target {
	const char *kind;
	struct cfs_oci_digest digest;
	struct cfs_digest stream;
};

/* The tag of an index stays one of all platforms. */
static int find_target(const struct cfs_repo *repo, const char *name, struct target *out,
		       struct cfs_err *err)
{
	struct cfs_container_index x;
	struct cfs_container c;
	int rc = cfs_container_index_open(repo, name, &x, err);

	*out = (struct target){CFS_CONTAINERS_INDEX, x.digest, x.stream};
	cfs_container_index_close(&x);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = cfs_container_open(repo, name, &c, err);
	*out = (struct target){CFS_CONTAINERS_MANIFEST, c.digest, c.manifest_stream};
	cfs_container_close(&c);
	return rc;
}

int oci_tag_container(struct cfs_repo *repo, const char *image, const char *tag,
		      struct cfs_err *err)
{
	char ref[CFS_CONTAINERS_REF_MAX], name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_repo_link link = {.kind = CFS_REPO_STREAMS, .ref = ref};
	struct target target;
	int rc = cfs_containers_format_ref(tag, ref, err);

	if (rc == 0)
		rc = find_target(repo, image, &target, err);
	if (rc < 0)
		return rc;
	link.id = target.stream;
	link.name = cfs_containers_format_stream_name(target.kind, &target.digest, name);
	return cfs_repo_publish(repo, &link, err);
}

static int tag_container(const struct repo_work *w, struct cfs_err *err)
{
	return oci_tag_container(w->repo, w->operands[0], w->operands[1], err);
}

static const struct repo_command tag_command = {
	&tag_syntax, 2, 2, "expected IMAGE TAG", CFS_REPO_WRITE, tag_container};

int cmd_oci_tag(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&tag_command, argc, argv, &o, &o.where);
}

/* Reports a name that is no tag, but perhaps a digest. */
static int fail_no_tag(const struct cfs_repo *repo, const char *name, struct cfs_err *err)
{
	struct cfs_container c;
	int rc = cfs_container_open(repo, name, &c, NULL);

	cfs_container_close(&c);
	if (rc == 0)
		return cfs_fail(err, ENOENT,
				"expected a tag, got a digest: \"%s\"; \"composefs oci "
				"images\" lists the tags of images",
				name);
	return cfs_fail(err, ENOENT, "no such tag: \"%s\"", name);
}

static int remove_tag(struct cfs_repo *repo, const char *tag, struct cfs_err *err)
{
	char ref[CFS_CONTAINERS_REF_MAX];
	int rc = cfs_containers_format_ref(tag, ref, err);

	if (rc == 0)
		rc = cfs_repo_untag(repo, CFS_REPO_STREAMS, ref, err);
	return rc == -ENOENT ? fail_no_tag(repo, tag, err) : rc;
}

static int remove_tags(const struct repo_work *w, struct cfs_err *err)
{
	int rc = 0;

	for (char **tag = w->operands; rc == 0 && *tag; tag++)
		rc = remove_tag(w->repo, *tag, err);
	return rc;
}

static const struct repo_command rm_command = {
	&rm_syntax, 1, INT_MAX, "expected a tag", CFS_REPO_WRITE, remove_tags};

int cmd_oci_rm(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&rm_command, argc, argv, &o, &o.where);
}
