/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sets of object IDs: sorted arrays of their bytes. Ten million SHA-256 IDs need 320
 * MB. */
#ifndef CFS_REPO_IDS_H
#define CFS_REPO_IDS_H

#include "base/base.h"
#include "verity/verity.h"

/* Added IDs are collected in fresh; when it is large, it is sorted and merged into v. */
struct cfs_ids {
	enum cfs_hash_alg alg;
	size_t len; /* bytes of an id */
	uint8_t *v; /* sorted, each once */
	size_t n, cap;
	uint8_t *fresh;
	size_t n_fresh, fresh_cap;
	const struct cfs_watch
		*watch; /* ends cfs_ids_settle; may be set after cfs_ids_init */
};

/* Start an empty set, and free one, which is then empty. */
void cfs_ids_init(struct cfs_ids *ids, enum cfs_hash_alg alg);
void cfs_ids_fini(struct cfs_ids *ids);

/* id: ids->len bytes. -ENOMEM, -ECANCELED. */
int cfs_ids_add(struct cfs_ids *ids, const uint8_t *id,
		struct cfs_err *err) CFS_MUST_CHECK;

/* Merges all added IDs. Call it before _find, _has, _get and n are used. -ENOMEM,
 * -ECANCELED. */
int cfs_ids_settle(struct cfs_ids *ids, struct cfs_err *err) CFS_MUST_CHECK;

/* The index of the first ID that is not less than id. */
size_t cfs_ids_find(const struct cfs_ids *ids, const uint8_t *id);
bool cfs_ids_has(const struct cfs_ids *ids, const uint8_t *id);
struct cfs_digest cfs_ids_get(const struct cfs_ids *ids, size_t i);

#endif
