/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opens both sides of a comparison. */
#include "source/pair.h"

#include <errno.h>

int cfs_source_pair_open(struct cfs_source_pair *p, const char *a, const char *b,
			 const struct cfs_source_opts *opts, struct cfs_err *err)
{
	int rc;

	*p = (struct cfs_source_pair){0};
	if (cfs_source_is_stdin(a) && cfs_source_is_stdin(b))
		return cfs_fail(err, EINVAL,
				"standard input: expected one tree, got two");
	rc = cfs_source_open(&p->a, a, opts, err);
	if (rc == 0)
		rc = cfs_source_open(&p->b, b, opts, err);
	return rc;
}

int cfs_source_pair_compare(struct cfs_source_pair *p, const struct cfs_watch *watch,
			    struct cfs_err *err)
{
	struct cfs_diff_side a, b;

	p->a.watch = p->b.watch = watch;
	a = cfs_source_get_diff_side(&p->a);
	b = cfs_source_get_diff_side(&p->b);
	return cfs_diff_new(&a, &b, cfs_pool_count_readers(), watch, &p->diff, err);
}

void cfs_source_pair_close(struct cfs_source_pair *p)
{
	cfs_diff_free(p->diff);
	cfs_source_close(&p->a);
	cfs_source_close(&p->b);
}
