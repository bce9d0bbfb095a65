/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: an overlay over a layer that another server made: its steps, and how such a mount is recognized. */
#include "mount/mount_priv.h"

#include "mount/mount.h"
#include "t.h"

static const char *const objdirs[] = {"/objects", "/more"};

enum { LAYER_FD = 77 };

/* Whether a way has a step with that operation and key; key NULL: any. */
static bool has_step(const struct cfs_way *way, enum cfs_step_op op, const char *key)
{
	for (size_t i = 0; i < way->n_steps; i++)
		if (way->steps[i].op == op &&
		    (!key || strcmp(way->steps[i].key, key) == 0))
			return true;
	return false;
}

static void compute_steps(const struct cfs_mount_layer *layer, struct cfs_steps *out)
{
	const struct cfs_mount_opts o = {objdirs, 2, .layer = layer};
	const struct cfs_mount_facts facts = {.prefetch_len = 4096};

	t_eq(cfs_mount_steps(&o, &facts, out, NULL), 0);
}

T(mount_steps_with_a_layer_make_no_image_mount)
{
	const struct cfs_mount_layer layer = {.fd = LAYER_FD};
	struct cfs_steps steps;

	compute_steps(&layer, &steps);
	t_eq(steps.image.n, 0);
	t_eq(steps.layer_fd, LAYER_FD);
	t_ok(has_step(&steps.overlay.way[0], CFS_STEP_STRING, "metacopy"));
	t_ok(has_step(&steps.overlay.way[0], CFS_STEP_LOWER, "lowerdir+"));
	t_eq(steps.apart.n, 3);
	cfs_steps_fini(&steps);
	compute_steps(NULL, &steps);
	t_eq(steps.image.n, 2);
	t_eq(steps.layer_fd, -1);
	cfs_steps_fini(&steps);
}

T(mount_steps_with_userxattr_use_neither_metacopy_nor_mount2)
{
	const struct cfs_mount_layer layer = {.fd = LAYER_FD, .userxattr = true};
	struct cfs_steps steps;

	compute_steps(&layer, &steps);
	t_eq(steps.overlay.n, 1);
	t_eq(steps.apart.n, 1);
	for (size_t i = 0; i < 2; i++) {
		const struct cfs_way *way =
			i ? &steps.apart.way[0] : &steps.overlay.way[0];

		t_ok(has_step(way, CFS_STEP_FLAG, "userxattr"));
		t_ok(!has_step(way, CFS_STEP_STRING, "metacopy"));
		t_ok(!has_step(way, CFS_STEP_STRING, "redirect_dir"));
		t_ok(has_step(way, i ? CFS_STEP_DATA_AT : CFS_STEP_DATA, "datadir+"));
	}
	cfs_steps_fini(&steps);
}

T(mount_options_refuse_an_idmap_of_a_layer)
{
	const struct cfs_mount_layer layer = {.fd = LAYER_FD};
	const struct cfs_mount_opts o = {objdirs, 1, .idmap = true, .idmap_fd = 3,
					 .layer = &layer};

	t_eq(cfs_mount_check(&o, NULL), -EINVAL);
}

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *line, *method, *image;
	bool is_image, has_id;
	size_t n_objects;
} mounts[] = {
	{"1 0 0:1 / /m ro - fuse.composefs composefs:" HEX " ro,user_id=1\n", "fuse",
	 NULL, true, true, 0},
	{"1 0 0:1 / /m ro - fuse.composefs /i.cfs ro,user_id=1\n", "fuse", "/i.cfs", true,
	 false, 0},
	{"1 0 0:1 / /m rw - overlay composefs:" HEX
	 " ro,lowerdir+=/,datadir+=/o,redirect_dir=nofollow,userxattr\n",
	 "overlay-fuse", NULL, true, true, 1},
	{"1 0 0:1 / /m rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/u,userxattr\n",
	 "overlay-fuse", NULL, false, false, 0},
	{"1 0 0:1 / /m ro - fuse.other composefs:" HEX " ro\n", NULL, NULL, false, false,
	 0},
};

T(mounts_by_fuse_are_recognized)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		struct cfs_mount_table table = {0};
		struct cfs_image_mount m;

		t_eq(cfs_mount_table_parse(cfs_text(mounts[i].line), &table, NULL), 0);
		t_eq(cfs_image_mount_recognize(&table.v[0], &table.arena, &m, NULL),
		     mounts[i].is_image);
		if (mounts[i].is_image) {
			t_str(m.method, mounts[i].method);
			t_ok(mounts[i].image
				     ? m.image && !strcmp(m.image, mounts[i].image)
				     : !m.image);
			t_eq(m.has_id, mounts[i].has_id);
			t_eq(m.n_objects, mounts[i].n_objects);
			t_ok(m.read_only);
		}
		cfs_mount_table_fini(&table);
	}
}
