/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files by name, in a directory or in a tar archive. */
#ifndef CFS_TRANSPORT_PLACE_H
#define CFS_TRANSPORT_PLACE_H

#include "transport/transport.h"

struct place {
	/* Opens a regular file. size: its bytes. -ENOENT. Any thread. */
	int (*open)(void *ctx, const char *path, struct cfs_blob *out, uint64_t *size,
		    struct cfs_err *err);
	void (*close)(void *ctx);
	void *ctx;
};

/* A directory. Files are opened beneath it, and links are not followed. watch may be NULL, else
 * outlives the place. */
int place_open_dir(const char *path, const struct cfs_watch *watch, struct place *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* An archive that is not compressed, read once to index its members. Symbolic and hard links
 * lead to other members. */
int place_open_archive(const char *path, const struct cfs_watch *watch, struct place *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The digest of a member of an archive, computed when it was indexed, and its size. gzip:
 * whether it begins as gzip does. -ENOENT. */
int place_find_member(const struct place *archive, const char *path,
		      struct cfs_oci_digest *digest, uint64_t *size, bool *is_gzip,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Opens the member of an archive that has this digest. -ENOENT. */
int place_open_digest(const struct place *archive, const struct cfs_oci_digest *digest,
		      struct cfs_blob *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Appends a whole file of at most max bytes to out. -EFBIG. */
int place_read(const struct place *p, const char *path, size_t max, struct cfs_mem *out,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* Splits "PATH:REST" at the last colon behind the last slash. rest: NULL without a colon. Both
 * are free()d by the caller. */
int place_split(const char *spec, char **path, char **rest,
		struct cfs_err *err) CFS_MUST_CHECK;

/* The same for "FILE:REFERENCE", at the first colon: references have colons, too. *which
 * borrows from spec. */
int place_split_docker(const char *spec, char **path, const char **which,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
