/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Warnings about a tree. */
#include "cli/remarks.h"

#include <errno.h>
#include <inttypes.h>

#include "erofs/erofs.h"
#include "profile/profile.h"

enum { PATH_LEN = 512 };

/* The inodes that have an xattr of some name. */
struct use {
	uint32_t n;
	cfs_id first;
};

/* Counts for each xattr how many inodes have it, and which is the first, so that a
 * remark names one place instead of thousands. */
static void count_uses(const struct cfs_tree *t, struct use *uses)
{
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (cfs_node_is_link(n))
			continue;
		for (unsigned i = 0; i < n->n_xattrs; i++) {
			struct use *u = &uses[t->pairs[n->xattrs[i]].key];

			if (u->n++ == 0)
				u->first = id;
		}
	}
}

static bool shows_all(const struct cfs_tree *t)
{
	for (uint32_t i = 0; i < t->n_keys; i++)
		if (!cfs_image_shows_xattr(t->keys[i]))
			return false;
	return true;
}

/* Warns once per key about xattrs that a mount hides: they change the digest, although no
 * process sees a difference. Fails only without memory. */
static int warn_unshown_xattrs(const struct cfs_watch *watch, const struct cfs_tree *t,
			       struct cfs_err *err)
{
	cfs_autofree struct use *uses = NULL;
	struct cfs_watch_kind b = {.watch = watch};
	char path[PATH_LEN];

	if (shows_all(t))
		return 0;
	uses = calloc(t->n_keys, sizeof(*uses));
	if (!uses)
		return cfs_fail(err, ENOMEM, "out of memory");
	count_uses(t, uses);
	for (uint32_t i = 0; i < t->n_keys; i++)
		if (uses[i].n && !cfs_image_shows_xattr(t->keys[i]))
			cfs_watch_warn_kind(
				&b,
				"xattr %.*s: not visible in a mount, but part of the "
				"digest (inodes: %" PRIu32
				", the first %s); --skip-unshown-xattrs leaves it out",
				(int)t->keys[i].len, t->keys[i].s, uses[i].n,
				cfs_tree_format_path(t, uses[i].first, path,
						     sizeof(path)));
	cfs_watch_end_kind(&b, "such xattrs");
	return 0;
}

struct lost {
	struct cfs_watch_kind kind;
	const struct cfs_tree *tree;
};

static void warn_lost_deletions(void *ctx, cfs_id dir)
{
	struct lost *l = ctx;
	char path[PATH_LEN];

	cfs_watch_warn_kind(
		&l->kind,
		"%s: the image loses the deletions of this directory: deleted files are "
		"visible in an overlay mount (see \"deletions\" in "
		"composefs-profiles(7))",
		cfs_tree_format_path(l->tree, dir, path, sizeof(path)));
}

int remarks_print_warnings(const struct cfs_watch *watch, const struct cfs_tree *tree,
			   struct cfs_err *err)
{
	struct lost lost = {.kind.watch = watch, .tree = tree};
	size_t n;
	int rc = warn_unshown_xattrs(watch, tree, err);

	if (rc == 0)
		rc = cfs_profile_find_lost(tree, warn_lost_deletions, &lost, &n, err);
	cfs_watch_end_kind(&lost.kind, "such directories");
	return rc;
}
