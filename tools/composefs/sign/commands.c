/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of the commands that sign and verify. */
#include "composefs/sign/commands.h"

const struct command sig_commands[] = {
	COMMAND_GROUP("Signatures:"),
	{"sign", cmd_sign, "Sign an image, or a statement about images"},
	{"verify", cmd_verify, "Verify that an image is signed by a trusted key"},
	{0},
};
