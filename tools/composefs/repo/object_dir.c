/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Contents of files of an image, from a directory of objects. */
#include "composefs/repo/object_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "verity/verity.h"

/* What the image says about a content. */
struct expected {
	char path[PATH_MAX]; /* below the directory */
	uint64_t size;
	bool has_digest;
	struct cfs_digest digest;
};

/* A path such as "12/34..." is a digest in hex digits, of the length of either algorithm. */
static bool parse_path_argument(const char *path, struct cfs_digest *out)
{
	size_t len = strlen(path);
	char hex[CFS_DIGEST_HEX_MAX];

	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++) {
		if (len != 2 * cfs_hash_len(alg) + 1 || path[2] != '/')
			continue;
		memcpy(hex, path, 2);
		memcpy(hex + 2, path + 3, len - 3);
		*out = (struct cfs_digest){.alg = alg};
		return cfs_hex_decode((struct cfs_text){hex, len - 1}, out->bytes,
				      cfs_hash_len(alg));
	}
	return false;
}

/* What the image says about one object: path, size and, if known, digest. -EUCLEAN for
 * a file without a usable backing path. out borrows nothing. */
static int find_expected(const struct cfs_image *im, const struct cfs_inode *inode,
			 struct expected *out, struct cfs_err *err)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_spec(im, inode, &room, &spec, err);

	*out = (struct expected){.size = inode->size};
	if (rc == 0 && (spec.payload.len == 0 || spec.payload.len >= sizeof(out->path)))
		rc = cfs_fail(err, EUCLEAN, "expected a backing path");
	if (rc == 0) {
		memcpy(out->path, spec.payload.s, spec.payload.len);
		out->has_digest =
			spec.digest || parse_path_argument(out->path, &out->digest);
	}
	if (rc == 0 && spec.digest) {
		out->digest.alg = room.alg;
		memcpy(out->digest.bytes, spec.digest, cfs_hash_len(room.alg));
	}
	cfs_spec_room_fini(&room);
	return rc;
}

/* A directory of objects can belong to anybody: each content must have the size and
 * the digest that the image has for it. */
static int check_map(const struct expected *e, const struct cfs_map *map,
		     struct cfs_err *err)
{
	char want[CFS_DIGEST_TEXT_MAX], found[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest got;
	int rc;

	if (map->span.len != e->size)
		return cfs_fail(err, EILSEQ, "expected %" PRIu64 " bytes, got %zu",
				e->size, map->span.len);
	if (!e->has_digest)
		return 0;
	rc = cfs_verity_digest_mem(e->digest.alg, map->span, &got, err);
	if (rc < 0 || cfs_digest_eq(&got, &e->digest))
		return rc;
	return cfs_fail(err, EILSEQ, "expected the fs-verity digest %s, got %s",
			cfs_digest_text(&e->digest, want), cfs_digest_text(&got, found));
}

int object_dir_map(int dirfd, const struct cfs_image *im, const struct cfs_inode *inode,
		   struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	struct expected e;
	int rc = find_expected(im, inode, &e, err);

	if (rc < 0)
		return rc;
	fd = cfs_beneath_open(dirfd, e.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return cfs_fail(err, ENOENT, "object %s: missing", e.path);
	if (fd < 0)
		return cfs_beneath_fail(fd, e.path, err);
	rc = cfs_map_stable(fd, out, err);
	if (rc < 0)
		return cfs_context(err, rc, "object %s", e.path);
	rc = check_map(&e, out, err);
	if (rc < 0)
		cfs_map_close(out);
	return cfs_context(err, rc, "object %s", e.path);
}
