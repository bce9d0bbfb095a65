/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot rm, pin, unpin: remove deployments, or keep them. */
#include <stdio.h>

#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	bool force;
};

#define NAME_HELP                                                                        \
	"\nDEPLOYMENT is booted, next, rollback, the name of an entry, or the\nID of "   \
	"an image or its first 8 digits."

static const struct cli_option rm_table[] = {
	{"force", NULL, CLI_AT(struct options, force),
	 "Remove also what a rollback would boot", .group = "Options"},
	BOOT_PLACE_OPTIONS(struct options, at),
	WHERE_OPTIONS(struct options, at.where),
	{0},
};

static const struct cli_option pin_table[] = {
	BOOT_PLACE_OPTIONS(struct options, at),
	{0},
};

static const struct cli_syntax rm_syntax = {
	.usage = (const char *const[]){"[OPTIONS] DEPLOYMENT", NULL},
	.about = "Remove a deployment: its boot entry, kernel files that no other needs, "
		 "and its /etc. The image\nstays until the next gc. The running system "
		 "and pinned ones are not removed." NAME_HELP,
	.example = (const char *const[]){"composefs boot rm composefs-3.0-0123456789ab",
					 NULL},
	.options = rm_table,
	.complete_operand = boot_complete_deployment,
};

static const struct cli_syntax pin_syntax = {
	.usage = (const char *const[]){"[OPTIONS] DEPLOYMENT", NULL},
	.about = "Keep a deployment until \"composefs boot unpin\"." NAME_HELP,
	.example = (const char *const[]){"composefs boot pin booted", NULL},
	.options = pin_table,
	.complete_operand = boot_complete_deployment,
};

static const struct cli_syntax unpin_syntax = {
	.usage = (const char *const[]){"[OPTIONS] DEPLOYMENT", NULL},
	.about = "Let a pinned deployment be removed." NAME_HELP,
	.example = (const char *const[]){"composefs boot unpin booted", NULL},
	.options = pin_table,
	.complete_operand = boot_complete_deployment,
};

typedef int change_fn(struct options *o, const struct cfs_deploy_place *place,
		      const struct cfs_deployment *d, struct cfs_err *err);

static int remove_deployment(struct options *o, const struct cfs_deploy_place *place,
			     const struct cfs_deployment *d, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = boot_repo_open(&o->at, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	where_record_as(repo, "boot");
	rc = cfs_deploy_remove(place, repo, d, o->force, err);
	cfs_repo_close(repo);
	return rc;
}

static int pin_deployment(struct options *o, const struct cfs_deploy_place *place,
			  const struct cfs_deployment *d, struct cfs_err *err)
{
	(void)o;
	return cfs_deploy_set_pinned(place, d, true, err);
}

static int unpin_deployment(struct options *o, const struct cfs_deploy_place *place,
			    const struct cfs_deployment *d, struct cfs_err *err)
{
	(void)o;
	return cfs_deploy_set_pinned(place, d, false, err);
}

/* Runs one of rm, pin and unpin. An entry that cannot be read is an error here, because the
 * deployment to be removed could be the one that it boots. */
static int run_change(const struct cli_syntax *syntax, change_fn *change, int argc,
		      char **argv)
{
	struct options o = {0};
	struct cfs_deployments list = {0};
	struct cfs_deploy_place place;
	struct cfs_deployment *d;
	struct cfs_err err;
	int status = command_begin(syntax, argc, argv, &o, 1, 1, "expected DEPLOYMENT");
	int rc;

	if (status >= 0)
		return status;
	rc = boot_place_open(&o.at, true, &place, &err);
	if (rc == 0)
		rc = cfs_deployments_read(&place, CFS_DEPLOY_CHANGE, &list, &err);
	if (rc == 0)
		rc = cfs_deployments_find(&list, argv[optind], &d, &err);
	if (rc == 0)
		rc = cfs_context(&err, change(&o, &place, d, &err), "deployment %s",
				 argv[optind]);
	cfs_deployments_fini(&list);
	cfs_deploy_close(&place);
	return command_end(argv[0], rc, &err);
}

int cmd_boot_rm(int argc, char **argv)
{
	return run_change(&rm_syntax, remove_deployment, argc, argv);
}

int cmd_boot_pin(int argc, char **argv)
{
	return run_change(&pin_syntax, pin_deployment, argc, argv);
}

int cmd_boot_unpin(int argc, char **argv)
{
	return run_change(&unpin_syntax, unpin_deployment, argc, argv);
}
