/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The servers that verify or fetch objects: their counters, which are files below /run/composefs/servers, and their log.
 */
#ifndef CFS_COMPOSEFS_MOUNT_SERVER_H
#define CFS_COMPOSEFS_MOUNT_SERVER_H

#include "cli/json.h"
#include "mount/record.h"
#include "trigger/state.h"

/* Makes the file of a new server, *fd, and its name. Returns the descriptor of its directory. Without one, which is no error, both
 * are -1 and the name is empty. */
int server_make_counts(char name[CFS_MOUNT_RECORD_WORD], int *fd);

/* Returns true if there are counters of that name. Only those of root count. */
bool server_read_counts(const char *name, struct cfs_trigger_counts *out);

/* Formats counters for people: "2 verified, 0 damaged". */
enum { SERVER_TEXT_MAX = 256 };
void server_format_counts(const struct cfs_trigger_counts *c, char out[SERVER_TEXT_MAX]);

/* Puts the member "counters": an object, or null. */
void server_put_counts(struct json *j, const char *name);

/* Opens the kernel log, which composefs watch follows, and from where the system log has it. -1: this user may not write
 * to it, as an ordinary user. */
int server_open_log(void);

/* Writes a line, to the system log if there is no kernel log. ctx: a pointer to the descriptor. One write is one
 * record. */
void server_write_log(void *ctx, const char *line);

#endif
