/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A build without signatures: what requires one is refused by the mount. */
#include "vouch.h"

void vouch_for_mount(struct vouch *v, struct cfs_mount_args *args, const char *image)
{
	*v = (struct vouch){args, image, NULL};
}
