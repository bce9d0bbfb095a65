/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* json: a streaming JSON writer.
 * Owns:  commas, quotes, escapes, line breaks. Memory use does not depend on the number
 *        of elements.
 * Uses:  base (show, UTF-8).
 * Never: knows a command, checks the stream for errors (see cli_flush and cli_end).
 */
#ifndef CFS_JSON_H
#define CFS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

/* Objects and arrays inside each other. A deeper one is written as null, so that the text stays valid; no command nests
 * so deeply, and none by its input. */
enum { JSON_DEPTH_MAX = 16 };

/* Starts with the stream and zeros. */
struct json {
	FILE *to;
	unsigned depth;
	unsigned n_left_out; /* objects and arrays that are open beyond JSON_DEPTH_MAX */
	bool has_elements[JSON_DEPTH_MAX + 1];
	char closing[JSON_DEPTH_MAX + 1];
};

/* Inside an object each value has a key; elsewhere key is NULL. */
void json_begin_object(struct json *j, const char *key);
void json_begin_array(struct json *j, const char *key);
/* Ends the innermost object or array. */
void json_end(struct json *j);
/* Ends all open objects and arrays, also after a failure, and the line. */
void json_finish(struct json *j);

/* Bytes that are not UTF-8 become U+FFFD. Characters that must not reach a terminal are
 * escaped. A string that is NULL becomes null. */
void json_put_string(struct json *j, const char *key, const char *value);
void json_put_strings(struct json *j, const char *key, const char *const *v, size_t n);
void json_put_text(struct json *j, const char *key, struct cfs_text value);
void json_put_uint(struct json *j, const char *key, uint64_t value);
void json_put_int(struct json *j, const char *key, int64_t value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_null(struct json *j, const char *key);

/* Prints text as a JSON string with quotes. */
void json_print_string(FILE *to, const char *text, size_t len);

#endif
