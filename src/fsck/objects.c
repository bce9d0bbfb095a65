/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The objects that an image references, compared with an object directory. */
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

/* --- Collecting ---------------------------------------------------------------------- */

int cfs_fsck_objects_add(struct cfs_fsck_objects *o, const struct cfs_fsck_object *object,
			 struct cfs_err *err)
{
	struct cfs_fsck_object copy = *object;

	if (copy.user_len > CFS_FSCK_USER_MAX)
		copy.user_len = CFS_FSCK_USER_MAX;
	copy.path = cfs_arena_copy(&o->arena, object->path, object->path_len);
	copy.user = cfs_arena_copy(&o->arena, object->user, copy.user_len);
	if (object->digest)
		copy.digest =
			cfs_arena_copy(&o->arena, object->digest, cfs_hash_len(o->alg));
	if (!copy.path || !copy.user || (object->digest && !copy.digest) ||
	    cfs_grow(&o->v, &o->cap, o->n + 1, sizeof(copy)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	o->v[o->n++] = copy;
	return 0;
}

static int compare_checked_paths(const struct cfs_fsck_object *a,
				 const struct cfs_fsck_object *b)
{
	return cfs_text_cmp((struct cfs_text){a->path, a->path_len},
			    (struct cfs_text){b->path, b->path_len});
}

/* By path, then by user, so that the user and the size that are shown depend on the image alone. */
static int compare_object_users(const void *va, const void *vb)
{
	const struct cfs_fsck_object *a = va, *b = vb;
	int order = compare_checked_paths(a, b);

	if (order == 0)
		order = cfs_text_cmp((struct cfs_text){a->user, a->user_len},
				     (struct cfs_text){b->user, b->user_len});
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Adds the users of b to a, which has the same path. */
static void merge_object(const struct cfs_fsck_objects *o, struct cfs_fsck_object *a,
			 const struct cfs_fsck_object *b)
{
	a->n_users += b->n_users;
	if (!a->sizes_differ && a->size != b->size) {
		a->sizes_differ = true;
		a->other_size = b->size;
	}
	if (!a->digest)
		a->digest = b->digest;
	else if (b->digest && memcmp(a->digest, b->digest, cfs_hash_len(o->alg)) != 0)
		a->digests_differ = true;
}

/* Files that share an object become one, so that it is read once. Their order does not
 * depend on that of the threads. */
static void merge_objects(struct cfs_fsck_objects *o)
{
	size_t last = 0;

	if (o->n == 0)
		return;
	qsort(o->v, o->n, sizeof(*o->v), compare_object_users);
	for (size_t i = 1; i < o->n; i++) {
		if (compare_checked_paths(&o->v[last], &o->v[i]) == 0)
			merge_object(o, &o->v[last], &o->v[i]);
		else
			o->v[++last] = o->v[i];
	}
	o->n = last + 1;
}

/* Adds the object of one file with the path of that file, which is shown if the object
 * is wrong. A file without a payload has no object. */
static int collect_object_user(struct cfs_fsck_objects *o, const struct cfs_image *im,
			       const struct cfs_walk_entry *e, struct cfs_spec_room *room,
			       struct cfs_err *err)
{
	struct cfs_fsck_object object = {
		.user = e->path.s, .user_len = e->path.len, .n_users = 1};
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_spec(im, &e->inode, room, &spec, err);

	if (rc < 0)
		return rc;
	if (spec.digest && room->alg != o->alg)
		return cfs_fail(err, EUCLEAN, "digests of two algorithms in one image");
	if (spec.payload.len == 0)
		return 0;
	object.path = spec.payload.s;
	object.path_len = spec.payload.len;
	object.size = spec.size;
	object.digest = spec.digest;
	return cfs_fsck_objects_add(o, &object, err);
}

int cfs_fsck_objects_collect(struct cfs_fsck_objects *o, const struct cfs_image *im,
			     const struct cfs_watch *watch, struct cfs_err *err)
{
	const struct cfs_walk_opts opts = {.watch = watch};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	int rc = cfs_image_find_alg(im, &o->alg, err);

	if (rc == 0)
		rc = cfs_walk_new(im, &opts, &walk, err);
	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0)
		if (e->inode.external && !e->again)
			rc = collect_object_user(o, im, e, &room, err);
	cfs_spec_room_fini(&room);
	merge_objects(o);
	return rc;
}

/* --- Comparing ----------------------------------------------------------------------- */

/* Compares an object with the digest that the image has for it: by fs-verity where the
 * file has it, else by reading. */
static int compare_named_digest(const struct cfs_fsck_objects *o,
				const struct cfs_fsck_object *object, int fd,
				struct cfs_err *err)
{
	struct cfs_digest expected = {.alg = o->alg}, got;
	char expected_text[CFS_DIGEST_TEXT_MAX], got_text[CFS_DIGEST_TEXT_MAX];
	int rc = cfs_verity_measure(fd, &got, NULL);

	if (rc == -ENOTTY || (rc == 0 && got.alg != o->alg))
		rc = cfs_verity_digest_fd(o->alg, fd, 1, o->watch, &got, NULL, err);
	if (rc < 0)
		return rc;
	memcpy(expected.bytes, object->digest, cfs_hash_len(o->alg));
	if (cfs_digest_eq(&expected, &got))
		return 0;
	return cfs_fail(err, EUCLEAN, "fs-verity digest: expected %s, got %s",
			cfs_digest_text(&expected, expected_text),
			cfs_digest_text(&got, got_text));
}

/* The path is the image's: it may lead anywhere, and overlayfs refuses some paths that open() takes. */
static int open_named_object(int dirfd, const char *path, struct cfs_err *err)
{
	int fd;

	if (cfs_path_leaves(cfs_text(path)))
		return cfs_fail(err, EUCLEAN, "path leaves the object directory by ..");
	if (*path == '/' || strstr(path, "//") ||
	    (*path && path[strlen(path) - 1] == '/'))
		return cfs_fail(err, EUCLEAN,
				"overlayfs refuses a path with an empty component");
	fd = cfs_beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return cfs_fail(err, ENOENT, "missing");
	if (fd == -ELOOP)
		return cfs_fail(err, EUCLEAN,
				"symbolic link in the path, which overlayfs does not "
				"follow");
	if (fd < 0) {
		errno = -fd;
		return cfs_fail_errno(err, "open");
	}
	return fd;
}

/* Compares one file of the object directory with all that the image says about it. The
 * sentence goes to the report; it is no error of the check. */
static int compare_object(const struct cfs_fsck_objects *o,
			  const struct cfs_fsck_object *object, int dirfd,
			  struct cfs_err *err)
{
	cfs_autofd int fd = open_named_object(dirfd, object->path, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN, "expected a regular file, got %s",
				cfs_input_get_type_name(st.st_mode));
	if (object->sizes_differ)
		return cfs_fail(err, EUCLEAN,
				"size: the image expects %" PRIu64 " and %" PRIu64
				" bytes, got %" PRIu64,
				object->size, object->other_size, (uint64_t)st.st_size);
	if ((uint64_t)st.st_size != object->size)
		return cfs_fail(err, EUCLEAN,
				"size: expected %" PRIu64 " bytes, got %" PRIu64,
				object->size, (uint64_t)st.st_size);
	if (object->digests_differ)
		return cfs_fail(err, EUCLEAN, "the image expects several digests");
	return object->digest ? compare_named_digest(o, object, fd, err) : 0;
}

struct comparison {
	struct cfs_fsck_objects *o;
	int dirfd;
	pthread_mutex_t lock; /* guards the arena */
};

/* One item of the pool. The code of each object has one writer; the arena for the
 * sentences is shared, so it is locked. */
static int run_comparison(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct comparison *c = ctx;
	struct cfs_fsck_object *object = &c->o->v[i];
	struct cfs_err fault;

	object->code = compare_object(c->o, object, c->dirfd, &fault);
	if (object->code == -ECANCELED)
		return cfs_watch_poll(c->o->watch, err);
	if (object->code < 0) {
		pthread_mutex_lock(&c->lock);
		object->fault =
			cfs_arena_copy(&c->o->arena, fault.msg, strlen(fault.msg));
		pthread_mutex_unlock(&c->lock);
		if (!object->fault)
			return cfs_fail(err, ENOMEM, "out of memory");
	}
	atomic_fetch_add_explicit(&c->o->n_done, 1, memory_order_relaxed);
	if (worker == 0)
		cfs_watch_progress(
			c->o->watch,
			&(struct cfs_progress){.stage = "objects",
					       .done = atomic_load(&c->o->n_done),
					       .all = c->o->n});
	return 0;
}

int cfs_fsck_objects_check(struct cfs_fsck_objects *o, int dirfd, struct cfs_err *err)
{
	struct comparison c = {.o = o, .dirfd = dirfd, .lock = PTHREAD_MUTEX_INITIALIZER};

	return cfs_pool_run(cfs_pool_count_cpus(), o->n, run_comparison, &c, o->watch,
			    err);
}
