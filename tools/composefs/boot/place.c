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

static void put_deployments(struct cli_completion *c, const struct cfs_deployments *list)
{
	char hex[CFS_DIGEST_HEX_MAX];

	for (size_t i = 0; i < list->n; i++) {
		const struct cfs_bootentry *e = list->v[i].entry;

		cli_complete_put(c, cfs_digest_hex(&list->v[i].image, hex),
				 e ? e->title : "no entry");
	}
}

/* Nothing more is offered where the places cannot be read. */
void boot_complete_deployment(struct cli_completion *c)
{
	struct boot_options o = {0};
	struct cfs_deployments list = {0};
	struct cfs_deploy_place place;

	cli_complete_put(c, "booted", "the running system");
	cli_complete_put(c, "next", "what is booted next");
	cli_complete_put(c, "rollback", "what a rollback boots");
	if (boot_place_open(&o, false, &place, NULL) == 0 &&
	    cfs_deployments_read(&place, CFS_DEPLOY_LOOK, &list, NULL) == 0)
		put_deployments(c, &list);
	cfs_deployments_fini(&list);
	cfs_deploy_close(&place);
}
