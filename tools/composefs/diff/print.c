/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Print differences. */
#include "composefs/diff/print.h"

int print_difference(struct cfs_diff_text *t, const struct cfs_difference *v,
		     struct cfs_err *err)
{
	for (int i = 0; i < CFS_DIFF_N_PARTS; i++) {
		const struct cfs_mem *text;
		int rc = cfs_diff_text_format_part(t, v, (enum cfs_diff_part)i, &text,
						   err);

		if (rc < 0)
			return rc;
		fwrite(text->p, 1, text->len, stdout);
		putchar(i + 1 < CFS_DIFF_N_PARTS ? '\t' : '\n');
	}
	return 0;
}

void print_json_mem(struct json *j, const char *key, const struct cfs_mem *text)
{
	json_put_text(j, key, cfs_mem_text(text));
}

int print_difference_json(struct json *j, struct cfs_diff_text *t,
			  const struct cfs_difference *v, struct cfs_err *err)
{
	static const char *const keys[CFS_DIFF_N_PARTS] = {
		[CFS_DIFF_PART_PATH] = "path",
		[CFS_DIFF_PART_FIELD] = "field",
		[CFS_DIFF_PART_OLD] = "old",
		[CFS_DIFF_PART_NEW] = "new",
	};
	int rc = 0;

	json_begin_object(j, NULL);
	for (int i = 0; rc == 0 && i < CFS_DIFF_N_PARTS; i++) {
		const struct cfs_mem *text;

		rc = cfs_diff_text_format_part(t, v, (enum cfs_diff_part)i, &text, err);
		if (rc == 0)
			print_json_mem(j, keys[i], text);
	}
	json_end(j);
	return rc;
}
