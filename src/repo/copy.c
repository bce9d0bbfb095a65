/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Copying an image with its objects. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* An object that the image refers to, and its size as the image states it. */
struct item {
	struct cfs_digest id;
	uint64_t size;
};

struct copy {
	const struct cfs_repo *from, *to;
	struct cfs_store *store;
	const struct cfs_watch *watch;
	struct cfs_repo_copied *report;
	struct item *items;
	size_t n, cap;
	struct cfs_progress now;
};

/* --- what to copy ------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return memcmp(x->id.bytes, y->id.bytes, sizeof(x->id.bytes));
}

static void drop_duplicates(struct copy *c)
{
	size_t n = 0;

	if (c->n)
		qsort(c->items, c->n, sizeof(*c->items), compare_items);
	for (size_t i = 0; i < c->n; i++)
		if (n == 0 || !cfs_digest_eq(&c->items[n - 1].id, &c->items[i].id))
			c->items[n++] = c->items[i];
	c->n = n;
}

/* Lists the objects that the image needs in c->items, each once. The sizes come from
 * the image, because the source repository is not trusted to know them. */
static int list_image_objects(struct copy *c, const struct cfs_image *im,
			      struct cfs_err *err)
{
	static const struct cfs_walk_opts opts = {.no_paths = true};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		struct item *item;

		if (e->again || !e->inode.external)
			continue;
		if (cfs_grow(&c->items, &c->cap, c->n + 1, sizeof(*c->items)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		item = &c->items[c->n++];
		*item = (struct item){.size = e->inode.size};
		rc = cfs_repo_find_inode_object(c->from, im, &e->inode, &item->id, err);
	}
	drop_duplicates(c);
	return rc;
}

/* --- objects ------------------------------------------------------------------------ */

static void show_progress(struct copy *c, uint64_t size)
{
	c->now.stage = "objects";
	c->now.all = c->n;
	c->now.done++;
	c->now.bytes_done += size;
	cfs_watch_progress(c->watch, &c->now);
}

/* Opens the object in the source, and checks its size. */
static int open_source_object(const struct copy *c, const struct item *item,
			      const char *below, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_unverified(c->from->dirfd, below, err);
	struct stat st;

	if (fd == -ENOENT)
		return cfs_fail(err, ENOENT,
				"missing in both repositories; \"composefs repair "
				"--from=PLACE\" fetches it");
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "fstat");
	if ((uint64_t)st.st_size != item->size)
		return cfs_fail(err, EILSEQ, "expected %" PRIu64 " bytes, got %" PRIu64,
				item->size, (uint64_t)st.st_size);
	return cfs_steal_fd(&fd);
}

/* Copies one object unless the destination has it. The digest is computed on the way
 * in, so that a damaged source fails here and adds nothing. */
static int copy_one_object(struct copy *c, const struct item *item, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	int rc = cfs_watch_poll(c->watch, err);

	if (rc < 0)
		return rc;
	show_progress(c, item->size);
	if (cfs_store_has(c->store, &item->id, item->size)) {
		c->report->present++;
		return 0;
	}
	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(&item->id, path));
	fd = open_source_object(c, item, below, err);
	rc = fd < 0 ? fd
		    : cfs_store_add_expected(c->store, 0, fd, item->size, &item->id, err);
	if (rc < 0)
		return cfs_context(err, rc, "object %s", path);
	c->report->copied++;
	c->report->bytes += item->size;
	return 0;
}

/* The objects have their names before the image gets its own. */
static int copy_objects(struct copy *c, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		c->now.bytes += c->items[i].size;
	for (size_t i = 0; rc == 0 && i < c->n; i++)
		rc = copy_one_object(c, &c->items[i], err);
	return rc < 0 ? rc : cfs_store_commit(c->store, err);
}

/* --- the image ---------------------------------------------------------------------- */

/* Adds the image after its objects, then syncs. -ENOENT when another process removed
 * an object meanwhile, -EILSEQ when the image itself changed. */
static int add_copied_image(struct copy *c, const struct cfs_digest *id,
			    struct cfs_span bytes, struct cfs_err *err)
{
	struct cfs_repo_missing missing;
	struct cfs_digest got;
	bool present = cfs_store_has(c->store, id, bytes.len);
	int rc = cfs_repo_add_image(c->to, c->store, bytes, &got, &missing, err);

	if (rc < 0)
		return rc;
	if (missing.n)
		return cfs_fail(err, ENOENT, "%zu %s disappeared", missing.n,
				cfs_plural(missing.n, "object", "objects"));
	if (!cfs_digest_eq(&got, id))
		return cfs_fail(err, EILSEQ, "the image changed while it was read");
	c->report->present += present;
	c->report->copied += !present;
	c->report->bytes += present ? 0 : bytes.len;
	return cfs_store_commit(c->store, err);
}

/* Copies an image with all its objects: objects first, so that the image never lacks
 * one. */
static int copy_mapped(struct copy *c, const struct cfs_digest *id,
		       const struct cfs_map *map, struct cfs_err *err)
{
	const struct cfs_store_opts opts = {.watch = c->watch};
	struct cfs_image im;
	int rc = cfs_image_open(map->span, &im, err);

	if (rc == 0)
		rc = list_image_objects(c, &im, err);
	if (rc == 0)
		rc = cfs_repo_open_store(c->to, &opts, &c->store, err);
	if (rc < 0)
		return rc;
	rc = copy_objects(c, err);
	if (rc == 0)
		rc = add_copied_image(c, id, map->span, err);
	cfs_store_close(c->store);
	return rc;
}

int cfs_repo_copy_image(const struct cfs_repo *from, const struct cfs_digest *id,
			struct cfs_repo *to, const struct cfs_watch *watch,
			struct cfs_repo_copied *out, struct cfs_err *err)
{
	struct copy c = {.from = from, .to = to, .watch = watch, .report = out};
	char text[CFS_DIGEST_TEXT_MAX];
	struct cfs_map map;
	int rc;

	if (from->meta.alg != to->meta.alg)
		return cfs_fail(err, EINVAL,
				"repository %s: expected IDs with %s, got %s", from->path,
				cfs_hash_name(to->meta.alg),
				cfs_hash_name(from->meta.alg));
	rc = cfs_repo_map_object(from, id, &map, err);
	if (rc == 0) {
		rc = copy_mapped(&c, id, &map, err);
		cfs_map_close(&map);
	}
	free(c.items);
	return cfs_context(err, rc, "image %s", cfs_digest_text(id, text));
}

int cfs_repo_is_same(const struct cfs_repo *a, const struct cfs_repo *b,
		     struct cfs_err *err)
{
	struct stat x, y;

	if (fstat(a->dirfd, &x) < 0 || fstat(b->dirfd, &y) < 0)
		return cfs_fail_errno(err, "fstat");
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
