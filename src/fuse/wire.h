/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The protocol of /dev/fuse, as the kernel's header defines it, and what older headers lack. */
#ifndef CFS_FUSE_WIRE_H
#define CFS_FUSE_WIRE_H

#include <linux/fuse.h>

enum {
	/* The protocol version: that of the oldest kernel that is served (Linux 5.4), and of the newest one whose
	 * additions are known. */
	FUSE_WIRE_MINOR_MIN = 31,
	FUSE_WIRE_MINOR = 40,
	FUSE_WIRE_PAGE = 4096,
	FUSE_WIRE_MAX_PAGES = 256, /* of a read */
};

#endif
