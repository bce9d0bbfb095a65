/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: reading of a directory that continues at a position. */
#include "t.h"

#include "erofs/erofs.h"
#include "golden.h"

/* The root directory of an image: 258 entries in several blocks. */
static uint8_t *load(struct cfs_image *im, struct cfs_inode *root)
{
	size_t len;
	uint8_t *bytes = t_golden("example.v1.cfs", &len);

	t_eq(cfs_image_open((struct cfs_span){bytes, len}, im, NULL), 0);
	t_eq(cfs_image_read_inode(im, im->root_nid, root, NULL), 0);
	return bytes;
}

/* From the position of each entry on, the rest is the same as without a stop. */
T(directory_is_continued_at_each_position)
{
	uint64_t positions[512] = {0};
	struct cfs_dirent entry, again;
	struct cfs_inode root;
	struct cfs_dir dir, rest;
	struct cfs_image im;
	uint8_t *bytes = load(&im, &root);
	size_t n = 0;

	t_eq(cfs_dir_open(&im, &root, &dir, NULL), 0);
	while (cfs_dir_next(&dir, &entry, NULL) > 0) {
		t_eq(cfs_dir_open(&im, &root, &rest, NULL), 0);
		t_eq(cfs_dir_seek(&rest, positions[n], NULL), 0);
		t_eq(cfs_dir_next(&rest, &again, NULL), 1);
		t_eq(again.off, entry.off);
		positions[++n] = cfs_dir_tell(&dir);
		t_ok(positions[n] > positions[n - 1]);
	}
	t_eq(n, 258);
	t_eq(cfs_dir_open(&im, &root, &rest, NULL), 0);
	t_eq(cfs_dir_seek(&rest, positions[n], NULL), 0);
	t_eq(cfs_dir_next(&rest, &again, NULL), 0);
	free(bytes);
}

T(directory_has_no_positions_beyond_its_entries)
{
	struct cfs_inode root;
	struct cfs_dir dir;
	struct cfs_image im;
	uint8_t *bytes = load(&im, &root);

	t_eq(cfs_dir_open(&im, &root, &dir, NULL), 0);
	t_eq(cfs_dir_seek(&dir, 1, NULL), -EINVAL);
	t_eq(cfs_dir_seek(&dir, UINT64_C(1) << 16 | 4000, NULL), -EINVAL);
	t_eq(cfs_dir_seek(&dir, UINT64_C(100) << 16, NULL), -EINVAL);
	t_eq(cfs_dir_seek(&dir, UINT64_MAX, NULL), -EINVAL);
	free(bytes);
}
