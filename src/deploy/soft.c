/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A soft reboot keeps the kernel, so it is refused whenever a boot would start another one. */
#include "deploy/soft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "bls/bls.h"
#include "boot/boot.h"
#include "deploy/deploy_priv.h"
#include "pe/pe.h"

enum { RECORD_MAX = 65536 };

/* --- same kernel ---------------------------------------------------------------------- */

/* What an entry boots. Starts zeroed; free the members with fini_kernel(). */
struct kernel {
	struct cfs_map uki;  /* of an entry with a UKI */
	struct cfs_mem args; /* without those that name images, and a NUL */
};

static void fini_kernel(struct kernel *k)
{
	if (k->uki.span.p)
		cfs_map_close(&k->uki);
	free(k->args.p);
}

static int map_uki(const struct cfs_deploy_place *place, const char *key,
		   struct cfs_map *out, struct cfs_err *err)
{
	char path[CFS_DEPLOY_PATH_MAX];
	cfs_autofd int fd = -1;
	int rc;

	snprintf(path, sizeof(path), DEPLOY_FILES "/%s/uki.efi", key);
	fd = cfs_input_open(place->bootfd, path, CFS_INPUT_NOFOLLOW | CFS_INPUT_BENEATH,
			    err);
	rc = fd < 0 ? fd : cfs_map_stable(fd, out, err);
	return cfs_context(err, rc, "%s", path);
}

/* Reads the arguments of an entry, and maps its UKI if it has one. */
static int read_kernel(const struct cfs_deploy_place *place,
		       const struct cfs_deployment *d, struct kernel *k,
		       struct cfs_err *err)
{
	struct cfs_mem options = {0};
	struct cfs_text cmdline = {0};
	char key[DEPLOY_KEY_MAX];
	bool is_uki = false;
	int rc = 0;

	if (!deploy_find_key(d->entry->text, key, &is_uki))
		rc = cfs_fail(err, EINVAL, "%s: the entry names no kernel", d->entry->id);
	else if (is_uki)
		rc = map_uki(place, key, &k->uki, err);
	if (rc == 0 && is_uki)
		rc = deploy_find_cmdline(k->uki.span, &cmdline, err);
	else if (rc == 0)
		rc = cfs_bls_write_options(cfs_text(d->entry->text),
					   cfs_sink_mem(&options), err);
	if (rc == 0)
		rc = deploy_remove_image(is_uki ? cmdline : cfs_mem_text(&options),
					 &k->args, err);
	free(options.p);
	return rc;
}

/* Whether two UKIs have the same section: 1 or 0. */
static int has_same_section(const struct kernel *a, const struct kernel *b,
			    struct cfs_text name, struct cfs_err *err)
{
	struct cfs_span in_a = {0}, in_b = {0};
	struct cfs_pe pe;
	int found_a = cfs_pe_open(a->uki.span, &pe, err), found_b;

	if (found_a == 0)
		found_a = cfs_pe_find(&pe, name, &in_a, err);
	if (found_a < 0)
		return found_a;
	found_b = cfs_pe_open(b->uki.span, &pe, err);
	if (found_b == 0)
		found_b = cfs_pe_find(&pe, name, &in_b, err);
	if (found_b < 0)
		return found_b;
	return found_a == found_b && in_a.len == in_b.len &&
	       (in_a.len == 0 || memcmp(in_a.p, in_b.p, in_a.len) == 0);
}

/* A UKI has the image in its arguments, so two of them always have different keys. */
static int has_same_files(const struct cfs_deployment *a, const struct kernel *in_a,
			  const struct cfs_deployment *b, const struct kernel *in_b,
			  struct cfs_err *err)
{
	int same;

	if (strcmp(a->key, b->key) == 0)
		return 1;
	if (!in_a->uki.span.p || !in_b->uki.span.p)
		return 0;
	same = has_same_section(in_a, in_b, CFS_TEXT(".linux"), err);
	return same == 1 ? has_same_section(in_a, in_b, CFS_TEXT(".initrd"), err) : same;
}

/* Compares what a boot of both would start. The arguments count, too: only a boot
 * applies them. */
static int check_same_kernel(const struct cfs_deploy_place *place,
			     const struct cfs_deployment *running,
			     const struct cfs_deployment *d, struct cfs_err *err)
{
	struct kernel old = {0}, new = {0};
	int rc = read_kernel(place, running, &old, err), same = 0;

	if (rc == 0)
		rc = read_kernel(place, d, &new, err);
	if (rc == 0)
		rc = same = has_same_files(running, &old, d, &new, err);
	if (rc == 0)
		rc = cfs_fail(err, EXDEV,
			      "another kernel or initrd than that of the running system: "
			      "\"systemctl reboot\" starts it");
	if (same == 1 && strcmp((const char *)old.args.p, (const char *)new.args.p) != 0)
		rc = cfs_fail(err, EXDEV,
			      "expected the kernel arguments \"%s\" of the running "
			      "system, got \"%s\": \"systemctl reboot\" applies them",
			      (const char *)old.args.p, (const char *)new.args.p);
	fini_kernel(&old);
	fini_kernel(&new);
	return rc < 0 ? rc : 0;
}

