/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: xattrs are the same, whichever way the kernel knows to ask for them. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "fault.h"
#include "t.h"
#include "tmpdir.h"

enum {
	/* As the kernel numbers them on all machines, less the offset that some have. */
	OPENAT2 = 437,
	NR_GETXATTRAT = SYS_openat2 - OPENAT2 + 464,
	NR_LISTXATTRAT = SYS_openat2 - OPENAT2 + 465,
	N_KEYS = 20,
	KEY_LEN = 200,
	VALUE_LEN = 20000,
};

static char value[VALUE_LEN];

static void set_xattr(const char *name, const char *key, size_t len)
{
	if (lsetxattr(tmp_in(name), key, value, len, 0) < 0)
		t_skip("xattr %s: %s", key, strerror(errno));
}

static void fill(void)
{
	char key[KEY_LEN + 1] = "trusted.";

	memset(value, 'v', sizeof(value));
	memset(key + strlen(key), 'k', KEY_LEN - strlen(key));
	tmp_fresh_in("/dev/shm");
	tmp_text("many", "x");
	for (int i = 0; i < N_KEYS; i++) {
		key[KEY_LEN - 1] = (char)('a' + i);
		set_xattr("many", key, (size_t)i);
	}
	tmp_text("large", "x");
	set_xattr("large", "trusted.large", sizeof(value));
	t_eq(symlink("nowhere", tmp_in("link")), 0);
	set_xattr("link", "trusted.of-link", 1);
	tmp_text("none", "x");
}

static const struct cfs_node *find(const struct cfs_tree *t, const char *name)
{
	return &t->nodes[cfs_tree_find(t, CFS_ROOT, cfs_text(name))];
}

static const struct cfs_xattr_pair *first_xattr(const struct cfs_tree *t,
						const char *name)
{
	return &t->pairs[find(t, name)->xattrs[0]];
}

static int check(void)
{
	struct cfs_scan_opts opts = {.threads = 1};
	struct cfs_tree *t;

	CHILD_CHECK(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &t, NULL) == 0);
	CHILD_CHECK(find(t, "many")->n_xattrs == N_KEYS);
	CHILD_CHECK(find(t, "large")->n_xattrs == 1);
	CHILD_CHECK(first_xattr(t, "large")->value_len == sizeof(value));
	CHILD_CHECK(memcmp(first_xattr(t, "large")->value, value, sizeof(value)) == 0);
	CHILD_CHECK(find(t, "link")->n_xattrs == 1);
	CHILD_CHECK(first_xattr(t, "link")->value_len == 1);
	CHILD_CHECK(find(t, "none")->n_xattrs == 0);
	cfs_tree_free(t);
	return 0;
}

T(scan_reads_xattrs_that_no_small_buffer_holds)
{
	fill();
	t_eq(fault_run(NULL, check), 0);
}

T(scan_reads_xattrs_on_kernels_before_listxattrat)
{
	struct fault list = {NR_LISTXATTRAT, 0, 0, ENOSYS};
	struct fault get = {NR_GETXATTRAT, 0, 0, ENOSYS};

	fill();
	t_eq(fault_run(&list, check), 0);
	t_eq(fault_run(&get, check), 0);
}

T(scan_reads_xattrs_where_a_filter_forbids_listxattrat)
{
	struct fault list = {NR_LISTXATTRAT, 0, 0, EPERM};

	fill();
	t_eq(fault_run(&list, check), 0);
}

static bool wants(struct cfs_text key)
{
	return !cfs_text_has_prefix(key, CFS_TEXT("trusted.l"));
}

static int check_wanted(void)
{
	struct cfs_scan_opts opts = {.threads = 1, .wants_xattr = wants};
	struct cfs_tree *t;

	CHILD_CHECK(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &t, NULL) == 0);
	CHILD_CHECK(find(t, "many")->n_xattrs == N_KEYS);
	CHILD_CHECK(find(t, "large")->n_xattrs == 0);
	cfs_tree_free(t);
	return 0;
}

T(scan_reads_only_the_requested_xattrs)
{
	fill();
	t_eq(fault_run(NULL, check_wanted), 0);
}

static int check_none(void)
{
	struct cfs_scan_opts opts = {.threads = 1};
	struct cfs_tree *t;

	CHILD_CHECK(cfs_scan(AT_FDCWD, tmp_dir(), &opts, &t, NULL) == 0);
	CHILD_CHECK(find(t, "many")->n_xattrs == 0);
	CHILD_CHECK(find(t, "link")->n_xattrs == 0);
	cfs_tree_free(t);
	return 0;
}

T(scan_skips_xattrs_that_are_listed_and_have_no_value)
{
	struct fault no_data = {NR_GETXATTRAT, 0, 0, ENODATA};
	struct fault no_support = {NR_GETXATTRAT, 0, 0, EOPNOTSUPP};

	fill();
	t_eq(fault_run(&no_data, check_none), 0);
	t_eq(fault_run(&no_support, check_none), 0);
}
