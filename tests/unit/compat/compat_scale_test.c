/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: deep trees and many links. */
#include <pthread.h>

#include "nodes.h"

/* --- depth -------------------------------------------------------------------------- */

static struct lcfs_node_s *deep_tree(size_t levels)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *dir = root;

	for (size_t i = 0; i < levels; i++)
		dir = node_add(dir, "d", S_IFDIR | 0755);
	return root;
}

static size_t depth_of(struct lcfs_node_s *dir)
{
	size_t n = 0;

	while ((dir = lcfs_node_get_child(dir, 0)))
		n++;
	return n;
}

/* A thread with the smallest of stacks copies, writes and frees it. */
static void *use_deep_tree(void *arg)
{
	struct lcfs_node_s *root = arg, *copy = lcfs_node_clone_deep(root);
	struct lcfs_write_options_s options = {0};
	int rc = copy ? lcfs_write_to(copy, &options) : -1;

	lcfs_node_unref(root);
	lcfs_node_unref(copy);
	return rc == 0 ? arg : NULL;
}

T(compat_trees_of_any_depth_are_copied_written_and_freed_on_a_small_stack)
{
	size_t levels = t_scaled(100000);
	struct lcfs_node_s *root = deep_tree(levels);
	pthread_attr_t attr;
	pthread_t thread;
	void *result;

	t_eq(depth_of(root), levels);
	t_eq(pthread_attr_init(&attr), 0);
	t_eq(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
	t_eq(pthread_create(&thread, &attr, use_deep_tree, root), 0);
	t_eq(pthread_join(thread, &result), 0);
	pthread_attr_destroy(&attr);
	t_ok(result);
}

static bool comes_back(struct lcfs_node_s *root)
{
	struct image image = node_image(root), again = {0};
	struct lcfs_node_s *back = lcfs_load_node_from_image(image.p, image.len);
	bool same = false;

	if (back) {
		again = node_image(back);
		same = again.len == image.len && memcmp(again.p, image.p, image.len) == 0;
	}
	free(image.p);
	free(again.p);
	lcfs_node_unref(back);
	return same;
}

/* Deeper than any path that a kernel takes, and than the sum of all paths may be where
 * somebody asks for them. */
T(compat_deep_images_are_loaded)
{
	const size_t levels[] = {2039, t_scaled(100000)};

	for (size_t i = 0; i < 2; i++) {
		struct lcfs_node_s *root = deep_tree(levels[i]);

		t_ok(comes_back(root));
		lcfs_node_unref(root);
	}
}

/* --- links -------------------------------------------------------------------------- */

/* Large enough that a search among all nodes for each of the links would be some 10^10 steps. There
 * is no clock: how long it takes is for the benchmarks. */
T(compat_many_links_are_built_copied_and_written)
{
	struct lcfs_node_s *root = node_linked_tree(t_scaled(400000)),
			   *copy = lcfs_node_clone_deep(root);

	t_ok(copy);
	t_eq(node_write_errno(copy), 0);
	lcfs_node_unref(copy);
	lcfs_node_unref(root);
}

/* 50,000 times 30,000 bytes is more than anybody prints. */
T(compat_many_names_of_a_large_inode_are_loaded)
{
	static const char value[30000];
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "0", S_IFREG | 0644);

	t_eq(lcfs_node_set_xattr(file, "user.large", value, sizeof(value)), 0);
	for (size_t i = 0; i < t_scaled(50000); i++) {
		char name[24];

		snprintf(name, sizeof(name), "%07zu", i);
		node_link(root, name, file);
	}
	t_ok(comes_back(root));
	lcfs_node_unref(root);
}
