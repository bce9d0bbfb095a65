/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "composefs/boot/place.h"

#include <errno.h>

int boot_place_open(struct boot_options *o, bool lock, struct cfs_deploy_place *out,
		    struct cfs_err *err)
{
	const char *boot = o->boot ? o->boot : cfs_deploy_default_boot();
	struct cfs_lock_wait wait;
	int rc;

	*out = (struct cfs_deploy_place){.rootfd = -1,
					 .bootfd = -1,
					 .runfd = -1,
					 .state_lock = -1,
					 .boot_lock = -1};
	if (!o->root)
		o->root = cfs_deploy_default_root();
	if (!boot)
		return cfs_fail(err, ENOENT,
				"none of /boot, /efi and /boot/efi has loader/entries: "
				"--boot names the boot partition");
	rc = lock ? cfs_deploy_make_writable(o->root, err) : 0;
	if (rc < 0)
		return rc;
	rc = cfs_deploy_open(o->root, boot, o->run ? o->run : "/run", out, err);
	if (rc < 0 || !lock)
		return rc;
	where_lock_wait(&o->where, o->root, &wait);
	return cfs_deploy_lock(out, &wait, err);
}

int boot_repo_open(struct boot_options *o, enum cfs_repo_access access,
		   struct cfs_repo **out, struct cfs_err *err)
{
	if (!where_is_given(&o->where)) {
		snprintf(o->repo, sizeof(o->repo), "%s/composefs",
			 strcmp(o->root, "/") == 0 ? "" : o->root);
		o->where.repo = o->repo;
	}
	return where_open(&o->where, access, out, err);
}

const char *boot_deployment_name(const struct cfs_deployment *d, char out[WHERE_ID_MAX])
{
	return d->entry ? d->entry->id : where_format_short_id(&d->image, false, out);
}
