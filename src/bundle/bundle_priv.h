/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The parts of config.json. Each function returns 0 or a negative errno; the members that
 * it adds belong to the JSON value. */
#ifndef CFS_BUNDLE_PRIV_H
#define CFS_BUNDLE_PRIV_H

#include <jansson.h>

#include "bundle/bundle.h"

/* What all parts are computed from. */
struct bundle {
	const struct cfs_oci_config *config;
	const struct cfs_image *im;
	const struct cfs_bundle_opts *opts;
	json_t *mounts; /* so far */
};

/* -ENOMEM unless the jansson function succeeded. Takes value, also after an error. */
int bundle_set(json_t *object, const char *key, json_t *value,
	       struct cfs_err *err) CFS_MUST_CHECK;
int bundle_append(json_t *list, json_t *value, struct cfs_err *err) CFS_MUST_CHECK;

/* A list of strings, ended by NULL; NULL: out of memory. */
json_t *bundle_make_words(const char *const *words);

/* Whether the image has a path: 1, 0 or a negative errno. what: "mount point", for
 * messages. path is absolute. out: where it is without symbolic links, or where a runtime
 * would create it. -EINVAL: it is not absolute, has "..", or leads through a symbolic link
 * without a target, which could lead elsewhere in a container. */
int bundle_locate(const struct bundle *b, const char *what, const char *path,
		  char out[PATH_MAX], struct cfs_inode *inode,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Is a path, as bundle_locate has it, the directory or beneath it? */
bool bundle_is_beneath(const char *path, const char *dir);

/* Is a path beneath one of the filesystems that a runtime mounts, and not a mount point? */
bool bundle_is_mounted_over(const struct bundle *b, const char *path);

/* Each adds one member of config.json to the object to: mounts, process, annotations.
 * -EINVAL: the configuration of the image has a form that a runtime cannot use;
 * -ENOMEM. */
int bundle_add_mounts(struct bundle *b, json_t *to, struct cfs_err *err) CFS_MUST_CHECK;
int bundle_add_process(struct bundle *b, json_t *to, struct cfs_err *err) CFS_MUST_CHECK;
int bundle_add_annotations(struct bundle *b, json_t *to,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
