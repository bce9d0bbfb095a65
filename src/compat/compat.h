/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* compat: the lcfs_* functions of libcomposefs.so.1 in terms of the other rooms.
 * Owns:  mutable, reference-counted nodes; errno; the behaviour that existing programs
 *        rely on.
 * Uses:  base, hash, verity, tree, scan, erofs, mount.
 * Never: interprets image bytes, repeats a rule of the format that another room owns.
 *
 * The public header of this room is include/libcomposefs/; this one is shared by its
 * files.
 */
#ifndef CFS_COMPAT_H
#define CFS_COMPAT_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* Only functions that the public headers declare are exported. */
#define LCFS_EXTERN extern __attribute__((visibility("default")))

#include "base/base.h"
#include "libcomposefs/lcfs-erofs.h"
#include "libcomposefs/lcfs-mount.h"
#include "libcomposefs/lcfs-writer.h"
#include "tree/tree.h"

/* --- bytes -------------------------------------------------------------------------- */

/* Immutable bytes, shared by nodes: copies of a node, and nodes of an image that refer to
 * the same place in it. The reference count is atomic because those nodes may be in
 * different trees. */
struct lcfs_blob {
	atomic_uint refs;
	uint32_t len;
	char bytes[]; /* len bytes and a NUL */
};

/* Creates a blob with one reference; the caller fills in the bytes. NULL: out of memory.
 * len < 2^31. */
struct lcfs_blob *lcfs_blob_new(size_t len);
struct lcfs_blob *lcfs_blob_ref(struct lcfs_blob *blob);
void lcfs_blob_unref(struct lcfs_blob *blob); /* NULL is allowed */

/* Create the blob of an xattr (the key, a NUL, the value), or of a text. NULL: out of
 * memory. */
struct lcfs_blob *lcfs_blob_xattr(struct cfs_text key, struct cfs_span value);
struct lcfs_blob *lcfs_blob_text(struct cfs_text text);

/* --- nodes -------------------------------------------------------------------------- */

/* The children of a directory: an array that is sorted when it is read, and a hash table
 * of the names if they were added out of order. */
struct lcfs_children {
	struct lcfs_node_s **v;
	size_t n, cap;
	struct lcfs_node_s **slots; /* open addressing, or NULL */
	size_t n_slots;
	uint64_t seed;
	atomic_size_t n_sorted;	 /* that many of v are sorted */
	pthread_mutex_t sorting; /* two readers may both find unsorted children */
};

struct lcfs_node_s {
	char *name; /* NULL if and only if there is no parent */
	struct lcfs_node_s *parent;
	struct lcfs_node_s *link_to;	/* holds a reference */
	struct lcfs_children *children; /* NULL: there were never any */
	struct lcfs_blob **xattrs;
	size_t n_xattrs, xattrs_cap;
	struct lcfs_blob *payload;
	uint8_t *content; /* size bytes */
	uint64_t size;
	struct timespec mtime;
	uint8_t digest[LCFS_DIGEST_SIZE];
	int ref_count;
	int n_links; /* references held by hard links to this node */
	uint32_t nlink, uid, mode, gid, rdev, xattrs_cost;
	bool has_digest;
	bool bad_link; /* lcfs_node_make_hardlink was called with an invalid target */
};

/* mkcomposefs 1.0.8 reads the mode of a node at this offset, without a function. */
static_assert(offsetof(struct lcfs_node_s, mode) == 0x90, "place of the mode");

/* Sets errno from a negative errno, and returns -1. */
int lcfs_fail(int rc);

/* Fills a new node from spec, whose xattr keys differ. share: see intern.h; may be NULL.
 * -ENOMEM, -EINVAL. */
struct lcfs_share;
int lcfs_node_fill(struct lcfs_node_s *node, const struct cfs_inode_spec *spec,
		   struct lcfs_share *share) CFS_MUST_CHECK;

/* Makes node a hard link to target; replaces the reference to a former target. */
void lcfs_node_link_to(struct lcfs_node_s *node, struct lcfs_node_s *target);

/* Adds a child whose name was checked. Takes over the reference on success. -ENOMEM */
int lcfs_node_attach(struct lcfs_node_s *parent, struct lcfs_node_s *child,
		     struct cfs_text name) CFS_MUST_CHECK;

/* --- children ----------------------------------------------------------------------- */

static inline size_t lcfs_children_count(const struct lcfs_node_s *dir)
{
	return dir->children ? dir->children->n : 0;
}

/* The children in order of their names. Sorts the array if necessary. Safe for several
 * readers at the same time. */
struct lcfs_node_s **lcfs_children_sorted(const struct lcfs_node_s *dir);
struct lcfs_node_s *lcfs_children_find(const struct lcfs_node_s *dir, const char *name);
/* Appends a child; the caller has checked that the name is free. -ENOMEM */
int lcfs_children_add(struct lcfs_node_s *dir, struct lcfs_node_s *child) CFS_MUST_CHECK;
void lcfs_children_free(struct lcfs_children *c); /* not the nodes; NULL is allowed */

/* --- xattrs ------------------------------------------------------------------------- */

/* Appends an xattr with a new key. Takes over the reference on success. -ENOMEM */
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
