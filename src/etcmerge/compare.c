/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files of the layer and of images, compared. Times do not count: writing a file back
 * changes them. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "etcmerge/etcmerge_priv.h"
#include "verity/verity.h"

/* --- a file and an image -------------------------------------------------------------- */

static const struct cfs_xattr *find_xattr(const struct cfs_inode_spec *spec,
					  struct cfs_text key)
{
	for (size_t i = 0; i < spec->n_xattrs; i++)
		if (cfs_text_eq(spec->xattrs[i].key, key))
			return &spec->xattrs[i];
	return NULL;
}

static int has_xattr(const struct etc_file *file, const char *key,
		     const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	const struct cfs_xattr *x = find_xattr(spec, cfs_text(key));
	cfs_autofree uint8_t *value = NULL;
	size_t len;
	int rc;

	if (!x)
		return 0;
	rc = etc_read_xattr(file->fd, key, &value, &len, err);
	return rc < 0 ? rc : cfs_span_eq((struct cfs_span){value, len}, x->value);
}

/* Whether a file has exactly the xattrs of the image's file. 1, 0 or an error. */
static int has_xattrs(const struct etc_file *file, const struct cfs_inode_spec *spec,
		      struct cfs_err *err)
{
	size_t n = 0;

	for (const char *key = file->xattrs; key < file->xattrs + file->xattrs_len;
	     key += strlen(key) + 1) {
		int rc = has_xattr(file, key, spec, err);

		if (rc <= 0)
			return rc;
		n++;
	}
	return n == spec->n_xattrs;
}

/* The content is compared by its digest, so no object is opened. */
static int has_content(const struct etc_file *file, const struct cfs_inode_spec *spec,
		       enum cfs_hash_alg alg, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	struct cfs_mem content = {0};
	struct cfs_digest digest;
	int rc;

	if ((uint64_t)file->st.st_size != spec->size)
		return 0;
	if (spec->size == 0)
		return 1;
	fd = etc_open_content(file, err);
	if (fd < 0)
		return fd;
	if (spec->content.len) {
		rc = cfs_input_read_fd(fd, spec->content.len, &content, err);
		if (rc == 0)
			rc = cfs_span_eq(cfs_mem_span(&content), spec->content);
		free(content.p);
		return rc == -EFBIG ? 0 : rc;
	}
	/* An image without digests says nothing about the content. */
	if (!spec->digest)
		return 0;
	rc = cfs_verity_digest_fd(alg, fd, 1, NULL, &digest, NULL, err);
	return rc < 0 ? rc : memcmp(digest.bytes, spec->digest, cfs_hash_len(alg)) == 0;
}

static int has_target(const struct etc_file *file, const struct cfs_inode_spec *spec,
		      struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(file->fd, "", target, sizeof(target));

	if (n < 0)
		return cfs_fail_errno(err, "readlink");
	return cfs_text_eq((struct cfs_text){target, (size_t)n}, spec->payload);
}

static int has_data(const struct etc_file *file, const struct cfs_inode_spec *spec,
		    enum cfs_hash_alg alg, struct cfs_err *err)
{
	if (S_ISREG(spec->mode))
		return has_content(file, spec, alg, err);
	if (S_ISLNK(spec->mode))
		return has_target(file, spec, err);
	if (S_ISCHR(spec->mode) || S_ISBLK(spec->mode))
		return (uint32_t)file->st.st_rdev == spec->rdev;
	return 1;
}

int etc_equals_image(const struct etc_file *file, const struct etc_side *side,
		     struct cfs_err *err)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	int rc;

	if (!side->exists)
		return 0;
	rc = cfs_image_read_mounted_spec(side->im, &side->inode, &room, &spec, err);
	if (rc == 0)
		rc = file->st.st_mode == spec.mode && file->st.st_uid == spec.uid &&
		     file->st.st_gid == spec.gid;
	if (rc == 1)
		rc = has_xattrs(file, &spec, err);
	if (rc == 1)
		rc = has_data(file, &spec, room.alg, err);
	cfs_spec_room_fini(&room);
	return rc;
}

/* --- two images ----------------------------------------------------------------------- */

static bool has_same_xattrs(const struct cfs_inode_spec *a,
			    const struct cfs_inode_spec *b)
{
	for (size_t i = 0; i < a->n_xattrs; i++) {
		const struct cfs_xattr *x = find_xattr(b, a->xattrs[i].key);

		if (!x || !cfs_span_eq(x->value, a->xattrs[i].value))
			return false;
	}
	return a->n_xattrs == b->n_xattrs;
}

static bool has_same_data(const struct cfs_inode_spec *a, const struct cfs_inode_spec *b,
			  enum cfs_hash_alg alg_a, enum cfs_hash_alg alg_b)
{
	if (S_ISREG(a->mode) && a->digest && b->digest)
		return a->size == b->size && alg_a == alg_b &&
		       memcmp(a->digest, b->digest, cfs_hash_len(alg_a)) == 0;
	return S_ISDIR(a->mode) ||
	       (a->size == b->size && !a->digest == !b->digest &&
		cfs_text_eq(a->payload, b->payload) &&
		cfs_span_eq(a->content, b->content) && a->rdev == b->rdev);
}

int etc_equals(const struct etc_side *a, const struct etc_side *b, struct cfs_err *err)
{
	struct cfs_spec_room room_a = {0}, room_b = {0};
	struct cfs_inode_spec x, y;
	int rc;

	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	rc = cfs_image_read_mounted_spec(a->im, &a->inode, &room_a, &x, err);
	if (rc == 0)
		rc = cfs_image_read_mounted_spec(b->im, &b->inode, &room_b, &y, err);
	if (rc == 0)
		rc = x.mode == y.mode && x.uid == y.uid && x.gid == y.gid &&
		     has_same_xattrs(&x, &y) &&
		     has_same_data(&x, &y, room_a.alg, room_b.alg);
	cfs_spec_room_fini(&room_a);
	cfs_spec_room_fini(&room_b);
	return rc;
}
