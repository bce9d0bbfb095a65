/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading small JSON documents. */
#ifndef CFS_REGISTRY_PRIV_H
#define CFS_REGISTRY_PRIV_H

#include <jansson.h>

#include "base/base.h"

/* Parses at most max bytes. NULL: longer, or not JSON. The caller releases it with json_decref. */
static inline json_t *registry_load_json(struct cfs_text json, size_t max)
{
	return json.len > max ? NULL : json_loadb(json.s, json.len, 0, NULL);
}

#endif
