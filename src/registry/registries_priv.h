/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The tables of registries.conf. */
#ifndef CFS_REGISTRY_REGISTRIES_PRIV_H
#define CFS_REGISTRY_REGISTRIES_PRIV_H

#include "registry/registries.h"

/* When a mirror is asked. */
enum mirror_use { MIRROR_ALWAYS, MIRROR_FOR_DIGESTS, MIRROR_FOR_TAGS };

struct flag {
	bool is_set, is_on;
};

struct mirror {
	struct cfs_text location;
	struct flag insecure;
	bool has_use;
	enum mirror_use use;
};

struct cfs_registries_table {
	struct cfs_text prefix;	  /* "*.HOST" has all hosts below HOST */
	struct cfs_text location; /* empty: that of the image itself */
	struct flag insecure, blocked;
	struct flag by_digest; /* mirrors are asked for digests only */
	struct mirror mirrors[CFS_REGISTRIES_MIRRORS_MAX];
	size_t n_mirrors;
};

struct cfs_registries_alias {
	struct cfs_text name, reference; /* an empty reference: removed */
};

#endif
