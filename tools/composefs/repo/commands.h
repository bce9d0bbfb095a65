/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo_commands: the commands of composefs that work on repositories.
 * Owns:  their table.
 * Uses:  composefs.
 * Never: does the work of a command.
 */
#ifndef CFS_REPO_COMMANDS_H
#define CFS_REPO_COMMANDS_H

#include "composefs/composefs.h"

/* The main function of each command. */
int cmd_cat(int argc, char **argv);
int cmd_compute_id(int argc, char **argv);
int cmd_compute_karg(int argc, char **argv);
int cmd_copy(int argc, char **argv);
int cmd_create_dumpfile(int argc, char **argv);
int cmd_create_image(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_du(int argc, char **argv);
int cmd_dump_files(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_extract(int argc, char **argv);
int cmd_gc(int argc, char **argv);
int cmd_image_objects(int argc, char **argv);
int cmd_images(int argc, char **argv);
int cmd_import_image(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_repair(int argc, char **argv);
int cmd_repo_fsck(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_scrub(int argc, char **argv);
int cmd_tag(int argc, char **argv);
int cmd_transaction(int argc, char **argv);
int cmd_untag(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif
