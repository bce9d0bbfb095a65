/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which ranges to fetch. */
#include <errno.h>

#include "chunked/chunked.h"

enum {
	/* A request and the head of its answer have about so many bytes. */
	GAP_SMALL = 1024,
	/* A larger gap takes longer than the answer to a request, also on a slow link. */
	GAP_LARGE = 64 * 1024,
	/* All gaps together, as a part of what is wanted, beyond small ones. */
	GAPS_PART = 8,
};

/* What is between range i - 1 and range i. */
struct gap {
	uint64_t len;
	size_t i;
};

struct range_plan {
	struct cfs_oci_range *ranges;
	size_t n, cap;
	uint64_t wanted; /* bytes */
};

/* One range for each file, and one for files that touch. */
static int add_file_ranges(struct range_plan *p, const struct cfs_chunked_toc *toc,
			   const bool *wanted)
{
	for (size_t i = 0; i < toc->n_files; i++) {
		const struct cfs_chunked_file *f = &toc->files[i];
		struct cfs_oci_range *last = p->n ? &p->ranges[p->n - 1] : NULL;

		if (!wanted[i])
			continue;
		p->wanted += f->end - f->off;
		if (last && last->off + last->len == f->off) {
			last->len += f->end - f->off;
			continue;
		}
		if (cfs_grow(&p->ranges, &p->cap, p->n + 1, sizeof(*p->ranges)) < 0)
			return -ENOMEM;
		p->ranges[p->n++] = (struct cfs_oci_range){f->off, f->end - f->off};
	}
	return 0;
}

static int by_length(const void *a, const void *b)
{
	const struct gap *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* Marks the ranges that are joined with the one before, smallest gap first. */
static void choose_gaps(const struct range_plan *p, struct gap *gaps, size_t max,
			bool *joins)
{
	uint64_t sum = 0;

	for (size_t i = 1; i < p->n; i++) {
		const struct cfs_oci_range *last = &p->ranges[i - 1];

		gaps[i - 1] = (struct gap){p->ranges[i].off - last->off - last->len, i};
	}
	qsort(gaps, p->n - 1, sizeof(*gaps), by_length);
	for (size_t k = 0; k < p->n - 1; k++) {
		uint64_t len = gaps[k].len;
		bool is_worth = len <= GAP_SMALL ||
				(len <= GAP_LARGE && sum + len <= p->wanted / GAPS_PART);

		if (!is_worth && p->n - k <= max)
			break;
		joins[gaps[k].i] = true;
		sum += len;
	}
}

/* Merges neighbours that joins marks, in place, so that one request fetches both and
 * the gap between them. */
static void join_ranges(struct range_plan *p, const bool *joins)
{
	size_t n = 1;

	for (size_t i = 1; i < p->n; i++) {
		struct cfs_oci_range *last = &p->ranges[n - 1], r = p->ranges[i];

		if (joins[i])
			last->len = r.off + r.len - last->off;
		else
			p->ranges[n++] = r;
	}
	p->n = n;
}

int cfs_chunked_choose_ranges(const struct cfs_chunked_toc *toc, const bool *wanted,
			      size_t max, struct cfs_oci_range **out, size_t *n,
			      struct cfs_err *err)
{
	struct range_plan p = {0};
	cfs_autofree struct gap *gaps = NULL;
	cfs_autofree bool *joins = NULL;
	int rc = add_file_ranges(&p, toc, wanted);

	gaps = rc < 0 ? NULL : calloc(p.n + 1, sizeof(*gaps));
	joins = rc < 0 ? NULL : calloc(p.n + 1, sizeof(*joins));
	if (!gaps || !joins) {
		free(p.ranges);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	if (p.n > 1) {
		choose_gaps(&p, gaps, max, joins);
		join_ranges(&p, joins);
	}
	*out = p.ranges;
	*n = p.n;
	return 0;
}
