/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* registries.conf, version 2 (containers-registries.conf(5)): which hosts serve the images of a
 * registry, and short names. */
#ifndef CFS_REGISTRY_REGISTRIES_H
#define CFS_REGISTRY_REGISTRIES_H

#include "oci/oci.h"

enum {
	CFS_REGISTRIES_FILE_MAX = 1 << 20,
	CFS_REGISTRIES_MAX = 4096, /* tables [[registry]], and aliases */
	CFS_REGISTRIES_MIRRORS_MAX = 15,
	CFS_REGISTRIES_ENDPOINTS_MAX = CFS_REGISTRIES_MIRRORS_MAX + 1,
};

/* What files say. Starts zeroed. */
struct cfs_registries {
	struct cfs_arena arena; /* of all texts */
	struct cfs_registries_table *tables;
	size_t n_tables, tables_cap;
	struct cfs_registries_alias *aliases;
	size_t n_aliases, aliases_cap;
};

/* Frees the tables and aliases, and zeroes it. A zeroed one is valid. */
void cfs_registries_fini(struct cfs_registries *r);

/* Adds what a file says. A table of an earlier file with the same prefix, and an earlier alias of the
 * same name, are replaced. -EINVAL: malformed, or version 1; the message has the line. Unknown keys
 * have no effect. */
int cfs_registries_add(struct cfs_registries *r, struct cfs_text toml,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the reference that a short name, without tag and digest, is an alias for: 1, borrowed from r;
 * 0: it is none. */
int cfs_registries_find_alias(const struct cfs_registries *r, struct cfs_text name,
			      struct cfs_text *out);

/* A host that is asked. */
struct cfs_registries_endpoint {
	char host[CFS_OCI_HOST_MAX], name[CFS_OCI_NAME_MAX];
	bool is_insecure, is_mirror;
};

/* Lists who is asked for an image, in order: mirrors, and the registry itself or its location.
 * reference has a host. is_push: mirrors and locations do not apply. n_out: at least 1. -EACCES: the
 * registry is blocked; -EINVAL: what a location makes of the reference is none. */
int cfs_registries_resolve(
	const struct cfs_registries *r, const struct cfs_oci_reference *reference,
	bool is_push, struct cfs_registries_endpoint out[CFS_REGISTRIES_ENDPOINTS_MAX],
	size_t *n_out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
