/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot karg: the kernel arguments of a deployment. */
#include <stdio.h>
#include <stdlib.h>

#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	const char *deployment;
};

static const struct cli_option option_table[] = {
	{"deployment", "NAME", CLI_AT(struct options, deployment),
	 "Use the deployment NAME (default: next)", CLI_TEXT, .group = "Options"},
	BOOT_PLACE_OPTIONS(struct options, at),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] list", "[OPTIONS] add ARG...",
				       "[OPTIONS] rm ARG...", NULL},
	.about = "Show or change the kernel arguments in the boot entry of a deployment. "
		 "rm takes an argument as\nit is written, or a key, whose arguments "
		 "all go. The argument that names the image stays.",
	.example = (const char *const[]){"composefs boot karg add console=ttyS0",
					 "composefs boot karg rm quiet", NULL},
	.options = option_table,
};

static int print_kargs(const struct cfs_deployment *d, struct cfs_err *err)
{
	struct cfs_mem kargs = {0};
	int rc = cfs_deploy_read_kargs(d, &kargs, err);

	if (rc == 0) {
		cli_print(stdout, (const char *)kargs.p);
		putchar('\n');
	}
	free(kargs.p);
	return rc;
}

static int change_kargs(const struct cfs_deploy_place *place,
			const struct cfs_deployments *list,
			const struct cfs_deployment *d,
			const struct cfs_karg_change *change, struct cfs_err *err)
{
	char name[CFS_DEPLOY_NAME_MAX];
	int rc = cfs_deploy_change_kargs(place, list, d, change, name, err);

	if (rc == 0)
		puts(name);
	return rc;
}

/* change: NULL to print. */
static int run_karg(struct options *o, const struct cfs_karg_change *change,
		    struct cfs_err *err)
{
	const char *wanted = o->deployment ? o->deployment : "next";
	struct cfs_deployments list = {0};
	struct cfs_deploy_place place;
	struct cfs_deployment *d;
	int rc = boot_place_open(&o->at, change != NULL, &place, err);

	if (rc == 0)
		rc = cfs_deployments_read(
			&place, change ? CFS_DEPLOY_CHANGE : CFS_DEPLOY_LOOK, &list, err);
	if (rc == 0)
		rc = cfs_deployments_find(&list, wanted, &d, err);
	if (rc == 0)
		rc = cfs_context(err,
				 change ? change_kargs(&place, &list, d, change, err)
					: print_kargs(d, err),
				 "deployment %s", wanted);
	cfs_deployments_fini(&list);
	cfs_deploy_close(&place);
	return rc;
}

int cmd_boot_karg(int argc, char **argv)
{
	static const char usage[] = "expected list, add ARG... or rm ARG...";
	struct options o = {0};
	struct cfs_karg_change change = {0};
	const struct cfs_karg_change *wanted = &change;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 1, argc, usage);
	const char *verb = status < 0 ? argv[optind] : "";
	size_t n = status < 0 ? (size_t)(argc - optind - 1) : 0;
	const char *const *args =
		(const char *const *)argv + (status < 0 ? optind + 1 : 0);

	if (status >= 0)
		return status;
	if (strcmp(verb, "add") == 0 && n)
		change = (struct cfs_karg_change){.add = args, .n_add = n};
	else if (strcmp(verb, "rm") == 0 && n)
		change = (struct cfs_karg_change){.rm = args, .n_rm = n};
	else if (strcmp(verb, "list") == 0 && !n)
		wanted = NULL;
	else {
		cli_fail_usage(argv[0], "%s", usage);
		return CLI_USAGE;
	}
	return command_end(argv[0], run_karg(&o, wanted, &err), &err);
}
