/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Forged images for tests: valid or invalid structures at places that the test chooses. */
#ifndef FORGE_H
#define FORGE_H

#include "base/base.h"

/* Bytes of an image, zero at first; blocks from next_blk on and inodes from next_off on are free. */
struct forge {
	uint8_t *p;
	size_t len;
	uint64_t next_off; /* a multiple of 32 */
	uint32_t next_blk;
};

struct forge_entry {
	const char *name;
	uint64_t nid;
	uint8_t file_type;
};

/* An image of that length (a multiple of 4096) with its first inode, the root, at nid 36 to come.
 * Inodes and shared xattrs lie before data_blk. */
void forge_init(struct forge *f, uint32_t version, size_t len, uint32_t data_blk);
void forge_fini(struct forge *f);
struct cfs_span forge_span(const struct forge *f);

/* Takes len bytes for the next inode, so that its tail (from tail_at on) lies in one block. Returns its
 * nid. */
uint64_t forge_take(struct forge *f, size_t len, size_t tail_at);

/* Writes a compact inode. icount as in the image: 0 or 1 + (bytes of xattrs - 12) / 4. */
void forge_inode(struct forge *f, uint64_t nid, uint32_t mode, uint32_t layout,
		 uint64_t size, uint32_t i_u, uint16_t icount);

/* Writes a group of directory entries at off; returns its length. */
size_t forge_group(struct forge *f, uint64_t off, const struct forge_entry *entries,
		   size_t n);

/* Writes an xattr entry at off; returns its length with padding. */
size_t forge_xattr(struct forge *f, uint64_t off, uint8_t index, const char *suffix,
		   struct cfs_span value);

/* A root with these entries besides "." and "..", its group in the tail: at most 16 of them. */
void forge_root(struct forge *f, const struct forge_entry *entries, size_t n);

#endif
