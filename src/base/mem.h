/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Memory: owners that clean up after themselves, growing arrays, and arenas. */
#ifndef CFS_BASE_MEM_H
#define CFS_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/span.h"

static inline void cfs_autofree_fn(void *p)
{
	free(*(void **)p);
}

/* A local pointer that is freed when it goes out of scope. */
#define cfs_autofree __attribute__((cleanup(cfs_autofree_fn)))

/* Gives the pointer away and leaves NULL behind, so that ownership moves in plain sight.
 */
#define cfs_steal(pp)                                                                    \
	({                                                                               \
		__typeof__(*(pp)) stolen_ = *(pp);                                       \
		*(pp) = NULL;                                                            \
		stolen_;                                                                 \
	})

/* len bytes from the beginning of a page, for reading files into; freed with free(). NULL: out of memory.
 * Copying out of the page cache to 1 to 31 bytes behind a page's beginning, where malloc() puts
 * large memory, takes 1.6 to 5 times as long (AMD EPYC, Linux 6.18, read() of 64 KiB). */
static inline void *cfs_page_alloc(size_t len)
{
	enum { PAGE = 4096 };

	return len > SIZE_MAX - PAGE
		       ? NULL
		       : aligned_alloc(PAGE, (len + PAGE - 1) & ~(size_t)(PAGE - 1));
}

/* Makes *array (of *cap elements of elem bytes) hold at least need elements; grows by
 * half, so that appending is linear in all. -ENOMEM leaves the array as it was. The array
 * is freed with free(). */
int cfs_grow(void *array, size_t *cap, size_t need, size_t elem) CFS_MUST_CHECK;

/* An arena: many small pieces with one lifetime. Starts zeroed. */
struct cfs_arena {
	struct cfs_arena_chunk *chunk; /* newest first */
	uint8_t *next;		       /* free bytes of the newest chunk */
	size_t left;
};

void cfs_arena_fini(struct cfs_arena *a);

/* len bytes aligned to align (a power of two up to 16), not zeroed; NULL: out of memory.
 * They live until the arena is finished. */
void *cfs_arena_alloc(struct cfs_arena *a, size_t len, size_t align) CFS_MUST_CHECK;

/* A copy of the bytes (with a NUL behind it, not counted). NULL: out of memory. */
void *cfs_arena_copy(struct cfs_arena *a, const void *p, size_t len) CFS_MUST_CHECK;

#endif
