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

#endif
