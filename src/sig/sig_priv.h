/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of sig share. */
#ifndef CFS_SIG_PRIV_H
#define CFS_SIG_PRIV_H

#include "sig/sig.h"

/* Cuts the first line off *rest, its newline gone. False, and both untouched, when there is no newline
 * left. */
static inline bool sig_next_line(struct cfs_text *rest, struct cfs_text *line)
{
	const char *end = rest->len ? memchr(rest->s, '\n', rest->len) : NULL;

	if (!end)
		return false;
	*line = (struct cfs_text){rest->s, (size_t)(end - rest->s)};
	rest->s += line->len + 1;
	rest->len -= line->len + 1;
	return true;
}

/* A decimal number of 64 bits in its one form: no sign, no leading zero. */
bool sig_parse_number(struct cfs_text text, uint64_t *out);

/* May this be the name of an image? */
bool sig_is_name(struct cfs_text text);

/* Appends formatted text. */
int sig_append(struct cfs_mem *out, struct cfs_err *err, const char *fmt, ...)
	CFS_PRINTF(3, 4);

#endif
