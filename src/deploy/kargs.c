/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Kernel arguments of a deployment. */
#include <errno.h>

#include "bls/bls.h"
#include "deploy/deploy_priv.h"

int cfs_deploy_read_kargs(const struct cfs_deployment *d, struct cfs_mem *out,
			  struct cfs_err *err)
{
	struct cfs_text uki;
	int rc;

	if (!d->entry)
		return cfs_fail(err, ENOENT, "it has no boot entry");
	if (!d->entry->text ||
	    cfs_bls_find(cfs_text(d->entry->text), CFS_TEXT("efi"), &uki) ||
	    cfs_bls_find(cfs_text(d->entry->text), CFS_TEXT("uki"), &uki))
		return cfs_fail(err, EINVAL, "a UKI has its kernel arguments inside");
	rc = cfs_bls_write_options(cfs_text(d->entry->text), cfs_sink_mem(out), err);
	return rc < 0 ? rc : cfs_sink_mem(out).write(out, "", 1, err);
}

/* Also of entries that an interrupted run left. */
static unsigned next_revision(const struct cfs_bootentries *entries, unsigned generation)
{
	unsigned next = 0;

	for (size_t i = 0; i < entries->n; i++) {
		struct deploy_name name;

		if (deploy_parse_name(entries->v[i].id, &name) &&
		    name.generation == generation && name.revision >= next)
			next = name.revision + 1;
	}
	return next;
}

int cfs_deploy_change_kargs(const struct cfs_deploy_place *place,
			    const struct cfs_deployments *list,
			    const struct cfs_deployment *d,
			    const struct cfs_karg_change *change,
			    char name[CFS_DEPLOY_NAME_MAX], struct cfs_err *err)
{
	struct cfs_mem old = {0}, options = {0}, loaded = {0};
	struct deploy_entry e;
	int rc = cfs_deploy_read_kargs(d, &old, err);

	if (rc == 0)
		rc = deploy_load_entry(d, &loaded, &e, err);
	if (rc == 0)
		rc = deploy_change_options((const char *)old.p, change, &options, err);
	if (rc == 0) {
		e.name.revision = next_revision(&list->entries, e.name.generation);
		e.options = (const char *)options.p;
		deploy_format_name(&e, name);
		rc = deploy_write_entry(place, &e, err);
	}
	free(old.p);
	free(options.p);
	free(loaded.p);
	/* The old entry. */
	return rc < 0 ? rc : deploy_tidy(place, err);
}
