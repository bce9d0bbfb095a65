/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* /etc of a new deployment: the changes in that of the system before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "deploy/install_priv.h"
#include "etcmerge/etcmerge.h"

/* Callback of the merge: collects what was changed on both sides, for the report.
 * Paths are copied. */
static int add_conflict(void *ctx, const char *path, const char *what,
			struct cfs_err *err)
{
	struct cfs_installed *done = ctx;
	struct cfs_etc_conflict *c;

	if (cfs_grow(&done->conflicts, &done->conflicts_cap, done->n_conflicts + 1,
		     sizeof(*c)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	c = &done->conflicts[done->n_conflicts];
	*c = (struct cfs_etc_conflict){.path = strdup(path), .what = what};
	if (!c->path)
		return cfs_fail(err, ENOMEM, "out of memory");
	done->n_conflicts++;
	return 0;
}

/* Opens the layer of a system: the descriptor, or -ENOENT without a message if it has
 * none. */
static int open_layer(int rootfd, const struct cfs_digest *image, struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int statefd =
		cfs_beneath_open_dir(rootfd, cfs_deploy_state_path(image, path));
	int fd;

	if (statefd < 0)
		return statefd == -ENOENT ? -ENOENT
					  : cfs_beneath_fail(statefd, path, err);
	fd = cfs_beneath_open(statefd, "etc/upper", O_RDONLY | O_DIRECTORY, 0);
	if (fd == -ENOENT)
		return cfs_fail(err, ENOTSUP,
				"%s/etc: expected the layers of an overlay, got none",
				path);
	if (fd < 0)
		return cfs_beneath_fail(fd, path, err);
	return fd;
}

int install_merge_etc(void *run, int upperfd, struct cfs_err *err)
{
	struct install_run *r = run;
	const struct cfs_digest *old = &r->base->image;
	cfs_autofd int layer = open_layer(r->place->rootfd, old, err);
	char name[CFS_DIGEST_TEXT_MAX];
	struct cfs_etc_merge merge = {
		.new_image = &r->im,
		.upper = layer,
		.out = upperfd,
		.conflict = add_conflict,
		.ctx = r->done,
		.watch = r->opts->watch,
	};
	struct cfs_image im;
	struct cfs_map map;
	int rc;

	if (layer < 0)
		return layer == -ENOENT ? 0 : layer;
	rc = cfs_repo_open_image(r->repo, cfs_digest_text(old, name), &map, &im, NULL,
				 err);
	if (rc < 0)
		return cfs_context(err, rc, "image of the system before");
	merge.old_image = &im;
	rc = cfs_etc_merge(&merge, err);
	cfs_map_close(&map);
	return rc;
}
