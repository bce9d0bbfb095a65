/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot rollback: make another deployment the next one. */
#include <stdio.h>

#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
};

static const struct cli_option option_table[] = {
	BOOT_PLACE_OPTIONS(struct options, at),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DEPLOYMENT]", NULL},
	.about = "Boot the system before at the next start: its entry becomes the first "
		 "one. With an operand any\nother deployment: the name of an entry, or "
		 "the ID of an image or its first 8 digits. A second\nrollback returns "
		 "to the system that was the next one.",
	.example = (const char *const[]){"composefs boot rollback", NULL},
	.options = option_table,
	.complete_operand = boot_complete_deployment,
};

static int run_rollback(const struct cfs_deploy_place *place, const char *wanted,
			char name[CFS_DEPLOY_NAME_MAX], struct cfs_err *err)
{
	struct cfs_deployments list = {0};
	struct cfs_deployment *d = NULL;
	int rc = cfs_deployments_read(place, CFS_DEPLOY_CHANGE, &list, err);

	if (rc == 0 && wanted)
		rc = cfs_deployments_find(&list, wanted, &d, err);
	if (rc == 0)
		rc = cfs_context(err, cfs_deploy_roll_back(place, &list, d, name, err),
				 "rollback");
	cfs_deployments_fini(&list);
	return rc;
}

int cmd_boot_rollback(int argc, char **argv)
{
	struct options o = {0};
	struct cfs_deploy_place place;
	struct cfs_err err;
	char name[CFS_DEPLOY_NAME_MAX];
	int status = command_begin(&syntax, argc, argv, &o, 0, 1,
				   "expected at most one DEPLOYMENT");
	int rc;

	if (status >= 0)
		return status;
	rc = boot_place_open(&o.at, true, &place, &err);
	if (rc == 0)
		rc = run_rollback(&place, argv[optind], name, &err);
	if (rc == 0)
		puts(name);
	cfs_deploy_close(&place);
	return command_end(argv[0], rc, &err);
}
