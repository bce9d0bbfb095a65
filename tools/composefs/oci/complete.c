/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Completes tags, digests of container images and layers, and kinds of places. Errors give no
 * candidates. */
#include "cli/complete.h"

#include <stdio.h>
#include <string.h>

#include "composefs/oci/oci.h"

static int put_tag(void *ctx, const char *tag, struct cfs_err *err)
{
	(void)err;
	cli_complete_put(ctx, tag, "tag");
	return 0;
}

static void put_tags(struct cli_completion *c, const struct cfs_repo *repo)
{
	struct cfs_repo_list refs = {0};

	int rc = cfs_repo_list_refs(repo, CFS_REPO_STREAMS, &refs, NULL);

	if (rc == 0)
		rc = cfs_containers_visit_tags(&refs, put_tag, c, NULL);
	cfs_repo_list_fini(&refs);
	(void)rc;
}

/* Prints the digests of a kind of stream, in the form in which the word began. */
static void put_digests(struct cli_completion *c, const struct cfs_repo *repo,
			const char *kind)
{
	char text[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";
	struct cfs_repo_list list = {0};
	struct cfs_oci_digest digest;

	if (cfs_repo_list_entries(repo, CFS_REPO_STREAMS, &list, NULL) == 0)
		for (size_t i = 0; i < list.n; i++) {
			if (!cfs_containers_parse_stream(kind, list.v[i].name, &digest))
				continue;
			cfs_oci_digest_text(&digest, text + 1);
			cli_complete_put(c, text, kind);
			cli_complete_put(c, text + 1, kind);
			cli_complete_put(c, strchr(text, ':') + 1, kind);
		}
	cfs_repo_list_fini(&list);
}

static void put_places(struct cli_completion *c, bool is_source)
{
	cli_complete_put(c, "oci:", "OCI image layout, DIR[:TAG]");
	cli_complete_put(c, "oci-archive:", "the same in a tar archive, FILE[:TAG]");
	cli_complete_put(c, "docker-archive:", "archive of docker, FILE[:NAME]");
	if (is_source)
		cli_complete_put(c, "containers-storage:", "image of podman or buildah");
}

/* Digests are long and many: only if a part of one was typed. */
static void put_image_names(struct cli_completion *c, const struct cfs_repo *repo)
{
	put_tags(c, repo);
	if (*c->word) {
		put_digests(c, repo, CFS_CONTAINERS_MANIFEST);
		put_digests(c, repo, CFS_CONTAINERS_INDEX);
	}
}

void oci_complete_kind(struct cli_completion *c, const char *kind)
{
	const bool is_image = strcmp(kind, "IMAGE") == 0,
		   is_tag = strcmp(kind, "TAG") == 0,
		   is_layer = strcmp(kind, "DIFF_ID") == 0,
		   is_source = strcmp(kind, "SOURCE") == 0;
	struct cfs_repo *repo;

	if (is_source || strcmp(kind, "DESTINATION") == 0)
		put_places(c, is_source);
	c->no_files = is_image || is_tag || is_layer;
	if (!c->no_files || where_open_completed(c, &repo) < 0)
		return;
	if (is_image)
		put_image_names(c, repo);
	else if (is_tag)
		put_tags(c, repo);
	else
		put_digests(c, repo, CFS_CONTAINERS_LAYER);
	cfs_repo_close(repo);
}
