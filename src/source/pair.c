/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Open both sides of a comparison. */
#include "source/pair.h"

#include <errno.h>

int pair_open(struct pair *p, const char *a, const char *b, const struct side_opts *opts,
	      struct cfs_err *err)
{
	struct cfs_diff_side x, y;
	int rc;

	*p = (struct pair){0};
	if (side_is_stdin(a) && side_is_stdin(b))
		return cfs_fail(err, EINVAL,
				"standard input: expected one tree, got two");
	rc = side_open(&p->a, a, opts, err);
	if (rc == 0)
		rc = side_open(&p->b, b, opts, err);
	if (rc < 0)
		return rc;
	x = side_for_diff(&p->a);
	y = side_for_diff(&p->b);
	return cfs_diff_new(&x, &y, cfs_pool_readers(), &p->diff, err);
}

void pair_close(struct pair *p)
{
	cfs_diff_free(p->diff);
	side_close(&p->a);
	side_close(&p->b);
}
