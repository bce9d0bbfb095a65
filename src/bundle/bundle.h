/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bundle: the configuration of a runtime (config.json) for a container image.
 * Owns:  the translation of an image configuration, the lookup of users, the mounts of a
 *        container and their mount points in the image.
 * Uses:  base, erofs (resolving paths), oci (image configurations).
 * Never: opens files, mounts, starts a runtime, prints.
 *
 * Source of the rules: the OCI image specification, conversion.md, and the OCI runtime
 * specification.
 */
#ifndef CFS_BUNDLE_H
#define CFS_BUNDLE_H

#include "erofs/erofs.h"
#include "oci/oci.h"

/* A user as the kernel knows it. Starts zeroed; free(groups) is the caller's. */
struct cfs_bundle_user {
	uint32_t uid, gid;
	uint32_t *groups; /* supplementary groups */
	size_t n_groups, cap;
};

/* Finds "USER[:GROUP]", names or numbers, in the text of the image's /etc/passwd and
 * /etc/group; NULL or "" is 0:0. A number need not be listed: then its group is 0. The
 * supplementary groups are those of a user given by name without a group. -EINVAL: an
 * unknown name, or not a valid number. free(out->groups) also after an error. */
int cfs_bundle_find_user(const char *user, struct cfs_text passwd, struct cfs_text group,
			 struct cfs_bundle_user *out, struct cfs_err *err) CFS_MUST_CHECK;

struct cfs_bundle_opts {
	const char *const *args; /* replace Cmd */
	size_t n_args;
	bool writable;	   /* the root directory is writable */
	bool no_new_privs; /* set-id programs and file capabilities have no effect */
	bool terminal;
	bool host_network; /* the network of the host, and its /etc/resolv.conf */
	struct cfs_text passwd, group; /* of the image */
	/* Called for each label that is not passed on as an annotation. May be NULL. */
	void (*left_out)(void *ctx, const char *label);
	void *ctx;
};

/* Computes config.json for the image im, which is mounted at "rootfs". free(*json) is the
 * caller's. -EINVAL: there is no program to run, or a value is not usable; -ENOENT: a mount
 * point or the working directory is missing in a read-only image; -EUCLEAN: the image is
 * damaged. */
int cfs_bundle_make_config(const struct cfs_oci_config *config,
			   const struct cfs_image *im, const struct cfs_bundle_opts *opts,
			   char **json, struct cfs_err *err) CFS_MUST_CHECK;

#endif
