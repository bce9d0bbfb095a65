/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Restrictions of images that are not verified. */
#include "mount/mount_priv.h"

#include "mount/sys_mount.h"

bool cfs_mount_is_verified(const struct cfs_mount_opts *o)
{
	return o->digest || o->require_signature;
}

bool cfs_mount_requires_verity(const struct cfs_mount_opts *o)
{
	return cfs_mount_is_verified(o) || o->verity == CFS_MOUNT_VERITY_REQUIRE;
}

uint64_t cfs_mount_restrain(struct cfs_mount_opts *o, uint64_t allowed)
{
	uint64_t added = CFS_MOUNT_RESTRAINTS & ~allowed & ~o->attr;

	o->attr |= added;
	return added;
}

const char *cfs_mount_restraint_text(uint64_t added)
{
	if (!(added & MOUNT_ATTR_NOSUID))
		return NULL;
	if (!(added & MOUNT_ATTR_NODEV))
		return "nosuid: setuid programs and file capabilities have no effect";
	return "nosuid,nodev: setuid programs and file capabilities have no effect, and "
	       "device nodes cannot be opened";
}
