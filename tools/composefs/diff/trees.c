/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The repository that a tree may be in. */
#include "composefs/diff/trees.h"

static int find_repo(void *ctx, const char **path, struct cfs_err *err)
{
	return where_find_path(ctx, path, err);
}

static int open_tree_image(void *ctx, const char *name, struct cfs_map *map,
			   struct cfs_image *im, struct cfs_err *err)
{
	return where_open_image(ctx, name, map, im, NULL, err);
}

struct cfs_source_repo trees_get_repo(struct where *where)
{
	return (struct cfs_source_repo){where_is_given(where), where, find_repo,
					open_tree_image};
}
