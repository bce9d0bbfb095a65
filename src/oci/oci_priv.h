/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading members of untrusted JSON. An absent member and null are the same: Go's encoders
 * write null for an empty list. */
#ifndef CFS_OCI_PRIV_H
#define CFS_OCI_PRIV_H

#include <jansson.h>

#include "oci/manifest.h"

/* Parses an object of at most max bytes. The caller owns *out. */
int oci_load_object(struct cfs_text json, size_t max, json_t **out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A member of the given type; *out is NULL when it is absent. -EINVAL: another type. */
int oci_get(const json_t *of, const char *key, json_type type, json_t **out,
	    struct cfs_err *err) CFS_MUST_CHECK;
int oci_get_text(const json_t *of, const char *key, const char **out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* A list of at most CFS_OCI_LAYERS_MAX entries of one type. */
int oci_get_list(const json_t *of, const char *key, json_type type, json_t **out,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* An object whose values are all strings. */
int oci_get_map(const json_t *of, const char *key, const json_t **out,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Parses a descriptor. out borrows the strings of from. -EINVAL: malformed;
 * -ENOMEM. */
int oci_parse_descriptor(const json_t *from, struct cfs_oci_descriptor *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Formats a document. root: NULL when memory ran out. -EFBIG: larger than CFS_OCI_MANIFEST_MAX.
 * free(out->p) is the caller's. */
int oci_dump_json(json_t *root, struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* A descriptor as JSON, without annotations about the bytes of other blobs. NULL: out of memory. */
json_t *oci_make_descriptor(const struct cfs_oci_descriptor *d);

#endif
