/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Built without PCRE2: trees without a policy need no labels, others are refused. */
#include <errno.h>

#include "selinux/selinux.h"

int cfs_selinux_label(const struct cfs_tree *tree,
		      const struct cfs_selinux_reader *reader,
		      const struct cfs_watch *watch, struct cfs_selinux_labels *out,
		      struct cfs_err *err)
{
	(void)reader;
	(void)watch;
	*out = (struct cfs_selinux_labels){0};
	if (!cfs_selinux_has_config(tree))
		return 0;
	return cfs_fail(
		err, ENOTSUP,
		"/etc/selinux/config: cannot make a tree with SELinux bootable: this "
		"program was built without PCRE2, which labels need");
}

void cfs_selinux_labels_fini(struct cfs_selinux_labels *labels)
{
	*labels = (struct cfs_selinux_labels){0};
}
