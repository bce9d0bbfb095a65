/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Shortened digests: the first digits that a user gives instead of all of them. */
#ifndef CFS_HASH_PREFIX_H
#define CFS_HASH_PREFIX_H

#include <stdbool.h>

#include "base/base.h"
#include "hash/alg.h"

enum {
	CFS_HASH_PREFIX_MIN = 8,  /* digits */
	CFS_HASH_MATCHES_MAX = 8, /* candidates in a message */
	CFS_HASH_TEXT_MAX = sizeof("sha512:") + 2 * CFS_HASH_MAX_LEN,
};

/* Borrowed from the text that was parsed. */
struct cfs_hash_prefix {
	enum cfs_hash_alg alg; /* 0: any */
	struct cfs_text digits;
};

/* The digests that begin with a prefix: their number, and the first ones in order. */
struct cfs_hash_matches {
	struct cfs_hash_prefix prefix;
	size_t n;
	char found[CFS_HASH_MATCHES_MAX][CFS_HASH_TEXT_MAX]; /* "sha256:HEX" */
};

/* Takes "sha256:DIGITS" or "DIGITS" apart; a digit is 0-9, a-f or A-F. Returns false if text
 * is neither, whatever the number of digits. */
bool cfs_hash_parse_prefix(struct cfs_text text, struct cfs_hash_prefix *out);

/* Adds a digest, "sha256:HEX" with all digits in lower case, if it begins with the prefix. */
void cfs_hash_match_prefix(struct cfs_hash_matches *m, const char *digest);

/* -ENOTUNIQ: "WHAT "DIGITS": ambiguous, N THINGS: sha256:..., sha256:...". */
int cfs_hash_fail_ambiguous(const struct cfs_hash_matches *m, const char *what,
			    const char *things, struct cfs_err *err);

#endif
