/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of the commands for kernel signatures and policies. */
#include "composefs/kernel/commands.h"

const struct command ipe_commands[] = {
	COMMAND_GROUP("Kernel signatures and policies:"),
	{"enable-objects", cmd_enable_objects, "Enable fs-verity with signatures"},
	{"ipe-policy", cmd_ipe_policy, "Print an IPE policy for an image"},
	{"sign-objects", cmd_sign_objects, "Sign the objects of an image for the kernel"},
	{0},
};
