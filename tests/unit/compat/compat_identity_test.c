/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: an image that is loaded and written again has the same bytes: every golden
 * vector, in both versions. */
#include <dirent.h>

#include "dump/dump.h"
#include "erofs/erofs.h"
#include "nodes.h"

/* Those that change once, with the existing tools too. Their hard links are not at the
 * first name, or they have sizes of devices, or what looks like a whiteout of ours: an
 * image does not tell those. */
static const char *const unstable[] = {"hardlink", "mixed-", "order-", "devices",
				       "escape-whiteout-xattr"};

static struct cfs_tree *parse(const char *path)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_map map;
	struct cfs_tree *tree;
	FILE *f = fopen(path, "re");

	t_ok(f);
	t_eq(cfs_map_fd(fileno(f), &map, NULL), 0);
	fclose(f);
	if (cfs_dump_read_mem(cfs_span_text(map.span), CFS_SHA256, &opts, &tree, NULL) <
	    0)
		tree = NULL;
	cfs_map_close(&map);
	return tree;
}

static struct cfs_mem emit(const struct cfs_tree *tree, uint32_t version)
{
	struct cfs_image_opts opts = {version, version};
	struct cfs_mem image = {0};
	struct cfs_plan *plan;

	t_eq(cfs_plan_new(tree, &opts, NULL, &plan, NULL), 0);
	t_eq(cfs_emit(plan, cfs_sink_mem(&image), NULL), 0);
	cfs_plan_free(plan);
	return image;
}

static struct image load_and_write(const uint8_t *p, size_t len, uint32_t version)
{
	struct lcfs_node_s *root = lcfs_load_node_from_image(p, len);
	struct image image = {0};
	struct lcfs_write_options_s options = {.version = version,
					       .max_version = version,
					       .file = &image,
					       .file_write_cb = image_append};

	t_ok(root);
	t_eq(lcfs_write_to(root, &options), 0);
	lcfs_node_unref(root);
	return image;
}

static bool is_stable(const char *name)
{
	for (size_t i = 0; i < sizeof(unstable) / sizeof(unstable[0]); i++)
		if (strncmp(name, unstable[i], strlen(unstable[i])) == 0)
			return false;
	return true;
}

static void check(const char *name, const struct cfs_tree *tree, uint32_t version)
{
	struct cfs_mem first = emit(tree, version);
	struct image second = load_and_write(first.p, first.len, version);
	struct image third = load_and_write(second.p, second.len, version);
	bool same = second.len == first.len && memcmp(second.p, first.p, first.len) == 0;

	if (same != is_stable(name))
		t_fail(__FILE__, __LINE__, "%s, version %u: the image %s", name, version,
		       same ? "does not change" : "changes");
	t_eq(third.len, second.len);
	t_mem(third.p, second.p, second.len);
	free(first.p);
	free(second.p);
	free(third.p);
}

T(compat_load_and_write_is_the_identity_on_all_golden_vectors)
{
	const char *folder = getenv("CFS_GOLDEN");
	struct dirent *d;
	size_t n = 0;
	DIR *dir;

	if (!folder)
		t_skip("CFS_GOLDEN does not say where the golden vectors are");
	dir = opendir(folder);
	t_ok(dir);
	while ((d = readdir(dir))) {
		const char *suffix = strrchr(d->d_name, '.');
		char path[4096];
		struct cfs_tree *tree;

		if (!suffix || strcmp(suffix, ".dump") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		tree = parse(path);
		if (!tree)
			continue; /* those that are refused have their own tests */
		for (uint32_t version = 0; version <= 1; version++)
			check(d->d_name, tree, version);
		cfs_tree_free(tree);
		n++;
	}
	closedir(dir);
	t_ok(n >= 80);
}
