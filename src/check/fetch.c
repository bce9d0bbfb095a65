/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Fetching objects: from directories first, then from other sources. Sources may be slow,
 * so the lock is released meanwhile. What they deliver is verified and kept as an open
 * file. A few files at a time are added to the store under the lock, which verifies them
 * again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check/fetch.h"

enum { N_KEPT = 32, CHUNK_LEN = 64 * 1024 };

/* Fetched and verified, but not in the store yet. */
struct kept {
	size_t want;
	int fd;
	uint64_t size;
};

struct fetch {
	const struct cfs_repo *repo;
	struct cfs_store *store;
	const struct cfs_check_sources *from;
	struct cfs_check_want *wants; /* objects that are still missing */
	size_t n;
	struct kept kept[N_KEPT];
	size_t n_kept;
	uint64_t *n_fetched;
};

/* --- fetched files ------------------------------------------------------------------ */

/* Whether the file has the content of the object. Reads size bytes and no more: the file
 * may grow while it is read. */
static int is_object(const struct cfs_digest *id, int fd, uint64_t size,
		     const struct cfs_watch *watch)
{
	cfs_autofree uint8_t *buf = malloc(CHUNK_LEN);
	struct cfs_verity *v = NULL;
	struct cfs_digest got;
	uint64_t off = 0;
	bool failed = !buf || cfs_verity_new(id->alg, &v) < 0;

	while (!failed && off < size && !cfs_watch_is_cancelled(watch)) {
		size_t len = size - off < CHUNK_LEN ? (size_t)(size - off) : CHUNK_LEN;
		ssize_t n = cfs_io_pread(fd, buf, len, (off_t)off, NULL);

		failed = n != (ssize_t)len;
		if (!failed)
			cfs_verity_update(v, buf, len);
		off += len;
	}
	if (!failed)
		cfs_verity_final(v, &got);
	cfs_verity_free(v);
	return !failed && off >= size && cfs_digest_eq(&got, id);
}

/* A file that changed while it was kept counts as not fetched; if it cannot be stored,
 * that is an error. */
static int add_fetched_object(struct fetch *f, const struct kept *k, struct cfs_err *err)
{
	struct cfs_check_want *want = &f->wants[k->want];
	struct cfs_digest got;
	int rc = cfs_store_add_fd(f->store, 0, k->fd, k->size, &got, err);

	want->done = rc == 0 && cfs_digest_eq(&got, &want->id);
	*f->n_fetched += want->done;
	return rc == -ESTALE ? 0 : rc;
}

static void drop_kept(struct fetch *f)
{
	while (f->n_kept)
		close(f->kept[--f->n_kept].fd);
}

/* Adds all kept files to the store, under the lock. */
static int add_all_kept(struct fetch *f, struct cfs_err *err)
{
	int rc = f->n_kept ? cfs_repo_relock(f->repo, err) : 0;

	for (size_t i = 0; rc == 0 && i < f->n_kept; i++)
		rc = add_fetched_object(f, &f->kept[i], err);
	if (rc == 0 && f->n_kept)
		rc = cfs_store_commit(f->store, err);
	if (f->n_kept)
		cfs_repo_unlock(f->repo);
	drop_kept(f);
	return rc;
}

/* cfs_check_take: verifies a fetched file and keeps it open. */
static int keep_fetched_file(void *ctx, size_t i, int fd, struct cfs_err *err)
{
	struct fetch *f = ctx;
	struct cfs_check_want *want = &f->wants[i];
	struct kept k = {.want = i, .fd = -1};
	struct stat st;
	int rc = 0;

	rc = cfs_watch_poll(f->from->watch, err);
	if (rc < 0)
		return rc;
	if (want->done || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > want->max_size)
		return 0;
	k.size = (uint64_t)st.st_size;
	if (!is_object(&want->id, fd, k.size, f->from->watch))
		return 0;
	k.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (k.fd < 0)
		return cfs_fail_errno(err, "keep a fetched object");
	want->done = true; /* until add_fetched_object() fails */
	f->kept[f->n_kept++] = k;
	if (f->n_kept == N_KEPT)
		rc = add_all_kept(f, err);
	return rc < 0 ? rc : 1;
}

static void remove_done(struct fetch *f)
{
	size_t left = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!f->wants[i].done)
			f->wants[left++] = f->wants[i];
	f->n = left;
}

/* Called after each source. */
static int finish_source(struct fetch *f, int rc, struct cfs_err *err)
{
	if (rc == 0)
		rc = add_all_kept(f, err);
	drop_kept(f);
	remove_done(f);
	return rc;
}

/* --- directories -------------------------------------------------------------------- */

/* Opens the regular file in the place of the object; -1 if there is none. No other type
 * of file is opened, and no symbolic link is followed. */
static int open_elsewhere(int dirfd, const char *between, const struct cfs_digest *id)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + sizeof("objects/")];
	const char *name;
	cfs_autofd int parent = -1;

	snprintf(below, sizeof(below), "%s%s", between, cfs_digest_path(id, path));
	parent = cfs_beneath_open_parent(dirfd, below, &name);
	if (parent < 0)
		return -1;
	return cfs_input_open(parent, name, CFS_INPUT_NOFOLLOW, NULL);
}

