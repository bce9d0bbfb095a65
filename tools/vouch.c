/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Signatures for what is mounted. */
#include "vouch.h"

#include "trust.h"

static int vouch(void *ctx, const struct cfs_digest *measured, struct cfs_err *err)
{
	const struct vouch *v = ctx;
	const struct cfs_mount_args *args = v->args;
	const struct trust t = {
		.trusted = {args->trusted},
		.n_trusted = args->trusted != NULL,
		.signature = args->signature,
		.signatures = v->signatures,
		.statement = args->statement,
		.name = args->name,
		.floor = args->floor,
	};
	struct trust_found found;

	return trust_check(&t, v->image, measured, 1, &found, err);
}

void vouch_for_mount(struct vouch *v, struct cfs_mount_args *args, const char *image)
{
	*v = (struct vouch){args, image, NULL};
	args->opts.vouch = vouch;
	args->opts.vouch_ctx = v;
}
