/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Untrusted JSON, before it is parsed. */
#ifndef CFS_BASE_JSON_H
#define CFS_BASE_JSON_H

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/* Checks that the text has at most max values, members of objects counted twice. An empty list
 * takes 3 bytes of text and 128 of memory once it is parsed, an empty object 234 (jansson 2.14 on
 * x86-64). -EFBIG. */
int cfs_json_check_count(struct cfs_text json, size_t max,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
