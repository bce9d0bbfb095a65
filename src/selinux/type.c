/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <sys/stat.h>

#include "selinux/policy.h"

char cfs_selinux_get_type_char(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFBLK:
		return 'b';
	case S_IFCHR:
		return 'c';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return '-';
	}
}
