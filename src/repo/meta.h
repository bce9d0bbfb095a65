/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* meta.json: the parameters of a repository. Written once, and never changed. */
#ifndef CFS_REPO_META_H
#define CFS_REPO_META_H

#include "base/base.h"
#include "hash/hash.h"

enum { CFS_REPO_META_MAX = 64 * 1024 }; /* bytes of a meta.json */

enum { CFS_REPO_FORMAT_MAX = 2 }; /* of images, as in their header */

struct cfs_repo_meta {
	enum cfs_hash_alg alg;
	unsigned format;  /* of new images: 0, 1, or 2 (written by composefs-rs alone) */
	bool read_only;	  /* an unsupported feature permits only reading */
	char feature[64]; /* its name */
};

/* Unknown keys are passed over, an unknown version, algorithm or incompatible feature is
 * -ENOTSUP;
 * -EINVAL: not what a meta.json says. */
int cfs_repo_meta_parse(struct cfs_text json, struct cfs_repo_meta *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The text of a new meta.json, in the form that composefs-rs gives it; returns buf. */
enum { CFS_REPO_META_TEXT_MAX = 512 };
const char *cfs_repo_meta_format(const struct cfs_repo_meta *meta,
				 char buf[CFS_REPO_META_TEXT_MAX]);

/* "fsverity-sha256-12": the fs-verity parameters under one name. */
const char *cfs_repo_alg_name(enum cfs_hash_alg alg);

/* The same, or "sha256" and "sha512". -ENOTSUP. */
int cfs_repo_alg_parse(const char *text, enum cfs_hash_alg *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
