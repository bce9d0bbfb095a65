/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounts the image: its options, from the choice. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "boot/boot_priv.h"

/* A failure of the check is a failed verification, whatever its code. */
static int check_image_signature(void *ctx, const struct cfs_digest *measured,
				 struct cfs_err *err)
{
	struct boot_run *r = ctx;
	const struct cfs_mount_opts *o = &r->args.opts;
	int rc = o->check_signature(o->check_signature_ctx, measured, err);

	r->signature_failed = rc < 0;
	return rc;
}

/* The signature is in the repository, as "composefs sign" puts it there, or beside the
 * image of the deployment. The keys are those of the initrd. */
static int require_signature(struct boot_run *r, struct cfs_mount_opts *o,
			     struct cfs_err *err)
{
	const struct cfs_boot_choice *choice = r->request->choice;
	const char *dir = *choice->ostree ? choice->ostree : choice->repo;

	r->signature_dir = cfs_beneath_open_dir_chroot(r->disk, dir);
	if (r->signature_dir < 0)
		return cfs_beneath_fail(r->signature_dir, dir, err);
	r->args.trusted = *choice->keys ? choice->keys : NULL;
	cfs_trust_check_mount(&r->trust, &r->args, "the image");
	if (!r->args.opts.check_signature)
		return cfs_fail(err, EOPNOTSUPP,
				"a signature is required, but this program was built "
				"without the check of signatures");
	if (*choice->ostree) {
		snprintf(r->signature_path, sizeof(r->signature_path),
			 "/proc/self/fd/%d/.ostree.cfs.sig", r->signature_dir);
		r->args.signature = r->signature_path;
	} else {
		r->trust.signatures = "signatures";
		r->trust.repo_fd = &r->signature_dir;
	}
	o->require_signature = true;
	o->check_signature = check_image_signature;
	o->check_signature_ctx = r;
	return 0;
}

static int make_mount_layers(struct boot_run *r, char upper[CFS_BOOT_PATH_MAX],
			     char work[CFS_BOOT_PATH_MAX], struct cfs_err *err)
{
	cfs_autofd int top = boot_make_dir(r->memory, "root", 0755, err);
	cfs_autofd int upper_fd = top < 0 ? top : boot_make_dir(top, "upper", 0755, err);
	cfs_autofd int work_fd =
		upper_fd < 0 ? upper_fd : boot_make_dir(top, "work", 0700, err);

	snprintf(upper, CFS_BOOT_PATH_MAX, "%s/composefs/root/upper", r->request->run);
	snprintf(work, CFS_BOOT_PATH_MAX, "%s/composefs/root/work", r->request->run);
	return work_fd < 0 ? work_fd : 0;
}

static int mount_at_disk(struct boot_run *r, struct cfs_mount_opts *o,
			 struct cfs_err *err)
{
	const char *place = r->request->sysroot;
	int rc = cfs_mount_fd(r->image, place, o, &r->taken, err);

	r->status = r->signature_failed ? CFS_BOOT_UNVERIFIED
					: cfs_boot_translate_mount_error(rc);
	if (rc < 0)
		return rc;
	r->root = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->root < 0 ? cfs_fail_errno(err, "the new root") : 0;
}

int boot_mount_image(struct boot_run *r, const struct cfs_boot_step *step,
		     struct cfs_err *err)
{
	const char *const names[] = {"objects of the state disk"};
	char hex[CFS_DIGEST_HEX_MAX], upper[CFS_BOOT_PATH_MAX], work[CFS_BOOT_PATH_MAX];
	const struct cfs_boot_choice *choice = r->request->choice;
	struct cfs_mount_opts o = {
		.objdirs = names,
		.objdir_fds = &r->objects,
		.n_objdirs = 1,
		.verity = r->insecure ? CFS_MOUNT_VERITY_TRY : CFS_MOUNT_VERITY_REQUIRE,
		.readonly = step->root != CFS_BOOT_ROOT_TRANSIENT,
		.source = r->plan.source,
		.image_name = r->plan.source,
	};
	int rc = 0;

	r->status = CFS_BOOT_UNVERIFIED;
	/* In the mode "signed" without an argument the digest is only the name of the image;
	 * the image must have it all the same, for /etc and /var are found by it. */
	if (!r->insecure && r->facts.has_digest)
		o.digest = cfs_digest_hex(&r->facts.digest, hex);
	if (choice->require_signature)
		rc = require_signature(r, &o, err);
	if (rc == 0 && step->root != CFS_BOOT_ROOT_READONLY) {
		r->status = CFS_BOOT_NO_MOUNT;
		rc = make_mount_layers(r, upper, work, err);
		o.upperdir = upper;
		o.workdir = work;
		o.give_root = true;
	}
	return rc < 0 ? rc : mount_at_disk(r, &o, err);
}
