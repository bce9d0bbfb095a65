/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Entries of the source that are left out of the tree: other mounts, and places that the
 * caller writes to. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "scan/scan_priv.h"

/* Since Linux 6.8. An ID of STATX_MNT_ID can be reused by a later mount. */
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

/* Finds the mount ID of a name. 0: the kernel does not report it. */
static int find_mount_id(int dirfd, const char *name, uint64_t *out, struct cfs_err *err)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
	struct statx st;

	*out = 0;
	if (statx(dirfd, name, flags, STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &st) == 0) {
		if (st.stx_mask & (STATX_MNT_ID | STATX_MNT_ID_UNIQUE))
			*out = st.stx_mnt_id;
		return 0;
	}
	/* A seccomp filter that does not know statx returns one of these. */
	if (errno == ENOSYS || errno == EPERM)
		return 0;
	return cfs_scan_fail_name("stat", err);
}

int cfs_scan_find_mount(struct scan *s, struct cfs_err *err)
{
	if (!s->opts->one_file_system)
		return 0;
	return cfs_context(err, find_mount_id(s->rootfd, "", &s->mount, err),
			   "error accessing %s", s->path);
}

static void exclude_entry(struct scan_entry *e, size_t i)
{
	e->left = 1 + CFS_SCAN_LEFT_EXCLUDED;
	e->index = (uint32_t)i;
}

bool cfs_scan_exclude_name(const struct scan *s, uint32_t dir, struct scan_entry *e)
{
	const struct scan_entry *d = s->dirs[dir].self;

	for (size_t i = 0; !e->left && i < s->opts->n_exclude; i++) {
		const struct cfs_scan_exclude *x = &s->opts->exclude[i];

		if (x->name && x->dev == d->dev && x->ino == d->ino &&
		    strcmp(x->name, e->name) == 0)
			exclude_entry(e, i);
	}
	return e->left;
}

static void exclude_inode(const struct scan *s, struct scan_entry *e)
{
	for (size_t i = 0; !e->left && i < s->opts->n_exclude; i++) {
		const struct cfs_scan_exclude *x = &s->opts->exclude[i];

		if (!x->name && x->dev == e->dev && x->ino == e->ino)
			exclude_entry(e, i);
	}
}

/* Whether an entry is on another filesystem than the root, for --one-file-system. 1, 0
 * or an error. */
static int is_other_mount(const struct scan *s, int dirfd, const struct scan_entry *e,
			  struct cfs_err *err)
{
	uint64_t mount;
	int rc;

	if (!s->opts->one_file_system || e == &s->root)
		return 0;
	/* Without mount IDs, the devices are compared, but of directories only: overlayfs
	 * gives other files the device of their layer. */
	if (!s->mount)
		return S_ISDIR(e->mode) && e->dev != s->root.dev;
	rc = find_mount_id(dirfd, e->name, &mount, err);
	return rc < 0 ? rc : mount != s->mount;
}

static void report_left(const struct scan *s, enum cfs_scan_left_kind kind,
			const char *what, const char *path)
{
	struct cfs_scan_left left = {kind, path, what};

	if (s->opts->left)
		s->opts->left(s->opts->left_ctx, &left);
}

/* The root of the scan is never left out. */
static void keep_root(const struct scan *s, struct scan_entry *e)
{
	if (e->left)
		report_left(s, CFS_SCAN_LEFT_NOTHING, s->opts->exclude[e->index].what,
			    s->path);
	e->left = 0;
}

int cfs_scan_exclude_inode(const struct scan *s, int dirfd, struct scan_entry *e,
			   struct cfs_err *err)
{
	int rc;

	exclude_inode(s, e);
	if (e == &s->root)
		keep_root(s, e);
	rc = e->left ? 0 : is_other_mount(s, dirfd, e, err);
	if (rc > 0)
		e->left = 1 + (S_ISDIR(e->mode) ? CFS_SCAN_LEFT_MOUNT
						: CFS_SCAN_LEFT_MOUNTED_FILE);
	return rc < 0 ? rc : 0;
}

void cfs_scan_report_left(struct scan *s, uint32_t dir, const struct scan_entry *e)
{
	bool excluded = e->left == 1 + CFS_SCAN_LEFT_EXCLUDED;

	report_left(s, (enum cfs_scan_left_kind)(e->left - 1),
		    excluded ? s->opts->exclude[e->index].what : NULL,
		    cfs_scan_path(s, &s->workers[0], dir, e->name));
}
