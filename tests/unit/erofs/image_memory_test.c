/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: a reader that runs out of memory says so and leaves nothing behind (the sanitizer counts). */
#include "t.h"

#include "erofs/erofs.h"
#include "golden.h"
#include "starve.h"

static int walk(const struct cfs_image *im, struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.first_names = true};
	cfs_auto_walk struct cfs_walk *w = NULL;
	struct cfs_spec_room room = {0};
	const struct cfs_walk_entry *e;
	struct cfs_inode_spec spec;
	int rc = cfs_walk_new(im, &opts, &w, err);

	while (rc == 0 && (rc = cfs_walk_next(w, &e, err)) > 0)
		rc = cfs_image_read_spec(im, &e->inode, &room, &spec, err);
	cfs_spec_room_fini(&room);
	return rc;
}

static int load(const struct cfs_image *im, struct cfs_err *err)
{
	struct cfs_tree *tree = NULL;
	int rc = cfs_image_load(im, NULL, &tree, err);

	cfs_tree_free(tree);
	return rc;
}

/* Runs fn with one allocation less each time, from none to as many as it takes. */
static void starve(const char *name,
		   int (*fn)(const struct cfs_image *, struct cfs_err *))
{
	struct cfs_image im;
	uint8_t *bytes;
	size_t len;
	int rc = -ENOMEM;

	bytes = t_golden(name, &len);
	t_eq(cfs_image_open((struct cfs_span){bytes, len}, &im, NULL), 0);
	for (long n = 0; rc == -ENOMEM; n++) {
		struct cfs_err err = {""};

		starve_left = n;
		rc = fn(&im, &err);
		starve_left = -1;
		t_ok(rc == 0 || (rc == -ENOMEM && err.msg[0]));
		t_ok(n > 0 || rc == -ENOMEM);
	}
	free(bytes);
}

T(walk_without_memory_reports_it)
{
	starve("hardlinks.v1.cfs", walk);
	starve("xattr-prefixes.v1.cfs", walk);
}

T(check_without_memory_reports_it)
{
	starve("xattr-shared-order.v1.cfs", cfs_image_check);
}

T(load_without_memory_reports_it)
{
	starve("hardlinks.v1.cfs", load);
	starve("escape-overlay.v1.cfs", load);
}
