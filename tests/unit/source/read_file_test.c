/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* source: files that are read again after the tree was made are those of the tree. */
#include "source/source.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

enum { LEN = 100, MAX = 1000 };

static struct cfs_err err;

static void make_dir(char fill)
{
	char content[LEN];

	memset(content, fill, LEN);
	t_eq(mkdir(tmp_in("dir"), 0755), 0);
	tmp_put("dir/f", content, LEN);
}

/* Makes the tree of a directory with one file of 100 "x". */
static struct cfs_tree *ingest_dir(struct cfs_ingest *in, char *path, size_t path_len)
{
	struct cfs_tree *t = NULL;

	tmp_fresh();
	make_dir('x');
	snprintf(path, path_len, "%s", tmp_in("dir"));
	*in = (struct cfs_ingest){.source = path};
	if (cfs_ingest_directory(in, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return t;
}

static int read_again(const struct cfs_ingest *in, const struct cfs_tree *t, size_t max,
		      struct cfs_mem *out)
{
	cfs_id file = cfs_tree_find(t, CFS_ROOT, CFS_TEXT("f"));

	t_ok(file != CFS_NO_NODE);
	return cfs_ingest_read(in, t, file, max, out, &err);
}

T(file_of_the_tree_is_read_up_to_a_limit)
{
	struct cfs_mem out = {0};
	struct cfs_ingest in;
	char path[256];
	struct cfs_tree *t = ingest_dir(&in, path, sizeof(path));

	t_eq(read_again(&in, t, MAX, &out), 0);
	t_eq(out.len, LEN);
	t_eq(out.p[LEN - 1], 'x');
	t_eq(read_again(&in, t, LEN - 1, &out), -EFBIG);
	free(out.p);
	cfs_tree_free(t);
}

T(file_that_was_replaced_since_is_refused)
{
	struct cfs_mem out = {0};
	struct cfs_ingest in;
	char path[256];
	struct cfs_tree *t = ingest_dir(&in, path, sizeof(path));

	t_eq(rename(tmp_in("dir"), tmp_in("old")), 0);
	make_dir('y');
	t_eq(read_again(&in, t, MAX, &out), -ESTALE);
	t_has(err.msg, "changed while it was read");
	t_eq(unlink(tmp_in("dir/f")), 0);
	t_eq(symlink("../old/f", tmp_in("dir/f")), 0);
	t_eq(read_again(&in, t, MAX, &out), -ELOOP);
	free(out.p);
	cfs_tree_free(t);
}

T(contents_of_an_archive_are_kept_by_name_up_to_a_limit)
{
	static const struct cfs_digest digest = {.alg = CFS_SHA256};
	struct cfs_text name =
		CFS_TEXT("usr/etc/selinux/p/contexts/files/file_contexts.local");
	struct cfs_keep keep = {0};
	uint8_t *large = calloc(1, CFS_SELINUX_FILE_MAX);

	t_ok(!cfs_keep_wants(NULL, name, 1));
	t_ok(cfs_keep_wants(&keep, name, CFS_SELINUX_FILE_MAX));
	t_ok(!cfs_keep_wants(&keep, name, CFS_SELINUX_FILE_MAX + 1));
	t_ok(!cfs_keep_wants(&keep, CFS_TEXT("etc/selinux/config.old"), 1));
	for (int i = 0; i < 4; i++)
		t_eq(cfs_keep_add(&keep, &digest,
				  (struct cfs_span){large, CFS_SELINUX_FILE_MAX}, &err),
		     0);
	t_ok(!cfs_keep_wants(&keep, name, 1));
	cfs_keep_fini(&keep);
	free(large);
}
