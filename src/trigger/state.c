/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text of the counters. */
#include "trigger/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The numbers have a fixed width, so that one write replaces the whole text. */
static const char form[] =
	"verified=%020" PRIu64 "\nverified_bytes=%020" PRIu64 "\ndamaged=%020" PRIu64
	"\nfetched=%020" PRIu64 "\nnot_fetched=%020" PRIu64 "\n";

size_t cfs_trigger_state_format(const struct cfs_trigger_counts *c,
				char out[CFS_TRIGGER_STATE_MAX])
{
	return (size_t)snprintf(out, CFS_TRIGGER_STATE_MAX, form, c->n_verified,
				c->verified_bytes, c->n_damaged, c->n_fetched,
				c->n_not_fetched);
}

int cfs_trigger_state_parse(struct cfs_text in, struct cfs_trigger_counts *out,
			    struct cfs_err *err)
{
	char text[CFS_TRIGGER_STATE_MAX], again[CFS_TRIGGER_STATE_MAX];

	if (in.len >= sizeof(text))
		return cfs_fail(err, EINVAL,
				"counters: expected at most %zu bytes, got %zu",
				sizeof(text) - 1, in.len);
	memcpy(text, in.s, in.len);
	text[in.len] = '\0';
	if (sscanf(text,
		   "verified=%" SCNu64 "\nverified_bytes=%" SCNu64 "\ndamaged=%" SCNu64
		   "\nfetched=%" SCNu64 "\nnot_fetched=%" SCNu64,
		   &out->n_verified, &out->verified_bytes, &out->n_damaged,
		   &out->n_fetched, &out->n_not_fetched) != 5)
		return cfs_fail(err, EINVAL, "counters: expected five numbers");
	cfs_trigger_state_format(out, again);
	return strcmp(text, again) == 0
		       ? 0
		       : cfs_fail(err, EINVAL, "counters: expected lines NAME=NUMBER");
}
