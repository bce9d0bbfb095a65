/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: the limits of the sandbox are those that fsck.h documents, and a dense image fits. */
#include "t.h"

#include "fsck/fsck_priv.h"

enum { MIB = 1 << 20 };

/* --- The numbers --------------------------------------------------------------------- */

static struct cfs_sandbox_opts limits(uint64_t image_len, bool canonical, bool objects)
{
	return fsck_sandbox_limits(&(struct cfs_fsck_question){
		.image.len = image_len, .canonical = canonical, .objects = objects});
}

T(memory_is_32_mib_and_8_for_each_mib_or_128_with_a_tree)
{
	t_eq(limits(4096, false, false).memory_len / MIB, 32 + 8);
	t_eq(limits(100 * MIB, false, false).memory_len / MIB, 32 + 8 * 101);
	t_eq(limits(100 * MIB, true, false).memory_len / MIB, 32 + 128 * 101);
	t_eq(limits(100 * MIB, false, true).memory_len / MIB, 32 + 128 * 101);
}

T(the_answer_is_1_mib_and_with_objects_8_more_for_each_mib)
{
	t_eq(limits(100 * MIB, false, false).answer_max / MIB, 1);
	t_eq(limits(100 * MIB, true, false).answer_max / MIB, 1);
	t_eq(limits(4096, false, true).answer_max / MIB, 1 + 8);
	t_eq(limits(100 * MIB, false, true).answer_max / MIB, 1 + 8 * 101);
}

T(cpu_time_is_10_s_and_1_for_each_mib_and_real_time_ten_times_that)
{
	t_eq(limits(4096, false, false).cpu_s, 11);
	t_eq(limits(4096, false, false).wall_s, 110);
	t_eq(limits(100 * MIB, true, true).cpu_s, 111);
	t_eq(limits(100 * MIB, true, true).wall_s, 1110);
}

T(limits_of_the_largest_image_do_not_overflow)
{
	struct cfs_sandbox_opts o = limits((uint64_t)UINT32_MAX * 4096, true, true);

	t_eq(o.cpu_s, 10 + (UINT64_C(1) << 24));
	t_eq(o.wall_s, 10 * (uint64_t)o.cpu_s);
	t_eq(o.memory_len / MIB, 32 + 128 * (UINT64_C(1) << 24));
}

/* --- An image that needs them -------------------------------------------------------- */

/* Files that share one long backing path. The image has it once; the tree of the canonical check and
 * the list of objects have it once for each file. */
static struct cfs_tree *make_dense_tree(uint32_t n)
{
	static char path[CFS_PAYLOAD_MAX];
	struct cfs_builder *b;
	struct cfs_tree *tree;
	char name[8];
	cfs_id id;

	memset(path, 'p', sizeof(path));
	for (size_t i = 200; i < sizeof(path); i += 200)
		path[i] = '/';
	t_eq(cfs_builder_new(CFS_SHA256, &b, NULL), 0);
	t_eq(cfs_builder_set_root(b, &(struct cfs_inode_spec){.mode = S_IFDIR | 0755},
				  NULL),
	     0);
	for (uint32_t i = 0; i < n; i++) {
		struct cfs_inode_spec file = {
			.mode = S_IFREG | 0644,
			.nlink = 1,
			.size = 1,
			.payload = {path, sizeof(path)},
		};

		snprintf(name, sizeof(name), "%06x", i);
		t_eq(cfs_builder_add(b, CFS_ROOT, cfs_text(name), &file, &id, NULL), 0);
	}
	t_eq(cfs_builder_freeze(&b, &tree, NULL), 0);
	return tree;
}

static struct cfs_mem make_dense_image(uint32_t n)
{
	struct cfs_tree *tree = make_dense_tree(n);
	struct cfs_image_opts opts = {0};
	struct cfs_mem image = {0};
	struct cfs_plan *plan;

	t_eq(cfs_plan_new(tree, &opts, NULL, &plan, NULL), 0);
	t_eq(cfs_emit(plan, cfs_sink_mem(&image), NULL), 0);
	cfs_plan_free(plan);
	cfs_tree_free(tree);
	return image;
}

T(an_image_that_needs_30_times_its_length_is_sound)
{
	enum { N_FILES = 30000 };
	struct cfs_mem image = make_dense_image(N_FILES);
	struct cfs_fsck_question q = {
		.image = {image.p, image.len}, .canonical = true, .objects = true};
	struct cfs_fsck_answer answer = {0};
	struct cfs_err err = {0};
	bool landlock;
	int rc = cfs_fsck_check_image_isolated(&q, &answer, &landlock, &err);

	if (rc == -ENOTSUP)
		t_skip("%s", err.msg);
	t_ok((uint64_t)N_FILES * CFS_PAYLOAD_MAX > 30 * (uint64_t)image.len);
	t_str(err.msg, "");
	t_eq(rc, 0);
	t_eq(answer.objects.n, 1);
	cfs_fsck_objects_fini(&answer.objects);
	free(image.p);
}
