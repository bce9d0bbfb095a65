/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/method: the choice of a method, from what a process may do. */
#include "fuse/method.h"

#include <errno.h>

#include "t.h"

/* What each may do. */
static const struct cfs_method_facts root = {0}, no_erofs = {.erofs = -ENODEV},
				     in_namespace = {.erofs = -EPERM, .overlay = -EPERM},
				     in_namespace_no_erofs = {.erofs = -ENODEV,
							      .overlay = -EPERM},
				     old_kernel = {-EPERM, 0, -EPERM, -EINVAL},
				     user = {.erofs = -EPERM, .fuse = -EPERM},
				     no_device = {-EPERM, -EACCES, 0, 0};

static const struct {
	const struct cfs_method_facts *facts;
	enum cfs_method wanted;
	bool writable;
	int rc;
	struct cfs_method_choice choice;
	const char *word; /* in the reason or in the error */
} choices[] = {
	{&root, CFS_METHOD_AUTO, true, 0, {CFS_METHOD_KERNEL}, "may mount EROFS"},
	{&root, CFS_METHOD_OVERLAY_FUSE, true, 0, {CFS_METHOD_OVERLAY_FUSE}, "asked"},
	{&root, CFS_METHOD_FUSE, false, 0, {CFS_METHOD_FUSE}, "asked"},
	{&root, CFS_METHOD_FUSE, true, -EROFS, {0}, "read-write"},
	{&no_erofs,
	 CFS_METHOD_AUTO,
	 true,
	 0,
	 {CFS_METHOD_OVERLAY_FUSE},
	 "modprobe erofs"},
	{&no_erofs, CFS_METHOD_KERNEL, false, -ENODEV, {0}, "modprobe erofs"},
	{&in_namespace,
	 CFS_METHOD_AUTO,
	 true,
	 0,
	 {CFS_METHOD_OVERLAY_FUSE, true},
	 "root"},
	{&in_namespace_no_erofs,
	 CFS_METHOD_AUTO,
	 false,
	 0,
	 {CFS_METHOD_OVERLAY_FUSE, true},
	 "modprobe erofs"},
	{&in_namespace, CFS_METHOD_KERNEL, false, -EPERM, {0}, "EROFS needs root"},
	{&old_kernel, CFS_METHOD_AUTO, false, 0, {CFS_METHOD_FUSE}, "Linux 6.16"},
	{&old_kernel, CFS_METHOD_AUTO, true, -EROFS, {0}, "Linux 6.16"},
	{&old_kernel, CFS_METHOD_OVERLAY_FUSE, false, -EPERM, {0}, "Linux 6.16"},
	{&user, CFS_METHOD_AUTO, false, 0, {CFS_METHOD_FUSE, false, true}, "unshare"},
	{&user, CFS_METHOD_FUSE, false, 0, {CFS_METHOD_FUSE, false, true}, "asked"},
	{&user, CFS_METHOD_OVERLAY_FUSE, false, -EPERM, {0}, "unshare"},
	{&no_device,
	 CFS_METHOD_AUTO,
	 false,
	 0,
	 {CFS_METHOD_FUSE, false, true},
	 "/dev/fuse"},
};

T(method_follows_from_what_the_process_may_do)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct cfs_method_choice got;
		struct cfs_err err = {""};

		t_eq(cfs_method_choose(choices[i].wanted, choices[i].facts,
				       choices[i].writable, &got, &err),
		     choices[i].rc);
		if (choices[i].rc == 0) {
			t_eq(got.method, choices[i].choice.method);
			t_eq(got.userxattr, choices[i].choice.userxattr);
			t_eq(got.by_helper, choices[i].choice.by_helper);
		}
		t_ok(strstr(choices[i].rc ? err.msg : got.why, choices[i].word));
	}
}

T(method_probe_finds_the_same_twice)
{
	struct cfs_method_facts a, b;

	cfs_method_probe(&a);
	cfs_method_probe(&b);
	t_eq(memcmp(&a, &b, sizeof(a)), 0);
}
