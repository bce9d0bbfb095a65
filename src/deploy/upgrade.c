/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The successor of a system. */
#include <errno.h>

#include "deploy/install_priv.h"

/* The system whose successor is installed. */
static int find_base(struct install_run *r, struct cfs_err *err)
{
	for (size_t i = 0; i < r->list.n; i++) {
		const struct cfs_deployment *d = &r->list.v[i];

		if (d->entry && (d->is_booted || (!r->base && d->is_next)))
			r->base = d;
	}
	if (!r->base)
		return cfs_fail(
			err, ENOENT,
			"expected an installed system, got none: \"composefs boot "
			"install\" makes the first");
	if (r->base->owner == CFS_DEPLOY_BOOTC)
		return cfs_fail(err, EINVAL,
				"the system %s belongs to bootc, which upgrades it",
				r->base->entry->id);
	r->name = r->opts->image ? r->opts->image : r->base->reference;
	if (!r->name)
		return cfs_fail(err, ENOENT,
				"the system %s was installed by an ID: expected the new "
				"image as an operand",
				r->base->entry->id);
	return 0;
}

/* The image has an entry already. Until it is booted, its /etc follows the changes in the
 * system that still runs. */
static int refresh_etc(struct install_run *r, const struct cfs_deployment *d,
		       struct cfs_err *err)
{
	int rc;

	r->done->image = r->id;
	if (d == r->base || d->owner != CFS_DEPLOY_OURS || d->is_booted)
		return 1;
	rc = install_make_state(r, d->pinned, err);
	return rc < 0 ? rc : 1;
}

int cfs_deploy_upgrade(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		       const struct cfs_install *opts, struct cfs_installed *out,
		       struct cfs_err *err)
{
	struct install_run r = {.place = place, .repo = repo, .opts = opts, .done = out};
	const struct cfs_deployment *old;
	int rc = install_begin(&r, err);

	if (rc == 0)
		rc = find_base(&r, err);
	if (rc == 0)
		rc = install_open_image(&r, err);
	old = rc == 0 ? cfs_deployments_of(&r.list, &r.id) : NULL;
	if (old && old->entry)
		rc = refresh_etc(&r, old, err);
	else if (rc == 0)
		rc = install_carry_out(&r, err);
	install_finish(&r);
	return rc;
}
