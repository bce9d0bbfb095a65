/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The links of a repository: their form, and how they are read and written.
 *
 * A first-level link (images/ID, streams/NAME) has the target ../objects/xx/REST. A
 * reference (images/refs/NAME, streams/refs/NAME) has the name of a first-level link of
 * the same kind as its target, with "../" once for each component of NAME. A link with
 * any other target is damaged.
 */
#ifndef CFS_REPO_LINKS_H
#define CFS_REPO_LINKS_H

#include "base/base.h"
#include "hash/hash.h"
#include "verity/verity.h"

struct cfs_repo;

enum cfs_repo_kind { CFS_REPO_IMAGES, CFS_REPO_STREAMS };

enum {
	CFS_REPO_LINK_MAX =
		512, /* bytes of a target, with its NUL; a longer one is damaged */
};

/* The directory of the kind: "images" or "streams". */
const char *cfs_repo_get_kind_dir(enum cfs_repo_kind kind);

/* Reads the target of the link name in dirfd into buf. Returns its length, or -errno:
 * -EINVAL if name is not a symbolic link, -EUCLEAN if the target is too long. */
int cfs_repo_read_link(int dirfd, const char *name, char buf[CFS_REPO_LINK_MAX]);

/* Formats the target of a first-level link: "../objects/xx/REST". */
void cfs_repo_format_object_target(const struct cfs_digest *id,
				   char out[CFS_REPO_LINK_MAX]);

/* Creates or atomically replaces the link name in dirfd. The repository is open for
 * WRITE. -EEXIST: name is a directory. */
int cfs_repo_put_link(const struct cfs_repo *repo, int dirfd, const char *name,
		      const char *target, struct cfs_err *err) CFS_MUST_CHECK;

#endif
