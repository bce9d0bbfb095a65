/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which nodes of a tree the rules leave out or empty. */
#include <errno.h>

#include "profile/apply_priv.h"

/* Leaves out everything below a directory. */
static int leave_out_below(struct profile_job *j, cfs_id dir, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	size_t depth = 0;

	for (;;) {
		const struct cfs_node *d = &t->nodes[dir];

		for (uint32_t i = 0; i < d->n_children; i++) {
			cfs_id child = t->children[d->first + i];

			j->fates[child].left_out = true;
			j->fates[cfs_tree_inode(t, child)].n_left_out++;
			if (!profile_is_directory(t, child))
				continue;
			if (cfs_grow(&j->stack, &j->stack_cap, depth + 1,
				     sizeof(*j->stack)) < 0)
				return cfs_fail(err, ENOMEM, "out of memory");
			j->stack[depth++].dir = child;
		}
		if (depth == 0)
			return 0;
		dir = j->stack[--depth].dir;
	}
}

/* Finds a directory in the root. why: the reason, for messages. */
static int find_directory(const struct profile_job *j, const char *name, const char *why,
			  cfs_id *out, struct cfs_err *err)
{
	*out = cfs_tree_find(j->in, CFS_ROOT, cfs_text(name));
	if (*out == CFS_NO_NODE)
		return cfs_fail(err, ENOENT, "/%s: expected a directory, got nothing: %s",
				name, why);
	if (!profile_is_directory(j->in, *out))
		return cfs_fail(err, ENOTDIR, "/%s: expected a directory: %s", name, why);
	return 0;
}

/* Keeps a directory of the root, and leaves out what is in it. */
static int empty_directory(struct profile_job *j, const char *name, struct cfs_err *err)
{
	cfs_id dir;
	int rc = find_directory(j, name, "the rules empty it", &dir, err);

	if (rc < 0)
		return rc;
	j->fates[dir].emptied = true;
	return leave_out_below(j, dir, err);
}

/* Empties the directories that get their files at boot. A system with SELinux would not start
 * from files without labels, so a tree with its configuration is refused if none are known. */
static int prepare_boot(struct profile_job *j, struct cfs_err *err)
{
	int rc;

	if (!j->is_labelled && cfs_selinux_has_config(j->in))
		return cfs_fail(
			err, ENOTSUP,
			"/etc/selinux/config: cannot make a tree with SELinux bootable "
			"without labels");
	rc = empty_directory(j, "boot", err);
	return rc < 0 ? rc : empty_directory(j, "sysroot", err);
}

int profile_find_special_directories(struct profile_job *j, struct cfs_err *err)
{
	bool root = j->rules->root == CFS_ROOT_USR;
	cfs_id usr;
	int rc;

	if (!root && !j->rules->bootable)
		return 0;
	rc = find_directory(j, "usr",
			    root ? "the root gets its metadata"
				 : "other directories get its mtime",
			    &usr, err);
	if (rc < 0)
		return rc;
	j->usr = &j->in->nodes[usr];
	if (root && cfs_tree_find(j->in, CFS_ROOT, CFS_TEXT("run")) != CFS_NO_NODE)
		rc = empty_directory(j, "run", err);
	return rc == 0 && j->rules->bootable ? prepare_boot(j, err) : rc;
}

int profile_find_deletions(struct profile_job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = cfs_deletions_mark(t, &j->marks, err);

	for (cfs_id id = 0; rc == 0 && id < t->n_nodes; id++) {
		cfs_id dir = t->nodes[id].parent, inode = cfs_tree_inode(t, id);

		if (!(j->marks[inode] & CFS_DELETION_WHITEOUT) ||
		    !(j->marks[dir] & CFS_DELETION_OPAQUE))
			continue;
		j->fates[id].left_out = true;
		j->fates[dir].opaque = true;
	}
	return rc;
}
