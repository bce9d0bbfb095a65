/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Shared by the files of sig. */
#ifndef CFS_SIG_PRIV_H
#define CFS_SIG_PRIV_H

#include "sig/sig.h"

/* Cuts the first line off *rest, without its newline. False, with both unchanged, if
 * there is no newline. */
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

/* Parses a decimal number of 64 bits without sign and leading zeros. */
bool sig_parse_number(struct cfs_text text, uint64_t *out);

/* Is this a valid name of an image? */
bool sig_is_name(struct cfs_text text);

/* Appends formatted text. */
int sig_append(struct cfs_mem *out, struct cfs_err *err, const char *fmt, ...)
	CFS_PRINTF(3, 4) CFS_MUST_CHECK;

#endif
