/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* compat: the lcfs_* functions of libcomposefs.so.1 in terms of the other rooms.
 * Owns:  mutable, reference-counted nodes; errno; what existing programs expect.
 * Uses:  base, hash, verity, tree, scan, erofs, mount.
 * Never: interprets image bytes, knows a rule of the format that another room knows.
 *
 * The door of this room is include/libcomposefs/; this header is what its files share.
 */
#ifndef CFS_COMPAT_H
#define CFS_COMPAT_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* What the public headers declare is exported, and nothing else. */
#define LCFS_EXTERN extern __attribute__((visibility("default")))

#include "base/base.h"
#include "libcomposefs/lcfs-erofs.h"
#include "libcomposefs/lcfs-mount.h"
#include "libcomposefs/lcfs-writer.h"
#include "tree/tree.h"

/* --- bytes -------------------------------------------------------------------------- */

/* Bytes that do not change, shared by all nodes that say the same: copies of a node,
 * and nodes of an image that refer to one place in it. Counted atomically, since those
 * may be in different trees. */
struct lcfs_blob {
	atomic_uint refs;
	uint32_t len;
	char bytes[]; /* len, and a NUL that does not count */
};

/* With one reference, and bytes to be filled in; NULL: out of memory. len < 2^31. */
struct lcfs_blob *lcfs_blob_new(size_t len);
struct lcfs_blob *lcfs_blob_ref(struct lcfs_blob *blob);
void lcfs_blob_unref(struct lcfs_blob *blob); /* NULL is fine */

/* Of an xattr: the key, a NUL, the value. */
struct lcfs_blob *lcfs_blob_xattr(struct cfs_text key, struct cfs_span value);
struct lcfs_blob *lcfs_blob_text(struct cfs_text text);

/* --- nodes -------------------------------------------------------------------------- */

/* The children of a directory: an array that is put in order when somebody reads it, and
 * a hash of the names once they have arrived out of order. */
struct lcfs_children {
	struct lcfs_node_s **v;
	size_t n, cap;
	struct lcfs_node_s **slots; /* open addressing, or NULL */
	size_t n_slots;
	uint64_t seed;
	atomic_size_t n_sorted;	 /* the first of v, which are in order */
	pthread_mutex_t sorting; /* two readers may find others behind them at once */
};

struct lcfs_node_s {
	char *name; /* exactly while there is a parent */
	struct lcfs_node_s *parent;
	struct lcfs_node_s *link_to;	/* holds a reference */
	struct lcfs_children *children; /* NULL: never had one */
	struct lcfs_blob **xattrs;
	size_t n_xattrs, xattrs_cap;
	struct lcfs_blob *payload;
	uint8_t *content; /* size bytes */
	uint64_t size;
	struct timespec mtime;
	uint8_t digest[LCFS_DIGEST_SIZE];
	int ref_count;
	int n_links; /* references that are those of hard links to it */
	uint32_t nlink, uid, mode, gid, rdev, xattrs_cost;
	bool has_digest;
	bool bad_link; /* make_hardlink was asked for what cannot be */
};

/* mkcomposefs 1.0.8 does not ask for the mode of a node, it looks here. */
static_assert(offsetof(struct lcfs_node_s, mode) == 0x90, "place of the mode");

/* Sets errno from a negative one and returns -1. */
int lcfs_fail(int rc);

/* Makes a new node say what spec says; the keys of its xattrs differ. share: see
 * share.h, or NULL. -ENOMEM, -EINVAL. */
struct lcfs_share;
int lcfs_fill(struct lcfs_node_s *node, const struct cfs_inode_spec *spec,
	      struct lcfs_share *share) CFS_MUST_CHECK;

/* Makes node a link to target, with a reference instead of that to a former target. */
void lcfs_point(struct lcfs_node_s *node, struct lcfs_node_s *target);

/* Adds a child whose name was checked. Takes over the reference on success. -ENOMEM */
int lcfs_attach(struct lcfs_node_s *parent, struct lcfs_node_s *child,
		struct cfs_text name) CFS_MUST_CHECK;

/* --- children ----------------------------------------------------------------------- */

static inline size_t lcfs_children_count(const struct lcfs_node_s *dir)
{
	return dir->children ? dir->children->n : 0;
}

/* All of them in order: sorts when nobody has yet. Any number of readers at once. */
struct lcfs_node_s **lcfs_children_sorted(const struct lcfs_node_s *dir);
struct lcfs_node_s *lcfs_children_find(const struct lcfs_node_s *dir, const char *name);
/* Appends; the caller has checked that the name is free. -ENOMEM */
int lcfs_children_add(struct lcfs_node_s *dir, struct lcfs_node_s *child) CFS_MUST_CHECK;
void lcfs_children_free(struct lcfs_children *c); /* not the nodes; NULL is fine */

/* --- xattrs ------------------------------------------------------------------------- */

/* Appends one whose key is known to be new, taking over the reference on success.
 * -ENOMEM */
int lcfs_xattrs_append(struct lcfs_node_s *node, struct lcfs_blob *xattr) CFS_MUST_CHECK;
int lcfs_xattrs_copy(struct lcfs_node_s *to,
		     const struct lcfs_node_s *from) CFS_MUST_CHECK;
void lcfs_xattrs_fini(struct lcfs_node_s *node);

static inline struct cfs_text lcfs_xattr_key(const struct lcfs_blob *xattr)
{
	return cfs_text(xattr->bytes);
}

static inline struct cfs_span lcfs_xattr_value(const struct lcfs_blob *xattr)
{
	size_t key_len = strlen(xattr->bytes);

	return (struct cfs_span){(const uint8_t *)xattr->bytes + key_len + 1,
				 xattr->len - key_len - 1};
}

#endif
