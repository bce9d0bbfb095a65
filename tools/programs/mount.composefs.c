/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount.composefs: mount an image, by hand or for mount(8) and /etc/fstab. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "mount/mount.h"
#include "programs/mount_repo.h"
#include "trust/mount.h"
#include "cli/verbosity.h"

#define NAME "mount.composefs"

/* The status of every failure, including wrong usage, as in 1.0.8. */
enum { STATUS_FAILED = 1 };

struct command {
	struct cfs_mount_args args;
	struct cfs_trust_mount trust;
	const char *image, *mountpoint;
	char source[CFS_MOUNT_SOURCE_MAX +
		    2]; /* path of the image, for the mount table */
	bool help, fake, verbose;
	bool wrong_usage;      /* usage follows the message */
	const char *restraint; /* mount options that were added, as text */
};

static const char usage[] =
	"usage: mount.composefs [-t type] [-o opt[,opts..]] IMAGE MOUNTPOINT\n"
	"Example:\n"
	"  mount.composefs -o basedir=/composefs/objects exampleimage.cfs "
	"/mnt/exampleimage\n"
	"or, as a mount helper:\n"
	"  mount -t composefs -o basedir=/composefs/objects exampleimage.cfs "
	"/mnt/exampleimage\n"
	"\n"
	"Options:\n"
	"  -t TYPE                Accepted for mount(8); the type is composefs\n"
	"  -o OPTION[,OPTION..]   Mount options\n"
	"  -f                     Check options and image, but do not mount\n"
	"  -s                     Ignore unknown mount options\n"
	"  -v                     Print which mount method was used\n"
	"  -h, --help             Print this text\n"
	"  --version              Print the version\n"
	"\n"
	"Supported options:\n"
	"  basedir=PATH[:PATH]    Specify location of basedir(s)\n"
	"  digest=DIGEST          Specify required image digest\n"
	"  signed                 Require a signature by a trusted key over the "
	"image digest\n"
	"  signature=PATH         Specify the signature file, default IMAGE.sig\n"
	"  trusted=DIR            Trust the keys in this directory\n"
	"  statement=PATH         Require that this signed statement names the image\n"
	"  name=NAME              Require that the statement is about this name\n"
	"  floor=PATH             Require at least the version in this file\n"
	"  idmap=PATH             Specify path to a user namespace whose ID mapping "
	"should be used\n"
	"  verity                 Require all files to have specified and valid "
	"fs-verity digests\n"
	"  tryverity              Require fs-verity if kernel and filesystem have it\n"
	"  allow-suid             Honour setuid programs and file capabilities of an\n"
	"                         unverified image\n"
	"  allow-dev              Honour device nodes of an unverified image\n"
	"  ro                     Read only\n"
	"  rw                     Read/write\n"
	"  upperdir               Overlayfs upperdir\n"
	"  workdir                Overlayfs workdir\n"
	"  prefetch=WHEN          Read the image ahead: async (default), wait, off\n"
	"  repo=DIR               Mount IMAGE of the repository DIR by composefs mount, "
	"with\n"
	"                         its options verify=LEVEL, lazy=SOURCE and "
	"method=METHOD\n"
	"and nosuid, nodev, noexec, noatime and others of mount(8)\n";

static int usage_error(struct command *cmd, struct cfs_err *err, const char *message)
{
	cmd->wrong_usage = true;
	return cfs_fail(err, EINVAL, "%s", message);
}

/* mount(8) passes -n, -s, -f and -v to its helpers. */
static int parse_mount_letters(struct command *cmd, int argc, char **argv,
			       struct cfs_err *err)
{
	int letter, rc = 0;

	while (rc == 0 && (letter = getopt(argc, argv, "ht:o:fnqsv")) != -1) {
		switch (letter) {
		case 'h':
			cmd->help = true;
			return 0;
		case 't':
			if (strcmp(optarg, "composefs") != 0)
				rc = cfs_fail(err, EINVAL, "Unsupported fs type '%s'",
					      optarg);
			break;
		case 'o':
			rc = cfs_mount_parse(&cmd->args, optarg, err);
			break;
		case 'f':
			cmd->fake = true;
			break;
		case 's':
			cmd->args.sloppy = true;
			break;
		case 'q':
			cli_set_verbosity(CLI_QUIET);
			break;
		case 'v':
			cmd->verbose = true;
			break;
		case 'n': /* do not write /etc/mtab, which is obsolete */
			break;
		default: /* getopt has printed the message */
			return usage_error(cmd, err, "");
		}
	}
	return rc;
}

/* Reads options and operands into cmd. Messages have the words of mount.composefs
 * 1.0.8. A remount needs neither objects nor checks. */
