/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-prepare-root: make the root filesystem from an image, in the initrd. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "boot/boot.h"
#include "cli/cli.h"
#include "cli/verbosity.h"

#define NAME "composefs-prepare-root"

enum { CONFIGS_MAX = 16 };

struct command {
	const char *sysroot, *target, *run, *cmdline;
	const char *configs[CONFIGS_MAX];
	size_t n_configs;
	struct cfs_boot_config config;
	enum cfs_boot_status status; /* if the program fails now */
};

static const char usage[] =
	"usage: composefs-prepare-root [OPTION]...\n"
	"Make the root filesystem from the composefs image that the kernel command line\n"
	"names, in place of the state disk at /sysroot.\n"
	"\n"
	"Options:\n"
	"  --sysroot=DIR     Take the state disk at DIR (default: /sysroot)\n"
	"  --target=DIR      Mount the root at DIR (default: that of --sysroot)\n"
	"  --config=FILE     Read this configuration instead of the default files; can "
	"be\n"
	"                    given more than once\n"
	"  --cmdline=TEXT    Take the kernel arguments from TEXT, not from "
	"/proc/cmdline\n"
	"  --help            Print this text\n"
	"  --version         Print the version\n"
	"\n"
	"Example:\n"
	"  composefs-prepare-root --sysroot=/root\n"
	"\n"
	"Exit status: 0 success, 1 other failure, 2 arguments, 3 configuration, 4 image "
	"not\n"
	"found, 5 verification failed, 6 kernel lacks a feature, 7 mount failed, 8 "
	"state\n"
	"missing.\n";

/* --- messages ------------------------------------------------------------------------ */

/* To the kernel log, too: with the journal in the initrd gone, that is what remains. */
static void print_to_kernel(const char *level, const char *msg)
{
	char line[CFS_ERR_MAX + 32];
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "<%s>composefs: %s", level, msg);
	(void)!write(fd, line, strlen(line));
	close(fd);
}

static void print_boot_warning(void *ctx, const char *msg)
{
	(void)ctx;
	cli_print_message_as(CLI_WARNING, NAME, msg);
	print_to_kernel("4", msg);
}

static const struct cfs_watch watch = {.warning = print_boot_warning};

/* --- options ------------------------------------------------------------------------- */

/* Stores the options in cmd, which borrows them from argv. The root is assembled in
 * place unless --target names another directory. */
static int parse_root_options(struct command *cmd, int argc, char **argv,
			      struct cfs_err *err)
{
	static const struct option options[] = {
		{"sysroot", required_argument, NULL, 's'},
		{"target", required_argument, NULL, 't'},
		{"config", required_argument, NULL, 'c'},
		{"cmdline", required_argument, NULL, 'k'},
		{0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 's')
			cmd->sysroot = optarg;
		else if (letter == 't')
			cmd->target = optarg;
		else if (letter == 'k')
			cmd->cmdline = optarg;
		else if (letter == 'c' && cmd->n_configs < CONFIGS_MAX)
			cmd->configs[cmd->n_configs++] = optarg;
		else
			return cfs_fail(
				err, EINVAL,
				"unknown option, or one without its value: see --help");
	}
	if (optind < argc)
		return cfs_fail(err, EINVAL, "expected no argument, got \"%s\"",
				argv[optind]);
	if (!cmd->target)
		cmd->target = cmd->sysroot;
	return 0;
}

/* --- kernel arguments ----------------------------------------------- */

static int read_args(struct command *cmd, struct cfs_boot_args *out, struct cfs_err *err)
{
	struct cfs_mem text = {0};
	int rc = 0;

	cmd->status = CFS_BOOT_BAD_ARGS;
	if (cmd->cmdline)
		return cfs_boot_args_parse(cfs_text(cmd->cmdline), out, err);
	rc = cfs_context(err,
			 cfs_input_read(AT_FDCWD, "/proc/cmdline", 0,
					CFS_BOOT_CMDLINE_MAX, &text, err),
			 "/proc/cmdline");
	if (rc == 0)
		rc = cfs_boot_args_parse(cfs_mem_text(&text), out, err);
	free(text.p);
	return rc;
}

/* --- the work ------------------------------------------------------------------------- */

/* Prepares the chosen root and records the result for later services. A record that
 * cannot be written is only a warning: the boot must go on. */
static int prepare_root(struct command *cmd, const struct cfs_boot_choice *choice,
			struct cfs_err *err)
{
	const struct cfs_boot_request request = {
		.choice = choice,
		.sysroot = cmd->sysroot,
		.target = cmd->target,
		.run = cmd->run,
		.watch = &watch,
	};
	struct cfs_boot_result result;
	struct cfs_err note = {""};
	int rc;

	cfs_boot_mark_disk(cmd->run, cmd->sysroot);
	rc = cfs_boot_prepare(&request, &result, err);
	cmd->status = result.status;
	if (rc == 0 && cfs_boot_write_record(cmd->run, &result, &note) < 0)
		print_boot_warning(NULL, note.msg);
	return rc;
}

/* Reads options, files and kernel arguments, then prepares the root. cmd->status is
 * the exit status, set to the step that failed. */
static int run_prepare_root(struct command *cmd, int argc, char **argv,
			    struct cfs_err *err)
{
	struct cfs_boot_args args;
	struct cfs_boot_choice choice;
	int rc;

	cmd->status = CFS_BOOT_BAD_ARGS;
	cfs_boot_config_init(&cmd->config);
	rc = parse_root_options(cmd, argc, argv, err);
	if (rc == 0)
		cmd->status = CFS_BOOT_BAD_CONFIG;
	if (rc == 0)
		rc = cfs_boot_config_read(cmd->configs, cmd->n_configs, &cmd->config,
					  &watch, err);
	if (rc == 0)
		rc = read_args(cmd, &args, err);
	if (rc == 0)
		rc = cfs_boot_choose(&args, &cmd->config, &watch, &choice, err);
	for (size_t i = 0; rc == 0 && i < choice.n_images; i++) {
		if (choice.images[i].insecure)
			print_boot_warning(NULL,
					   "kernel argument with \"?\": the image may be "
					   "booted WITHOUT VERIFICATION");
	}
	return rc == 0 ? prepare_root(cmd, &choice, err) : rc;
}

/* Nothing of the initrd needs to be saved. */
static void react_to_failure(const struct cfs_boot_config *config)
{
	enum cfs_boot_action action = cfs_boot_config_get_action(config);

	if (action == CFS_BOOT_EXIT)
		return;
	print_boot_warning(NULL,
			   action == CFS_BOOT_REBOOT ? "rebooting" : "powering off");
	sleep(config->delay_s);
	sync();
	reboot(action == CFS_BOOT_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
	print_boot_warning(NULL, "the kernel refused it");
}

int main(int argc, char **argv)
{
	struct command cmd = {.sysroot = "/sysroot", .run = "/run"};
	struct cfs_err err = {""};
	int rc;
	char name[] = NAME;

	if (!cli_begin(NAME))
		return CFS_BOOT_FAILED;
	cli_take_verbosity(&argc, argv);
	if (argc > 0)
		argv[0] = name; /* getopt() begins its messages with it */
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	rc = run_prepare_root(&cmd, argc, argv, &err);
	if (rc == 0)
		return CFS_BOOT_OK;
	cli_print_message(NAME, "%s", err.msg);
	print_to_kernel("3", err.msg);
	react_to_failure(&cmd.config);
	return cmd.status;
}
