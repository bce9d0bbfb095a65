/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot install, upgrade: make an image the next one that is booted. */
#include <limits.h>
#include <stdio.h>

#include "cli/watch.h"
#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	struct cli_list kargs;
	const char *uki, *kver, *os;
	unsigned tries, keep;
	bool insecure, json;
};

static const struct cli_option option_table[] = {
	{"karg", "ARG", CLI_AT(struct options, kargs),
	 "Add the kernel argument ARG; repeatable", CLI_LIST, .group = "Options"},
	{"uki", "FILE", CLI_AT(struct options, uki),
	 "Boot by the unified kernel image FILE, whose command line names the image",
	 CLI_TEXT},
	{"kernel", "VERSION", CLI_AT(struct options, kver),
	 "Boot /usr/lib/modules/VERSION/vmlinuz of the image (default: the only one)",
	 CLI_TEXT},
	{"os", "NAME", CLI_AT(struct options, os),
	 "Share /var with deployments of this name (default: default)", CLI_TEXT},
	{"tries", "N", CLI_AT(struct options, tries),
	 "Let the boot loader try it N times, then another (default: no limit)",
	 CLI_NUMBER, .min = 1, .max = 99},
	{"keep", "N", CLI_AT(struct options, keep),
	 "Keep N other deployments, and those that rm refuses (default: all)", CLI_NUMBER,
	 .min = 1, .max = 1000},
	{"insecure", NULL, CLI_AT(struct options, insecure),
	 "Accept a repository without fs-verity; nothing is verified at boot"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	BOOT_PLACE_OPTIONS(struct options, at),
	WHERE_OPTIONS(struct options, at.where),
	{0},
};

static const struct cli_syntax install_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Install an image of the repository as a deployment: copy its kernel "
		 "to the boot partition,\nmake directories for /etc and /var, and write "
		 "a boot entry, which is the first in the menu.",
	.example = (const char *const[]){"composefs boot install --karg=root=LABEL=state "
					 "--karg=rw os/latest",
					 NULL},
	.options = option_table,
};

static const struct cli_syntax upgrade_syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE]", NULL},
	.about = "Install the successor of the running system with its kernel arguments: "
		 "IMAGE, or what the\nreference that it was installed by names now. The "
		 "system before stays, for a rollback.",
	.example = (const char *const[]){"composefs boot upgrade --tries=3", NULL},
	.options = option_table,
};

typedef int install_fn(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		       const struct cfs_install *opts, struct cfs_installed *out,
		       struct cfs_err *err);

/* Calls install, which is that of the verb, between opening and closing the boot partition
 * and the repository; with --keep, removes old deployments after it. The caller frees out. */
static int run_install(struct options *o, const char *image, install_fn *install,
		       const struct cfs_watch *watch, struct cfs_installed *out,
		       struct cfs_err *err)
{
	const struct cfs_install opts = {
		.image = image,
		.kargs = o->kargs.v,
		.n_kargs = o->kargs.n,
		.uki = o->uki,
		.kver = o->kver,
		.os = o->os,
		.tries = o->tries,
		.insecure = o->insecure,
		.watch = watch,
	};
	struct cfs_deploy_place place;
	struct cfs_repo *repo = NULL;
	size_t n_removed = 0;
	int rc = boot_place_open(&o->at, true, &place, err);

	o->at.where.watch = watch;
	if (rc == 0)
		rc = boot_repo_open(&o->at, CFS_REPO_WRITE, &repo, err);
	if (rc == 0) {
		where_record_as(repo, "boot");
		rc = install(&place, repo, &opts, out, err);
		if (rc == 0 && o->keep)
			rc = cfs_deploy_prune(&place, repo, o->keep, &n_removed, err);
	}
	cfs_repo_close(repo);
	cfs_deploy_close(&place);
	return rc;
}

/* The change of the user stays in each case. */
static void warn_of_conflicts(const struct cfs_installed *done,
			      const struct cfs_watch *watch)
{
	struct cfs_watch_kind kind = {.watch = watch};

	for (size_t i = 0; i < done->n_conflicts; i++)
		cfs_watch_warn_kind(&kind, "/etc/%s: %s: the change here is kept",
				    done->conflicts[i].path, done->conflicts[i].what);
	cfs_watch_end_kind(&kind, "conflicts in /etc");
}

/* Prints the boot entry, or the image ID if nothing was installed because it is installed
 * already. */
static void print_result(const struct options *o, const struct cfs_installed *done,
			 bool installed)
{
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];

	if (!o->json) {
		puts(installed ? done->entry : where_format_id(&done->image, text));
		return;
	}
	json_begin_object(&j, NULL);
	where_put_id(&j, "id", &done->image);
	json_put_bool(&j, "installed", installed);
	json_put_string(&j, "entry", installed ? done->entry : NULL);
	json_put_bool(&j, "etc_kept", done->etc_existed);
	json_begin_array(&j, "etc_conflicts");
	for (size_t i = 0; i < done->n_conflicts; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "path", done->conflicts[i].path);
		json_put_string(&j, "reason", done->conflicts[i].what);
		json_end(&j);
	}
	json_finish(&j);
}

static int run_verb(const struct cli_syntax *syntax, int min, const char *usage,
		    install_fn *install, int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(syntax, argc, argv, &o, min, 1, usage);
	struct cfs_installed done = {0};
	struct cli_watch watch;
	struct cfs_err err;
	int rc;

	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	rc = run_install(&o, argv[optind], install, &watch.watch, &done, &err);
	if (rc >= 0 && !o.json)
		warn_of_conflicts(&done, &watch.watch);
	cli_watch_end(&watch);
	if (rc >= 0)
		print_result(&o, &done, rc == 0);
	cfs_installed_fini(&done);
	cli_list_fini(&o.kargs);
	return command_end(argv[0], rc, &err);
}

int cmd_boot_install(int argc, char **argv)
{
	return run_verb(&install_syntax, 1, "expected IMAGE", cfs_deploy_install, argc,
			argv);
}

int cmd_boot_upgrade(int argc, char **argv)
{
	return run_verb(&upgrade_syntax, 0, "expected at most one IMAGE",
			cfs_deploy_upgrade, argc, argv);
}
