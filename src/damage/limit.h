/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* At most N events in a time, and what happened before. Times are seconds of any clock. */
#ifndef CFS_DAMAGE_LIMIT_H
#define CFS_DAMAGE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CFS_DAMAGE_LIMIT_MAX = 1000, CFS_DAMAGE_SEEN_MAX = 4096 };

/* Set max (CFS_DAMAGE_LIMIT_MAX at most) and window_sec; the rest starts zeroed. */
struct cfs_damage_limit {
	unsigned max;
	int64_t window_sec;
	int64_t times[CFS_DAMAGE_LIMIT_MAX]; /* of the last events, oldest first */
	unsigned n;
};

/* Whether one more event is allowed at now; notes it then. A clock that was set back does
 * not allow more. */
bool cfs_damage_limit_take(struct cfs_damage_limit *l, int64_t now);

/* Keys that were seen. Starts zeroed. When it is full, the oldest is forgotten. */
struct cfs_damage_seen {
	struct cfs_damage_seen_key {
		char *key;
		int64_t time;
	} v[CFS_DAMAGE_SEEN_MAX];
	size_t n, next;
};

/* Whether the key is new, or was seen last window_sec or more before now; it is noted with
 * now then. 1, 0 or -ENOMEM. */
int cfs_damage_seen_add(struct cfs_damage_seen *s, const char *key, int64_t now,
			int64_t window_sec) CFS_MUST_CHECK;
void cfs_damage_seen_fini(struct cfs_damage_seen *s);

#endif
