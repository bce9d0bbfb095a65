/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Cuts the option string of mount(8) into options. Knows quotes and escapes, and no option. */
#ifndef CFS_MOUNT_OPTION_TEXT_H
#define CFS_MOUNT_OPTION_TEXT_H

#include "base/mem.h"
#include "base/base.h"

/* One option of the string, borrowed from it. */
struct mount_option {
	struct cfs_text name;
	struct cfs_text value; /* still escaped */
	bool has_value;
};

/* Cuts off the first option, up to an unescaped comma. False at the end. "a," has two
 * options; the last one is empty. */
bool mount_next_option(struct cfs_text *rest, struct mount_option *out);

/* Copies text up to an unescaped stop character (0: all of it) into the arena, without the
 * escapes. *text moves behind the part that was read; its s becomes NULL at the end. NULL:
 * out of memory. */
char *mount_unescape_until(struct cfs_arena *arena, struct cfs_text *text, char stop);

/* The value without the quotes around it, if it has both of them; borrowed from it. */
struct cfs_text mount_strip_quotes(struct cfs_text value);

#endif
