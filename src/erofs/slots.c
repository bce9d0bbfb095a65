/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A bitmap of slots. */
#include "erofs/slots.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS_PER_WORD = 64 };

int cfs_slots_init(struct cfs_slots *s, uint64_t n)
{
	s->n = n;
	s->words = calloc(n / SLOTS_PER_WORD + 1, sizeof(*s->words));
	return s->words ? 0 : -ENOMEM;
}

bool cfs_slots_claim(struct cfs_slots *s, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t first = from % SLOTS_PER_WORD, n = SLOTS_PER_WORD - first;
		uint64_t *word = &s->words[from / SLOTS_PER_WORD], mask;

		if (n > to - from)
			n = to - from;
		mask = (n == SLOTS_PER_WORD ? UINT64_MAX : (UINT64_C(1) << n) - 1)
		       << first;
		if (*word & mask)
			return false;
		*word |= mask;
		from += n;
	}
	return true;
}

void cfs_slots_clear(struct cfs_slots *s)
{
	memset(s->words, 0, (s->n / SLOTS_PER_WORD + 1) * sizeof(*s->words));
}
