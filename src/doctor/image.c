/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The test image: a root directory and one small file. */
#include "doctor/doctor_priv.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "erofs/erofs.h"
#include "tree/tree.h"

/* One file with a known content: what a mount of it shows proves that the mount works.
 * *out is the caller's. */
static int make_trial_tree(struct cfs_tree **out, struct cfs_err *err)
{
	static const char content[] = DOCTOR_CONTENT;
	const struct cfs_inode_spec root = {.mode = S_IFDIR | 0755};
	const struct cfs_inode_spec file = {
		.mode = S_IFREG | 0444,
		.content = {(const uint8_t *)content, sizeof(content) - 1},
	};
	struct cfs_builder *b;
	cfs_id id;
	int rc = cfs_builder_new(CFS_SHA256, &b, err);

	if (rc < 0)
		return rc;
	rc = cfs_builder_set_root(b, &root, err);
	if (rc == 0)
		rc = cfs_builder_add(b, CFS_ROOT, CFS_TEXT(DOCTOR_FILE), &file, &id, err);
	if (rc == 0)
		return cfs_builder_freeze(&b, out, err);
	cfs_builder_free(b);
	return rc;
}

static int write_trial_image(int fd, struct cfs_err *err)
{
	static const struct cfs_image_write how = {
		.form = {.min_version = 1, .max_version = 1}};
	struct cfs_tree *tree;
	int rc = make_trial_tree(&tree, err);

	if (rc < 0)
		return rc;
	rc = cfs_image_write(tree, &how, cfs_sink_fd(&fd), err);
	cfs_tree_free(tree);
	return rc;
}

/* In an unnamed file in the directory, or in memory if the directory is not writable. */
int doctor_make_image(struct doctor *d, struct cfs_err *err)
{
	cfs_autofd int fd = openat(d->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int rc;

	d->image_here = fd >= 0;
	if (fd < 0)
		fd = memfd_create("composefs-doctor", MFD_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "temporary file for a test mount");
	rc = write_trial_image(fd, err);
	if (rc == 0)
		d->image = cfs_steal_fd(&fd);
	return rc;
}
