/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/proof: verification of every read. The first open of an object reads all of it, and keeps the hashes of its blocks once
 * their digest is that of the image; each read is compared with them. So a change of the object at any time is noticed, at the
 * cost of memory: 32 bytes (SHA-512: 64) for each 4 KiB of the objects that were opened, until the unmount.
 */
#ifndef CFS_FUSE_PROOF_H
#define CFS_FUSE_PROOF_H

#include "verity/verity.h"

/* Borrowed while it is in use. */
struct cfs_fuse_verify {
	struct cfs_digest image; /* the image must have this digest */
	const char *name;	 /* of the image, for messages */
	/* Reports a damaged object: one line without a line feed. Any thread, one call at a time. May be NULL. */
	void (*report)(void *ctx, const char *line);
	void *report_ctx;
	int report_fd; /* stays open for it; -1: none */
};

struct cfs_fuse_proofs;

/* -ENOMEM. The caller frees it when nothing is served any more. */
int cfs_fuse_proofs_new(const struct cfs_fuse_verify *how, struct cfs_fuse_proofs **out,
			struct cfs_err *err) CFS_MUST_CHECK;
void cfs_fuse_proofs_free(struct cfs_fuse_proofs *proofs);

/* Verifies the object behind fd, unless its hashes are known. -EIO: it has another digest, or cannot be read, which is
 * reported; -ENOMEM. Any thread. */
int cfs_fuse_proofs_open(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			 int fd, uint64_t size) CFS_MUST_CHECK;

/* Reads up to len bytes at off, and compares each block. Returns the number of bytes; -EIO: a block is not what it was when
 * the object was opened, or cannot be read, which is reported. Any thread. */
ssize_t cfs_fuse_proofs_read(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			     int fd, uint64_t off, uint8_t *out,
			     size_t len) CFS_MUST_CHECK;

#endif
