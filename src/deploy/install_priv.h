/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An installation at work. */
#ifndef CFS_DEPLOY_INSTALL_PRIV_H
#define CFS_DEPLOY_INSTALL_PRIV_H

#include "deploy/deploy_priv.h"

struct install_run {
	const struct cfs_deploy_place *place;
	struct cfs_repo *repo;
	const struct cfs_install *opts;
	struct cfs_installed *done;
	struct cfs_deployments list;
	const struct cfs_deployment *base; /* of an upgrade; NULL: none */
	const char *name;		   /* of the image */
	struct cfs_digest id;
	struct cfs_map map; /* of the image */
	struct cfs_image im;
	struct deploy_kernel kernel;
	struct cfs_mem options;
};

/* The steps of an installation: reads deployments; opens the image; does the rest. */
int install_begin(struct install_run *r, struct cfs_err *err) CFS_MUST_CHECK;
int install_open_image(struct install_run *r, struct cfs_err *err) CFS_MUST_CHECK;
int install_carry_out(struct install_run *r, struct cfs_err *err) CFS_MUST_CHECK;
void install_finish(struct install_run *r);

/* Makes the state directory; pinned as before. */
int install_make_state(const struct install_run *r, bool pinned,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* etc.c: fills the layer for /etc from that of the system before. */
int install_merge_etc(void *run, int upperfd, struct cfs_err *err) CFS_MUST_CHECK;

#endif
