/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Memory: pointers that are freed automatically, growing arrays, and arenas. */
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

/* Returns the pointer and leaves NULL behind, so that a transfer of ownership is visible.
 */
#define cfs_steal(pp)                                                                    \
	({                                                                               \
		__typeof__(*(pp)) stolen_ = *(pp);                                       \
		*(pp) = NULL;                                                            \
		stolen_;                                                                 \
	})

/* Allocates len bytes at the start of a page, as a buffer for read(); freed with free().
 * NULL: out of memory. malloc() places large blocks 16 bytes after the start of a page.
 * Copying from the page cache to an address 1 to 31 bytes after the start of a page takes
 * 1.6 to 5 times as long (AMD EPYC, Linux 6.18, read() of 64 KiB). */
static inline void *cfs_page_alloc(size_t len)
{
	enum { PAGE = 4096 };

	return len > SIZE_MAX - PAGE
		       ? NULL
		       : aligned_alloc(PAGE, (len + PAGE - 1) & ~(size_t)(PAGE - 1));
}

/* Makes *array (of *cap elements of elem bytes) hold at least need elements. It grows by
 * half, so that appending takes linear time in total. On -ENOMEM the array is unchanged.
 * The array is freed with free(). */
int cfs_grow(void *array, size_t *cap, size_t need, size_t elem) CFS_MUST_CHECK;

/* An arena: many small allocations that are freed together. Starts zeroed. */
struct cfs_arena {
	struct cfs_arena_chunk *chunk; /* newest first */
	uint8_t *next;		       /* first free byte of the newest chunk */
	size_t left;
};

/* Frees all that was allocated in it. It is then empty, and can be used again. */
void cfs_arena_fini(struct cfs_arena *a);

/* Allocates len bytes, aligned to align (a power of two up to 16), not zeroed, valid
 * until cfs_arena_fini. NULL: out of memory. */
void *cfs_arena_alloc(struct cfs_arena *a, size_t len, size_t align) CFS_MUST_CHECK;

/* Copies the bytes and adds a NUL. NULL: out of memory. */
void *cfs_arena_copy(struct cfs_arena *a, const void *p, size_t len) CFS_MUST_CHECK;

#endif