static int parse_command(struct command *cmd, int argc, char **argv, struct cfs_err *err)
{
	int rc = parse_mount_letters(cmd, argc, argv, err);

	if (rc < 0 || cmd->help)
		return rc;
	if (optind >= argc)
		return usage_error(cmd, err, "No source path specified");
	if (optind + 1 >= argc)
		return usage_error(cmd, err, "No mount path specified");
	if (optind + 2 < argc)
		return usage_error(cmd, err, "Too many arguments");
	cmd->image = argv[optind];
	cmd->mountpoint = argv[optind + 1];
	rc = cfs_mount_check_repo(&cmd->args, err);
	if (rc < 0 || cmd->args.repo)
		return rc;
	if (cmd->args.remount) /* other options keep their values */
		return 0;
	if (cmd->args.opts.n_objdirs == 0)
		return usage_error(cmd, err, "No object dirs specified");
	return cfs_mount_check(&cmd->args.opts, err);
}

/* Returns the path of the opened image without a second lookup of its name. A path that does not fit is too long for the
 * kernel, too. */
static const char *find_source(struct command *cmd, int image)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", image);
	len = readlink(link, cmd->source, sizeof(cmd->source) - 1);
	if (len > 0 && cmd->source[0] == '/')
		return cmd->source;
	return cmd->image;
}

/* Mounts the image and records how. The descriptors live until the end of the call,
 * since o borrows them. An image that is not verified is restricted. */
static int mount_image(struct command *cmd, struct cfs_mount_taken *taken,
		       struct cfs_err *err)
{
	struct cfs_mount_opts *o = &cmd->args.opts;
	cfs_autofd int userns = -1;
	cfs_autofd int image = -1;
	int rc;

	if (cmd->args.idmap) {
		userns = cfs_input_open(AT_FDCWD, cmd->args.idmap, 0, err);
		if (userns < 0)
			return cfs_context(err, userns, "Failed to open userns %s",
					   cmd->args.idmap);
		o->idmap = true;
		o->idmap_fd = userns;
	}
	/* O_NONBLOCK: a FIFO is an error, and must not wait for a writer. */
	image = open(cmd->image, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (image < 0)
		return cfs_fail_errno(err, "Failed to open %s", cmd->image);
	o->image_name = cmd->image;
	o->give_root = true;
	o->source = find_source(cmd, image);
	cfs_trust_check_mount(&cmd->trust, &cmd->args, cmd->image);
	if (cmd->fake)
		return 0;
	if (!cfs_mount_is_verified(o))
		cmd->restraint = cfs_mount_restraint_text(
			cfs_mount_restrain(o, cmd->args.allowed));
	rc = cfs_mount_fd(image, cmd->mountpoint, o, taken, err);
	if (rc == 0)
		cfs_mount_record_write(cmd->mountpoint, o, taken);
	return cfs_context(err, rc, "Failed to mount composefs %s", cmd->image);
}

static void print_taken_mount(const struct command *cmd,
			      const struct cfs_mount_taken *taken)
{
	fputs(NAME ": ", stdout);
	cli_print(stdout, cmd->image);
	fputs(" mounted on ", stdout);
	cli_print(stdout, cmd->mountpoint);
	printf(" (image: %s; overlay: %s)\n", taken->image, taken->overlay);
}

/* Parses the command and mounts or remounts. The warning about restrictions comes
 * after the mount, because a failed mount has none. */
static int run_mount(struct command *cmd, int argc, char **argv, struct cfs_err *err)
{
	struct cfs_mount_taken taken = {0};
	int rc = parse_command(cmd, argc, argv, err);

	if (rc < 0 || cmd->help)
		return rc;
	if (cmd->args.repo)
		return cmd->fake
			       ? 0
			       : mount_from_repo(&cmd->args, cmd->image, cmd->mountpoint,
						 cmd->verbose || cli_is_verbose(), err);
	if (cmd->args.remount)
		return cmd->fake ? 0
				 : cfs_mount_remount(cmd->mountpoint, &cmd->args.opts,
						     cmd->args.allowed, err);
	rc = mount_image(cmd, &taken, err);
	if (rc == 0 && cmd->restraint)
		cli_print_warning(NAME,
				  "%s is not verified, so it is mounted %s; give digest= "
				  "or signed, or allow-suid, allow-dev",
				  cmd->image, cmd->restraint);
	if (rc == 0 && (cmd->verbose || cli_is_verbose()) && taken.image)
		print_taken_mount(cmd, &taken);
	return rc;
}

int main(int argc, char **argv)
{
	struct command cmd = {0};
	struct cfs_err err = {""};
	int rc;
	char name[] = NAME;

	if (!cli_begin(NAME))
		return STATUS_FAILED;
	cli_take_verbosity(&argc, argv);
	if (argc > 0)
		argv[0] = name; /* getopt() begins its messages with it */
	if (cli_print_help_or_version(NAME, usage, argc, argv))
		return cli_end(NAME, CLI_OK);
	rc = run_mount(&cmd, argc, argv, &err);
	if (rc < 0 && *err.msg)
		cli_print_message(NAME, "%s", err.msg);
	if (cmd.help || cmd.wrong_usage)
		cli_print_error_text(usage);
	cfs_mount_args_fini(&cmd.args);
	return rc < 0 ? STATUS_FAILED : 0;
}
