/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Objects from other places: directories first, then what others bring, each held against its id before it
 * enters. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "repo/fetch.h"

struct fetch {
	const struct cfs_repo *repo;
	struct cfs_store *store;
	const struct cfs_repo_sources *from;
	struct cfs_repo_want
		*wants; /* what no directory had, and which is not there yet */
	size_t n;
	uint64_t *n_fetched;
};

/* Adds the content of a file if it is the object's. 1: it was; 0: it is something else. */
static int enter(struct fetch *f, const struct cfs_digest *id, int fd,
		 struct cfs_err *err)
{
	struct cfs_digest got;
	uint64_t size;
	int rc = cfs_verity_digest_fd(id->alg, fd, 1, &got, &size, err);

	if (rc < 0 || !cfs_digest_eq(&got, id))
		return rc < 0 ? rc : 0;
	rc = cfs_store_add_fd(f->store, 0, fd, size, &got, err);
	if (rc == 0 && !cfs_digest_eq(&got, id))
		rc = cfs_fail(err, EILSEQ, "it changed while it was read");
	*f->n_fetched += rc == 0;
	return rc < 0 ? rc : 1;
}

/* --- directories ------------------------------------------------------------------------- */

/* A regular file where the object would be, or -1. A directory that cannot be read has none. */
static int open_elsewhere(const char *place, const char *between,
			  const struct cfs_digest *id)
{
	char path[CFS_OBJECT_PATH_MAX];
	cfs_autofree char *full = NULL;
	cfs_autofd int fd = -1;
	struct stat st;

	if (asprintf(&full, "%s/%s%s", place, between, cfs_digest_path(id, path)) < 0) {
		full = NULL;
		return -1;
	}
	fd = open(full, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return cfs_steal_fd(&fd);
}

/* A repository, or a directory of objects. 1: it had the object; what it cannot read it has not. */
static int try_directory(struct fetch *f, const char *place, const struct cfs_digest *id,
			 struct cfs_err *err)
{
	static const char *const between[] = {"objects/", ""};

	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		cfs_autofd int fd = open_elsewhere(place, between[i], id);
		int rc = fd < 0 ? 0 : enter(f, id, fd, err);

		if (rc == -EIO)
			continue;
		if (rc)
			return cfs_context(err, rc, "%s", place);
	}
	return 0;
}

/* What is left then is in wants. */
static int try_directories(struct fetch *f, const struct cfs_ids *wanted,
			   struct cfs_err *err)
{
	for (size_t i = 0; i < wanted->n; i++) {
		struct cfs_digest id = cfs_ids_get(wanted, i);
		int rc = 0;

		for (size_t k = 0; rc == 0 && k < f->from->n_dirs; k++)
			rc = try_directory(f, f->from->dirs[k], &id, err);
		if (rc < 0)
			return rc;
		if (rc == 0)
			f->wants[f->n++] = (struct cfs_repo_want){.id = id};
	}
	return 0;
}

/* --- how large they may be --------------------------------------------------------------- */

static struct cfs_repo_want *find_want(const struct fetch *f, const struct cfs_digest *id)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(f->wants[middle].id.bytes, id->bytes,
				   cfs_hash_len(id->alg));

		if (order == 0)
			return &f->wants[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int ask_inodes(struct fetch *f, const struct cfs_image *im, struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_repo_want *want;
	struct cfs_digest id;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		if (!e->inode.external || e->again ||
		    cfs_repo_inode_object(f->repo, im, &e->inode, &id, NULL) < 0)
			continue;
		want = find_want(f, &id);
		if (want && want->max_size < e->inode.size)
			want->max_size = e->inode.size;
	}
	return rc;
}

static void ask_image(struct fetch *f, const struct cfs_digest *id)
{
	struct cfs_image im;
	struct cfs_map map;

	if (repo_map_object(f->repo, id, &map, NULL) < 0)
		return;
	if (cfs_image_open(map.span, &im, NULL) == 0)
		(void)!ask_inodes(f, &im, NULL);
	cfs_map_close(&map);
}

/* An object is as large as the images say. Of one that no image has, as images and streams themselves, nobody
 * knows. A damaged image says nothing: it is mended first, and then asked when all is checked again. */
static int ask_images(struct fetch *f, struct cfs_err *err)
{
	struct cfs_repo_list images = {0};
	int rc = cfs_repo_list_entries(f->repo, CFS_REPO_IMAGES, &images, err);

	for (size_t i = 0; rc == 0 && i < images.n; i++)
		if (images.v[i].code == 0)
			ask_image(f, &images.v[i].id);
	cfs_repo_list_fini(&images);
	for (size_t i = 0; i < f->n; i++)
		if (f->wants[i].max_size == 0)
			f->wants[i].max_size = CFS_REPO_FETCH_MAX;
	return rc;
}

/* --- others ------------------------------------------------------------------------------ */

/* cfs_repo_take: what one of them has brought. */
static int take(void *ctx, size_t i, int fd, struct cfs_err *err)
{
	struct fetch *f = ctx;
	int rc = enter(f, &f->wants[i].id, fd, err);

	f->wants[i].done |= rc > 0;
	return rc;
}

static void drop_done(struct fetch *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!f->wants[i].done)
			f->wants[kept++] = f->wants[i];
	f->n = kept;
}

static int try_others(struct fetch *f, struct cfs_err *err)
{
	int rc = 0;

	if (f->n && f->from->n_others)
		rc = ask_images(f, err);
	for (size_t k = 0; rc == 0 && f->n && k < f->from->n_others; k++) {
		rc = f->from->fetch(f->from->ctx, k, f->wants, f->n, take, f, err);
		drop_done(f);
	}
	return rc;
}

int repo_fetch(const struct cfs_repo *repo, struct cfs_store *store,
	       const struct cfs_ids *wanted, const struct cfs_repo_sources *from,
	       uint64_t *n_fetched, struct cfs_err *err)
{
	struct fetch f = {
		.repo = repo, .store = store, .from = from, .n_fetched = n_fetched};
	int rc;

	f.wants = calloc(wanted->n + 1, sizeof(*f.wants));
	if (!f.wants)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = try_directories(&f, wanted, err);
	if (rc == 0)
		rc = try_others(&f, err);
	free(f.wants);
	return rc;
}
