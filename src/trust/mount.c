/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Verifies the signature of an image that is mounted. */
#include "trust/mount.h"

#include "trust/trust.h"

/* Called by the mount with the digest that it measured, so that what was verified is
 * what gets mounted. */
static int check_measured_signature(void *ctx, const struct cfs_digest *measured,
				    struct cfs_err *err)
{
	const struct cfs_trust_mount *v = ctx;
	const struct cfs_mount_args *args = v->args;
	const struct cfs_trust t = {
		.trusted = {args->trusted},
		.n_trusted = args->trusted != NULL,
		.signature = args->signature,
		.signatures = v->signatures,
		.repo_fd = v->repo_fd,
		.statement = args->statement,
		.name = args->name,
		.floor = args->floor,
	};
	struct cfs_trust_found found;

	return cfs_trust_check(&t, v->image, measured, 1, &found, err);
}

void cfs_trust_check_mount(struct cfs_trust_mount *v, struct cfs_mount_args *args,
			   const char *image)
{
	*v = (struct cfs_trust_mount){.args = args, .image = image};
	args->opts.check_signature = check_measured_signature;
	args->opts.check_signature_ctx = v;
}
