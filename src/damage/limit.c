/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Limits, so that one damaged file does not keep a machine busy. */
#include "damage/limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool cfs_damage_limit_take(struct cfs_damage_limit *l, int64_t now)
{
	unsigned old = 0;

	while (old < l->n && now - l->times[old] >= l->window_sec)
		old++;
	l->n -= old;
	memmove(l->times, l->times + old, l->n * sizeof(*l->times));
	if (l->n >= l->max)
		return false;
	l->times[l->n++] = now;
	return true;
}

/* A ring of fixed size: an attacker who makes many keys only causes old ones to be
 * reported again. The oldest key is replaced. */
int cfs_damage_seen_add(struct cfs_damage_seen *s, const char *key, int64_t now,
			int64_t window_sec)
{
	struct cfs_damage_seen_key *k = NULL;
	char *copy;

	for (size_t i = 0; !k && i < s->n; i++)
		if (strcmp(s->v[i].key, key) == 0)
			k = &s->v[i];
	if (k && now - k->time < window_sec)
		return 0;
	if (k) {
		k->time = now;
		return 1;
	}
	copy = strdup(key);
	if (!copy)
		return -ENOMEM;
	k = &s->v[s->next];
	free(k->key);
	*k = (struct cfs_damage_seen_key){copy, now};
	s->next = (s->next + 1) % CFS_DAMAGE_SEEN_MAX;
	s->n += s->n < CFS_DAMAGE_SEEN_MAX;
	return 1;
}

void cfs_damage_seen_fini(struct cfs_damage_seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].key);
	s->n = s->next = 0;
}
