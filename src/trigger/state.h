/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trigger/state: the counters of a server, in a file that other programs read. */
#ifndef CFS_TRIGGER_STATE_H
#define CFS_TRIGGER_STATE_H

#include "base/base.h"

struct cfs_trigger_counts {
	uint64_t n_verified; /* objects whose digest was computed and is right */
	uint64_t verified_bytes;
	uint64_t
		n_damaged; /* objects that were refused: another digest, or not readable */
	uint64_t n_fetched;
	uint64_t n_not_fetched; /* attempts that failed */
};

enum { CFS_TRIGGER_STATE_MAX = 256 };

/* The text of the file: a line "NAME=NUMBER" for each counter, always of the same length. Returns the length. */
size_t cfs_trigger_state_format(const struct cfs_trigger_counts *c,
				char out[CFS_TRIGGER_STATE_MAX]);

/* -EINVAL: another text. */
int cfs_trigger_state_parse(struct cfs_text in, struct cfs_trigger_counts *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
