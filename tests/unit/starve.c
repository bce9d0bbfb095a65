/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "starve.h"

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__real_aligned_alloc(size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);

long starve_left = -1;

static bool is_out_of_memory(void)
{
	return starve_left >= 0 && starve_left-- == 0;
}

void *__wrap_malloc(size_t len)
{
	return is_out_of_memory() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
	return is_out_of_memory() ? NULL : __real_calloc(n, len);
}

void *__wrap_realloc(void *p, size_t len)
{
	return is_out_of_memory() ? NULL : __real_realloc(p, len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
	return is_out_of_memory() ? NULL : __real_aligned_alloc(align, len);
}
