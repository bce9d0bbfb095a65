/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff: a comparison that runs out of memory says so and leaves nothing behind (the sanitizer counts). */
#include "t.h"

#include "diff/diff.h"
#include "dump/dump.h"
#include "starve.h"

static struct cfs_err err;

static struct cfs_tree *tree(const char *text)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL;

	t_eq(cfs_dump_read_mem(cfs_text(text), CFS_SHA256, &opts, &t, &err), 0);
	return t;
}

static int read_content(void *ctx, unsigned worker, cfs_id file, enum cfs_hash_alg alg,
			struct cfs_digest *out, struct cfs_err *e)
{
	(void)ctx;
	(void)worker;
	(void)e;
	*out = (struct cfs_digest){.alg = alg};
	out->bytes[0] = (uint8_t)file;
	return 0;
}

static int make_texts(const struct cfs_diff *diff, const struct cfs_causes *causes)
{
	const struct cfs_mem *text;
	struct cfs_diff_text t;
	int rc = cfs_diff_text_init(&t, diff, 64, &err);

	for (size_t i = 0; rc == 0 && i < diff->n; i++)
		for (int part = 0; rc == 0 && part < CFS_DIFF_N_PARTS; part++)
			rc = cfs_diff_text_format_part(
				&t, &diff->v[i], (enum cfs_diff_part)part, &text, &err);
	for (size_t i = 0; rc == 0 && i < causes->n; i++)
		rc = cfs_cause_format_text(&t, &causes->v[i], &text, &err);
	cfs_diff_text_fini(&t);
	return rc;
}

/* All of it: differences, contents that are read, causes, texts. */
static int compare(const struct cfs_tree *a, const struct cfs_tree *b)
{
	struct cfs_diff_side x = {a, read_content, NULL}, y = {b, NULL, NULL};
	struct cfs_causes causes;
	struct cfs_diff *diff;
	int rc = cfs_diff_new(&x, &y, 1, NULL, &diff, &err);

	if (rc < 0)
		return rc;
	rc = cfs_causes_find(diff, NULL, &causes, &err);
	if (rc == 0) {
		rc = make_texts(diff, &causes);
		cfs_causes_fini(&causes);
	}
	cfs_diff_free(diff);
	return rc;
}

T(each_failing_allocation_is_reported_and_nothing_is_left_behind)
{
	struct cfs_tree *a = tree("/ 0 40755 1 0 0 0 0.0 - - - x=1 y=2\n"
				  "/d 0 40755 1 0 0 0 0.0 - - -\n"
				  "/d/e 0 40755 1 0 0 0 0.0 - - -\n"
				  "/f 9 100644 2 0 0 0 0.0 - - -\n"
				  "/g 0 @100644 2 0 0 0 0.0 /f - -\n"
				  "/h 9 100644 1 0 0 0 0.0 - - -\n");
	struct cfs_tree *b = tree("/ 0 40700 1 7 0 0 1.0 - - - y=3 z=4\n"
				  "/f 9 100644 1 0 0 0 0.0 - somebytes -\n"
				  "/g 9 100644 1 0 0 0 0.0 - somebytes -\n"
				  "/h 9 100644 1 0 0 0 0.0 - morebytes -\n");
	long n = 0;
	int rc;

	for (;; n++) {
		starve_left = n;
		rc = compare(a, b);
		if (starve_left >= 0) /* none failed any more */
			break;
		starve_left = -1;
		t_eq(rc, -ENOMEM);
		t_str(err.msg, "out of memory");
	}
	starve_left = -1;
	t_eq(rc, 0);
	t_ok(n > 15);
	cfs_tree_free(a);
	cfs_tree_free(b);
}
