/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The list of differences. */
#include <errno.h>

#include "diff/diff_priv.h"

int diff_add(struct diff *d, enum cfs_diff_field field, cfs_id a, cfs_id b, uint32_t at,
	     struct cfs_err *err)
{
	if (cfs_grow(&d->v, &d->cap, d->d.n + 1, sizeof(*d->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	d->v[d->d.n++] = (struct cfs_difference){a, b, at, (uint8_t)field};
	return 0;
}
