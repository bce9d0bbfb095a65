/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* JSON that is too large to be kept whole: its outer object and its lists are taken apart here,
 * the values in them are parsed one by one. */
#ifndef CFS_CHUNKED_PRIV_H
#define CFS_CHUNKED_PRIV_H

#include "chunked/chunked.h"

enum { JSON_SCAN_BUF = 32 * 1024, JSON_SCAN_KEY_MAX = 64 };

/* Starts with the feed, the rest zero. */
struct json_scan {
	struct cfs_feed from;
	uint8_t buf[JSON_SCAN_BUF];
	size_t off, len;
	bool at_end;
};

/* Reads an object and calls member for each key, which reads the value. A key is cut to
 * JSON_SCAN_KEY_MAX bytes; escapes in it stay as they are. -EINVAL: malformed. */
int json_scan_object(struct json_scan *s,
		     int (*member)(void *ctx, const char *key, struct cfs_err *err),
		     void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads a list and calls value for each value, which reads it. */
int json_scan_list(struct json_scan *s, int (*value)(void *ctx, struct cfs_err *err),
		   void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads the text of a value, which may still be malformed: brackets and strings end. -EFBIG:
 * more than CFS_CHUNKED_ENTRY_MAX bytes. */
int json_scan_value(struct json_scan *s, struct cfs_mem *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Reads white space to the end. */
int json_scan_end(struct json_scan *s, struct cfs_err *err) CFS_MUST_CHECK;

#endif
