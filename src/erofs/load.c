/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From an image to a tree, through the builder: an image whose content the builder refuses is damaged. */
#include "erofs/load.h"

#include <errno.h>

#include "erofs/image_priv.h"
#include "erofs/inode_spec.h"
#include "erofs/primary_name.h"
#include "erofs/walk_priv.h"

/* An image does not say which algorithm it uses: the first digest in it tells. Without
 * digests any would do. */
static int find_alg(const struct cfs_image *im, const struct cfs_watch *watch,
		    enum cfs_hash_alg *out, struct cfs_err *err)
{
	const struct cfs_walk_opts opts = {.watch = watch};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec = {0};
	int rc = cfs_walk_new(im, &opts, &walk, err);

	while (rc >= 0 && !spec.digest && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (e->inode.external)
			rc = cfs_image_read_spec(im, &e->inode, &room, &spec, err);
	*out = spec.digest ? room.alg : CFS_SHA256;
	cfs_spec_room_fini(&room);
	return rc < 0 ? rc : 0;
}

int cfs_image_find_alg(const struct cfs_image *im, enum cfs_hash_alg *out,
		       struct cfs_err *err)
{
	return find_alg(im, NULL, out, err);
}

/* A hard link whose inode comes later in the walk. */
struct later_link {
	cfs_id link;
	uint64_t nid, off;
	const uint64_t *cookie;
};

/* A load in progress. */
struct load {
	const struct cfs_image *im;
	const struct cfs_watch *watch;
	enum cfs_hash_alg alg;
	struct cfs_builder *builder;
	struct cfs_spec_room room;
	cfs_id *open; /* the directory at each depth */
	size_t open_cap;
	const struct cfs_primaries
		*primaries; /* NULL: the first name of a walk is the primary one */
	struct later_link *later;
	size_t n_later, later_cap;
};

/* The cookie of an inode with several names is its number in the tree; 0: not yet added. */
static int load_link_target(struct load *l, const struct cfs_walk_entry *e, cfs_id link,
			    struct cfs_err *err)
{
	if (*e->cookie)
		return cfs_builder_set_target(l->builder, link, (cfs_id)*e->cookie, err);
	if (cfs_grow(&l->later, &l->later_cap, l->n_later + 1, sizeof(*l->later)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->later[l->n_later++] =
		(struct later_link){link, e->inode.nid, e->inode.off, e->cookie};
	return 0;
}

/* Connects hard links whose inode came after them in the walk. */
static int set_later_targets(struct load *l, struct cfs_err *err)
{
	for (size_t i = 0; i < l->n_later; i++) {
		const struct later_link *k = &l->later[i];
		int rc = 0;

		if (!*k->cookie)
			return cfs_bad_inode(err, k,
					     "its number belongs to none of its names");
		rc = cfs_builder_set_target(l->builder, k->link, (cfs_id)*k->cookie, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_inode_place(const struct cfs_walk_entry *e, int rc, struct cfs_err *err)
{
	return cfs_context(err, rc, "inode %" PRIu64 " at offset %" PRIu64, e->inode.nid,
			   e->inode.off);
}

static int add_link(struct load *l, const struct cfs_walk_entry *e, cfs_id parent,
		    struct cfs_err *err)
{
	cfs_id link;
	int rc = cfs_builder_add_link(l->builder, parent, e->name, &link, err);

	if (rc == 0)
		rc = load_link_target(l, e, link, err);
	return add_inode_place(e, rc, err);
}

/* Adds an inode of the image to the tree. All digests of an image must be of one
 * algorithm. */
static int load_inode(struct load *l, const struct cfs_walk_entry *e, cfs_id parent,
		      cfs_id *out, struct cfs_err *err)
{
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_spec(l->im, &e->inode, &l->room, &spec, err);

	if (rc < 0)
		return rc;
	if (spec.digest && l->room.alg != l->alg)
		return cfs_bad_inode(err, &e->inode, "expected a %s digest, got %s",
				     cfs_hash_name(l->alg), cfs_hash_name(l->room.alg));
	*out = CFS_ROOT;
	if (e->depth == 0)
		rc = cfs_builder_set_root(l->builder, &spec, err);
	else
		rc = cfs_builder_add(l->builder, parent, e->name, &spec, out, err);
	return add_inode_place(e, rc, err);
}

static bool is_hard_link(const struct load *l, const struct cfs_walk_entry *e)
{
	if (l->primaries && e->cookie)
		return !cfs_primaries_has(l->primaries, &e->inode, e->name);
	return e->again;
}

/* Adds one name to the tree. l->open holds the tree's directory for each depth, so that
 * an entry finds its parent without a search. */
static int load_walk_entry(struct load *l, const struct cfs_walk_entry *e,
			   struct cfs_err *err)
{
	cfs_id id, parent = e->depth ? l->open[e->depth - 1] : CFS_ROOT;
	int rc;

	if (is_hard_link(l, e))
		return add_link(l, e, parent, err);
	rc = load_inode(l, e, parent, &id, err);
	if (rc < 0)
		return rc;
	if (e->cookie)
		*e->cookie = id;
	if (!S_ISDIR(e->inode.mode))
		return 0;
	if (cfs_grow(&l->open, &l->open_cap, (size_t)e->depth + 1, sizeof(*l->open)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	l->open[e->depth] = id;
	return 0;
}

/* The errors of the builder are those of wrong input; here they mean that the image is damaged. */
static int load_entries(struct load *l, struct cfs_walk *walk, struct cfs_err *err)
{
	const struct cfs_walk_entry *e;
	int rc;

	while ((rc = cfs_walk_next(walk, &e, err)) > 0) {
		rc = load_walk_entry(l, e, err);
		if (rc < 0)
			return rc == -ENOMEM ? rc : -EUCLEAN;
	}
	return rc;
}

static int load_walk(struct load *l, struct cfs_walk *walk, struct cfs_err *err)
{
	int rc = cfs_builder_new(l->alg, &l->builder, err);

	if (rc < 0)
		return rc;
	cfs_builder_lift_budget(l->builder);
	cfs_builder_set_watch(l->builder, l->watch);
	rc = load_entries(l, walk, err);
	return rc < 0 ? rc : set_later_targets(l, err);
}

/* *out is the caller's and keeps nothing of the image. With writers_names, the name that
 * the writer would take first gets the inode, not the first of the walk. */
int cfs_image_load(const struct cfs_image *im, const struct cfs_load_opts *opts,
		   struct cfs_tree **out, struct cfs_err *err)
{
	static const struct cfs_load_opts no_opts;
	const struct cfs_load_opts *o = opts ? opts : &no_opts;
	struct cfs_walk_opts walk_opts = {
		.names = o->names,
		.n_names = o->n_names,
		.first_names = true,
		.watch = o->watch,
	};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_primaries primaries = {0};
	struct load l = {
		.im = im,
		.watch = o->watch,
		.primaries = o->writers_names ? &primaries : NULL,
	};
	int rc;

	rc = find_alg(im, o->watch, &l.alg, err);
	if (rc == 0)
		rc = cfs_walk_new(im, &walk_opts, &walk, err);
	if (rc == 0 && o->writers_names && walk->n_firsts)
		rc = cfs_primaries_find(im, o->watch, &primaries, err);
	if (rc == 0)
		rc = load_walk(&l, walk, err);
	if (rc == 0)
		rc = cfs_builder_freeze(&l.builder, out, err);
	cfs_builder_free(l.builder);
	cfs_primaries_fini(&primaries);
	cfs_spec_room_fini(&l.room);
	free(l.open);
	free(l.later);
	return rc;
}
