/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A directory on disk for one test at a time, below $TMPDIR or /tmp. */
#ifndef TMPDIR_H
#define TMPDIR_H

#include <stddef.h>

/* Makes a new, empty one, and removes that of the test before; the last one goes at exit. */
void tmp_fresh(void);

/* The same below dir, for what only some filesystems can. */
void tmp_fresh_in(const char *dir);

/* Its path. */
const char *tmp_dir(void);

/* The path of a name in it; good until three more were asked for. */
const char *tmp_in(const char *name);

/* A file in it with these bytes and mode 0644; what was there is overwritten. */
void tmp_put(const char *name, const void *p, size_t len);
void tmp_text(const char *name, const char *text);

#endif
