/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the names of one inode. This is needed even without hard links in the tree,
 * because an inode is read once. */
#include <errno.h>

#include "scan/scan_priv.h"

struct name {
	struct scan_entry *entry;
	size_t order; /* order of the walk, to make the sort stable */
};

static int compare_by_inode(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	if (x->entry->dev != y->entry->dev)
		return x->entry->dev < y->entry->dev ? -1 : 1;
	if (x->entry->ino != y->entry->ino)
		return x->entry->ino < y->entry->ino ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool may_share(const struct scan_entry *e)
{
	return !S_ISDIR(e->mode) && e->nlink > 1;
}

/* Allocates *out: each entry with several links, with its position in the order of the
 * walk, which decides which name becomes the first. */
static int list_linked_names(const struct scan *s, struct name **out, size_t *n,
			     struct cfs_err *err)
{
	cfs_autofree struct name *names = NULL;
	size_t cap = 0;

	*n = 0;
	for (size_t i = 0; i < s->n_dirs; i++) {
		for (uint32_t k = 0; k < s->dirs[i].n_entries; k++) {
			struct scan_entry *e = &s->dirs[i].entries[k];

			if (!may_share(e))
				continue;
			if (cfs_grow(&names, &cap, *n + 1, sizeof(*names)) < 0)
				return cfs_fail(err, ENOMEM, "out of memory");
			names[*n] = (struct name){e, *n};
			++*n;
		}
	}
	*out = cfs_steal(&names);
	return 0;
}

static bool same_inode(const struct scan_entry *a, const struct scan_entry *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

int cfs_scan_group_links(struct scan *s, struct cfs_err *err)
{
	cfs_autofree struct name *names = NULL;
	size_t n;
	int rc = list_linked_names(s, &names, &n, err);

	if (rc < 0 || n == 0)
		return rc;
	if (n > SCAN_NONE)
		return cfs_fail(err, E2BIG, "more than %u hard links", SCAN_NONE);
	qsort(names, n, sizeof(*names), compare_by_inode);
	s->groups = calloc(n, sizeof(*s->groups));
	if (!s->groups)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct scan_entry *e = names[i].entry;

		if (i == 0 || !same_inode(e, names[i - 1].entry))
			s->groups[s->n_groups++] =
				(struct scan_group){.leader = e, .id = CFS_NO_NODE};
		e->index = (uint32_t)(s->n_groups - 1);
		s->groups[e->index].n_names++;
	}
	return 0;
}