/* Tries a repository or an object directory. A file that cannot be read counts as
 * absent. */
static int try_object(struct fetch *f, int dirfd, size_t i, struct cfs_err *err)
{
	static const char *const between[] = {"objects/", ""};
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < sizeof(between) / sizeof(between[0]); k++) {
		cfs_autofd int fd = open_elsewhere(dirfd, between[k], &f->wants[i].id);

		if (fd >= 0)
			rc = keep_fetched_file(f, i, fd, err);
	}
	return rc;
}

static int take_from_directory(struct fetch *f, const char *place, struct cfs_err *err)
{
	cfs_autofd int dirfd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	for (size_t i = 0; rc >= 0 && dirfd >= 0 && i < f->n; i++)
		rc = try_object(f, dirfd, i, err);
	return cfs_context(err, finish_source(f, rc < 0 ? rc : 0, err), "%s", place);
}

/* --- limits of sizes ---------------------------------------------------------------- */

/* Returns the wanted object, borrowed from f, whose list is sorted by ID; NULL: not
 * wanted. */
static struct cfs_check_want *find_want(const struct fetch *f,
					const struct cfs_digest *id)
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

/* An image says how large its objects are. Without this limit a server could send any
 * amount for an object. Several images may name one object: the largest size counts. */
static int limit_by_inodes(struct fetch *f, const struct cfs_image *im,
			   struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	struct cfs_check_want *want;
	struct cfs_digest id;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		if (!e->inode.external || e->again ||
		    cfs_repo_find_inode_object(f->repo, im, &e->inode, &id, NULL) < 0)
			continue;
		want = find_want(f, &id);
		if (want && want->max_size < e->inode.size)
			want->max_size = e->inode.size;
	}
	return rc;
}

static void limit_by_image(struct fetch *f, const struct cfs_digest *id)
{
	struct cfs_image im;
	struct cfs_map map;

	if (cfs_repo_map_object(f->repo, id, &map, NULL) < 0)
		return;
	if (cfs_image_open(map.span, &im, NULL) == 0)
		(void)!limit_by_inodes(f, &im, NULL);
	cfs_map_close(&map);
}

/* Takes the sizes of objects from the images that use them. Damaged images are skipped:
 * they are repaired first, and read when the repository is checked again. */
static int limit_sizes(struct fetch *f, struct cfs_err *err)
{
	struct cfs_repo_list images = {0};
	int rc = cfs_repo_list_entries(f->repo, CFS_REPO_IMAGES, &images, err);

	for (size_t i = 0; rc == 0 && i < images.n; i++)
		if (images.v[i].code == 0)
			limit_by_image(f, &images.v[i].id);
	cfs_repo_list_fini(&images);
	for (size_t i = 0; i < f->n; i++)
		if (f->wants[i].max_size == 0)
			f->wants[i].max_size = CFS_CHECK_FETCH_MAX;
	return rc;
}

/* --- sources ------------------------------------------------------------------------ */

static int try_fetch_sources(struct fetch *f, struct cfs_err *err)
{
	int rc = 0;

	for (size_t k = 0; rc == 0 && f->n && k < f->from->n_dirs; k++)
		rc = take_from_directory(f, f->from->dirs[k], err);
	for (size_t k = 0; rc == 0 && f->n && k < f->from->n_others; k++)
		rc = finish_source(f,
				   f->from->fetch(f->from->ctx, k, f->wants, f->n,
						  keep_fetched_file, f, err),
				   err);
	return rc;
}

/* Objects that wait in the store get their names before the lock is released. */
static int fetch_wanted_unlocked(struct fetch *f, struct cfs_err *err)
{
	int rc = limit_sizes(f, err), locked;

	if (rc == 0)
		rc = cfs_store_commit(f->store, err);
	if (rc < 0)
		return rc;
	cfs_repo_unlock(f->repo);
	rc = try_fetch_sources(f, err);
	locked = cfs_repo_relock(f->repo, rc < 0 ? NULL : err);
	return rc < 0 ? rc : locked;
}

int check_fetch(const struct cfs_repo *repo, struct cfs_store *store,
		const struct cfs_ids *wanted, const struct cfs_check_sources *from,
		uint64_t *n_fetched, struct cfs_err *err)
{
	struct fetch f = {
		.repo = repo, .store = store, .from = from, .n_fetched = n_fetched};
	int rc = 0;

	if (wanted->n == 0 || from->n_dirs + from->n_others == 0)
		return 0;
	f.wants = calloc(wanted->n, sizeof(*f.wants));
	if (!f.wants)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (f.n = 0; f.n < wanted->n; f.n++)
		f.wants[f.n].id = cfs_ids_get(wanted, f.n);
	rc = fetch_wanted_unlocked(&f, err);
	free(f.wants);
	return rc;
}
