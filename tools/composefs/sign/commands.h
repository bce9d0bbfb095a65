/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sign/commands: the commands that sign and verify.
 * Owns:  their table.
 * Uses:  composefs.
 * Never: does a command's work.
 */
#ifndef CFS_SIG_COMMANDS_H
#define CFS_SIG_COMMANDS_H

#include "composefs/composefs.h"

/* The main function of each command. */
int cmd_sign(int argc, char **argv);
int cmd_verify(int argc, char **argv);

#endif
