/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A set of the slots (32 bytes) of an image: a bitmap of those in use. */
#ifndef CFS_EROFS_SLOTS_H
#define CFS_EROFS_SLOTS_H

#include "base/base.h"

struct cfs_slots {
	uint64_t *words; /* freed by the owner with free() */
	uint64_t n;	 /* slots */
};

/* An empty set. -ENOMEM. */
int cfs_slots_init(struct cfs_slots *s, uint64_t n) CFS_MUST_CHECK;

/* Adds [from, to); false when one of them was in the set already. */
bool cfs_slots_claim(struct cfs_slots *s, uint64_t from, uint64_t to);

/* Removes all. */
void cfs_slots_clear(struct cfs_slots *s);

static inline bool cfs_slots_has(const struct cfs_slots *s, uint64_t i)
{
	return s->words[i / 64] >> i % 64 & 1;
}

static inline void cfs_slots_add(struct cfs_slots *s, uint64_t i)
{
	s->words[i / 64] |= UINT64_C(1) << i % 64;
}

#endif
