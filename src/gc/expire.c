/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* References with versions: NAME:VERSION, or NAME/VERSION if the last component has no
 * colon. Of each NAME the newest are kept: by the time of the link, and by version, 10
 * after 9. A reference expires only if it is old by both: the clock may have been wrong
 * when the link was created. */
#include <errno.h>
#include <string.h>

#include "gc/mark.h"

/* The part of a reference before its version; empty if it has none. Those of deployments
 * have IDs, not versions: a machine boots each of them. */
static struct cfs_text get_family(const char *ref)
{
	const char *slash = strrchr(ref, '/');
	const char *colon = strrchr(slash ? slash + 1 : ref, ':');
	const char *end = colon ? colon : slash;

	if (cfs_text_has_prefix(cfs_text(ref), CFS_TEXT(CFS_REPO_BOOT_REFS)))
		return (struct cfs_text){ref, 0};
	return (struct cfs_text){ref, end ? (size_t)(end - ref) : 0};
}

static int by_time(const struct cfs_repo_entry *a, const struct cfs_repo_entry *b)
{
	if (a->mtime_sec != b->mtime_sec)
		return a->mtime_sec < b->mtime_sec ? -1 : 1;
	if (a->mtime_nsec != b->mtime_nsec)
		return a->mtime_nsec < b->mtime_nsec ? -1 : 1;
	return strverscmp(a->name, b->name);
}

static int by_version(const struct cfs_repo_entry *a, const struct cfs_repo_entry *b)
{
	return strverscmp(a->name, b->name);
}

typedef int order_fn(const struct cfs_repo_entry *a, const struct cfs_repo_entry *b);

static int by_family_newest_first(const void *a, const void *b, void *order)
{
	const struct cfs_repo_entry *x = *(const struct cfs_repo_entry *const *)a;
	const struct cfs_repo_entry *y = *(const struct cfs_repo_entry *const *)b;
	int c = cfs_text_cmp(get_family(x->name), get_family(y->name));

	return c ? c : (*(order_fn *const *)order)(y, x);
}

/* Sets the flag of all except the newest of each family. */
static void flag_old(const struct cfs_repo_list *refs, const struct cfs_repo_entry **v,
		     size_t n, order_fn *order, unsigned keep, uint8_t flag, uint8_t *out)
{
	struct cfs_text now = {0};
	unsigned kept = 0;

	qsort_r(v, n, sizeof(*v), by_family_newest_first, &order);
	for (size_t i = 0; i < n; i++) {
		struct cfs_text f = get_family(v[i]->name);

		if (!cfs_text_eq(f, now))
			kept = 0;
		now = f;
		if (kept++ >= keep)
			out[v[i] - refs->v] |= flag;
	}
}

int gc_find_expired(const struct cfs_repo_list *refs, unsigned keep, uint8_t *out,
		    struct cfs_err *err)
{
	cfs_autofree const struct cfs_repo_entry **v = calloc(refs->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < refs->n; i++)
		if (refs->v[i].code == 0 && get_family(refs->v[i].name).len)
			v[n++] = &refs->v[i];
	flag_old(refs, v, n, by_time, keep, GC_OLD_TIME, out);
	flag_old(refs, v, n, by_version, keep, GC_OLD_VERSION, out);
	return 0;
}
