/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot: one file per verb.
 * Owns:  the verbs, their options and output.
 * Uses:  base, bootentries, cli.
 * Never: reads a partition itself.
 */
#ifndef CFS_BOOT_COMMANDS_H
#define CFS_BOOT_COMMANDS_H

#include "composefs/composefs.h"

/* The main function of "composefs boot list". */
int cmd_boot_list(int argc, char **argv);

#endif