static const struct cfs_deployment *find_running(const struct cfs_deployments *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].is_booted)
			return &list->v[i];
	return NULL;
}

/* Refuses what a soft reboot cannot start, before anything is mounted. */
static int check_deployments(const struct cfs_deploy_place *place,
			     const struct cfs_deployments *list,
			     const struct cfs_deployment *d, struct cfs_err *err)
{
	const struct cfs_deployment *running = find_running(list);

	if (!running)
		return cfs_fail(err, ENOENT,
				"the running system is not a deployment: \"systemctl "
				"reboot\" boots one");
	if (d == running)
		return cfs_fail(err, EALREADY,
				"it runs: \"systemctl soft-reboot\" starts it again");
	if (d->owner != CFS_DEPLOY_OURS || !d->entry)
		return cfs_fail(err, EINVAL, "it has no entry of composefs boot");
	if (running->owner != CFS_DEPLOY_OURS || !running->entry)
		return cfs_fail(err, EINVAL,
				"the running system has no entry of composefs boot");
	return check_same_kernel(place, running, d, err);
}

/* --- the root ------------------------------------------------------------------------- */

/* Several can lie one above the other. */
static int unmount_next(const char *target, struct cfs_err *err)
{
	while (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	/* EINVAL: not a mount point. */
	return errno == EINVAL ? 0 : cfs_fail_errno(err, "%s", target);
}

/* Mounts the next root where systemd looks for it. One that an earlier attempt left
 * there is unmounted first. */
static int mount_next(const struct cfs_deploy_place *place, const char *target,
		      const struct cfs_boot_choice *choice, const struct cfs_watch *watch,
		      struct cfs_boot_result *result, struct cfs_err *err)
{
	/* The image covers this directory; "." would still be what is below. */
	cfs_autofree char *sysroot = realpath(place->root, NULL);
	const struct cfs_boot_request request = {.choice = choice,
						 .sysroot = sysroot,
						 .target = target,
						 .run = place->run,
						 .watch = watch};
	int rc;

	if (!sysroot)
		return cfs_fail_errno(err, "%s", place->root);
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return cfs_fail_errno(err, "%s", target);
	rc = unmount_next(target, err);
	return rc == 0 ? cfs_boot_prepare(&request, result, err) : rc;
}

/* The record of the running system is that of the next one while its root is being entered,
 * because no program of ours runs between both. */
static int start_next(const struct cfs_deploy_place *place,
		      const struct cfs_boot_result *next,
		      const struct cfs_soft_reboot *how, struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_result *old = calloc(1, sizeof(*old));
	struct cfs_mem text = {.p = NULL};
	int rc = old ? cfs_input_read(place->runfd, "composefs/booted",
				      CFS_INPUT_NOFOLLOW | CFS_INPUT_BENEATH,
				      CFS_BOOT_RECORD_MAX, &text, err)
		     : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		memcpy(old->record, text.p, text.len);
		old->record_len = text.len;
		rc = cfs_boot_write_record(place->run, next, err);
	}
	free(text.p);
	if (rc < 0)
		return rc;
	rc = how->start(how->ctx, err);
	if (rc < 0 && cfs_boot_write_record(place->run, old, NULL) < 0)
		cfs_watch_warn(how->watch,
			       "%s/composefs/booted names a system that was not started",
			       place->run);
	return rc;
}

int cfs_deploy_soft_reboot(const struct cfs_deploy_place *place,
			   const struct cfs_repo *repo,
			   const struct cfs_deployments *list,
			   const struct cfs_deployment *d,
			   const struct cfs_soft_reboot *how, struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_choice *choice = calloc(1, sizeof(*choice));
	cfs_autofree struct cfs_boot_result *next = calloc(1, sizeof(*next));
	char target[CFS_BOOT_PATH_MAX];
	int rc = choice && next ? check_deployments(place, list, d, err)
				: cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0)
		rc = deploy_choose_root(repo, d, how->config, how->watch, choice, err);
	if (rc < 0)
		return rc;
	snprintf(target, sizeof(target), "%s/nextroot", place->run);
	rc = mount_next(place, target, choice, how->watch, next, err);
	if (rc < 0)
		return rc;
	rc = start_next(place, next, how, err);
	if (rc < 0 && unmount_next(target, NULL) < 0)
		cfs_watch_warn(how->watch, "%s: still mounted", target);
	return rc;
}
