/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* health: what composefs status shows about damage of a mounted image.
 * Owns:  the messages of the kernel about its objects, the last scrub of its repository;
 *        how both are printed.
 * Uses:  composefs, damage, check (the record of a scrub).
 * Never: checks anything.
 */
#ifndef CFS_MOUNT_HEALTH_H
#define CFS_MOUNT_HEALTH_H

#include "check/check.h"
#include "cli/json.h"
#include "damage/damage.h"

/* Starts zeroed. */
struct health {
	bool knows_damage;
	struct cfs_damaged_list damaged; /* strings: in the arena of the mount table */
	bool has_scrub;
	struct cfs_check_scrub scrub;
};

/* Frees what the functions below allocated. */
void health_fini(struct health *h);

/* Reads the messages of the log (NULL: /dev/kmsg). False: it cannot be read, which is
 * said with -v. The caller frees out->v. */
bool health_read_log(const char *path, const char *program, struct cfs_damage_list *out);

/* What cannot be read stays unknown. */
void health_find_damage(struct health *h, const struct cfs_image_mount *m,
			const struct cfs_damage_list *messages,
			struct cfs_mount_table *table, const char *program);
void health_find_scrub(struct health *h, const struct cfs_repo *repo);

/* The number of messages, or "-". Returns out. */
enum { HEALTH_COUNT_MAX = 24 };
const char *health_format_errors(const struct health *h, char out[HEALTH_COUNT_MAX]);

/* "2026-03-01 09:12: 1200 objects, 0 damaged, 0 missing"; NULL: none is known. */
enum { HEALTH_SCRUB_MAX = 256 };
const char *health_format_scrub(const struct health *h, char out[HEALTH_SCRUB_MAX]);

/* Writes the keys verity_errors and last_scrub. */
void health_put_json(struct json *j, const struct health *h);

#endif
