/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Trees of nodes for the tests of the ABI. */
#include "nodes.h"

struct lcfs_node_s *node_new(uint32_t mode)
{
	struct lcfs_node_s *node = lcfs_node_new();

	t_ok(node);
	lcfs_node_set_mode(node, mode);
	return node;
}

struct lcfs_node_s *node_add(struct lcfs_node_s *dir, const char *name, uint32_t mode)
{
	struct lcfs_node_s *node = node_new(mode);

	t_eq(lcfs_node_add_child(dir, node, name), 0);
	return node;
}

struct lcfs_node_s *node_link(struct lcfs_node_s *dir, const char *name,
			      struct lcfs_node_s *target)
{
	struct lcfs_node_s *node = node_add(dir, name, 0);

	lcfs_node_make_hardlink(node, target);
	return node;
}

struct lcfs_node_s *node_linked_tree(size_t n)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *dir = NULL, *links;
	char name[32];

	links = node_add(root, "links", S_IFDIR | 0755);
	for (size_t i = 0; i < n; i++) {
		struct lcfs_node_s *file;

		if (i % 1000 == 0) {
			snprintf(name, sizeof(name), "%zu", i / 1000);
			dir = node_add(root, name, S_IFDIR | 0755);
		}
		snprintf(name, sizeof(name), "%zu", i);
		file = node_add(dir, name, S_IFREG | 0644);
		if (i % 5 == 0)
			node_link(links, name, file);
	}
	return root;
}

int node_write_errno(struct lcfs_node_s *root)
{
	struct lcfs_write_options_s options = {.max_version = 1};
	int rc;

	errno = 0;
	rc = lcfs_write_to(root, &options);
	if (rc == 0)
		return 0;
	t_eq(rc, -1);
	t_ok(errno != 0);
	return errno;
}

ssize_t image_append(void *file, void *buf, size_t count)
{
	struct image *image = file;

	if (image->len + count > image->cap) {
		image->cap = 2 * (image->len + count);
		image->p = realloc(image->p, image->cap);
		t_ok(image->p);
	}
	memcpy(image->p + image->len, buf, count);
	image->len += count;
	return (ssize_t)count;
}

struct image node_image(struct lcfs_node_s *root)
{
	struct image image = {0};
	struct lcfs_write_options_s options = {.max_version = 1,
					       .digest_out = image.digest,
					       .file = &image,
					       .file_write_cb = image_append};

	t_eq(lcfs_write_to(root, &options), 0);
	image.version = options.version;
	return image;
}
