/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the initrd does when it boots a deployment. */
#include <errno.h>
#include <stdlib.h>

#include "bls/bls.h"
#include "boot/boot.h"
#include "deploy/deploy_priv.h"

/* The arguments of the entry. A UKI has its own inside, and those of bootc are in none of
 * our files: what matters of both is the image. */
static int parse_arguments(const struct cfs_repo *repo, const struct cfs_deployment *d,
			   struct cfs_boot_args *out, struct cfs_err *err)
{
	char arg[DEPLOY_ARG_MAX];
	struct cfs_mem options = {0};
	int rc = 0;

	if (d->entry && d->entry->text)
		rc = cfs_bls_write_options(cfs_text(d->entry->text),
					   cfs_sink_mem(&options), err);
	deploy_format_arg(&d->image, !cfs_repo_is_secure(repo), arg);
	if (rc == 0)
		rc = cfs_boot_args_parse(
			options.len ? cfs_mem_text(&options) : cfs_text(arg), out, err);
	free(options.p);
	return rc;
}

int deploy_choose_root(const struct cfs_repo *repo, const struct cfs_deployment *d,
		       const struct cfs_boot_config *config,
		       const struct cfs_watch *watch, struct cfs_boot_choice *out,
		       struct cfs_err *err)
{
	cfs_autofree struct cfs_boot_args *args = calloc(1, sizeof(*args));
	int rc = args ? parse_arguments(repo, d, args, err)
		      : cfs_fail(err, ENOMEM, "out of memory");

	return rc == 0 ? cfs_boot_choose(args, config, watch, out, err) : rc;
}
