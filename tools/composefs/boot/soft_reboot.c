/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot soft-reboot: start another deployment without a boot. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/config_files.h"
#include "cli/watch.h"
#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	const char *config;
};

static const struct cli_option option_table[] = {
	{"config", "FILE", CLI_AT(struct options, config),
	 "Read FILE instead of the prepare-root.conf of the running system", CLI_TEXT,
	 .group = "Options"},
	BOOT_PLACE_OPTIONS(struct options, at),
	WHERE_OPTIONS(struct options, at.where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DEPLOYMENT]", NULL},
	.about =
		"Start a deployment (default: next) without a boot: check it, mount its "
		"root at /run/nextroot, and\ncall \"systemctl soft-reboot\" of systemd "
		"254 or newer. Kernel, initrd and kernel arguments must\nbe those of the "
		"running system; otherwise only a reboot applies them.",
	.example = (const char *const[]){"composefs boot upgrade && composefs boot "
					 "soft-reboot",
					 NULL},
	.options = option_table,
	.complete_operand = boot_complete_deployment,
};

static int wait_for_child(pid_t pid, struct cfs_err *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cfs_fail_errno(err, "wait for systemctl");
	return status;
}

/* systemd stops all services and enters the new root. It may end systemctl and this program
 * with them, so a systemctl that a signal ended counts as one that succeeded: to
 * unmount a root that systemd is about to enter would leave a machine without one. */
static int call_systemctl(void *ctx, struct cfs_err *err)
{
	static const char *const argv[] = {"systemctl", "--no-block", "soft-reboot",
					   NULL};
	const struct cfs_watch *watch = ctx;
	pid_t pid;
	int rc = cfs_child_start(argv, STDIN_FILENO, STDOUT_FILENO, &pid, err);

	if (rc == 0)
		rc = wait_for_child(pid, err);
	if (rc < 0)
		return rc;
	if (WIFSIGNALED(rc))
		cfs_watch_warn(
			watch,
			"systemctl was killed by signal %d: if the soft reboot does "
			"not begin, try again",
			WTERMSIG(rc));
	else if (WEXITSTATUS(rc) != 0)
		return cfs_fail(err, EIO, "systemctl soft-reboot failed");
	return 0;
}

/* A system that cannot be started would leave a machine without a root. */
static int check_next(const struct cfs_deploy_place *place, const struct cfs_repo *repo,
		      const struct cfs_deployment *d, const struct cfs_watch *watch,
		      struct cfs_err *err)
{
	cfs_autofree struct cfs_deploy_report *report = calloc(1, sizeof(*report));
	int rc = report ? cfs_deploy_check(place, repo, d, watch, report, err)
			: cfs_fail(err, ENOMEM, "out of memory");

	for (size_t i = 0; rc == 0 && i < report->n; i++)
		if (!report->v[i].ok)
			rc = cfs_fail(err, EUCLEAN, "%s: %s", report->v[i].check,
				      report->v[i].why);
	return rc;
}

static int start_deployment(struct options *o, const struct cfs_deploy_place *place,
			    const char *wanted, const struct cfs_watch *watch,
			    struct cfs_err *err)
{
	struct cfs_boot_config config;
	const struct cfs_soft_reboot how = {.config = &config,
					    .watch = watch,
					    .start = call_systemctl,
					    .ctx = (void *)(uintptr_t)watch};
	struct cfs_deployments list = {0};
	struct cfs_deployment *d = NULL;
	struct cfs_repo *repo = NULL;
	int rc = cfs_boot_config_read(&o->config, o->config ? 1 : 0, &config, watch, err);

	if (rc == 0)
		rc = cfs_deployments_read(place, CFS_DEPLOY_LOOK, &list, err);
	if (rc == 0)
		rc = cfs_deployments_find(&list, wanted, &d, err);
	if (rc == 0)
		rc = boot_repo_open(&o->at, CFS_REPO_READ, &repo, err);
	if (rc == 0 && !d->is_booted)
		rc = check_next(place, repo, d, watch, err);
	if (rc == 0)
		rc = cfs_deploy_soft_reboot(place, repo, &list, d, &how, err);
	cfs_repo_close(repo);
	cfs_deployments_fini(&list);
	return cfs_context(err, rc, "%s", wanted);
}

int cmd_boot_soft_reboot(int argc, char **argv)
{
	struct options o = {0};
	struct cfs_deploy_place place;
	struct cli_watch watch;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 0, 1,
				   "expected at most one DEPLOYMENT");
	int rc;

	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	o.at.where.watch = &watch.watch;
	/* Without the lock: its mount namespace would keep the new root from systemd. */
	rc = boot_place_open(&o.at, false, &place, &err);
	if (rc == 0)
		rc = start_deployment(&o, &place, argv[optind] ? argv[optind] : "next",
				      &watch.watch, &err);
	cfs_deploy_close(&place);
	cli_watch_end(&watch);
	return command_end(argv[0], rc, &err);
}
