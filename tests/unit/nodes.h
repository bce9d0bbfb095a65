/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Trees of nodes for the tests of the ABI. */
#ifndef NODES_H
#define NODES_H

#include "libcomposefs/lcfs-mount.h"
#include "libcomposefs/lcfs-writer.h"

#include "t.h"

/* Fails: returned bad, with this errno. */
#define t_errno(call, bad, expected)                                                     \
	do {                                                                             \
		errno = 0;                                                               \
		if ((call) != (bad))                                                     \
			t_fail(__FILE__, __LINE__, "%s: succeeded", #call);              \
		t_eq(errno, expected);                                                   \
	} while (0)

/* A new node of that mode. */
struct lcfs_node_s *node_new(uint32_t mode);

/* A new child. */
struct lcfs_node_s *node_add(struct lcfs_node_s *dir, const char *name, uint32_t mode);

/* A new child that is a hard link. */
struct lcfs_node_s *node_link(struct lcfs_node_s *dir, const char *name,
			      struct lcfs_node_s *target);

/* A new tree of n files in directories of 1000 (their names are numbers), and a directory "links"
 * with a hard link to each fifth of them. */
struct lcfs_node_s *node_linked_tree(size_t n);

/* What lcfs_write_to gives, its errno on failure; 0 on success. */
int node_write_errno(struct lcfs_node_s *root);

/* The bytes of an image, free()d by the caller. */
struct image {
	uint8_t *p;
	size_t len, cap;
	uint8_t digest[LCFS_DIGEST_SIZE];
	uint32_t version;
};

struct image node_image(struct lcfs_node_s *root);

/* Appends to the struct image behind file; a write callback. */
ssize_t image_append(void *file, void *buf, size_t count);

#endif
