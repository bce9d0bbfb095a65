/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Removing and pinning deployments. */
#include "deploy/change.h"

#include <errno.h>
#include <stdio.h>

#include "deploy/deploy_priv.h"

/* What the machine runs or may need next is not removed. */
static int check_removable(const struct cfs_deployment *d, bool force,
			   struct cfs_err *err)
{
	const char *why = d->is_booted ? "is the running system"
			  : d->pinned  ? "is pinned"
			  : d->is_rollback && !force
				  ? "is what a rollback would boot; --force removes it"
				  : NULL;

	if (why)
		return cfs_fail(err, EBUSY, "it %s", why);
	if (d->entry && d->owner != CFS_DEPLOY_OURS)
		return cfs_fail(
			err, EINVAL, "expected an entry of composefs, got one of %s",
			d->owner == CFS_DEPLOY_BOOTC ? "bootc" : "another program");
	return 0;
}

/* Without its entry a deployment looks like one that an interrupted run left. So does every
 * one while the boot partition is not mounted. */
static int check_mounted(const struct cfs_deploy_place *place,
			 const struct cfs_deployment *d, struct cfs_err *err)
{
	struct stat st;
	int rc = d->entry ? 0 : cfs_beneath_stat(place->bootfd, DEPLOY_ENTRIES, &st);

	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT,
				"%s has no " DEPLOY_ENTRIES
				": is the boot partition mounted there?",
				place->boot);
	return rc < 0 ? cfs_beneath_fail(rc, DEPLOY_ENTRIES, err) : 0;
}

static int remove_ref(struct cfs_repo *repo, const struct cfs_digest *image,
		      struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX],
		ref[sizeof(CFS_REPO_BOOT_REFS) + CFS_DIGEST_HEX_MAX];
	int rc;

	snprintf(ref, sizeof(ref), CFS_REPO_BOOT_REFS "%s", cfs_digest_hex(image, hex));
	rc = cfs_repo_untag(repo, CFS_REPO_IMAGES, ref, err);
	return rc == -ENOENT ? 0 : rc;
}

int cfs_deploy_remove(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		      const struct cfs_deployment *d, bool force, struct cfs_err *err)
{
	int rc = check_removable(d, force, err);

	if (rc == 0)
		rc = check_mounted(place, d, err);
	/* Older entries of the image first: they would be found after this one is gone. */
	if (rc == 0)
		rc = deploy_tidy(place, err);
	if (rc == 0 && d->entry)
		rc = deploy_remove_entry(place, d->entry->file, err);
	/* Then the kernel files that no entry names any longer. */
	if (rc == 0)
		rc = deploy_tidy(place, err);
	/* Last what gc needs to keep the image: after an error before, it can still be booted or removed again. */
	if (rc == 0)
		rc = remove_ref(repo, &d->image, err);
	return rc < 0 ? rc : deploy_remove_state(place, &d->image, err);
}

int cfs_deploy_prune(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		     unsigned keep, size_t *n, struct cfs_err *err)
{
	struct cfs_deployments list = {0};
	int rc = cfs_deployments_read(place, CFS_DEPLOY_CHANGE, &list, err);

	for (size_t i = keep; rc == 0 && i < list.n; i++) {
		const struct cfs_deployment *d = &list.v[i];

		if (!d->entry || d->is_next || check_removable(d, false, NULL) < 0)
			continue;
		rc = cfs_context(err, cfs_deploy_remove(place, repo, d, false, err),
				 "removing %s", d->entry->id);
		*n += rc == 0;
	}
	cfs_deployments_fini(&list);
	return rc;
}

static const struct cfs_deployment *find_rollback(const struct cfs_deployments *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].is_rollback)
			return &list->v[i];
	return NULL;
}

/* The next deployment is the first; bootc has at most two. */
static bool are_of_bootc(const struct cfs_deployments *list,
			 const struct cfs_deployment *d)
{
	return d->owner == CFS_DEPLOY_BOOTC && list->v[0].owner == CFS_DEPLOY_BOOTC &&
	       list->v[0].entry;
}

/* Writes a new entry for the deployment, which makes it the first one. All its boots
 * may be tried again. */
static int write_next(const struct cfs_deploy_place *place,
		      const struct cfs_deployments *list, const struct cfs_deployment *d,
		      char name[CFS_DEPLOY_NAME_MAX], struct cfs_err *err)
{
	struct cfs_mem options = {0};
	struct deploy_entry e;
	int rc = deploy_load_entry(d, &options, &e, err);

	if (rc == 0) {
		e.name = (struct deploy_name){deploy_next_generation(&list->entries), 0};
		e.tries_left += e.tries_done;
		e.tries_done = 0;
		deploy_format_name(&e, name);
		rc = deploy_write_entry(place, &e, err);
	}
	free(options.p);
	return rc;
}

int cfs_deploy_roll_back(const struct cfs_deploy_place *place,
			 const struct cfs_deployments *list,
			 const struct cfs_deployment *d, char name[CFS_DEPLOY_NAME_MAX],
			 struct cfs_err *err)
{
	int rc;

	if (!d)
		d = find_rollback(list);
	if (!d)
		return cfs_fail(err, ENOENT, "there is no other system to boot");
	if (!d->entry)
		return cfs_fail(err, ENOENT, "expected a boot entry, got none");
	if (d->is_next)
		return cfs_fail(err, EALREADY, "%s is the next one already",
				d->entry->id);
	if (are_of_bootc(list, d))
		return deploy_roll_back_bootc(place, &list->v[0], d, name, err);
	rc = write_next(place, list, d, name, err);
	/* The old entry of the image. */
	return rc < 0 ? rc : deploy_tidy(place, err);
}

int cfs_deploy_set_pinned(const struct cfs_deploy_place *place,
			  const struct cfs_deployment *d, bool pinned,
			  struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int statefd = -1;
	struct deploy_origin origin;
	int rc;

	if (d->owner == CFS_DEPLOY_BOOTC)
		return cfs_fail(err, EINVAL, "bootc removes its deployments itself");
	statefd = cfs_beneath_open_dir(place->rootfd,
				       cfs_deploy_state_path(&d->image, path));
	if (statefd < 0)
		return cfs_beneath_fail(statefd, path, err);
	rc = deploy_read_origin(statefd, &origin, err);
	origin.pinned = pinned;
	if (rc == 0)
		rc = deploy_write_origin(statefd, &origin, err);
	free(origin.reference);
	return cfs_context(err, rc, "%s", path);
}
