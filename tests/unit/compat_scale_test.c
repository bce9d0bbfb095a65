/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: deep trees, many links, many threads. */
#include <pthread.h>

#include "golden.h"
#include "nodes.h"

/* --- depth
 * ----------------------------------------------------------------------------- */

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
	struct lcfs_node_s *root = deep_tree(100000);
	pthread_attr_t attr;
	pthread_t thread;
	void *result;

	t_eq(depth_of(root), 100000);
	t_eq(pthread_attr_init(&attr), 0);
	t_eq(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
	t_eq(pthread_create(&thread, &attr, use_deep_tree, root), 0);
	t_eq(pthread_join(thread, &result), 0);
	pthread_attr_destroy(&attr);
	t_ok(result);
}

T(compat_deep_images_are_loaded)
{
	struct lcfs_node_s *root = deep_tree(2039);
	struct image image = node_image(root);
	struct lcfs_node_s *back = lcfs_load_node_from_image(image.p, image.len);

	t_ok(back);
	t_eq(depth_of(back), 2039);
	free(image.p);
	lcfs_node_unref(back);
	lcfs_node_unref(root);
}

/* --- links
 * ----------------------------------------------------------------------------- */

/* n files in directories of 1000, and a link to each of a fifth of them. */
static struct lcfs_node_s *linked_tree(size_t n)
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

/* Large enough that a search among all nodes for each of the links would be some 10^10 steps. There
 * is no clock: how long it takes is for the benchmarks. */
T(compat_many_links_are_built_copied_and_written)
{
	struct lcfs_node_s *root = linked_tree(400000),
			   *copy = lcfs_node_clone_deep(root);

	t_ok(copy);
	t_eq(node_write_errno(copy), 0);
	lcfs_node_unref(copy);
	lcfs_node_unref(root);
}

/* --- threads
 * --------------------------------------------------------------------------- */

enum { N_THREADS = 32 };

static void run_threads(void *(*fn)(void *), void *arg)
{
	pthread_t threads[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		t_eq(pthread_create(&threads[i], NULL, fn, arg), 0);
	for (int i = 0; i < N_THREADS; i++) {
		void *result;

		t_eq(pthread_join(threads[i], &result), 0);
		t_ok(result);
	}
}

/* The bytes of an image, and what it should become again. */
static void *load_and_write(void *arg)
{
	const struct image *image = arg;
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct lcfs_write_options_s options = {.version = image->version,
					       .digest_out = digest};
	struct lcfs_node_s *root = lcfs_load_node_from_image(image->p, image->len);
	int rc = root ? lcfs_write_to(root, &options) : -1;

	lcfs_node_unref(root);
	return rc == 0 && memcmp(digest, image->digest, sizeof(digest)) == 0 ? arg : NULL;
}

T(compat_threads_load_and_write_separate_trees)
{
	struct image image = {.version = 1};

	image.p = t_golden("example.v1.cfs", &image.len);
	t_eq(lcfs_compute_fsverity_from_data(image.digest, image.p, image.len), 0);
	run_threads(load_and_write, &image);
	free(image.p);
}

struct shared {
	struct lcfs_node_s *root;
	uint8_t digest[LCFS_DIGEST_SIZE];
};

static void *read_and_write(void *arg)
{
	struct shared *s = arg;
	uint8_t digest[LCFS_DIGEST_SIZE];
	struct lcfs_write_options_s options = {.digest_out = digest};
	struct lcfs_node_s *first = lcfs_node_get_child(s->root, 0);
	int rc = lcfs_write_to(s->root, &options);

	if (strcmp(lcfs_node_get_name(first), "0") != 0 ||
	    !lcfs_node_lookup_child(s->root, "links"))
		return NULL;
	return rc == 0 && memcmp(digest, s->digest, sizeof(digest)) == 0 ? arg : NULL;
}

T(compat_threads_read_and_write_one_tree)
{
	struct lcfs_node_s *twin = linked_tree(2000);
	struct image image = node_image(twin);
	struct shared s = {.root = linked_tree(2000)}; /* its children not in order yet */

	memcpy(s.digest, image.digest, sizeof(s.digest));
	run_threads(read_and_write, &s);
	free(image.p);
	lcfs_node_unref(twin);
	lcfs_node_unref(s.root);
}
