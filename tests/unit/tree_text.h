/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* For tests: a frozen tree as a text, depth first and in byte order, so that equal trees
 * give equal texts. Of directories the size is 0 and nlink 1: a tree does not say them. */
#ifndef TREE_TEXT_H
#define TREE_TEXT_H

#include "dump/dump.h"

/* NUL-terminated, the caller's to free; its length without the NUL goes to *len if len is
 * not NULL. NULL: out of memory. */
char *tree_text(const struct cfs_tree *t, size_t *len);

#endif
