/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci layer: a layer as it was pulled, uncompressed. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/oci/oci.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {WHERE_OPTIONS(struct options, where),
						 {0}};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] DIFF_ID", NULL},
	.about = "Write a layer to standard output: the tar archive bit for bit. DIFF_ID "
		 "is the digest\n"
		 "of the layer uncompressed, see inspect.",
	.example =
		(const char *const[]){
			"composefs oci layer --repo=repo sha256:... > layer.tar", NULL},
	.options = option_table,
};

static int put_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx;
	return cfs_io_write(STDOUT_FILENO, p, len, err);
}

static int put_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
		      struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_object(ctx, id, CFS_REPO_PROVEN, err);
	struct cfs_map map;
	int rc = fd < 0 ? fd : cfs_map_fd(fd, &map, err);

	if (rc < 0)
		return rc;
	*size = map.span.len;
	rc = put_data(NULL, map.span.p, map.span.len, err);
	cfs_map_close(&map);
	return rc;
}

static int write_layer(struct cfs_repo *repo, const char *diff_id, struct cfs_err *err)
{
	struct cfs_stream_sink sink = {put_data, put_object, repo};
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_oci_digest digest;
	struct cfs_stream s;
	struct cfs_map map;
	int rc = cfs_oci_digest_parse(cfs_text(diff_id), &digest, err);

	if (rc < 0)
		return rc;
	cfs_containers_stream_name(CFS_CONTAINERS_LAYER, &digest, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_read(&s, &sink, err);
	cfs_map_close(&map);
	return rc;
}

int cmd_oci_layer(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected DIFF_ID"), rc;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_READ, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	rc = write_layer(repo, argv[optind], &err);
	cfs_repo_close(repo);
	return command_end(argv[0], rc, &err);
}
