/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot VERB: the table of verbs. */
#include "composefs/boot/boot.h"
#include "composefs/verbs.h"

static const struct command verbs[] = {
	{"check", cmd_boot_check, "Find out whether a deployment can be booted"},
	{"install", cmd_boot_install, "Install an image as a deployment"},
	{"karg", cmd_boot_karg, "Show and change kernel arguments"},
	{"list", cmd_boot_list, "List boot entries and the images that they boot"},
	{"pin", cmd_boot_pin, "Keep a deployment"},
	{"rm", cmd_boot_rm, "Remove a deployment"},
	{"rollback", cmd_boot_rollback, "Boot the system before next"},
	{"soft-reboot", cmd_boot_soft_reboot, "Start another deployment without a boot"},
	{"status", cmd_boot_status, "Show the running, next and previous system"},
	{"unpin", cmd_boot_unpin, "Let a pinned deployment be removed"},
	{"upgrade", cmd_boot_upgrade, "Install the successor of the running system"},
	{0},
};

static const struct foreign_verb foreign[] = {
	{"ls", "boot list"},	    {"show", "boot status"},
	{"kargs", "boot karg"},	    {"deploy", "boot install"},
	{"switch", "boot install"}, {"undeploy", "boot rm"},
	{"remove", "boot rm"},	    {"cleanup", "boot rm"},
	{"update", "boot upgrade"}, {0},
};

static const struct verb_family family = {
	.verbs = verbs,
	.foreign = foreign,
	.about = "Systems that this machine can boot.",
	.example = (const char *const[]){"composefs boot status", NULL},
};

static int cmd_boot(int argc, char **argv)
{
	return verbs_run(&family, argc, argv);
}

const struct command boot_commands[] = {
	COMMAND_GROUP("Boot:"),
	{"boot", cmd_boot, "Install images and manage what this machine boots", true},
	{0},
};
