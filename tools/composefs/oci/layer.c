/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci layer: a layer as it was pulled, uncompressed. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {WHERE_OPTIONS(struct options, where),
						 {0}};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] DIFF_ID", NULL},
	.about = "Write a layer to standard output as the original uncompressed tar "
		 "archive.\n"
		 "DIFF_ID is its digest, which \"composefs oci inspect\" prints, or 8 or "
		 "more of\n"
		 "its digits.",
	.example =
		(const char *const[]){
			"composefs oci layer --repo=repo sha256:... > layer.tar", NULL},
	.options = option_table,
};

static int write_layer_tar(const struct repo_work *w, struct cfs_err *err)
{
	static const int out = STDOUT_FILENO;
	struct cfs_oci_digest digest;
	int rc = cfs_containers_find_layer(w->repo, w->operands[0], &digest, err);

	return rc < 0 ? rc
		      : cfs_containers_emit_layer(w->repo, &digest, cfs_sink_fd(&out),
						  NULL, NULL, err);
}

static const struct repo_command command = {
	&syntax, 1, 1, "expected DIFF_ID", CFS_REPO_READ, write_layer_tar};

int cmd_oci_layer(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
