/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Arenas: pieces of memory that are cut from larger chunks and freed together. */
#include "base/mem.h"

#include <string.h>

enum {
	CHUNK_MIN = 16 * 1024,
	CHUNK_MAX = 1024 * 1024,
};

struct cfs_arena_chunk {
	struct cfs_arena_chunk *older;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

void cfs_arena_fini(struct cfs_arena *a)
{
	while (a->chunk) {
		struct cfs_arena_chunk *older = a->chunk->older;

		free(a->chunk);
		a->chunk = older;
	}
	*a = (struct cfs_arena){0};
}

/* Each chunk is twice as large as the one before, up to CHUNK_MAX, so that both small and
 * large trees waste little. */
static int add_chunk(struct cfs_arena *a, size_t len)
{
	size_t size = a->chunk ? a->chunk->size * 2 : CHUNK_MIN;
	struct cfs_arena_chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < len)
		size = len;
	if (size > SIZE_MAX - sizeof(*c))
		return -1;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return -1;
	c->older = a->chunk;
	c->size = size < CHUNK_MAX ? size : CHUNK_MAX;
	a->chunk = c;
	a->next = c->bytes;
	a->left = size;
	return 0;
}

void *cfs_arena_alloc(struct cfs_arena *a, size_t len, size_t align)
{
	size_t pad = -(uintptr_t)a->next & (align - 1);
	uint8_t *p;

	if (pad > a->left || len > a->left - pad) {
		if (add_chunk(a, len) < 0)
			return NULL;
		pad = 0;
	}
	p = a->next + pad;
	a->next += pad + len;
	a->left -= pad + len;
	return p;
}

void *cfs_arena_copy(struct cfs_arena *a, const void *p, size_t len)
{
	char *copy = len < SIZE_MAX ? cfs_arena_alloc(a, len + 1, 1) : NULL;

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}
