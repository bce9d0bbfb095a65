/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sets of object ids: sorted arrays of nothing but their bytes, ten million in a third of a gigabyte. */
#ifndef CFS_REPO_IDS_H
#define CFS_REPO_IDS_H

#include "base/base.h"
#include "verity/verity.h"

/* What was added waits in fresh until there is much of it: it is sorted then, and merged. */
struct cfs_ids {
	enum cfs_hash_alg alg;
	size_t len; /* bytes of an id */
	uint8_t *v; /* sorted, each once */
	size_t n, cap;
	uint8_t *fresh;
	size_t n_fresh, fresh_cap;
};

void cfs_ids_init(struct cfs_ids *ids, enum cfs_hash_alg alg);
void cfs_ids_fini(struct cfs_ids *ids);

/* id: ids->len bytes. -ENOMEM. */
int cfs_ids_add(struct cfs_ids *ids, const uint8_t *id,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Sorts and merges all that waits; before _has, _get and n mean something. -ENOMEM. */
int cfs_ids_settle(struct cfs_ids *ids, struct cfs_err *err) CFS_MUST_CHECK;

/* The index of the first id that is not below id. */
size_t cfs_ids_find(const struct cfs_ids *ids, const uint8_t *id);
bool cfs_ids_has(const struct cfs_ids *ids, const uint8_t *id);
struct cfs_digest cfs_ids_get(const struct cfs_ids *ids, size_t i);

#endif
