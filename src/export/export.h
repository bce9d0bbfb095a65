/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* export: an image of a repository and its objects as a tar archive.
 * Owns:  the order of entries and what an archive leaves out (sockets).
 * Uses:  base, verity, tree, tar, erofs, repo.
 * Never: knows container images, prints.
 */
#ifndef CFS_EXPORT_H
#define CFS_EXPORT_H

#include "repo/repo.h"

/* Writes the files of an image to the file path ("-": standard output, if it is not a terminal), which is replaced when the
 * archive is complete: pax headers where ustar cannot hold a value. name: as for cfs_repo_open_image. Each object is verified
 * before its first byte is written, and its bytes are digested once more as they are written. A socket is left out with a
 * warning. watch and id may be NULL. -EUCLEAN, -EILSEQ: an object is damaged; else as cfs_repo_open_image. */
int cfs_export_image(const struct cfs_repo *repo, const char *name, const char *path,
		     const struct cfs_watch *watch, struct cfs_digest *id,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
