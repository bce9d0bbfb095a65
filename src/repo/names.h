/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names of images and streams: which are valid, and what they refer to.
 */
#ifndef CFS_REPO_NAMES_H
#define CFS_REPO_NAMES_H

#include "erofs/erofs.h"
#include "repo/links.h"
#include "stream/stream.h"

enum {
	CFS_REPO_REF_MAX = 1024, /* bytes of the name of a reference */
	CFS_REPO_REF_DEPTH = 8,	 /* its components */
};

/* References of deployments, see the room deploy: "boot/HEX". */
#define CFS_REPO_BOOT_REFS "boot/"

/* Checks that a reference ("refs/NAME" or NAME) is not that of a deployment, which could
 * no longer be booted without it. -EBUSY. */
int cfs_repo_check_unused_ref(const char *name, struct cfs_err *err) CFS_MUST_CHECK;

/* Checks the name of a reference. -EINVAL: err names the rule that it breaks. */
int cfs_repo_check_ref(struct cfs_text name, struct cfs_err *err) CFS_MUST_CHECK;

/* The name without the prefix "refs/", which users may write; borrowed from name. */
const char *cfs_repo_ref_name(const char *name);

/* Resolves an image ID, "refs/NAME", NAME, or the first CFS_HASH_PREFIX_MIN or more digits
 * of an ID. IDs may have "sha256:" or "sha512:" in front. A reference of the same name as
 * such digits has precedence over them. -ENOENT: no such image; -ENOTUNIQ: several IDs
 * begin with these digits, and err lists them; -EUCLEAN: a link on the way is damaged;
 * -EINVAL: not a valid name, or an ID of another algorithm. Only a whole ID identifies
 * content: everyone who can write to the repository decides what the other forms mean. */
int cfs_repo_find_image(const struct cfs_repo *repo, const char *name,
			struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Resolves the image, maps it and verifies it against its ID. Free it with
 * cfs_map_close(map). id may be NULL. Fails as cfs_repo_find_image, cfs_repo_open_object
 * and cfs_image_open do. */
int cfs_repo_open_image(const struct cfs_repo *repo, const char *name,
			struct cfs_map *map, struct cfs_image *im, struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Resolves a stream. name: that of a first-level link, or "refs/NAME". Of a digest at the end
 * of the name, as in "oci-layer-sha256:HEX", CFS_HASH_PREFIX_MIN digits are enough if no
 * other stream has them. entry receives the name of the first-level link, *out the object.
 * -ENOENT; -ENOTUNIQ: several streams have these digits; -EUCLEAN: a link on the way is
 * damaged; -EINVAL: not a valid name. */
int cfs_repo_find_stream(const struct cfs_repo *repo, const char *name,
			 char entry[CFS_REPO_LINK_MAX], struct cfs_digest *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Resolves a stream, maps it and verifies its object. Free it with cfs_map_close(map). */
int cfs_repo_open_stream(const struct cfs_repo *repo, const char *name,
			 struct cfs_map *map, struct cfs_stream *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
