/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The choice of a method. */
#include "fuse/method.h"

#include <errno.h>

static const char *const names[] = {
	[CFS_METHOD_AUTO] = "auto",
	[CFS_METHOD_KERNEL] = "kernel",
	[CFS_METHOD_OVERLAY_FUSE] = "overlay-fuse",
	[CFS_METHOD_FUSE] = "fuse",
};

const char *cfs_method_get_name(enum cfs_method method)
{
	return names[method];
}

/* Whether overlayfs reads trusted xattrs for this process. */
static bool reads_trusted(const struct cfs_method_facts *facts)
{
	return facts->erofs == 0 || (facts->erofs != -EPERM && facts->overlay == 0);
}

/* Why FUSE below overlayfs is not possible; NULL: it is. */
static const char *overlay_obstacle(const struct cfs_method_facts *facts)
{
	if (facts->fuse == -EPERM)
		return "mounting overlayfs needs root, or a user and mount namespace "
		       "(unshare --map-root-user --mount)";
	if (facts->fuse < 0)
		return "this process cannot use /dev/fuse";
	if (reads_trusted(facts) || facts->user_overlay == 0)
		return NULL;
	return "overlayfs of this kernel takes no data layers with userxattr (Linux "
	       "6.16)";
}

static const char *erofs_obstacle(const struct cfs_method_facts *facts)
{
	if (facts->erofs == -EPERM)
		return "mounting EROFS needs root (CAP_SYS_ADMIN outside of user "
		       "namespaces)";
	if (facts->erofs == -ENODEV)
		return "this kernel has no EROFS: load the module (modprobe erofs)";
	return facts->erofs < 0 ? "mounting EROFS failed" : NULL;
}

static struct cfs_method_choice choose_auto(const struct cfs_method_facts *facts)
{
	struct cfs_method_choice choice = {.method = CFS_METHOD_KERNEL,
					   .why = "this process may mount EROFS"};
	const char *erofs = erofs_obstacle(facts), *overlay = overlay_obstacle(facts);

	if (!erofs)
		return choice;
	choice.method = overlay ? CFS_METHOD_FUSE : CFS_METHOD_OVERLAY_FUSE;
	choice.why = overlay ? overlay : erofs;
	return choice;
}

static int check_wanted(enum cfs_method wanted, const struct cfs_method_facts *facts,
			struct cfs_err *err)
{
	const char *obstacle = wanted == CFS_METHOD_KERNEL ? erofs_obstacle(facts)
			       : wanted == CFS_METHOD_OVERLAY_FUSE
				       ? overlay_obstacle(facts)
				       : NULL;

	if (!obstacle)
		return 0;
	return cfs_fail(err, facts->erofs == -ENODEV ? ENODEV : EPERM, "method %s: %s",
			cfs_method_get_name(wanted), obstacle);
}

int cfs_method_choose(enum cfs_method wanted, const struct cfs_method_facts *facts,
		      bool writable, struct cfs_method_choice *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_method_choice){.method = wanted, .why = "it was asked for"};
	if (wanted == CFS_METHOD_AUTO)
		*out = choose_auto(facts);
	rc = check_wanted(wanted, facts, err);
	if (rc < 0)
		return rc;
	if (writable && out->method == CFS_METHOD_FUSE)
		return cfs_fail(err, EROFS,
				"a read-write mount needs overlayfs, but the method is "
				"fuse: %s",
				out->why);
	out->userxattr = out->method == CFS_METHOD_OVERLAY_FUSE && !reads_trusted(facts);
	out->by_helper = out->method == CFS_METHOD_FUSE && facts->fuse < 0;
	return 0;
}
