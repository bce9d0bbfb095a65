/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Image configurations: the platform, the layers by the digests of their uncompressed
 * bytes, and how a container of the image runs. */
#ifndef CFS_OCI_CONFIG_H
#define CFS_OCI_CONFIG_H

#include "oci/manifest.h"

/* A list of strings, borrowed. n 0: absent or empty. */
struct cfs_oci_words {
	const struct json_t *list;
	size_t n;
};

/* Word i, borrowed from the list; NULL: i is too large. */
const char *cfs_oci_get_word(const struct cfs_oci_words *words, size_t i);

/* Members that are absent are NULL. All strings are borrowed from root. */
struct cfs_oci_config {
	struct json_t *root;
	const char *os, *architecture, *variant, *created, *author;
	struct cfs_oci_digest *diff_ids; /* lowest layer first */
	size_t n_diff_ids;
	const char *user, *working_dir, *stop_signal;
	struct cfs_oci_words entrypoint, cmd, env;
	struct json_t *labels;	      /* name to text */
	struct json_t *volumes;	      /* the keys are paths */
	struct json_t *exposed_ports; /* the keys are PORT/PROTOCOL */
};

/* Free it with cfs_oci_config_fini, also after an error. -EINVAL: rootfs is absent or of
 * another type than "layers". */
int cfs_oci_config_parse(struct cfs_text json, struct cfs_oci_config *out,
			 struct cfs_err *err) CFS_MUST_CHECK;
void cfs_oci_config_fini(struct cfs_oci_config *config);

#endif
