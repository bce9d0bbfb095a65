/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot: one file per verb.
 * Owns:  the verbs, their options and output.
 * Uses:  base, verity (digests), boot (configuration), bootentries, repo, deploy, cli.
 * Never: reads or writes a partition itself.
 */
#ifndef CFS_BOOT_COMMANDS_H
#define CFS_BOOT_COMMANDS_H

#include "composefs/composefs.h"

/* The main function of each verb. */
int cmd_boot_check(int argc, char **argv);
int cmd_boot_install(int argc, char **argv);
int cmd_boot_karg(int argc, char **argv);
int cmd_boot_list(int argc, char **argv);
int cmd_boot_pin(int argc, char **argv);
int cmd_boot_rollback(int argc, char **argv);
int cmd_boot_rm(int argc, char **argv);
int cmd_boot_soft_reboot(int argc, char **argv);
int cmd_boot_status(int argc, char **argv);
int cmd_boot_unpin(int argc, char **argv);
int cmd_boot_upgrade(int argc, char **argv);

#endif
