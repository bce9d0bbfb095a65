/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* kernel/commands: the commands for kernel signatures of objects and for IPE policies.
 * Owns:  their table.
 * Uses:  composefs.
 * Never: does a command's work.
 */
#ifndef CFS_IPE_COMMANDS_H
#define CFS_IPE_COMMANDS_H

#include "composefs/composefs.h"

/* The main function of each command. */
int cmd_enable_objects(int argc, char **argv);
int cmd_ipe_policy(int argc, char **argv);
int cmd_sign_objects(int argc, char **argv);

#endif
