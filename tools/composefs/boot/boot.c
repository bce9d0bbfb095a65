/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot VERB: the table of verbs. */
#include "composefs/boot/boot.h"
#include "composefs/verbs.h"

static const struct command verbs[] = {
	{"list", cmd_boot_list, "List boot entries and the images that they boot"},
	{0},
};

static const struct foreign_verb foreign[] = {{"ls", "boot list"}, {0}};

static const struct verb_family family = {
	.verbs = verbs,
	.foreign = foreign,
	.about = "Entries of the boot loader.",
	.example = (const char *const[]){"composefs boot list", NULL},
};

static int cmd_boot(int argc, char **argv)
{
	return verbs_run(&family, argc, argv);
}

const struct command boot_commands[] = {
	COMMAND_GROUP("Boot:"),
	{"boot", cmd_boot, "List what this machine can boot", true},
	{0},
};
