/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images for the comparison with the kernel: of random trees, and images with structures changed at random so that
 * many stay sound. The same random state gives the same bytes. */
#ifndef MUTANT_H
#define MUTANT_H

#include "base/base.h"

uint64_t mutant_random(uint64_t *state);

static inline uint64_t mutant_below(uint64_t *state, uint64_t n)
{
	return mutant_random(state) % n;
}

/* An image of a small tree with one of everything; *out is freed by the caller. nasty: with values that writers take
 * and kernels do not show. */
void mutant_tree(uint64_t *state, bool nasty, struct cfs_mem *out);

/* Changes an image in place: some fields or structures, then filters of xattrs and the header's flags are made to
 * agree again, mostly. */
void mutant_edit(uint64_t *state, uint8_t *image, size_t len);

#endif
