/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Growing arrays. realloc() moves large blocks by remapping pages, so growing does not
 * copy them. */
#include "base/mem.h"

#include <errno.h>

int cfs_grow(void *array, size_t *cap, size_t need, size_t elem)
{
	void **slot = array;
	size_t n = *cap, bytes;
	void *grown;

	if (need <= n)
		return 0;
	n += n / 2 + 16;
	if (n < need)
		n = need;
	if (__builtin_mul_overflow(n, elem, &bytes))
		return -ENOMEM;
	grown = realloc(*slot, bytes);
	if (!grown)
		return -ENOMEM;
	*slot = grown;
	*cap = n;
	return 0;
}
