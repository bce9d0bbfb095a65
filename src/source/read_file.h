/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reads files of a tree from where the tree is from. */
#ifndef CFS_SOURCE_READ_FILE_H
#define CFS_SOURCE_READ_FILE_H

#include "selinux/selinux.h"
#include "source/ingest.h"

/* Opens a file of a scanned directory for reading; returns the descriptor. It opens one
 * component at a time without following symlinks: a directory may have been replaced by a
 * symlink since the scan. The caller checks what it opened. */
int cfs_source_open_below(int top, const struct cfs_tree *t, cfs_id file,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Contents of an archive that are needed again: it is read once. Only the files of an
 * SELinux policy are, by their names. Starts zeroed; the caller calls cfs_keep_fini. */
struct cfs_kept {
	struct cfs_digest digest;
	uint8_t *bytes;
	size_t len;
};

struct cfs_keep {
	struct cfs_kept *v;
	size_t n, cap;
	size_t len; /* of all; at most 64 MiB, further ones are not kept */
};

/* Returns true if the content of a file of the archive is to be kept. k may be NULL. */
bool cfs_keep_wants(const struct cfs_keep *k, struct cfs_text path, uint64_t size);
int cfs_keep_add(struct cfs_keep *k, const struct cfs_digest *digest,
		 struct cfs_span content, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_keep_fini(struct cfs_keep *k);

/* cfs_selinux_reader.read for a tree that a struct cfs_ingest, the ctx, has made. -ESTALE:
 * the file changed since; -ENODATA: the archive had it under a name that is not kept. */
int cfs_ingest_read(const void *ctx, const struct cfs_tree *tree, cfs_id file, size_t max,
		    struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
