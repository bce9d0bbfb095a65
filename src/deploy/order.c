/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The order of systemd-boot (boot_entry_compare): entries that may still be tried, then
 * those with a sort-key, by it, then the newest version. */
#include "bls/bls.h"
#include "deploy/deploy_priv.h"

bool deploy_is_exhausted(const struct cfs_bootentry *e)
{
	return e->is_counted && e->tries_left == 0;
}

static struct cfs_text get_value(const struct cfs_bootentry *e, struct cfs_text key)
{
	struct cfs_text value = {"", 0};

	if (e->text)
		(void)cfs_bls_find(cfs_text(e->text), key, &value);
	return value;
}

/* The order of systemd-boot for entries with a sort key; 0 for those without. */
static int compare_keyed(const struct cfs_bootentry *a, const struct cfs_bootentry *b)
{
	struct cfs_text sort_a = get_value(a, CFS_TEXT("sort-key"));
	struct cfs_text sort_b = get_value(b, CFS_TEXT("sort-key"));
	int c;

	if (!sort_a.len != !sort_b.len)
		return sort_a.len ? -1 : 1;
	if (!sort_a.len)
		return 0;
	c = cfs_text_cmp(sort_a, sort_b);
	if (c == 0)
		c = cfs_text_cmp(get_value(a, CFS_TEXT("machine-id")),
				 get_value(b, CFS_TEXT("machine-id")));
	if (c == 0)
		c = -cfs_bls_compare_versions(get_value(a, CFS_TEXT("version")),
					      get_value(b, CFS_TEXT("version")));
	return c;
}

static int compare_entries(const void *a, const void *b)
{
	const struct cfs_bootentry *x = a, *y = b;
	int c = deploy_is_exhausted(x) - deploy_is_exhausted(y);

	if (c == 0)
		c = compare_keyed(x, y);
	if (c == 0)
		c = -cfs_bls_compare_versions(cfs_text(x->id), cfs_text(y->id));
	return c ? c : strcmp(x->file, y->file);
}

void deploy_sort_entries(struct cfs_bootentries *entries)
{
	if (entries->n)
		qsort(entries->v, entries->n, sizeof(*entries->v), compare_entries);
}
