/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Arguments and configuration -> which images may be booted. */
#include "boot/choice.h"

#include <errno.h>

/* Kernel arguments can be changed at the boot loader's prompt, so a "?" in them counts
 * only if the configuration in the initrd allows it. */
static int check_insecure(const struct cfs_boot_args *args,
			  const struct cfs_boot_config *config, struct cfs_err *err)
{
	for (size_t i = 0; i < args->n_images; i++) {
		if (!args->images[i].insecure)
			continue;
		if (config->mode == CFS_BOOT_MODE_SIGNED)
			return cfs_fail(err, EPERM,
					"kernel argument with \"?\": the mode \"signed\" "
					"does not allow it");
		if (!config->allow_insecure)
			return cfs_fail(err, EPERM,
					"kernel argument with \"?\": the configuration "
					"does not allow it (composefs.allow-insecure)");
	}
	return 0;
}

static int check_state_mode(const struct cfs_boot_args *args,
			    const struct cfs_boot_config *config, struct cfs_err *err)
{
	if (config->mode == CFS_BOOT_MODE_UNVERIFIED && !config->allow_insecure)
		return cfs_fail(err, EPERM,
				"the mode \"unverified\" needs composefs.allow-insecure");
	if (config->mode == CFS_BOOT_MODE_DIGEST && args->n_images == 0)
		return cfs_fail(err, ENODATA,
				"the kernel command line has no composefs.digest=");
	return check_insecure(args, config, err);
}

static void choose_root(const struct cfs_boot_config *config, unsigned transient,
			struct cfs_boot_choice *out)
{
	out->root = config->root_transient	? CFS_BOOT_ROOT_TRANSIENT
		    : config->root_transient_ro ? CFS_BOOT_ROOT_TRANSIENT_RO
						: CFS_BOOT_ROOT_READONLY;
	if ((transient & CFS_BOOT_ROOT) && out->root == CFS_BOOT_ROOT_READONLY)
		out->root = CFS_BOOT_ROOT_TRANSIENT;
}

/* What becomes of the root, /etc and /var. Arguments can ask for transient ones only
 * if the configuration allows it, because a transient /etc drops what an administrator
 * set. */
static void choose_parts(const struct cfs_boot_args *args,
			 const struct cfs_boot_config *config,
			 const struct cfs_watch *watch, struct cfs_boot_choice *out)
{
	unsigned transient = config->allow_transient ? args->transient : 0;

	if (args->transient != transient)
		cfs_watch_warn(watch,
			       "kernel argument composefs.transient= has no effect: the "
			       "configuration does not allow it "
			       "(composefs.allow-transient)");
	choose_root(config, transient, out);
	out->etc = transient & CFS_BOOT_ETC ? CFS_BOOT_TRANSIENT : config->etc;
	out->var = transient & CFS_BOOT_VAR ? CFS_BOOT_TRANSIENT : config->var;
	if (args->volatile_var)
		out->var = CFS_BOOT_NONE;
	out->sysroot_readonly = config->sysroot_readonly;
}

int cfs_boot_choose(const struct cfs_boot_args *args,
		    const struct cfs_boot_config *config, const struct cfs_watch *watch,
		    struct cfs_boot_choice *out, struct cfs_err *err)
{
	int rc = check_state_mode(args, config, err);

	*out = (struct cfs_boot_choice){0};
	if (rc < 0)
		return rc;
	out->n_images = args->no_fallback && args->n_images ? 1 : args->n_images;
	memcpy(out->images, args->images, out->n_images * sizeof(*out->images));
	out->require_signature = config->mode == CFS_BOOT_MODE_SIGNED;
	strcpy(out->repo, config->repo);
	strcpy(out->keys, config->keys);
	strcpy(out->state, *args->state ? args->state : config->state);
	strcpy(out->ostree, args->ostree);
	choose_parts(args, config, watch, out);
	return 0;
}
