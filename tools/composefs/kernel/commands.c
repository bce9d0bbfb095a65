/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands for the kernel's own signatures and its policies. */
#include "composefs/kernel/commands.h"

const struct command ipe_commands[] = {
	COMMAND_GROUP("Let the kernel judge as well:"),
	{"enable-objects", cmd_enable_objects, "Turn fs-verity on, with signatures"},
	{"ipe-policy", cmd_ipe_policy,
	 "Print a policy by which an image can be executed"},
	{"sign-objects", cmd_sign_objects, "Sign the objects of an image for the kernel"},
	{0},
};
