/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The objects that an image needs, each held against the image. */
#include "fsck/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/stat.h>

#include "verity/verity.h"

void cfs_fsck_objects_fini(struct cfs_fsck_objects *o)
{
	cfs_arena_fini(&o->arena);
	free(o->v);
	o->v = NULL;
}

/* --- finding them ------------------------------------------------------------------------ */

int cfs_fsck_objects_add(struct cfs_fsck_objects *o, struct cfs_text path, uint64_t size,
			 const uint8_t *digest, struct cfs_err *err)
{
	struct cfs_fsck_object w = {.path_len = path.len, .size = size};

	w.path = cfs_arena_copy(&o->arena, path.s, path.len);
	if (digest)
		w.digest = cfs_arena_copy(&o->arena, digest, cfs_hash_len(o->alg));
	if (!w.path || (digest && !w.digest) ||
	    cfs_grow(&o->v, &o->cap, o->n + 1, sizeof(w)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	o->v[o->n++] = w;
	return 0;
}

static struct cfs_text path_of(const struct cfs_fsck_object *w)
{
	return (struct cfs_text){w->path, w->path_len};
}

static int by_path(const void *a, const void *b)
{
	return cfs_text_cmp(path_of(a), path_of(b));
}

/* Two files may want different things of one object: then both rows stay. */
static bool is_same(const struct cfs_fsck_objects *o, const struct cfs_fsck_object *a,
		    const struct cfs_fsck_object *b)
{
	if (by_path(a, b) != 0 || a->size != b->size || !a->digest != !b->digest)
		return false;
	return !a->digest || memcmp(a->digest, b->digest, cfs_hash_len(o->alg)) == 0;
}

static void sort(struct cfs_fsck_objects *o)
{
	size_t kept = 0;

	if (o->n == 0)
		return;
	qsort(o->v, o->n, sizeof(*o->v), by_path);
	for (size_t i = 1; i < o->n; i++)
		if (!is_same(o, &o->v[kept], &o->v[i]))
			o->v[++kept] = o->v[i];
	o->n = kept + 1;
}

int cfs_fsck_objects_collect(struct cfs_fsck_objects *o, const struct cfs_image *im,
			     struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	struct cfs_walk *walk;
	int rc = cfs_image_alg(im, &o->alg, err);

	if (rc == 0)
		rc = cfs_walk_new(im, &everything, &walk, err);
	if (rc < 0)
		return rc;
	while ((rc = cfs_walk_next(walk, &e, err)) > 0) {
		if (!e->inode.external || e->again)
			continue;
		rc = cfs_image_spec(im, &e->inode, &room, &spec, err);
		if (rc == 0 && spec.digest && room.alg != o->alg)
			rc = cfs_fail(err, EUCLEAN,
				      "digests of two algorithms in one image");
		if (rc == 0 && spec.payload.len)
			rc = cfs_fsck_objects_add(o, spec.payload, spec.size, spec.digest,
						  err);
		if (rc < 0)
			break;
	}
	cfs_walk_free(walk);
	cfs_spec_room_fini(&room);
	sort(o);
	return rc;
}

/* --- looking at each --------------------------------------------------------------------- */

static int compare_digest(const struct cfs_fsck_objects *o,
			  const struct cfs_fsck_object *w, int fd, struct cfs_err *err)
{
	struct cfs_digest want = {.alg = o->alg}, got;
	char want_hex[CFS_DIGEST_HEX_MAX], got_hex[CFS_DIGEST_HEX_MAX];
	int rc = cfs_verity_measure(fd, &got, NULL);

	if (rc == -ENOTTY || (rc == 0 && got.alg != o->alg))
		rc = cfs_verity_digest_fd(o->alg, fd, 1, &got, NULL, err);
	if (rc < 0)
		return rc;
	memcpy(want.bytes, w->digest, cfs_hash_len(o->alg));
	if (cfs_digest_eq(&want, &got))
		return 0;
	return cfs_fail(err, EUCLEAN, "want the fs-verity digest %s, found %s",
			cfs_digest_hex(&want, want_hex), cfs_digest_hex(&got, got_hex));
}

static int look_at(const struct cfs_fsck_objects *o, const struct cfs_fsck_object *w,
		   int dirfd, struct cfs_err *err)
{
	const char *path = w->path;
	cfs_autofd int fd = -1;
	struct stat st;

	/* It is the image's: a stranger's. */
	if (cfs_path_leaves(cfs_text(path)))
		return cfs_fail(err, EUCLEAN,
				"want a path below the directory, found ..");
	/* The kernel takes none of these, and follows no link on the way or at the end. */
	if (*path == '/' || strstr(path, "//") ||
	    (*path && path[strlen(path) - 1] == '/'))
		return cfs_fail(err, EUCLEAN,
				"overlayfs refuses a path with an empty component");
	fd = cfs_beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return cfs_fail(err, ENOENT, "is not there");
	if (fd == -ELOOP)
		return cfs_fail(err, EUCLEAN,
				"symbolic link in the path, which overlayfs does not "
				"follow");
	if (fd < 0) {
		errno = -fd;
		return cfs_fail_errno(err, "open");
	}
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN, "want a regular file, found another type");
	if ((uint64_t)st.st_size != w->size)
		return cfs_fail(err, EUCLEAN, "want %" PRIu64 " bytes, found %" PRIu64,
				w->size, (uint64_t)st.st_size);
	return w->digest ? compare_digest(o, w, fd, err) : 0;
}

struct look {
	struct cfs_fsck_objects *o;
	int dirfd;
	pthread_mutex_t lock; /* guards the arena */
};

static int look(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct look *l = ctx;
	struct cfs_fsck_object *w = &l->o->v[i];
	struct cfs_err why;

	w->code = look_at(l->o, w, l->dirfd, &why);
	if (w->code < 0) {
		pthread_mutex_lock(&l->lock);
		w->wrong = cfs_arena_copy(&l->o->arena, why.msg, strlen(why.msg));
		pthread_mutex_unlock(&l->lock);
		if (!w->wrong)
			return cfs_fail(err, ENOMEM, "out of memory");
	}
	atomic_fetch_add_explicit(&l->o->n_done, 1, memory_order_relaxed);
	if (worker == 0 && l->o->progress)
		l->o->progress(l->o->progress_ctx, atomic_load(&l->o->n_done), l->o->n);
	return 0;
}

int cfs_fsck_objects_check(struct cfs_fsck_objects *o, int dirfd, struct cfs_err *err)
{
	struct look l = {.o = o, .dirfd = dirfd, .lock = PTHREAD_MUTEX_INITIALIZER};

	return cfs_pool_run(cfs_pool_cpus(), o->n, look, &l, err);
}
