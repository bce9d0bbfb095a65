/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking images, and the objects that they use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "check/check_priv.h"
#include "erofs/quirks.h"

/* An image being checked. */
struct image_check {
	struct check *c;
	const char *place;
	size_t entry; /* its index */
	bool bad;
};

/* Records a missing or damaged object of a file. It is reported later, once for all
 * images. */
static int check_image_inode(struct image_check *x, const struct cfs_image *im,
			     const struct cfs_walk_entry *e, struct cfs_err *err)
{
	struct check_used used = {
		.image = x->entry, .path = e->path, .fault = CFS_CHECK_OBJECT_SIZE};
	char what[192];
	struct cfs_err why;
	size_t i;

	if (cfs_repo_find_inode_object(x->c->repo, im, &e->inode, &used.id, &why) < 0) {
		x->bad = true;
		snprintf(what, sizeof(what), "inode %" PRIu64 ": %.120s", e->inode.nid,
			 why.msg);
		return check_add_finding(x->c, CFS_CHECK_IMAGE_INVALID, NULL, x->place,
					 what, err);
	}
	i = check_find_object(x->c, &used.id);
	if (i == SIZE_MAX) {
		used.fault = CFS_CHECK_IMAGE_OBJECT;
		snprintf(what, sizeof(what), "the object does not exist");
	} else if (x->c->sizes[i] != e->inode.size) {
		snprintf(what, sizeof(what),
			 "expected %" PRIu64 " bytes as in an image, got %" PRIu64,
			 e->inode.size, x->c->sizes[i]);
	} else if (!x->c->is_bad[i]) {
		return 0;
	}
	x->bad = true;
	used.what = what;
	return check_add_use(x->c, &used, err);
}

static int check_inodes(struct image_check *x, const struct cfs_image *im,
			struct cfs_err *err)
{
	const struct cfs_walk_opts everything = {.watch = x->c->opts->watch};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (e->inode.external && !e->again)
			rc = check_image_inode(x, im, e, err);
	return rc;
}

/* A valid image that kernels show differently is a remark: its digest is right, so it was
 * written like that. */
static int check_kernels(struct image_check *x, const struct cfs_kernel_finding *found,
			 struct cfs_err *err)
{
	struct cfs_err why;

	if (cfs_kernel_fits_all(found, &why) == 0)
		return 0;
	return check_add_finding(x->c, CFS_CHECK_IMAGE_SHOWN, NULL, x->place, why.msg,
				 err);
}

/* Parses and walks the image. Its message becomes the finding; only "out of memory" and
 * "cancelled" end the whole check. */
static int check_image_bytes(struct image_check *x, struct cfs_span bytes,
			     struct cfs_err *err)
{
	struct cfs_kernel_finding found[CFS_KERNEL_N_RULES];
	struct cfs_image im;
	struct cfs_err why;
	int rc = cfs_image_open(bytes, &im, &why);

	if (rc == 0)
		rc = cfs_image_check_kernels(&im, found, x->c->opts->watch, &why);
	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (rc == -ECANCELED)
		return cfs_watch_poll(x->c->opts->watch, err);
	if (rc < 0) {
		x->bad = true;
		return check_add_finding(x->c, CFS_CHECK_IMAGE_INVALID, NULL, x->place,
					 why.msg, err);
	}
	rc = check_inodes(x, &im, err);
	return rc < 0 ? rc : check_kernels(x, found, err);
}

/* One item of the pool: i is the index of the image. A damaged image is a finding and no
 * error; errors are those of the check itself, such as no memory. */
static int check_listed_image(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct check *c = ctx;
	const struct cfs_repo_entry *e = &c->entries[CFS_REPO_IMAGES].v[i];
	char place[CHECK_PLACE_MAX];
	struct image_check x = {.c = c, .place = place, .entry = i};
	struct cfs_map map;
	int cold = check_cold_begin(c, &e->id), rc;

	snprintf(place, sizeof(place), "images/%s", e->name);
	rc = check_map_entry(c, e, place, CFS_CHECK_IMAGE_OPEN, &map, err);
	if (rc > 0) {
		rc = check_image_bytes(&x, map.span, err);
		cfs_map_close(&map);
	} else {
		x.bad = true;
	}
	check_cold_end(cold);
	if (x.bad)
		check_count(c, &c->out->n_bad_images);
	check_show_progress(c, worker, "images", c->entries[CFS_REPO_IMAGES].n);
	return rc;
}

int check_images(struct check *c, struct cfs_err *err)
{
	int rc = check_all_refs(c, CFS_REPO_IMAGES, err);

	c->out->n_images = c->entries[CFS_REPO_IMAGES].n;
	return rc < 0 ? rc
		      : cfs_pool_run(check_get_n_threads(c),
				     c->entries[CFS_REPO_IMAGES].n, check_listed_image, c,
				     c->opts->watch, err);
}
