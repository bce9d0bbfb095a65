/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The checks of an image, in this process or in a sandbox. */
#include "fsck/fsck_priv.h"

enum { MIB = 1 << 20 };

/* --- The checks ---------------------------------------------------------------------- */

int cfs_fsck_check_image(const struct cfs_fsck_question *q,
			 struct cfs_fsck_answer *answer, struct cfs_err *err)
{
	struct cfs_image im;
	int rc = cfs_image_open(q->image, &im, err);

	if (rc == 0)
		rc = cfs_image_check_kernels(&im, answer->kernel, q->watch, err);
	if (rc == 0 && q->canonical)
		rc = cfs_image_check_canonical(&im, q->watch, err);
	if (rc == 0 && q->objects)
		rc = cfs_fsck_objects_collect(&answer->objects, &im, q->watch, err);
	return rc;
}

/* --- In a sandbox -------------------------------------------------------------------- */

static int run_sandboxed_checks(void *ctx, struct cfs_sink to, struct cfs_err *err)
{
	struct cfs_fsck_answer answer = {0};
	int rc = cfs_fsck_check_image(ctx, &answer, err);

	return rc < 0 ? rc : fsck_wire_encode(&answer, to, err);
}

/* Every image of a writer must fit. In 64 bytes an inode can reference a backing path of 4095 bytes that it shares with
 * others: a tree, and the list of objects before they are merged, have a copy for each. In the answer each path is
 * there once, as in the image, with at most 350 bytes more; the smallest file with an object takes 97 bytes. */
struct cfs_sandbox_opts fsck_sandbox_limits(const struct cfs_fsck_question *q)
{
	uint64_t mib = q->image.len / MIB + 1;
	uint64_t cpu_s = 10 + mib;

	if (cpu_s > INT32_MAX / 10)
		cpu_s = INT32_MAX / 10;
	return (struct cfs_sandbox_opts){
		.memory_len = (32 + (q->canonical || q->objects ? 128 : 8) * mib) * MIB,
		.answer_max = (q->objects ? 1 + 8 * mib : 1) * MIB,
		.cpu_s = (unsigned)cpu_s,
		.wall_s = (unsigned)cpu_s * 10,
	};
}

int cfs_fsck_check_image_isolated(const struct cfs_fsck_question *q,
				  struct cfs_fsck_answer *answer, bool *landlock,
				  struct cfs_err *err)
{
	struct cfs_sandbox_opts limits = fsck_sandbox_limits(q);
	struct cfs_sandbox_result out = {0};
	struct cfs_fsck_question copy = *q;
	int rc;

	limits.watch = q->watch;
	copy.watch = NULL; /* the child is killed */
	rc = cfs_sandbox_run(&limits, run_sandboxed_checks, &copy, &out, err);

	*landlock = out.landlock;
	if (rc == 0)
		rc = fsck_wire_decode(cfs_mem_span(&out.answer), answer, err);
	free(out.answer.p);
	return rc;
}
