/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The objects of an image and their sizes: a source cannot deliver more bytes. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lazy/lazy_priv.h"

static int compare_object_ids(const void *a, const void *b)
{
	return memcmp(((const struct cfs_lazy_object *)a)->id,
		      ((const struct cfs_lazy_object *)b)->id, CFS_HASH_MAX_LEN);
}

void cfs_lazy_objects_fini(struct cfs_lazy_objects *objects)
{
	free(objects->v);
	*objects = (struct cfs_lazy_objects){0};
}

static int add_lazy_object(struct cfs_lazy_objects *out, const struct cfs_digest *id,
			   uint64_t size, struct cfs_err *err)
{
	struct cfs_lazy_object *o;

	if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	o = &out->v[out->n++];
	*o = (struct cfs_lazy_object){.size = size};
	memcpy(o->id, id->bytes, cfs_hash_len(id->alg));
	return 0;
}

/* Lists the objects of an image in the order of the tree, which is the order in which
 * a start-up is likely to read them. */
static int add_inode_objects(const struct cfs_repo *repo, const struct cfs_image *im,
			     struct cfs_lazy_objects *out, struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_digest id;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		if (!e->inode.external || e->again)
			continue;
		rc = cfs_repo_find_inode_object(repo, im, &e->inode, &id, err);
		if (rc == 0)
			rc = add_lazy_object(out, &id, e->inode.size, err);
	}
	return rc;
}

/* Keeps each object once. */
static int remove_duplicates(struct cfs_lazy_objects *out, struct cfs_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++) {
		if (n && compare_object_ids(&out->v[n - 1], &out->v[i]) == 0) {
			if (out->v[n - 1].size != out->v[i].size)
				return cfs_fail(
					err, EUCLEAN,
					"expected one size of an object, got %" PRIu64
					" and %" PRIu64,
					out->v[n - 1].size, out->v[i].size);
			continue;
		}
		out->v[n++] = out->v[i];
	}
	out->n = n;
	return 0;
}

int cfs_lazy_list_objects(const struct cfs_repo *repo, const struct cfs_image *im,
			  struct cfs_lazy_objects *out, struct cfs_err *err)
{
	int rc = add_inode_objects(repo, im, out, err);

	if (rc == 0 && out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_object_ids);
	if (rc == 0)
		rc = remove_duplicates(out, err);
	if (rc < 0)
		cfs_lazy_objects_fini(out);
	return rc;
}

const struct cfs_lazy_object *lazy_find_object(const struct cfs_lazy_objects *objects,
					       const struct cfs_digest *id)
{
	struct cfs_lazy_object key = {0};

	memcpy(key.id, id->bytes, cfs_hash_len(id->alg));
	return objects->n ? bsearch(&key, objects->v, objects->n, sizeof(key),
				    compare_object_ids)
			  : NULL;
}
