/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fetch_wire: what composefs and composefs-fetch say to each other.
 * Owns:  the form of an answer. The question is text: "xx/rest SIZE", a line for each object.
 * Uses:  nothing.
 * Never: speaks.
 */
#ifndef CFS_FETCH_WIRE_H
#define CFS_FETCH_WIRE_H

#include <stdint.h>

/* One packet for each object that was asked for; with code 0 it brings the descriptor of a file, read from the
 * start, which nobody has looked into yet. */
struct fetch_answer {
	uint32_t index; /* of the line */
	int32_t code; /* 0; -ENOENT: it is not there; -EIO: it cannot be had; another: fetching ends */
	char why[256]; /* a sentence, when code is not 0 */
};

#endif
