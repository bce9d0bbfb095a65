/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* lazy: fetches the objects of a mounted image when they are opened.
 * Owns:  the sizes of the objects of an image, the sources, the order in which they are tried.
 * Uses:  base, hash, verity, erofs (walks an image), store, repo (opened for each batch, so that its lock is held), fetch (HTTP),
 *        trigger (what is wanted).
 * Never: serves a filesystem, prints.
 *
 * An object gets its name when its digest is right and its content is on disk.
 */
#ifndef CFS_LAZY_H
#define CFS_LAZY_H

#include "erofs/erofs.h"
#include "repo/repo.h"
#include "trigger/trigger.h"

/* An object of the image. */
struct cfs_lazy_object {
	uint8_t id[CFS_HASH_MAX_LEN]; /* the rest is zero */
	uint64_t size;
};

/* The objects of an image, sorted by ID. Starts zeroed. */
struct cfs_lazy_objects {
	struct cfs_lazy_object *v;
	size_t n, cap;
};

/* Lists the external files of an image, by the paths of their objects. Two that disagree about the size of an object:
 * -EUCLEAN, as a path that is none of an object. */
int cfs_lazy_list_objects(const struct cfs_repo *repo, const struct cfs_image *im,
			  struct cfs_lazy_objects *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The objects in the order in which they should be fetched: those of a text with an ID in each line, then the others. IDs that the
 * image does not have are ignored: the text may be of another version of it. *out has objects->n digests; the caller
 * frees it. -EINVAL: a line is no ID. */
int cfs_lazy_order_objects(const struct cfs_lazy_objects *objects, enum cfs_hash_alg alg,
			   struct cfs_text order, struct cfs_digest **out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Frees the list, which is then empty. */
void cfs_lazy_objects_fini(struct cfs_lazy_objects *objects);

/* Where objects come from. */
struct cfs_lazy_source {
	const char *
		url; /* http or https, objects are at URL/objects/xx/rest; NULL: a directory */
	int dirfd; /* a repository or an object directory */
};

/* Borrowed while it is in use. */
struct cfs_lazy {
	const char *repo_path; /* absolute */
	struct cfs_lazy_objects objects;
	const struct cfs_lazy_source *sources; /* tried in this order */
	size_t n_sources;
};

/* The function fetch of struct cfs_trigger; ctx is a struct cfs_lazy. Any number of threads. */
void cfs_lazy_fetch(void *ctx, const struct cfs_watch *watch, struct cfs_trigger_want *v,
		    size_t n);

#endif
