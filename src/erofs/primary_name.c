/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the name under which an inode with several names was written. The writer numbers inodes breadth
 * first, and an inode at its own name, not at hard links to it; so the number determines the name.
 *
 * The names are visited in the order of the writer, and each one that leads to the inode with the next
 * number is the name. If two names are possible, both give the same numbers, and the same image.
 */
#include "erofs/primary_name.h"

#include <errno.h>

#include "erofs/dir.h"
#include "erofs/format.h"

struct numbering {
	const struct cfs_image *im;
	const char *
		*names; /* of the inode at each slot: its own, borrowed from the image */
	uint64_t *dirs; /* nids, in the order of their numbers */
	size_t n_dirs, dirs_cap;
	uint64_t next; /* number */
	const struct cfs_watch *watch;
};

static int queue_dir(struct numbering *n, uint64_t nid, struct cfs_err *err)
{
	if (cfs_grow(&n->dirs, &n->dirs_cap, n->n_dirs + 1, sizeof(*n->dirs)) < 0)
		return cfs_fail(err, ENOMEM, "no memory for %zu directories",
				n->n_dirs + 1);
	n->dirs[n->n_dirs++] = nid;
	return 0;
}

/* Follows the writer's numbering: an inode gets the next number at its first name,
 * breadth first. */
static int number_entry(struct numbering *n, const struct cfs_dirent *entry,
			struct cfs_err *err)
{
	struct cfs_inode inode;
	int rc = cfs_watch_poll(n->watch, err);

	if (rc == 0)
		rc = cfs_dirent_read_inode(n->im, entry, &inode, err);
	if (rc < 0)
		return rc;
	if (S_ISDIR(inode.mode))
		rc = queue_dir(n, inode.nid, err);
	if (inode.ino == n->next) {
		n->names[inode.off / EROFS_SLOT] = entry->name.s;
		n->next++;
	}
	return rc;
}

static int number_dir(struct numbering *n, uint64_t nid, struct cfs_err *err)
{
	struct cfs_inode inode;
	struct cfs_dirent entry;
	struct cfs_dir dir;
	int rc = cfs_image_read_inode(n->im, nid, &inode, err);

	if (rc == 0)
		rc = cfs_dir_open(n->im, &inode, &dir, err);
	while (rc == 0 && (rc = cfs_dir_next(&dir, &entry, err)) > 0)
		rc = number_entry(n, &entry, err);
	return rc;
}

int cfs_primaries_find(const struct cfs_image *im, const struct cfs_watch *watch,
		       struct cfs_primaries *out, struct cfs_err *err)
{
	struct numbering n = {
		.im = im, .next = 1, .watch = watch}; /* the root has number 0 */
	int rc;

	n.names = calloc(im->bytes.len / EROFS_SLOT, sizeof(*n.names));
	if (!n.names)
		return cfs_fail(err, ENOMEM, "no memory for names");
	rc = queue_dir(&n, im->root_nid, err);
	for (size_t i = 0; rc == 0 && i < n.n_dirs; i++)
		rc = number_dir(&n, n.dirs[i], err);
	free(n.dirs);
	out->names = n.names;
	return rc;
}

bool cfs_primaries_has(const struct cfs_primaries *p, const struct cfs_inode *inode,
		       struct cfs_text name)
{
	return p->names[inode->off / EROFS_SLOT] == name.s;
}

void cfs_primaries_fini(struct cfs_primaries *p)
{
	free(p->names);
}
