/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* damage_actions: what composefs watch does about a damaged object.
 * Owns:  the actions, the environment of the command, the record of reboots.
 * Uses:  composefs, damage, repo, check (sources).
 * Never: decides when, except for reboots.
 */
#ifndef CFS_REPO_DAMAGE_ACTIONS_H
#define CFS_REPO_DAMAGE_ACTIONS_H

#include "composefs/repo/sources.h"
#include "damage/damage.h"

struct damage_actions {
	const char *name; /* of the program */
	bool repair, reboot, dry_run;
	const char *command; /* for /bin/sh; NULL: none */
	const char *state;   /* directory of the record of reboots */
	int64_t window_sec;  /* at most one reboot in this time */
	struct repair_sources sources;
	const struct cfs_watch *watch;
};

/* An object of a mounted image. */
struct damage_event {
	const struct cfs_image_mount *mount;
	const struct cfs_damaged *damaged;
	struct cfs_digest id; /* of the object; alg 0: its name is no ID */
	const char *image;    /* ID, or file */
};

/* Reads the object. 1: it is damaged; 0: its content is right; -errno: unknown. */
int damage_confirm(const struct damage_actions *a, const struct damage_event *e,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the actions, or says with dry_run which ones. A failure is reported and does not
 * prevent the next one. */
void damage_act(const struct damage_actions *a, const struct damage_event *e);

#endif
