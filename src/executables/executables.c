/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Find the executable files of an image. */
#include "executables/executables.h"

#include <errno.h>
#include <fcntl.h>

#include "source/source.h"

/* All paths of a deep tree together can be a thousand times as large as its image, and a message has about this size. */
enum { PATH_SHOWN_MAX = 1000 };

void cfs_executables_fini(struct cfs_executables *x)
{
	cfs_arena_fini(&x->arena);
	free(x->v);
	*x = (struct cfs_executables){0};
}

/* Notes an executable by its digest. One whose content is in the image has no digest,
 * and is reported by its path. */
static int append_executable(struct cfs_executables *x, struct cfs_text path,
			     const struct cfs_digest *digest, struct cfs_err *err)
{
	struct cfs_executable e = {.inlined = !digest};
	size_t path_len = path.len < PATH_SHOWN_MAX ? path.len : PATH_SHOWN_MAX;

	if (digest)
		e.digest = *digest;
	else
		e.path = cfs_arena_copy(&x->arena, path.s, path_len);
	if ((e.inlined && !e.path) || cfs_grow(&x->v, &x->cap, x->n + 1, sizeof(e)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	x->v[x->n++] = e;
	return 0;
}

/* Whether the object begins like an ELF file, or a negative error. */
static int is_elf(int dirfd, const struct cfs_digest *digest, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], magic[4];
	cfs_autofd int fd = cfs_beneath_open(dirfd, cfs_digest_path(digest, path),
					     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	ssize_t n;

	if (fd < 0)
		return cfs_context(err, cfs_beneath_fail(fd, path, err), "object");
	n = cfs_io_read(fd, magic, sizeof(magic), err);
	if (n < 0)
		return cfs_context(err, (int)n, "object %s", path);
	return n == sizeof(magic) && memcmp(magic, "\177ELF", sizeof(magic)) == 0;
}

/* An executable without a digest could not be listed in a policy, and would be
 * forbidden. */
static int find_executable_digest(const struct cfs_image *im,
				  const struct cfs_walk_entry *e,
				  struct cfs_spec_room *room, struct cfs_digest *out,
				  struct cfs_err *err)
{
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_spec(im, &e->inode, room, &spec, err);

	if (rc == 0 && !spec.digest)
		rc = cfs_fail(err, EUCLEAN, "the image has no digest of the file");
	if (rc < 0)
		return cfs_context(err, rc, "%.*s", (int)e->path.len, e->path.s);
	*out = (struct cfs_digest){.alg = room->alg};
	memcpy(out->bytes, spec.digest, cfs_hash_len(out->alg));
	return 0;
}

struct search {
	struct cfs_executables *x;
	const struct cfs_image *im;
	int dirfd;
	bool all;
	struct cfs_spec_room room;
};

/* Appends a file with an execute bit, or one that is an ELF file (a library), as far as
 * its object can be read. Files without content execute nothing. */
static int collect_executable(struct search *s, const struct cfs_walk_entry *e,
			      struct cfs_err *err)
{
	bool has_x = e->inode.mode & 0111;
	struct cfs_digest digest;
	int rc;

	if (!S_ISREG(e->inode.mode) || e->inode.size == 0 || e->again)
		return 0;
	if (!e->inode.external)
		return has_x ? append_executable(s->x, e->path, NULL, err) : 0;
	if (!s->all && !has_x && s->dirfd < 0)
		return 0;
	rc = find_executable_digest(s->im, e, &s->room, &digest, err);
	if (rc == 0 && !s->all && !has_x) {
		rc = is_elf(s->dirfd, &digest, err);
		if (rc == 0)
			return 0;
	}
	return rc < 0 ? rc : append_executable(s->x, e->path, &digest, err);
}

/* Objects first, by digest; then inline files, by path. */
static int compare_executables(const void *a, const void *b)
{
	const struct cfs_executable *x = a, *y = b;

	if (x->inlined != y->inlined)
		return x->inlined ? 1 : -1;
	if (x->inlined)
		return strcmp(x->path, y->path);
	return memcmp(x->digest.bytes, y->digest.bytes, sizeof(x->digest.bytes));
}

/* A digest that occurs in several places is listed once; the order does not depend on
 * that of the tree. */
static void sort_files(struct cfs_executables *x)
{
	size_t kept = 0;

	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), compare_executables);
	for (size_t i = 0; i < x->n; i++) {
		if (kept && !x->v[i].inlined &&
		    cfs_digest_eq(&x->v[kept - 1].digest, &x->v[i].digest))
			continue;
		x->v[kept++] = x->v[i];
		x->n_objects += !x->v[i].inlined;
	}
	x->n = kept;
}

/* Sorts also after a failure; the caller frees x in any case. Equal objects become one
 * entry. */
static int collect_files(struct cfs_executables *x, const struct cfs_image *im, int dirfd,
			 bool all, struct cfs_err *err)
{
	static const struct cfs_walk_opts everything;
	struct search s = {x, im, dirfd, all, {0}};
	const struct cfs_walk_entry *e;
	struct cfs_walk *walk;
	int rc = cfs_walk_new(im, &everything, &walk, err);

	if (rc < 0)
		return rc;
	while ((rc = cfs_walk_next(walk, &e, err)) > 0) {
		rc = collect_executable(&s, e, err);
		if (rc < 0)
			break;
	}
	cfs_walk_free(walk);
	cfs_spec_room_fini(&s.room);
	sort_files(x);
	return rc;
}

int cfs_executables_collect(struct cfs_executables *x, const char *image,
			    const char *objects, bool all, struct cfs_err *err)
{
	cfs_autofd int dirfd = -1;
	struct cfs_image im;
	struct cfs_map map;
	int rc;

	if (objects) {
		dirfd = open(objects, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dirfd < 0)
			return cfs_fail_errno(err, "%s", objects);
	}
	rc = cfs_source_open_image(image, &map, &im, err);
	if (rc < 0)
		return rc;
	rc = collect_files(x, &im, dirfd, all, err);
	cfs_map_close(&map);
	return rc;
}
