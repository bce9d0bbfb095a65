/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without signatures: what requires one is refused by the mount. */
#include "trust/mount.h"

void cfs_trust_check_mount(struct cfs_trust_mount *v, struct cfs_mount_args *args,
			   const char *image)
{
	*v = (struct cfs_trust_mount){.args = args, .image = image};
}
